/*
 * Parse and format numbers. The parser is a hand of small readers over a cursor; each refusal
 * names what was typed and what is allowed, because these messages are all a user sees.
 */
#include "shared/number.h"

#include <endian.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_MAX 80

struct cursor {
    const char *at;
    const char *end;
    const char *text;
    size_t len;
    struct complaint *complaint;
};

struct unit {
    const char *name;
    uint64_t factor;
};

static const char *const separators[] = { " ", "_", ",", "\xc2\xa0", "\xe2\x80\xaf",
    "\xe2\x80\x89" };

static int refuse(const struct cursor *c, const char *why) {
    int len = c->len < QUOTE_MAX ? (int)c->len : QUOTE_MAX;

    complaint_set(c->complaint, "\"%.*s\" %s", len, c->text, why);
    return -1;
}

static bool is_digit(const struct cursor *c) {
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

static void trim(struct cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n'))
        c->at++;
    while (c->end > c->at && (c->end[-1] == ' ' || c->end[-1] == '\t' || c->end[-1] == '\n'))
        c->end--;
    c->text = c->at;
    c->len = (size_t)(c->end - c->at);
}

/* Length of the separator at the cursor, or 0: only what stands before a digit separates. */
static size_t separator_len(const struct cursor *c) {
    size_t left = (size_t)(c->end - c->at), len;

    for (size_t i = 0; i < sizeof(separators) / sizeof(separators[0]); i++) {
        len = strlen(separators[i]);
        if (left > len && memcmp(c->at, separators[i], len) == 0 && c->at[len] >= '0' &&
            c->at[len] <= '9')
            return len;
    }
    return 0;
}

static int push_digit(struct cursor *c, uint64_t *value) {
    if (__builtin_mul_overflow(*value, (uint64_t)10, value) ||
        __builtin_add_overflow(*value, (uint64_t)(*c->at - '0'), value))
        return refuse(c, "is above 18446744073709551615 (2^64-1), the largest number allowed");
    c->at++;
    return 0;
}

/* Digits, grouped or not. */
static int read_digits(struct cursor *c, uint64_t *value) {
    const char *separator = NULL, *group = c->at;
    size_t separator_size = 0, len;

    *value = 0;
    for (;;) {
        if (is_digit(c)) {
            if (push_digit(c, value) < 0)
                return -1;
            continue;
        }
        len = separator_len(c);
        if (separator != NULL && c->at - group != 3)
            return refuse(c, "is not grouped by threes: write 3 345 212 or 3345212");
        if (len == 0)
            return 0;
        if (c->at - group > 3)
            return refuse(c, "is not grouped by threes: write 3 345 212 or 3345212");
        if (separator != NULL && (len != separator_size || memcmp(separator, c->at, len) != 0))
            return refuse(c, "mixes separators: use one kind between the groups");
        separator = c->at;
        separator_size = len;
        c->at += len;
        group = c->at;
    }
}

static int read_exponent(struct cursor *c, uint64_t *value) {
    unsigned exponent = 0;

    c->at++;
    if (!is_digit(c))
        return refuse(c, "has an exponent that is not a whole number: write 1e6");
    while (is_digit(c)) {
        exponent = exponent * 10 + (unsigned)(*c->at++ - '0');
        if (exponent > 19 && *value != 0)
            return refuse(c, "is above 18446744073709551615 (2^64-1), the largest number allowed");
        exponent = exponent > 19 ? 19 : exponent;
    }
    while (exponent-- > 0)
        if (__builtin_mul_overflow(*value, (uint64_t)10, value))
            return refuse(c, "is above 18446744073709551615 (2^64-1), the largest number allowed");
    return 0;
}

/* A whole number at the cursor; leaves the cursor behind it. */
static int read_whole(struct cursor *c, uint64_t *value) {
    if (c->at == c->end)
        return refuse(c, "is empty: a number is needed, as 3 345 212 or 1e6");
    if (*c->at == '-')
        return refuse(c, "is negative: whole numbers from 0 to 2^64-1 are allowed");
    if (!is_digit(c))
        return refuse(c, "is not a number: write digits, as 3 345 212 or 1e6");
    if (read_digits(c, value) < 0)
        return -1;
    if (c->at < c->end && (*c->at == 'e' || *c->at == 'E') && read_exponent(c, value) < 0)
        return -1;
    if (c->at < c->end && (*c->at == '.' || *c->at == ','))
        return refuse(c, "is a fraction: whole numbers from 0 to 2^64-1 are allowed");
    return 0;
}

static struct cursor cursor_at(const char *text, size_t len, struct complaint *complaint) {
    struct cursor c = { .at = text, .end = text + len, .complaint = complaint };

    trim(&c);
    return c;
}

int number_parse_u64(const char *text, size_t len, uint64_t *out, struct complaint *complaint) {
    struct cursor c = cursor_at(text, len, complaint);
    uint64_t value;

    if (read_whole(&c, &value) < 0)
        return -1;
    if (c.at != c.end)
        return refuse(&c, "is not a number: write digits, as 3 345 212 or 1e6");
    *out = value;
    return 0;
}

/* A whole number and one of the units; `why` is the refusal when the unit is not among them. */
static int read_with_unit(
    struct cursor *c, const struct unit *units, const char *why, uint64_t *out) {
    uint64_t value;
    size_t len;

    if (read_whole(c, &value) < 0)
        return -1;
    while (c->at < c->end && *c->at == ' ')
        c->at++;
    len = (size_t)(c->end - c->at);
    for (; units->name != NULL; units++) {
        if (strlen(units->name) != len || strncasecmp(units->name, c->at, len) != 0)
            continue;
        if (__builtin_mul_overflow(value, units->factor, out))
            return refuse(c, "is too large");
        return 0;
    }
    return refuse(c, why);
}

int number_parse_duration_ms(
    const char *text, size_t len, uint64_t *out_ms, struct complaint *complaint) {
    static const struct unit units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
        { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };
    struct cursor c = cursor_at(text, len, complaint);

    return read_with_unit(&c, units, "needs a unit: write 150ms, 30s, 5m, 2h or 1d", out_ms);
}

int number_parse_bytes(
    const char *text, size_t len, uint64_t *out_bytes, struct complaint *complaint) {
    static const struct unit units[] = { { "", 1 }, { "b", 1 }, { "k", 1u << 10 },
        { "kb", 1u << 10 }, { "kib", 1u << 10 }, { "m", 1u << 20 }, { "mb", 1u << 20 },
        { "mib", 1u << 20 }, { "g", 1u << 30 }, { "gb", 1u << 30 }, { "gib", 1u << 30 },
        { NULL, 0 } };
    struct cursor c = cursor_at(text, len, complaint);

    return read_with_unit(&c, units, "is not a size: write 65536, 64k, 4MiB or 1G", out_bytes);
}

int number_parse_percent(
    const char *text, size_t len, double *out_percent, struct complaint *complaint) {
    struct cursor c = cursor_at(text, len, complaint);
    char copy[32], *end;
    double value;

    if (c.len > 0 && c.end[-1] == '%')
        c.end--;
    len = (size_t)(c.end - c.at);
    if (!is_digit(&c) || len >= sizeof(copy))
        return refuse(&c, "is not a share: write a percentage from 0% to 100%");
    memcpy(copy, c.at, len);
    copy[len] = '\0';
    value = strtod(copy, &end);
    if (*end != '\0' || strspn(copy, "0123456789.") < len || value > 100.0)
        return refuse(&c, "is not a share: write a percentage from 0% to 100%");
    *out_percent = value;
    return 0;
}

/*
 * Eight digits at once, in one word: halves, then quarters, then single digits are split by
 * multiplications that stay within their lanes. The first digit is the lowest byte.
 */
static uint64_t eight_digits(uint32_t value) {
    uint64_t halves = (uint64_t)(value % 10000) << 32 | value / 10000;
    uint64_t high = halves * 10486 >> 20 & 0x7f0000007f; /* each half / 100 */
    uint64_t quarters = high | (halves - high * 100) << 16;
    uint64_t tens = quarters * 103 >> 10 & 0xf000f000f000f; /* each quarter / 10 */

    return tens | (quarters - tens * 10) << 8;
}

#define ASCII_ZEROS 0x3030303030303030u

static void store_word(char *dst, uint64_t word) {
    word = htole64(word);
    memcpy(dst, &word, sizeof(word));
}

static void put_eight(char *dst, uint32_t value) {
    store_word(dst, eight_digits(value) + ASCII_ZEROS);
}

/* One to eight digits, without leading zeros; writes eight bytes whatever the length. */
static size_t put_short(char *dst, uint32_t value) {
    uint64_t digits = eight_digits(value);
    unsigned zeros = (unsigned)__builtin_ctzll(digits | 1ull << 56) / 8;

    store_word(dst, (digits + ASCII_ZEROS) >> 8 * zeros);
    return 8 - zeros;
}

#define EIGHT 100000000u /* the first number of nine digits */

/* Everything above the last eight digits; at most 12 digits, 16 bytes are written. */
static size_t put_high(char *dst, uint64_t high) {
    size_t len;

    if (high < EIGHT)
        return put_short(dst, (uint32_t)high);
    len = put_short(dst, (uint32_t)(high / EIGHT));
    put_eight(dst + len, (uint32_t)(high % EIGHT));
    return len + 8;
}

size_t number_format_u64(char *dst, uint64_t value) {
    size_t len;

    if (value < EIGHT)
        return put_short(dst, (uint32_t)value);
    len = put_high(dst, value / EIGHT);
    put_eight(dst + len, (uint32_t)(value % EIGHT));
    return len + 8;
}

size_t number_format_lines(char *dst, const uint64_t *values, size_t count) {
    uint64_t known = 0, high;
    char text[16]; /* of the high digits that neighbours have in common */
    size_t text_len = 0;
    char *at = dst;

    for (size_t i = 0; i < count; i++) {
        if (values[i] < EIGHT) {
            at += put_short(at, (uint32_t)values[i]);
        } else {
            high = values[i] / EIGHT;
            if (high != known) {
                known = high;
                text_len = put_high(text, high);
            }
            memcpy(at, text, sizeof(text));
            put_eight(at + text_len, (uint32_t)(values[i] - high * EIGHT));
            at += text_len + 8;
        }
        *at++ = '\n';
    }
    return (size_t)(at - dst);
}

char *number_format_grouped(char dst[NUMBER_TEXT_MAX], uint64_t value) {
    char digits[NUMBER_ROOM];
    size_t len = number_format_u64(digits, value), out = 0;

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            dst[out++] = ' ';
        dst[out++] = digits[i];
    }
    dst[out] = '\0';
    return dst;
}

char *number_format_span(char dst[NUMBER_TEXT_MAX], uint64_t ns) {
    uint64_t s = ns / 1000000000u;

    if (ns < 1000000u)
        snprintf(dst, NUMBER_TEXT_MAX, "%llu us", (unsigned long long)(ns / 1000u));
    else if (ns < 1000000000u)
        snprintf(dst, NUMBER_TEXT_MAX, "%.1f ms", (double)ns / 1e6);
    else if (s < 60)
        snprintf(dst, NUMBER_TEXT_MAX, "%.2f s", (double)ns / 1e9);
    else if (s < 3600)
        snprintf(dst, NUMBER_TEXT_MAX, "%llu min %llu s", (unsigned long long)(s / 60),
            (unsigned long long)(s % 60));
    else
        snprintf(dst, NUMBER_TEXT_MAX, "%llu h %llu min", (unsigned long long)(s / 3600),
            (unsigned long long)(s / 60 % 60));
    return dst;
}

char *number_format_bytes(char dst[NUMBER_TEXT_MAX], uint64_t bytes) {
    static const char *const names[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes / 1024;
    size_t i = 0;

    if (bytes < 1024) {
        snprintf(dst, NUMBER_TEXT_MAX, "%llu B", (unsigned long long)bytes);
        return dst;
    }
    while (value >= 1024 && i + 1 < sizeof(names) / sizeof(names[0])) {
        value /= 1024;
        i++;
    }
    snprintf(dst, NUMBER_TEXT_MAX, "%.1f %s", value, names[i]);
    return dst;
}
