#ifndef WORKERS_DIALECT_H
#define WORKERS_DIALECT_H

/*
 * What stands between a connection's bytes and the messages of a service of texts: the wire, when
 * to stop reading, and how fast a classic client is written to. Of the connection's own thread;
 * nothing blocks.
 *
 *     reading --16 messages and the answers are not out, a pause, no memory--> stopped
 *     stopped --all is out, the pause is over--> resumed: what was left is given --> reading
 *
 * A raw peer reads with recv(1024) and cannot tell where one read ends and another begins: so at
 * most 1000 bytes are under way that it may not have read, cut between messages. It has read them
 * when its kernel has all and its 50 ms and some more have gone by (a UNIX socket tells at once).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/wire.h"

struct connection;

#define DIALECT_UNANSWERED_MOST 16
#define DIALECT_PACK_MAX        (WIRE_LENGTH_MAX + 1024)

struct dialect {
    struct wire wire;
    uint64_t paused_until_ms; /* 0: it is not */
    uint64_t pace_due_ms;     /* what waits for a raw peer is tried again; 0: nothing does */
    size_t window;            /* bytes that a raw peer may not have read */
    size_t piece;             /* bytes of a message that has begun to go out */
    unsigned unanswered;      /* messages given since all was out */
    bool is_stopped;          /* there may be more to give: no reading meanwhile */
    bool is_ended;            /* the peer sends no more */
};

size_t dialect_size(void);
void dialect_init(struct dialect *dialect, const struct wire_rules *rules);
void dialect_fini(struct dialect *dialect);

/* Give the service the messages in what was read (len 0: time has passed); is_end: it was all. */
void dialect_read(struct connection *connection, const char *data, size_t len, bool is_end);

/* Go on where it was stopped, if it may. Returns false when it may not, or was not. */
bool dialect_resume(struct connection *connection);

/* Stop for so long; 0: no more. */
void dialect_pause(struct connection *connection, uint64_t for_ms);

/* When time has to be looked at; UINT64_MAX: never. */
uint64_t dialect_due_ms(const struct connection *connection);

/* That time has come: reads, resumes, sends. */
void dialect_look(struct connection *connection);

/* One message in the peer's form. As session_send(). */
int dialect_send(struct connection *connection, const char *text, size_t len);

/* ---- the queue: connection_queue.c ---- */

/*
 * What is sent to it has to be looked at, piece by piece; also while what is unknown is written to
 * as one that is raw.
 */
static inline bool dialect_is_paced(const struct dialect *dialect) {
    return wire_form(&dialect->wire) == WIRE_FORM_RAW;
}

/* How much of what waits may go out now, behind *out_skip bytes that are not for it. */
size_t dialect_allow(struct connection *connection, size_t *out_skip);

/* So much did. */
void dialect_sent(struct dialect *dialect, size_t n);

/* ---- handing over ---- */

/* Write it into memory that is the caller's to free. Returns the length, or -1 with errno. */
ssize_t dialect_pack(const struct dialect *dialect, char **out);

/* Into one that was just made. Returns 0, or -1 with errno. */
int dialect_unpack(struct dialect *dialect, const char *data, size_t len);

#endif
