#ifndef SUPERVISOR_RELOAD_READ_H
#define SUPERVISOR_RELOAD_READ_H

/*
 * Reading a configuration without waiting for it, in a child of its own: a disk that hangs, an
 * @include of a folder, a library that ends the process cost that child alone. The child only
 * tells whether the files are good, and what is wrong; who is told "good" reads them again.
 * Parent only.
 */

#include <stdbool.h>
#include <sys/types.h>

struct reload_read {
    pid_t pid;        /* 0: none is running */
    int pidfd;        /* readable when it is over; -1 */
    int complaint_fd; /* a file in memory; -1 */
};

/* Returns 0, or -1 with errno. Does not block. */
int reload_read_start(struct reload_read *reading, const char *file);

/*
 * It is over. *out_text: what it complained of, lines; the caller frees; NULL without memory.
 * Returns true when the files are good.
 */
bool reload_read_end(struct reload_read *reading, const char *file, char **out_text);

/* End it at once; harmless when there is none. */
void reload_read_cancel(struct reload_read *reading);

#endif
