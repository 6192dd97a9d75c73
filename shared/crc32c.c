/*
 * CRC-32C. The table is the reference and the fallback; the instruction (SSE 4.2) is chosen at run
 * time. Joining two crcs is a multiplication of polynomials modulo the generator: appending len
 * bytes to A multiplies its crc by x^(8 len).
 */
#include "shared/crc32c.h"

#include <endian.h>
#include <string.h>

#define GENERATOR 0x82f63b78u /* bits reflected */

typedef uint32_t crc_fn(uint32_t crc, const void *data, size_t len);

static uint32_t table[256];

static uint32_t crc_by_table(uint32_t crc, const void *data, size_t len) {
    const unsigned char *p = data;

    while (len-- > 0)
        crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(
    uint32_t crc, const void *data, size_t len) {
    const unsigned char *p = data;
    uint64_t wide = crc, word;

    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; len > 0; p++, len--)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}
#endif

static crc_fn *update = crc_by_table;

void crc32c_init(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? GENERATOR : 0);
        table[i] = crc;
    }
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        update = crc_by_instruction;
#endif
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len) {
    return ~update(~crc, data, len);
}

uint32_t crc32c_u64(uint32_t crc, const uint64_t *values, size_t count) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return crc32c(crc, values, count * sizeof(*values));
#else
    for (size_t i = 0; i < count; i++) {
        uint64_t little = htole64(values[i]);
        crc = crc32c(crc, &little, sizeof(little));
    }
    return crc;
#endif
}

/* Product of two reflected polynomials modulo the generator; bit 31 is x^0. */
static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;

    for (uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b >> 1 ^ (b & 1 ? GENERATOR : 0);
    }
    return product;
}

/* x^(8 len). */
static uint32_t power(uint64_t len) {
    uint32_t result = 1u << 31, square = 1u << 23; /* x^0 and x^8 */

    for (; len != 0; len >>= 1) {
        if (len & 1)
            result = multiply(square, result);
        square = multiply(square, square);
    }
    return result;
}

uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b) {
    static uint64_t last_len;
    static uint32_t last_power;

    if (len_b == 0)
        return crc_a;
    if (len_b != last_len) {
        last_len = len_b;
        last_power = power(len_b);
    }
    return multiply(last_power, crc_a) ^ crc_b;
}
