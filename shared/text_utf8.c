/* UTF-8 as peers send it: whole, cut or broken. The decoder is the one of escape.c. */
#include "shared/text_utf8.h"

#include <stdint.h>
#include <string.h>

#include "shared/escape.h"

#define LONGEST 4u /* bytes of a character */

static bool is_continuation(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

static int decode(const char *text, size_t len) {
    uint32_t rune;

    return escape_decode((const unsigned char *)text, len, &rune);
}

/* How many bytes at text are ASCII; eight at a time, for that is what most text is. */
static size_t skip_ascii(const char *text, size_t len) {
    uint64_t word;
    size_t i = 0;

    for (; i + sizeof(word) <= len; i += sizeof(word)) {
        memcpy(&word, text + i, sizeof(word));
        if ((word & 0x8080808080808080u) != 0)
            break;
    }
    while (i < len && (unsigned char)text[i] < 0x80)
        i++;
    return i;
}

size_t text_utf8_valid(const char *text, size_t len) {
    size_t i = skip_ascii(text, len);
    int step;

    while (i < len) {
        step = decode(text + i, len - i);
        if (step <= 0)
            break;
        i += (size_t)step;
    }
    return i;
}

bool text_utf8_is_valid(const char *text, size_t len) {
    return text_utf8_valid(text, len) == len;
}

size_t text_utf8_broken(const char *text, size_t len) {
    size_t n = 1;

    while (n < len && n < LONGEST && decode(text, n + 1) == ESCAPE_CUT)
        n++;
    return n;
}

size_t text_utf8_count(const char *text, size_t len) {
    size_t count = 0, i = 0;
    int step;

    for (; i < len; count++) {
        step = decode(text + i, len - i);
        i += step > 0 ? (size_t)step : text_utf8_broken(text + i, len - i);
    }
    return count;
}

size_t text_utf8_tail(const char *text, size_t len) {
    for (size_t back = 1; back < LONGEST && back <= len; back++)
        if (!is_continuation(text[len - back]))
            return decode(text + len - back, back) == ESCAPE_CUT ? back : 0;
    return 0;
}

size_t text_utf8_cut(const char *text, size_t len, size_t most) {
    size_t n = most;
    int step;

    if (len <= most)
        return len;
    while (n > 0 && most - n < LONGEST - 1 && is_continuation(text[n]))
        n--;
    step = decode(text + n, len - n);
    /* Only a character that is whole is worth the room. */
    return step > 0 && n + (size_t)step > most ? n : most;
}

size_t text_utf8_replace(char *dst, const char *src, size_t len, size_t *out_bad) {
    size_t used = 0, i = 0, n;

    *out_bad = 0;
    while (i < len) {
        n = text_utf8_valid(src + i, len - i);
        memcpy(dst + used, src + i, n);
        used += n;
        i += n;
        if (i == len)
            break;
        memcpy(dst + used, TEXT_UTF8_BAD, sizeof(TEXT_UTF8_BAD) - 1);
        used += sizeof(TEXT_UTF8_BAD) - 1;
        i += text_utf8_broken(src + i, len - i);
        ++*out_bad;
    }
    return used;
}
