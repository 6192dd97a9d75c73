/*
 * The log quartet. A record is built in one buffer and leaves by one write, because several
 * processes share stderr. Control characters are escaped here, at the sink: a file name or an
 * argument may hold anything.
 */
#include "shared/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/escape.h"

#define RECORD_MAX 2048

static const char *program_name = "prefork";
static bool hide_info;
static void (*before_line)(void);

void log_init(const char *program) {
    program_name = program;
}

void log_set_quiet(bool quiet) {
    hide_info = quiet;
}

void log_set_before(void (*before)(void)) {
    before_line = before;
}

static void write_record(int error, const char *format, va_list args) {
    char plain[RECORD_MAX], line[2 * RECORD_MAX];
    int saved_errno = errno;
    size_t len;
    int n;

    n = vsnprintf(plain, sizeof(plain), format, args);
    len = n < 0 ? 0 : (size_t)n;
    if (len >= sizeof(plain))
        len = sizeof(plain) - 1;
    if (error != 0 && len < sizeof(plain) - 3)
        snprintf(plain + len, sizeof(plain) - len, ": %s", strerror(error));
    n = snprintf(line, sizeof(line), "%s: ", program_name);
    len = (size_t)n + escape_line(line + n, sizeof(line) - (size_t)n - 1, plain, strlen(plain));
    line[len++] = '\n';
    if (before_line != NULL)
        before_line();
    if (write(STDERR_FILENO, line, len) < 0) {
        /* Nobody listens: there is no better place to say so. */
    }
    errno = saved_errno;
}

#define WRITE_RECORD(error)                  \
    do {                                     \
        va_list args;                        \
        va_start(args, format);              \
        write_record((error), format, args); \
        va_end(args);                        \
    } while (0)

void log_fatal(int exit_code, const char *format, ...) {
    WRITE_RECORD(errno);
    _exit(exit_code);
}

void log_fatalx(int exit_code, const char *format, ...) {
    WRITE_RECORD(0);
    _exit(exit_code);
}

void log_warn(const char *format, ...) {
    WRITE_RECORD(errno);
}

void log_warnx(const char *format, ...) {
    WRITE_RECORD(0);
}

void log_info(const char *format, ...) {
    if (!hide_info)
        WRITE_RECORD(0);
}
