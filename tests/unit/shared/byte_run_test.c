#include "shared/byte_run.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LEN 40u

static bool is_shown(char c) {
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f;
}

static size_t count_shown(const char *data, size_t len) {
    size_t n = 0;

    while (n < len && is_shown(data[n]))
        n++;
    return n;
}

static size_t count_without(const char *data, size_t len, char a, char b, char c) {
    size_t n = 0;

    while (n < len && data[n] != a && data[n] != b && data[n] != c)
        n++;
    return n;
}

Test(byte_run, each_byte_at_each_place_is_found) {
    char data[LEN + 8];

    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < LEN; at++) {
            memset(data, 'x', sizeof(data));
            data[at] = (char)byte;
            cr_assert_eq(byte_run_shown(data, LEN), is_shown((char)byte) ? LEN : at,
                "byte %u at %zu", byte, at);
            if (byte != 'x')
                cr_assert_eq(
                    byte_run_without(data, LEN, (char)byte, '\n', '\r'), at, "byte %u", byte);
        }
}

Test(byte_run, nothing_behind_the_end_counts) {
    char data[LEN];

    memset(data, 'x', sizeof(data));
    for (size_t len = 0; len < LEN; len++) {
        data[len] = '\n';
        cr_assert_eq(byte_run_shown(data, len), len);
        cr_assert_eq(byte_run_without(data, len, '\n', '\r', '\0'), len);
        data[len] = 'x';
    }
}

/* Neighbours that a borrow or a carry could be mistaken for. */
Test(byte_run, is_the_same_as_byte_by_byte) {
    static const char alphabet[] = "\x00\x01\x0a\x0b\x0d\x0e\x1f\x20\x21\x7e\x7f\x80\x81\xfe\xff"
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    uint32_t state = 2463534242u;
    char data[LEN];

    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < LEN; i++) {
            state ^= state << 13, state ^= state >> 17, state ^= state << 5;
            data[i] = alphabet[state % (sizeof(alphabet) - 1)];
        }
        cr_assert_eq(byte_run_shown(data, LEN), count_shown(data, LEN));
        cr_assert_eq(byte_run_without(data, LEN, '\n', '\r', '\xff'),
            count_without(data, LEN, '\n', '\r', '\xff'));
    }
}
