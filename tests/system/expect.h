#ifndef TESTS_SYSTEM_EXPECT_H
#define TESTS_SYSTEM_EXPECT_H

/* What jobs must give, made here without any of their code. */

#include <stddef.h>
#include <stdint.h>

/* The multiples of m in [lo, hi], one a line. Not freed. */
char *expect_multiples(uint64_t m, uint64_t lo, uint64_t hi, size_t *out_len);

/* The primes in [lo, hi] by Eratosthenes, one a line; hi must be small. Not freed. */
char *expect_primes(uint64_t lo, uint64_t hi, size_t *out_len);

/* CHECK that the bytes are the expected ones, and say where they part. */
void expect_bytes(
    const char *what, const char *got, size_t got_len, const char *wanted, size_t wanted_len);

/* CHECK that text holds the words. */
void expect_words(const char *what, const char *text, const char *words);

/* How many lines there are, and how often words occur. */
size_t expect_count_lines(const char *text);
size_t expect_count(const char *text, const char *words);

/* The number behind key= or "key": in text; CHECKs that it is there. */
uint64_t expect_number(const char *text, const char *key);

/*
 * Read a pipe to its end while checking that it holds the multiples of m in [lo, hi] and nothing
 * else. Returns how many there were. pause_us slows the reader down between reads.
 */
uint64_t expect_multiples_on(int fd, uint64_t m, uint64_t lo, uint64_t hi, unsigned pause_us);

#endif
