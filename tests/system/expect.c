/* Expected results, and comparisons that tell where two streams part. */
#include "tests/system/expect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/harness.h"

char *expect_multiples(uint64_t m, uint64_t lo, uint64_t hi, size_t *out_len) {
    char *text = NULL;
    FILE *out = open_memstream(&text, out_len);
    uint64_t n = lo;

    CHECK(out != NULL, "no memory");
    while (n % m != 0 && n < hi)
        n++;
    for (; n % m == 0; n += m) {
        fprintf(out, "%" PRIu64 "\n", n);
        if (hi - n < m)
            break;
    }
    fclose(out);
    return text;
}

char *expect_primes(uint64_t lo, uint64_t hi, size_t *out_len) {
    char *text = NULL, *composite = calloc(1, hi + 1);
    FILE *out = open_memstream(&text, out_len);

    CHECK(out != NULL && composite != NULL, "no memory");
    for (uint64_t i = 2; i <= hi; i++) {
        if (composite[i])
            continue;
        if (i >= lo)
            fprintf(out, "%" PRIu64 "\n", i);
        for (uint64_t k = i * i; k <= hi; k += i)
            composite[k] = 1;
    }
    fclose(out);
    free(composite);
    return text;
}

void expect_bytes(
    const char *what, const char *got, size_t got_len, const char *wanted, size_t wanted_len) {
    size_t at = 0;

    while (at < got_len && at < wanted_len && got[at] == wanted[at])
        at++;
    CHECK(at == got_len && at == wanted_len,
        "%s: %zu bytes instead of %zu, parting at byte %zu: \"%.20s\" instead of \"%.20s\"", what,
        got_len, wanted_len, at, got + at, wanted + at);
}

void expect_words(const char *what, const char *text, const char *words) {
    CHECK(strstr(text, words) != NULL, "%s: \"%s\" is missing in:\n%.2000s", what, words, text);
}

size_t expect_count(const char *text, const char *words) {
    size_t count = 0;

    for (; (text = strstr(text, words)) != NULL; text += strlen(words))
        count++;
    return count;
}

size_t expect_count_lines(const char *text) {
    return expect_count(text, "\n");
}

uint64_t expect_number(const char *text, const char *key) {
    char pattern[64];
    const char *at;

    snprintf(pattern, sizeof(pattern), "\"%s\":", key);
    at = strstr(text, pattern);
    if (at == NULL) {
        snprintf(pattern, sizeof(pattern), "%s=", key);
        at = strstr(text, pattern);
    }
    CHECK(at != NULL, "there is no %s in:\n%.1000s", key, text);
    return strtoull(at + strlen(pattern), NULL, 10);
}

/* A decimal number as text, right-aligned, that is added to in place: much faster than printf. */
struct counter {
    char digits[24]; /* ends in a newline */
    size_t start;
};

static void counter_set(struct counter *counter, uint64_t value) {
    counter->start = sizeof(counter->digits) - 1;
    counter->digits[counter->start] = '\n';
    do
        counter->digits[--counter->start] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
}

static void counter_add(struct counter *counter, uint64_t value) {
    size_t at = sizeof(counter->digits) - 2;

    for (; value != 0; at--, value /= 10) {
        if (at < counter->start) {
            counter->start = at;
            counter->digits[at] = '0';
        }
        value += (uint64_t)(counter->digits[at] - '0');
        counter->digits[at] = (char)('0' + value % 10);
    }
}

uint64_t expect_multiples_on(int fd, uint64_t m, uint64_t lo, uint64_t hi, unsigned pause_us) {
    uint64_t first = lo % m == 0 ? lo : lo + (m - lo % m), count = 0;
    static char got[262144];
    struct counter next;
    size_t at;
    ssize_t n;

    counter_set(&next, first);
    at = next.start;
    while ((n = read(fd, got, sizeof(got))) != 0) {
        CHECK(n > 0 || errno == EINTR, "read: %s", strerror(errno));
        for (ssize_t i = 0; i < n; i++) {
            CHECK(got[i] == next.digits[at], "number %" PRIu64 ": not %.24s", count + 1,
                next.digits + next.start);
            if (++at < sizeof(next.digits))
                continue;
            count++;
            counter_add(&next, m);
            at = next.start;
        }
        if (pause_us > 0)
            harness_pause_us(pause_us);
    }
    CHECK(at == next.start, "the stream ends inside a number");
    CHECK(count == 0 || first + (count - 1) * m <= hi, "there is more than %" PRIu64, hi);
    return count;
}
