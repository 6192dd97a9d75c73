#ifndef SHARED_LINE_EDITOR_H
#define SHARED_LINE_EDITOR_H

/*
 * Lines that a person types on stdin, while others speak: what comes is printed above the line
 * that is being typed, which stays as it is. With readline, where it is built in; without it, on a
 * dumb terminal, and when stdin is no terminal, plain lines are read. One in a process, one thread.
 *
 *     poll(STDIN_FILENO), then line_editor_next() until LINE_EDITOR_NONE
 *
 * The terminal is restored by line_editor_close(), which is also right in a handler of atexit(3).
 */

#include <stdbool.h>
#include <stddef.h>

enum line_editor_found { LINE_EDITOR_NONE, LINE_EDITOR_LINE, LINE_EDITOR_END };

/* prompt: shown where stdin is a terminal; borrowed. is_plain: no editing, whatever there is. */
void line_editor_open(const char *prompt, bool is_plain);
void line_editor_close(void);

/*
 * The next line, if there is one; *out is not terminated and valid until the next call. Never
 * blocks where stdin is ready when poll(2) says so.
 */
enum line_editor_found line_editor_next(const char **out, size_t *out_len);

/* One line to stdout, above the input; what it holds is the caller's to escape. */
void line_editor_print(const char *line);

/* Likewise to stderr. */
void line_editor_say(const char *line);

/* The terminal has another size. */
void line_editor_resize(void);

/* Before the process is stopped, and when it goes on. */
void line_editor_suspend(void);
void line_editor_resume(void);

#endif
