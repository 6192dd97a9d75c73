/*
 * Escaping for two sinks, terminal lines and JSON strings. One decoder tells both what is
 * well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF).
 */
#include "shared/escape.h"

#include <stdio.h>
#include <string.h>

/* The second byte tells overlong forms, surrogates and what is above U+10FFFF. */
static bool can_be_second(unsigned char first, unsigned char second) {
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second < 0xa0;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second < 0x90;
    default:
        return true;
    }
}

int escape_decode(const unsigned char *s, size_t len, uint32_t *out_rune) {
    uint32_t rune;
    size_t need;

    if (s[0] < 0x80) {
        *out_rune = s[0];
        return 1;
    }
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return ESCAPE_BROKEN;
    need = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    rune = s[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if (i == len)
            return ESCAPE_CUT;
        if ((s[i] & 0xc0) != 0x80 || (i == 1 && !can_be_second(s[0], s[1])))
            return ESCAPE_BROKEN;
        rune = rune << 6 | (s[i] & 0x3fu);
    }
    *out_rune = rune;
    return (int)need;
}

bool escape_is_shown(uint32_t rune) {
    if (rune < 0x20 || rune == '\\' || (rune >= 0x7f && rune < 0xa0))
        return false;
    if (rune == 0x061c || rune == 0x200e || rune == 0x200f || rune == 0xfeff)
        return false;
    return !((rune >= 0x2028 && rune <= 0x202e) || (rune >= 0x2066 && rune <= 0x2069));
}

/* The escaped form of one byte, terminated, in out[5]. */
static void escape_byte(char *out, unsigned char byte) {
    switch (byte) {
    case '\n':
        strcpy(out, "\\n");
        break;
    case '\r':
        strcpy(out, "\\r");
        break;
    case '\t':
        strcpy(out, "\\t");
        break;
    case '\\':
        strcpy(out, "\\\\");
        break;
    default:
        snprintf(out, 5, "\\x%02x", byte);
    }
}

/* Of what is at s and is not to be shown as it is; it takes no more than ESCAPE_LINE_GROWTH for
 * each byte. Returns the length. */
static size_t escape_piece(
    char *out, size_t size, const unsigned char *s, int step, uint32_t rune) {
    if (step > 1)
        return (size_t)snprintf(out, size, "\\u{%x}", rune);
    escape_byte(out, *s);
    return strlen(out);
}

size_t escape_line(char *dst, size_t size, const char *src, size_t len) {
    const unsigned char *s = (const unsigned char *)src;
    char piece[4 * ESCAPE_LINE_GROWTH + 1];
    size_t used = 0, n;
    uint32_t rune;
    int step;

    if (size == 0)
        return 0;
    for (size_t i = 0; i < len; i += (size_t)step) {
        step = escape_decode(s + i, len - i, &rune);
        if (step > 0 && escape_is_shown(rune)) {
            memcpy(piece, s + i, (size_t)step);
            n = (size_t)step;
        } else {
            n = escape_piece(piece, sizeof(piece), s + i, step, rune);
            step = step > 0 ? step : 1;
        }
        if (used + n >= size)
            break;
        memcpy(dst + used, piece, n);
        used += n;
    }
    dst[used] = '\0';
    return used;
}

static size_t escape_json_ascii(char *dst, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at;

    if (c != '\0' && (at = strchr(from, c)) != NULL) {
        dst[0] = '\\';
        dst[1] = to[at - from];
        return 2;
    }
    if (c >= 0x20 && c != 0x7f) {
        dst[0] = (char)c;
        return 1;
    }
    memcpy(dst, "\\u00", 4);
    dst[4] = hex[c >> 4];
    dst[5] = hex[c & 15];
    return 6;
}

size_t escape_json(char *dst, const char *src, size_t len, bool last, size_t *out_used) {
    const unsigned char *s = (const unsigned char *)src;
    size_t used = 0, i = 0;
    uint32_t rune;
    int step;

    while (i < len) {
        step = escape_decode(s + i, len - i, &rune);
        if (step == ESCAPE_CUT && !last)
            break;
        if (step == 1) {
            used += escape_json_ascii(dst + used, s[i]);
        } else if (step > 1) {
            memcpy(dst + used, s + i, (size_t)step);
            used += (size_t)step;
        } else {
            memcpy(dst + used, "\xef\xbf\xbd", 3);
            used += 3;
            step = 1;
        }
        i += (size_t)step;
    }
    *out_used = i;
    return used;
}
