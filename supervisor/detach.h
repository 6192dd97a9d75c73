#ifndef SUPERVISOR_DETACH_H
#define SUPERVISOR_DETACH_H

/*
 * Into the background: whoever typed preforkd waits until it serves and gets its exit code; what
 * is wrong is said on his terminal. Parent only, at start.
 */

struct supervisor;

/* The caller's process ends here when the daemon has told its exit code; the child returns. */
void detach_start(struct supervisor *supervisor);

/* Serving, or not: tell, and let go of the terminal. */
void detach_tell(struct supervisor *supervisor, int exit_code);

/* One line about why there is no start: on stderr and in the log. */
void detach_complain(struct supervisor *supervisor, const char *text);

#endif
