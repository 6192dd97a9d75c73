#ifndef SUPERVISOR_CONTROL_PEER_H
#define SUPERVISOR_CONTROL_PEER_H

/*
 * Somebody on the control socket: bytes in, lines to its request, bytes out, all of it bounded.
 * A line stays in the buffer until it is answered, so that it can be handed on with the connection.
 * Parent only; never blocks. A peer that is gone is only marked (fd -1), since it may go in the
 * midst of its own question; its owner frees it later.
 */

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/loop.h"
#include "supervisor/control_request.h"

#define CONTROL_PEER_OUT_MAX (1u << 20) /* what waits for a peer that does not read */
#define CONTROL_PEER_IDLE_S  60

struct control_peer {
    TAILQ_ENTRY(control_peer) link;
    struct loop_watch watch; /* fd -1: gone */
    uint32_t watched;        /* events */
    bool has_ended;          /* it will ask nothing more */
    bool is_leaving;         /* to be closed when all is out */
    char *in, *out;
    size_t in_len, in_size, out_len, out_size;
    size_t
        line_len; /* of the question in hand, which stands at the front of in; 0: there is none */
    uint64_t moved_at_ns; /* when a byte last came or went */
    struct control_request request;
};

/* Whoever is at the other end may do all: uid 0, or the daemon's own. */
bool control_peer_is_admin(int fd);

/* Take over a connected socket, non-blocking. Returns NULL with errno; the socket is closed then.
 */
struct control_peer *control_peer_new(struct supervisor *supervisor, int fd, uint64_t id);

void control_peer_free(struct control_peer *peer);

/* Close it now; the memory stays. */
void control_peer_close(struct control_peer *peer);

/* Queue a line (the newline is added) and send what the socket takes. Cut when it is too much. */
void control_peer_send(struct control_peer *peer, const char *line, size_t len);

/* Go on with what it waits for; close it when it has been silent for too long. */
void control_peer_tend(struct control_peer *peer, uint64_t now_ns);

#endif
