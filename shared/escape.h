#ifndef SHARED_ESCAPE_H
#define SHARED_ESCAPE_H

/*
 * Make text from outside safe to show. Pure functions; callable anywhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most bytes one byte of input can become. */
#define ESCAPE_LINE_GROWTH 4
#define ESCAPE_JSON_GROWTH 6

enum { ESCAPE_BROKEN = 0, ESCAPE_CUT = -1 };

/*
 * Length of the well-formed UTF-8 sequence at s (len is at least 1) and its code point, or
 * ESCAPE_BROKEN, or ESCAPE_CUT when len ends in the middle of one.
 */
int escape_decode(const unsigned char *s, size_t len, uint32_t *out_rune);

/* A terminal shows it, and neither obeys it nor is led astray by it. */
bool escape_is_shown(uint32_t rune);

/*
 * Copy src to dst as one line that a terminal shows and does not obey: printable ASCII and
 * well-formed UTF-8 stay; control characters and broken bytes become \n, \r, \t, \\ or \xNN, C1
 * controls, line separators and bidirectional marks \u{N}. dst is always terminated; what does not
 * fit is left out whole.
 * Returns the length of the text in dst.
 */
size_t escape_line(char *dst, size_t size, const char *src, size_t len);

/*
 * Copy src to dst as the inside of a JSON string (RFC 8259); broken UTF-8 becomes U+FFFD. A
 * sequence that src cuts in the middle is left for the next call unless last is set; *out_used
 * says how many bytes of src were taken.
 * dst must hold ESCAPE_JSON_GROWTH * len bytes; it is not terminated. Returns the length written.
 */
size_t escape_json(char *dst, const char *src, size_t len, bool last, size_t *out_used);

#endif
