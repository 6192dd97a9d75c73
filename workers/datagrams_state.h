#ifndef WORKERS_DATAGRAMS_STATE_H
#define WORKERS_DATAGRAMS_STATE_H

/* A batch of datagrams from inside: what comes (datagrams.c) and what goes (datagrams_send.c). */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "workers/datagrams.h"

#define DATAGRAMS_BATCH 16
#define DATAGRAMS_OUT   64
#define DATAGRAM_MAX    65536
#define COPY_MAX        65536
#define CONTROL_BYTES   64

struct datagrams {
    struct worker *worker;
    struct mmsghdr in[DATAGRAMS_BATCH], out[DATAGRAMS_OUT];
    struct iovec in_vector[DATAGRAMS_BATCH], out_vector[DATAGRAMS_OUT];
    struct net_address peer[DATAGRAMS_BATCH];
    _Alignas(struct cmsghdr) char control[DATAGRAMS_BATCH][CONTROL_BYTES];
    struct session session; /* of the datagram whose hook runs now: */
    unsigned current, listener;
    bool has_answered;
    unsigned out_count;
    int out_fd; /* of all that is collected */
    size_t copied;
    char *data; /* DATAGRAMS_BATCH * DATAGRAM_MAX, pages as touched */
    char copy[COPY_MAX];
    /* of an owner */
    struct session front;
    struct session_path front_path;
    struct sockaddr_in6 to[DATAGRAMS_OUT]; /* or _in */
    _Alignas(struct cmsghdr) char from[DATAGRAMS_OUT][CONTROL_BYTES];
};

/* True when an answer to this peer could go round in circles, or hit somebody else. */
bool datagrams_could_loop(const struct net_address *peer, const struct worker_listener *listener);

#endif
