#ifndef SHARED_LOG_H
#define SHARED_LOG_H

/*
 * Talk to the person at the terminal: one line a record on stderr, "PROGRAM: sentence key=value".
 * log_warn and log_fatal add the text of errno, the x forms do not. errno is kept.
 * Fatal belongs to start-up and to children; a running supervisor warns.
 * Callable from any process and thread; each record is one write(2), so lines do not mix.
 */

#include <stdbool.h>

/* Set the name that begins each line. Borrowed for the life of the process. Before any thread. */
void log_init(const char *program);

/* Hide log_info. Before any thread. */
void log_set_quiet(bool quiet);

/* Called before a line is written, to clear a progress bar; NULL for none. Before any thread. */
void log_set_before(void (*before)(void));

_Noreturn void log_fatal(int exit_code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void log_fatalx(int exit_code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
