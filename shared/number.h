#ifndef SHARED_NUMBER_H
#define SHARED_NUMBER_H

/*
 * Numbers as people type and read them. Pure functions; callable anywhere; nothing allocates.
 * Text comes with a length and need not be terminated.
 */

#include <stddef.h>
#include <stdint.h>

#include "shared/complaint.h"

/* Room for any u64 in decimal, with separators of up to three bytes, and a terminator. */
#define NUMBER_TEXT_MAX 48

/*
 * Read an unsigned 64-bit number: 3345212, 1e6, or digits in groups of three parted by one kind
 * of separator: space, no-break space (U+00A0, U+202F), thin space (U+2009), "_" or ",".
 * Blanks around it are skipped. Signs, fractions and anything above 2^64-1 are refused.
 * Returns 0, or -1 with the complaint.
 */
int number_parse_u64(const char *text, size_t len, uint64_t *out, struct complaint *complaint);

/* Read "150ms", "30s", "5m", "2h" or "1d" into milliseconds; a unit is required. As above. */
int number_parse_duration_ms(
    const char *text, size_t len, uint64_t *out_ms, struct complaint *complaint);

/* Read "65536", "64k", "4MiB" or "1G" into bytes; units are powers of 1024. As above. */
int number_parse_bytes(
    const char *text, size_t len, uint64_t *out_bytes, struct complaint *complaint);

/* Read "5%", "0.5%" or "5" into 0..100. As above. */
int number_parse_percent(
    const char *text, size_t len, double *out_percent, struct complaint *complaint);

/* Bytes that must be free at dst for each number below: more than its digits are touched. */
#define NUMBER_ROOM 24

/* Write value in decimal, not terminated. Returns the length, at most 20. */
size_t number_format_u64(char *dst, uint64_t value);

/*
 * Write the values as lines, each in decimal and a newline; neighbours are written faster than far
 * ones. dst holds NUMBER_ROOM bytes for each. Returns the length.
 */
size_t number_format_lines(char *dst, const uint64_t *values, size_t count);

/* Write value in groups of three with spaces, as the task sheets do; terminated. Returns dst. */
char *number_format_grouped(char dst[NUMBER_TEXT_MAX], uint64_t value);

/* Write a span for a person: "350 us", "2.1 ms", "12.5 s", "3 min 20 s"; terminated. */
char *number_format_span(char dst[NUMBER_TEXT_MAX], uint64_t ns);

/* Write a size for a person: "512 B", "4.0 MiB"; terminated. Returns dst. */
char *number_format_bytes(char dst[NUMBER_TEXT_MAX], uint64_t bytes);

#endif
