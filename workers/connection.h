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
#include <sys/uio.h>

#include "shared/scoreboard.h"
#include "workers/services/service.h"

struct dialect;
struct post;
struct session_sending;
struct worker;

struct connection {
    struct session session; /* first: a session is its connection */
    int fd;
    bool is_closing;         /* it ends when all is out */
    bool is_broken;          /* nothing can be sent any more */
    bool is_handed_over;     /* it began in another worker */
    bool is_corked;          /* what is sent waits for connection_flush() */
    bool is_full;            /* the socket took no more when it was tried last */
    bool owes_writable;      /* the service may wait for room, and there is or will be some */
    struct dialect *dialect; /* of a service of texts; NULL: bytes go through as they are */
    void *state;             /* the service's; NULL: none */
    char *unsent;            /* NULL: none */
    size_t unsent_at, unsent_len, unsent_size;
    struct post *post; /* that serves it; NULL: it is served by blocking */
    struct scoreboard_lane *lane;
    char *unread; /* read, and not given yet; NULL: none */
    size_t unread_len;
    uint32_t slot;        /* in the gate */
    unsigned gives_seen;  /* blocking models: of worker_count_gives() */
    enum session_end why; /* it ends, when it is closing */
};

/*
 * All zero but for its worker, its main post and a lane. Main thread. Returns NULL without memory;
 * freed by connection_free(), which does nothing to what is not from the heap.
 */
struct connection *connection_new(struct worker *worker);
void connection_free(struct connection *connection);

/* Free what it holds but itself and its descriptor. */
void connection_drop(struct connection *connection);

/* Set how long a blocking recv and send may take. Any thread. */
void connection_set_timeouts(const struct worker *worker, int fd);

/*
 * Show it to the service: the open hook. One that was handed over is open already: then it is
 * given what had been read, if it is not of texts.
 */
void connection_open(struct connection *connection);

/* Give the service what was read, or a message of so many bytes in all: the message hook. */
void connection_give(struct connection *connection, const char *data, size_t len, size_t total);

/*
 * Send at once what the socket takes, and keep the rest, up to write_buffer_bytes. Does not block.
 * Returns 0, or -1: the peer is gone or the buffer is full, and nothing can be sent any more.
 */
int connection_send(struct connection *connection, const char *data, size_t len);

/*
 * The same, of several pieces, all or nothing: when there is no room it goes on. Returns 0, or -1
 * with errno: EPIPE, ENOBUFS, ENOMEM.
 */
int connection_sendv(struct connection *connection, const struct iovec *iov, int n);

/* The same for each, of one piece: session_send_each(). */
void connection_send_each(struct session_sending *list, unsigned n);

/* Bytes that wait for the peer to read. */
size_t connection_count_unsent(const struct connection *connection);
bool connection_has_unsent(const struct connection *connection);

/*
 * Send what waits. flags: MSG_DONTWAIT or 0. Returns 1 when all is out, 0 when the socket, or the
 * peer's dialect, takes no more for now (with blocking sockets: for write_timeout), -1 when it is
 * broken.
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
