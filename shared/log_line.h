#ifndef SHARED_LOG_LINE_H
#define SHARED_LOG_LINE_H

/*
 * Records as text: logfmt, JSON, or words for a person. Pure but for the time zone, which is kept
 * because libc looks it up under a lock. No allocation. Callable from any process and thread.
 *
 * logfmt: a value stands bare when it is printable ASCII without space, quote, equals sign and
 * backslash; else in quotes, with \" and the escapes of escape_line(). JSON: broken UTF-8 and NUL
 * become U+FFFD, and what a terminal would obey \uXXXX. service is left out when "", slot and pid
 * when 0, msg when there is none (HUMAN: then the event stands in its place).
 * A line that does not fit keeps its syntax: texts are cut, fields left out, and cut=1 (JSON:
 * "cut":true) ends it.
 */

#include "shared/log.h"

struct log_record {
    uint64_t at_ns; /* wall clock */
    enum log_level level;
    struct log_origin origin;
    const char *event;
    const char *msg; /* msg_len bytes of anything; NULL: none */
    size_t msg_len;
    const struct log_field *fields; /* NULL: none */
};

/* Make the line, newline included. Returns its length; not terminated. */
size_t log_line_make(
    char dst[LOG_LINE_MAX], enum log_format format, const struct log_record *record);

/* " key=value" for each field, terminated. What does not fit is left out. Returns the length. */
size_t log_line_fields(char *dst, size_t size, const struct log_field *fields);

/* How many bytes of the text take at most `room` bytes in any format; sequences stay whole. */
size_t log_line_fit(const char *text, size_t len, size_t room);

/* Look up the time zone. Takes a lock of libc: not where another thread may fork. */
void log_line_refresh_zone(void);

#endif
