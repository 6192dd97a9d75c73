#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

/*
 * The input of a run, taken piece by piece: what is not there is 0. And what a target makes sure
 * of, which ends the run as a finding.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/tail.h"

static struct {
    const uint8_t *at;
    size_t left;
} input;

#define expect(ok) expect_at(ok, __LINE__)

static inline void expect_at(bool ok, int line) {
    if (ok)
        return;
    fprintf(stderr, "the check in line %d\n", line);
    abort();
}

static inline void input_begin(const uint8_t *data, size_t size) {
    input.at = data;
    input.left = size;
}

/* So many bytes, at most n; how many there were. */
static inline size_t take_bytes(void *dst, size_t n) {
    if (n > input.left)
        n = input.left;
    if (n > 0)
        memcpy(dst, input.at, n);
    input.at += n;
    input.left -= n;
    return n;
}

/* A number of at most 8 bytes. */
static inline uint64_t take(size_t bytes) {
    uint64_t value = 0;

    take_bytes(&value, bytes);
    return value;
}

/* "length bytes", in memory that ends where they end; 255: the length has two bytes more. */
static inline const char *take_text(size_t *out_len) {
    static struct tail room;
    size_t len = take(1);
    char *text;

    if (len == 255)
        len = take(2);
    len = len < input.left ? len : input.left;
    text = tail_make(&room, len);
    *out_len = take_bytes(text, len);
    return text;
}

#endif
