/*
 * Lines for the console: built whole, escaped, and written once to a pipe, so that lines of
 * several processes do not mix.
 */
#include "shared/console.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/escape.h"

static int console_fd = -1;

void console_use(int fd) {
    console_fd = fd;
}

bool console_is_on(void) {
    return console_fd >= 0;
}

void console_say(const char *format, ...) {
    char plain[PIPE_BUF], line[PIPE_BUF];
    int saved_errno = errno;
    va_list args;
    size_t len;
    int n;

    if (console_fd < 0)
        return;
    va_start(args, format);
    n = vsnprintf(plain, sizeof(plain), format, args);
    va_end(args);
    if (n >= 0) {
        len = escape_line(line, sizeof(line) - 1, plain, strlen(plain));
        line[len++] = '\n';
        if (write(console_fd, line, len) < 0) {
            /* Nobody looks, or too slowly: what he misses also stands in the log. */
        }
    }
    errno = saved_errno;
}
