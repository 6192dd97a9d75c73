#ifndef SHARED_CONSOLE_H
#define SHARED_CONSOLE_H

/*
 * Lines for whoever sits before a daemon in the foreground: the banner, who came and left. They go
 * through one pipe to the log writer, which prints them on stdout; a stalled terminal stalls
 * nobody. Off unless console_use() was called with a descriptor. Any process, any thread; does
 * not block; text is escaped here; what finds no room is dropped.
 */

#include <stdbool.h>

/* fd: write end of the console's pipe, non-blocking; -1 turns it off. Before any thread. */
void console_use(int fd);

bool console_is_on(void);

/* One line; the newline is added. */
void console_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
