#ifndef SHARED_TEXT_UTF8_H
#define SHARED_TEXT_UTF8_H

/*
 * UTF-8 from outside (RFC 3629): is it whole, where may it be cut, what stands for its broken
 * parts. Pure; callable anywhere.
 */

#include <stdbool.h>
#include <stddef.h>

/* The most bytes one byte of input becomes in text_utf8_replace(). */
#define TEXT_UTF8_GROWTH 3
#define TEXT_UTF8_BAD    "\xef\xbf\xbd" /* U+FFFD */

/* How many bytes at the beginning are whole characters. */
size_t text_utf8_valid(const char *text, size_t len);

bool text_utf8_is_valid(const char *text, size_t len);

/* How many code points there are; a broken part counts as one. */
size_t text_utf8_count(const char *text, size_t len);

/*
 * How many bytes at the end, 0 to 3, are the beginning of a character whose other bytes have not
 * come yet.
 */
size_t text_utf8_tail(const char *text, size_t len);

/* How many bytes to keep of a text that is to have at most `most`, so that no character is split.
 */
size_t text_utf8_cut(const char *text, size_t len, size_t most);

/*
 * How many bytes at text (len is at least 1, and no character begins there) one U+FFFD stands for:
 * the longest beginning of a character, or one byte (Unicode 3.9, U+FFFD substitution of maximal
 * subparts).
 */
size_t text_utf8_broken(const char *text, size_t len);

/*
 * Copy src with U+FFFD for each broken part. dst holds TEXT_UTF8_GROWTH * len bytes and is not
 * terminated. *out_bad counts the broken parts. Returns the length of what was written.
 */
size_t text_utf8_replace(char *dst, const char *src, size_t len, size_t *out_bad);

#endif
