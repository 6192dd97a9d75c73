#ifndef SUPERVISOR_CLI_SERVE_DAEMON_H
#define SUPERVISOR_CLI_SERVE_DAEMON_H

/*
 * A daemon for as long as a command runs: its files in a private folder, itself a child in the
 * foreground, both gone at the end.
 */

#include <stddef.h>

#include "shared/complaint.h"

struct serve_daemon {
    char folder[64];         /* "" while there is none */
    char control_socket[96]; /* in it */
    /* Called once, when the daemon answers at its control socket; NULL: nobody asks. */
    void (*serving)(void *owner);
    void *owner;
};

/* Make the folder. Returns 0, or -1 with the complaint. */
int serve_daemon_prepare(struct serve_daemon *daemon, struct complaint *complaint);

/* Write FOLDER/NAME; folders in NAME are made. Returns 0, or -1 with the complaint. */
int serve_daemon_write_file(const struct serve_daemon *daemon, const char *name, const char *text,
    struct complaint *complaint);

/*
 * Run preforkd -F on FOLDER/preforkd.conf and wait for its end; signals that ask this process to
 * end are passed on. verb is named in complaints. Blocks. Returns the exit code.
 */
int serve_daemon_run(struct serve_daemon *daemon, const char *verb);

/* Remove the folder and all that is in it. */
void serve_daemon_remove(struct serve_daemon *daemon);

#endif
