/*
 * Detection by patterns: one row for each byte string that a form may begin with. A row that
 * agrees with all there is, but is longer, asks for more.
 */
#include "shared/wire_detect.h"

#include <string.h>

#define COMMAND '\1' /* in a pattern: any byte of 0xf0 to 0xfe */
#define VERSION '\2' /* any byte of 0 to 4 */

struct pattern {
    enum wire_verdict verdict;
    uint8_t len;
    char text[WIRE_DETECT_HELD_MAX + 2];
};

#define PATTERN(verdict, text) \
    { verdict, sizeof(text) - 1, text }

static const struct pattern patterns[] = {
    PATTERN(WIRE_VERDICT_FRAMED, "\0"),
    PATTERN(WIRE_VERDICT_LINE, "\xff\1"),
    PATTERN(WIRE_VERDICT_TLS, "\x16\x03\2"),
    PATTERN(WIRE_VERDICT_HTTP, "GET /"),
    PATTERN(WIRE_VERDICT_HTTP, "GET http"),
    PATTERN(WIRE_VERDICT_HTTP, "HEAD /"),
    PATTERN(WIRE_VERDICT_HTTP, "POST /"),
    PATTERN(WIRE_VERDICT_HTTP, "POST http"),
    PATTERN(WIRE_VERDICT_HTTP, "PUT /"),
    PATTERN(WIRE_VERDICT_HTTP, "PATCH /"),
    PATTERN(WIRE_VERDICT_HTTP, "TRACE /"),
    PATTERN(WIRE_VERDICT_HTTP, "DELETE /"),
    PATTERN(WIRE_VERDICT_HTTP, "OPTIONS /"),
    PATTERN(WIRE_VERDICT_HTTP, "OPTIONS *"),
    PATTERN(WIRE_VERDICT_HTTP, "CONNECT "),
    PATTERN(WIRE_VERDICT_HTTP, "PRI * HT"),
};

static bool agrees(char wanted, char byte) {
    const unsigned char c = (unsigned char)byte;

    if (wanted == COMMAND)
        return c >= 0xf0 && c <= 0xfe;
    if (wanted == VERSION)
        return c <= 4;
    return wanted == byte;
}

/* How much of the pattern the bytes agree with. */
static size_t match(
    const struct pattern *pattern, const struct wire_detect *detect, const char *data, size_t len) {
    size_t n = 0;

    while (n < pattern->len && n < detect->held_len && agrees(pattern->text[n], detect->held[n]))
        n++;
    if (n < detect->held_len)
        return n;
    while (n < pattern->len && n - detect->held_len < len &&
           agrees(pattern->text[n], data[n - detect->held_len]))
        n++;
    return n;
}

static bool has_newline(const char *data, size_t len) {
    return len > 0 && (memchr(data, '\n', len) != NULL || memchr(data, '\r', len) != NULL);
}

enum wire_verdict wire_detect_next(struct wire_detect *detect, const char *data, size_t len) {
    const size_t all = detect->held_len + len;
    bool may_become = all == 0;
    size_t n;

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        n = match(&patterns[i], detect, data, len);
        if (n == patterns[i].len)
            return patterns[i].verdict;
        may_become = may_become || n == all;
    }
    if (!may_become)
        return has_newline(data, len) ? WIRE_VERDICT_LINE : WIRE_VERDICT_RAW;
    if (len > 0)
        memcpy(detect->held + detect->held_len, data, len);
    detect->held_len = (uint8_t)all;
    return WIRE_VERDICT_MORE;
}

bool wire_detect_is_text(const struct wire_detect *detect) {
    return detect->held_len > 0 && detect->held[0] >= 'A' && detect->held[0] <= 'Z';
}
