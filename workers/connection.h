#ifndef WORKERS_CONNECTION_H
#define WORKERS_CONNECTION_H

/*
 * An accepted connection: the session that the service sees, and the descriptor and the unsent
 * bytes that it does not. What is here is the same under each model; a model decides when to read
 * and how to wait. Child only; the connection's own thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/scoreboard.h"
#include "workers/services/service.h"

struct worker;

struct connection {
    struct session session; /* first: a session is its connection */
    int fd;
    uint32_t slot;       /* in the gate */
    bool is_closing;     /* the service asked for the end */
    bool is_broken;      /* nothing can be sent any more */
    bool is_handed_over; /* it began in another worker */
    unsigned gives_seen; /* blocking models: of worker_count_gives() */
    struct scoreboard_lane *lane;
    char *unsent; /* NULL: none */
    size_t unsent_at, unsent_len;
    char *unread; /* of one that was handed over: read there, and not used; NULL: none */
    size_t unread_len;
};

/*
 * All zero but for its worker and a lane. Main thread. Returns NULL without memory; freed by
 * connection_free(), which does nothing to what is not from the heap.
 */
struct connection *connection_new(struct worker *worker);
void connection_free(struct connection *connection);

/* Set how long a blocking recv and send may take. Any thread. */
void connection_set_timeouts(const struct worker *worker, int fd);

/*
 * Show it to the service: the open hook. One that was handed over is open already: then it is
 * given what had been read.
 */
void connection_open(struct connection *connection);

/* Give the service what was read: the message hook. */
void connection_give(struct connection *connection, const char *data, size_t len);

/*
 * Send at once what the socket takes, and keep the rest, up to write_buffer_bytes. Does not block.
 * Returns 0, or -1: the peer is gone or the buffer is full.
 */
int connection_send(struct connection *connection, const char *data, size_t len);

/* True when bytes wait for the peer to read. */
bool connection_has_unsent(const struct connection *connection);

/*
 * Send what waits. flags: MSG_DONTWAIT or 0. Returns 1 when all is out, 0 when the socket takes no
 * more for now (with blocking sockets: for write_timeout), -1 when it is broken.
 */
int connection_flush(struct connection *connection, int flags);

/*
 * The close hook, the counts; closes the descriptor and leaves the gate. With SESSION_END_GIVEN
 * hook and gate are the new worker's, and so is the connection.
 */
void connection_end(struct connection *connection, enum session_end end);

/* Hooks for datagrams are counted on the same lane. */
void connection_enter_hook(struct scoreboard_lane *lane);
void connection_leave_hook(struct scoreboard_lane *lane);

#endif
