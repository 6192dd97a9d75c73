#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

/*
 * Listening sockets. The supervisor owns each for as long as its service runs; workers inherit
 * them. A busy port is met as the service's port_policy says, and whoever has it is named. Parent
 * only, before fork.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "supervisor/config.h"

struct listener {
    enum net_proto proto;
    struct net_address wanted, address; /* as configured; as bound */
    int fd;                             /* -1: closed */
    int lock_fd;                        /* UNIX: PATH.lock; -1 */
    bool is_inherited;                  /* handed over: it outlives the listener */
    struct listener *lent_to, *lent_by; /* one socket, two who want it: listen_lend() */
};

/* What is to be told of a port that was busy. */
struct listen_note {
    bool is_moved;   /* another one was taken */
    char owner[128]; /* "pid 1234, python3"; "": not known */
};

/*
 * Open one, or take the one that was handed over for the address. "next" skips ports that the
 * configuration names; who had the port is put in note. Returns 0, or -1 with the complaint.
 */
int listen_open(struct listener *listener, const struct config_listen *wanted,
    const struct config_service *service, const struct config *config, struct listen_note *note,
    struct complaint *complaint);

/* The backlog and, of a UNIX socket, the rights and the owner that the service wishes for now. */
void listen_adjust(const struct listener *listener, const struct config_service *service);

/* Who waits in the queue stays there, but hardly anybody more gets in: it is to be emptied. */
void listen_narrow(const struct listener *listener);

/*
 * Let another have the socket, too, until one of them closes it, or listen_take(). One socket has
 * two listeners then; whichever is closed first leaves it to the other. They must not move.
 */
void listen_lend(struct listener *owner, struct listener *borrower);

/* It is the borrower's alone from now on; the owner is closed. Harmless when nothing is borrowed.
 */
void listen_take(struct listener *borrower);

/* Close, and unlink a UNIX socket; one that was handed over stays as it is. */
void listen_close(struct listener *listener);

#endif
