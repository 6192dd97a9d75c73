#ifndef SHARED_CRC32C_H
#define SHARED_CRC32C_H

/*
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the processor's instruction where it has one.
 * Pure; callable anywhere, in any thread. The crc of nothing is 0, and
 * crc32c(crc32c(0, a), b) is the crc of a followed by b.
 */

#include <stddef.h>
#include <stdint.h>

/* Make the table and choose the fastest way. Once, before any other call here and any thread. */
void crc32c_init(void);

uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* The crc of the little-endian bytes of `count` 64-bit numbers, added to crc. */
uint32_t crc32c_u64(uint32_t crc, const uint64_t *values, size_t count);

/*
 * The crc of A followed by B, from crc(A), crc(B) and the length of B in bytes.
 * Some lengths are remembered, so that runs of like lengths are cheap: one thread only.
 */
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b);

#endif
