#ifndef SHARED_LOG_H
#define SHARED_LOG_H

/*
 * What a process has to say. A command talks to the person at the terminal: one line a record on
 * stderr, "PROGRAM: sentence key=value". The daemon and its children write records with fields,
 * in logfmt or JSON, into their lane; log_use_records() makes the difference.
 * log_warn and log_fatal add the text of errno, the x forms do not. errno is kept. As records they
 * have event=talk.
 * Fatal belongs to start-up and to children; a running supervisor warns.
 * Callable from any process and thread; each record is one write(2) of at most PIPE_BUF bytes, so
 * records do not mix. Text from outside is escaped here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON, LOG_FORMAT_HUMAN };

/* A field behind those that each record has. Use LOG_TEXT and LOG_NUMBER. */
struct log_field {
    const char *key; /* NULL ends a list */
    const char *text;
    uint64_t number; /* when text is NULL */
};

#define LOG_TEXT(name, value)   ((struct log_field){ .key = (name), .text = (value) })
#define LOG_NUMBER(name, value) ((struct log_field){ .key = (name), .number = (value) })

/* Set the name that begins each line. Borrowed for the life of the process. Before any thread. */
void log_init(const char *program);

/* Hide log_info. Before any thread. */
void log_set_quiet(bool quiet);

/*
 * From now on each sentence of the quartet has these fields, as job=17; NULL: none. Borrowed. For a
 * process that does several people's work in turn, on its one thread.
 */
void log_set_topic(const struct log_field *fields);

/* Called before a line is written, to clear a progress bar; NULL for none. Before any thread. */
void log_set_before(void (*before)(void));

/*
 * From now on write records to fd, a non-blocking pipe (or stderr with LOG_FORMAT_HUMAN). What
 * finds no room is counted in *dropped (NULL: nowhere) and told by event=log_dropped before the
 * next record that does. service may be "" and slot 0: then they are left out of the records.
 * service and dropped are borrowed. fd -1: lines for a person again.
 * Before any thread; again after fork.
 */
void log_use_records(int fd, enum log_format format, enum log_level lowest, const char *service,
    unsigned slot, _Atomic uint64_t *dropped);

/* The fields of a record that this process did not write itself: captured output. */
struct log_origin {
    const char *service;
    unsigned slot;
    int32_t pid; /* 0: not known */
};

/*
 * Write a record: ts level service slot pid event msg, then the fields (NULL: none). The same
 * event with the same format more than LOG_REPEATS_MAX times in LOG_REPEATS_S seconds is held back
 * and its number told after, by event=repeated what=EVENT count=N; not when LOG_EVERY is or'ed to
 * the level. event and format are literals: they are kept. Does not allocate.
 */
#define LOG_REPEATS_MAX 20
#define LOG_REPEATS_S   5
#define LOG_EVERY       0x100
void log_write(int level, const char *event, const struct log_field *fields, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

/* False when records of this level are not written: then they need not be made. */
bool log_is_wanted(int level);

/* As log_write(), about another process than the one that writes. */
void log_write_as(const struct log_origin *origin, int level, const char *event,
    const struct log_field *fields, const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * Tell what was held back and whose time is over, and follow the time zone. A daemon calls it on
 * its tick; not from a thread that runs beside one that forks.
 */
void log_flush_repeats(void);

/*
 * Make the line of a record, newline included, without writing it; at most LOG_LINE_MAX bytes,
 * which is no more than PIPE_BUF. msg and fields may be NULL. What the formats look like:
 * shared/log_line.h. Returns its length.
 */
#define LOG_LINE_MAX 4096
#define LOG_MSG_MAX  3072 /* of it are for msg, escaped, so that fields have room behind any */
size_t log_format_line(char dst[LOG_LINE_MAX], enum log_format format, enum log_level level,
    const struct log_origin *origin, const char *event, const char *msg,
    const struct log_field *fields);

_Noreturn void log_fatal(int exit_code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void log_fatalx(int exit_code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
