#ifndef SUPERVISOR_UNIX_SOCKET_H
#define SUPERVISOR_UNIX_SOCKET_H

/*
 * A listening UNIX socket in the file system, the control socket's or a service's: whose it is, and
 * who may open it. Parent only, at start; does not block.
 */

#include <sys/types.h>

#include "shared/complaint.h"

struct unix_socket_wanted {
    const char *path;
    mode_t mode;
    uid_t uid; /* (uid_t)-1: leave it */
    gid_t gid; /* (gid_t)-1: leave it */
    int backlog;
};

/*
 * Lock PATH.lock, remove a socket that nobody answers on any more, bind, listen. The lock is kept
 * for as long as *out_lock_fd is open, and its file is never removed.
 * Returns the socket, or -1 with the complaint; then nothing is open.
 */
int unix_socket_open(
    const struct unix_socket_wanted *wanted, int *out_lock_fd, struct complaint *complaint);

#endif
