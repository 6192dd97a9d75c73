/*
 * Messages of any bytes: what is cleaned is well-formed, holds nothing that a terminal obeys, does
 * not begin with the server's marks, and is the same when cleaned again. Lines, cuts and
 * replacements lose nothing else.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/escape.h"
#include "shared/text_clean.h"
#include "tests/fuzz/tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int ok) {
    if (!ok)
        abort();
}

static void check_cleaned(const char *text, size_t len) {
    uint32_t rune;

    for (size_t i = 0; i < len;) {
        int step = escape_decode((const unsigned char *)text + i, len - i, &rune);

        expect(step > 0 && (rune >= 0x20 || rune == '\t'));
        expect(rune < 0x7f || rune > 0x9f);
        expect(i > 0 || !text_is_mark(rune));
        i += (size_t)step;
    }
}

static void check_clean(const char *text, size_t len) {
    static struct tail room, other;
    char *out = tail_make(&room, TEXT_CLEAN_GROWTH * len), *again;
    struct text_found found;
    size_t n = text_clean(out, text, len, &found), m;

    expect(n <= TEXT_CLEAN_GROWTH * len);
    check_cleaned(out, n);
    again = tail_make(&other, TEXT_CLEAN_GROWTH * n);
    m = text_clean(again, out, n, &found);
    expect(m == n && memcmp(again, out, n) == 0 && found.bad == 0 && found.stripped == 0);
}

static void check_lines(const char *text, size_t len) {
    const char *rest = text, *line, *behind = text;
    size_t line_len;

    while (text_next_line(&rest, &len, &line, &line_len)) {
        expect(line == behind && rest > line && (size_t)(rest - line) - line_len <= 2);
        expect(memchr(line, '\n', line_len) == NULL && memchr(line, '\r', line_len) == NULL);
        check_clean(line, line_len);
        behind = rest;
    }
    expect(len == 0);
}

static void check_utf8(const char *text, size_t len) {
    static struct tail room;
    char *out = tail_make(&room, TEXT_UTF8_GROWTH * len);
    size_t bad, most = len / 2, n = text_utf8_replace(out, text, len, &bad);
    size_t tail = text_utf8_tail(text, len), cut;

    expect(n <= TEXT_UTF8_GROWTH * len && text_utf8_is_valid(out, n));
    expect((bad == 0) == text_utf8_is_valid(text, len));
    expect(text_utf8_count(out, n) == text_utf8_count(text, len));
    expect(tail <= 3 && text_utf8_valid(text, len) <= len - tail);
    cut = text_utf8_cut(text, len, most);
    expect(cut <= most && most - cut <= 3);
    if (bad == 0)
        expect(text_utf8_is_valid(text, cut) && tail == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct tail room;
    const char *text = tail_copy(&room, data, size);

    check_clean(text, size);
    check_lines(text, size);
    check_utf8(text, size);
    return 0;
}
