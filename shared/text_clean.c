/*
 * Cleaning of messages. Bidirectional marks stay here, since people who write from right to left
 * need them; names lose them (text_name.c).
 */
#include "shared/text_clean.h"

#include <string.h>

#include "shared/byte_run.h"
#include "shared/escape.h"

bool text_is_mark(uint32_t rune) {
    return rune == 0x1f535 || rune == 0x1f534;
}

/* What neither shows nor hides a mark that comes behind it. */
static bool is_padding(uint32_t rune) {
    return rune == ' ' || rune == '\t' || rune == 0xa0 || rune == 0xad || rune == 0x34f ||
           rune == 0x61c || rune == 0x115f || rune == 0x1160 || rune == 0x1680 ||
           (rune >= 0x180b && rune <= 0x180f) || (rune >= 0x2000 && rune <= 0x200f) ||
           (rune >= 0x202a && rune <= 0x202f) || (rune >= 0x205f && rune <= 0x206f) ||
           rune == 0x2800 || rune == 0x3000 || rune == 0x3164 ||
           (rune >= 0xfe00 && rune <= 0xfe0f) || rune == 0xfeff || rune == 0xffa0 ||
           (rune >= 0xe0000 && rune <= 0xe0fff);
}

static bool is_left_out(uint32_t rune) {
    return (rune < 0x20 && rune != '\t') || (rune >= 0x7f && rune < 0xa0) || rune == 0x2028 ||
           rune == 0x2029;
}

/* How many bytes of well-formed text the marks at its beginning take, padding around them too. */
static size_t skip_marks(const char *text, size_t len) {
    size_t i = 0, behind = 0;
    uint32_t rune;

    for (int step; i < len; i += (size_t)step) {
        step = escape_decode((const unsigned char *)text + i, len - i, &rune);
        if (text_is_mark(rune))
            behind = i + (size_t)step;
        else if (!is_padding(rune))
            break;
    }
    return behind > 0 ? i : 0;
}

size_t text_clean(char *dst, const char *src, size_t len, struct text_found *out_found) {
    size_t used = 0, i = 0, marks, run;
    uint32_t rune;
    int step;

    *out_found = (struct text_found){ .bad = 0 };
    for (; i < len; i += (size_t)step) {
        run = byte_run_shown(src + i, len - i);
        memcpy(dst + used, src + i, run);
        used += run;
        i += run;
        if (i == len)
            break;
        step = escape_decode((const unsigned char *)src + i, len - i, &rune);
        if (step <= 0 || rune == '\0') {
            memcpy(dst + used, TEXT_UTF8_BAD, sizeof(TEXT_UTF8_BAD) - 1);
            used += sizeof(TEXT_UTF8_BAD) - 1;
            out_found->bad++;
            step = step > 0 ? step : (int)text_utf8_broken(src + i, len - i);
        } else if (is_left_out(rune)) {
            out_found->stripped++;
        } else {
            memcpy(dst + used, src + i, (size_t)step);
            used += (size_t)step;
        }
    }
    marks = skip_marks(dst, used);
    if (marks == 0)
        return used;
    out_found->stripped++;
    memmove(dst, dst + marks, used - marks);
    return used - marks;
}

bool text_next_line(const char **text, size_t *len, const char **out_line, size_t *out_len) {
    size_t n, end;

    if (*len == 0)
        return false;
    n = byte_run_without(*text, *len, '\n', '\r', '\r');
    *out_line = *text;
    *out_len = n;
    end = n + (n < *len) + (n + 1 < *len && (*text)[n] == '\r' && (*text)[n + 1] == '\n');
    *text += end;
    *len -= end;
    return true;
}
