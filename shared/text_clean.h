#ifndef SHARED_TEXT_CLEAN_H
#define SHARED_TEXT_CLEAN_H

/*
 * What a person wrote, made fit to be shown to others: one line that no terminal obeys and that
 * nobody takes for the server's own words. Pure; callable anywhere.
 *
 *     while (text_next_line(&rest, &rest_len, &line, &line_len))
 *         n = text_clean(dst, line, line_len, &found);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/text_utf8.h"

/* The server's own marks, before who joined and who left: nobody else's line begins with one. */
#define TEXT_MARK_JOINED "\xf0\x9f\x94\xb5" /* U+1F535 */
#define TEXT_MARK_LEFT   "\xf0\x9f\x94\xb4" /* U+1F534 */

#define TEXT_CLEAN_GROWTH TEXT_UTF8_GROWTH

struct text_found {
    size_t bad;      /* NUL or broken UTF-8: U+FFFD stands there now */
    size_t stripped; /* what was left out: control characters, line separators, marks */
};

/*
 * Copy one line: broken UTF-8 and NUL become U+FFFD; C0 but TAB, DEL, C1, U+2028 and U+2029 and
 * the server's marks at the beginning are left out. dst holds TEXT_CLEAN_GROWTH * len bytes and is
 * not terminated. Returns the length of what was written; 0 when nothing is left.
 */
size_t text_clean(char *dst, const char *src, size_t len, struct text_found *out_found);

/*
 * Take the next line off a text with newlines in it: LF, CRLF and CR end one; after the last end
 * there is no empty line more. *text and *len are moved behind it.
 * Returns false when the text is used up.
 */
bool text_next_line(const char **text, size_t *len, const char **out_line, size_t *out_len);

bool text_is_mark(uint32_t rune);

#endif
