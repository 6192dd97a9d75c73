#ifndef SHARED_SIPHASH_H
#define SHARED_SIPHASH_H

/*
 * SipHash-2-4 (Aumasson, Bernstein: SipHash, a fast short-input PRF): a number of any bytes that
 * nobody can foresee who does not have the key. For tables that strangers fill, and for cookies.
 * Pure; callable anywhere.
 */

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], const void *data, size_t len);

#endif
