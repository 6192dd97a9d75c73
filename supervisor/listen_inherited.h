#ifndef SUPERVISOR_LISTEN_INHERITED_H
#define SUPERVISOR_LISTEN_INHERITED_H

/*
 * Sockets that whoever started the daemon has bound for it, as a socket unit of systemd does:
 * LISTEN_FDS of them from descriptor 3 on, meant for LISTEN_PID, with LISTEN_FDNAMES. A service
 * that wants to listen on the very address of one gets it; so low ports need no privilege. They
 * are never unlinked, and stay open when the service stops: it may start again, and nobody here
 * could bind them anew. Parent only.
 */

#include <stdbool.h>

#include "shared/complaint.h"
#include "supervisor/config.h"

/*
 * Take what was handed over from descriptor first_fd on, close it on exec, and remove the
 * variables. Once, in the process that was started, before it forks.
 */
#define LISTEN_INHERITED_FIRST 3 /* says sd_listen_fds(3) */
void listen_inherited_take(int first_fd);

/*
 * The socket that is bound to this address, or -1. When there are more, the one that is named as
 * the service goes first. It stays ours.
 */
int listen_inherited_find(
    enum net_proto proto, const struct net_address *address, const char *service);

/*
 * Close one that no service listens on, started or not, or that is no listening socket; what it was
 * is put in out. Returns false when there is none left.
 */
bool listen_inherited_drop_unused(const struct config *config, struct complaint *out);

#endif
