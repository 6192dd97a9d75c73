#ifndef TESTS_SYSTEM_SCREEN_H
#define TESTS_SYSTEM_SCREEN_H

/*
 * Terminals with somebody at each: programs run on them, keys are typed, and what stands on the
 * screen is waited for. By tmux, with a server of the test's own.
 */

#include "tests/support/harness.h"

/* Start it; skips where there is no tmux. */
void screen_open(void);

/* End all that runs there. The last that a test does: it must have no other child any more. */
void screen_close(void);

/* A terminal of 80 columns by 24 lines and a shell command on it; it stays when that has ended. */
void screen_run(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Type text as it is; press a key by tmux's name of it, as "Enter", "C-c", "Left". */
void screen_type(const char *name, const char *text);
void screen_press(const char *name, const char *key);

/* Until what runs there has been told. */
void screen_resize(const char *name, unsigned columns, unsigned lines);

/* What stands there now, without blanks at line ends; never freed. */
char *screen_text(const char *name);

/* CHECKs that the words come to stand there. */
void screen_until(const char *name, const char *words);

/* The last line that is not empty; never freed. */
char *screen_last_line(const char *name);

/* CHECKs that the last line comes to be this. */
void screen_until_last_line(const char *name, const char *line);

#endif
