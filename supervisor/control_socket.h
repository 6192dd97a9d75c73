#ifndef SUPERVISOR_CONTROL_SOCKET_H
#define SUPERVISOR_CONTROL_SOCKET_H

/*
 * The listening end of the control socket: whose it is, and who may open it. Parent only, at
 * start-up; does not block.
 */

#include <sys/types.h>

#include "shared/complaint.h"

/*
 * Lock PATH.lock, remove a socket that nobody answers on any more, bind, listen. group (gid_t)-1:
 * leave it. The lock is kept for as long as *out_lock_fd is open, and its file is never removed.
 * Returns the socket, or -1 with the complaint.
 */
int control_socket_open(
    const char *path, mode_t mode, gid_t group, int *out_lock_fd, struct complaint *complaint);

#endif
