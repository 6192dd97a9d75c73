#ifndef WORKERS_SERVICES_SESSION_H
#define WORKERS_SERVICES_SESSION_H

/*
 * What a service may do with a session. From any hook of its own post: of the session itself, of
 * another session of the post, of the post. Nothing here blocks, and no session ends inside a call:
 * it ends when the hook is over. A datagram's session is valid inside its hook alone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "shared/wire.h"
#include "workers/services/service.h"

/* The service's own memory of it, session_size bytes; NULL for a datagram's. */
void *session_state(const struct session *session);

/* The post that serves it. */
struct post *session_post(const struct session *session);

/* The service's own settings, as its table describes them. */
const void *session_settings(const struct session *session);

/*
 * Send to the session's peer. SERVICE_TEXT: one message, written in the peer's form. Else: bytes.
 * What the socket does not take at once is kept, up to write_buffer_bytes; a datagram goes out when
 * the hook is over (without SERVICE_OWNS_DATAGRAMS one answer each). All of it is taken, or
 * nothing. Returns 0, or -1 with errno: ENOBUFS when there is no room (a binary session is broken
 * then, one of texts goes on), EMSGSIZE when no such message may be, EPIPE when the peer is gone.
 */
int session_send(struct session *session, const char *data, size_t len);

/*
 * SERVICE_TEXT: send what wire_encode() wrote for this session's form, one message or several: to
 * be encoded once for all peers of a form. What goes for the raw form alone (whose message begins
 * with the newline that is not always sent) is done here: no more than 1000 bytes that the peer may
 * not have read, cut between messages; a datagram for each. Otherwise as session_send().
 */
int session_sendv(struct session *session, const struct iovec *iov, int n);

/* What one of many is sent: one piece, as of session_sendv(). */
struct session_sending {
    struct session *session;
    const char *data;
    size_t len;
    bool is_sent; /* out: or it returned -1 */
};

/*
 * session_sendv() to each of them; none is a datagram's, and none is there twice. The system calls
 * come one behind the other: what a service does between two of them finds the caches full of the
 * kernel's, so it is done for some dozens at once.
 */
void session_send_each(struct session_sending *list, unsigned n);
#define SESSION_SENDING_MANY 64 /* is enough to gain by */

/* WIRE_FORM_RAW for datagrams, and while the peer has not said anything. */
enum wire_form session_form(const struct session *session);

/*
 * Bytes that were sent and that the socket has not taken yet. Who finds some may wait for the
 * writable hook: it comes when all is out, even if that is before this turn has ended.
 */
size_t session_unsent(const struct session *session);

/* Give it no message for so long (again from now on): who floods is delayed. Not for datagrams. */
void session_pause(struct session *session, uint64_t for_ms);

/* End the session when what was sent is out. No more messages are given. */
void session_close(struct session *session);

/* Sessions of this service now, over all its workers. */
uint64_t session_count_active(const struct session *session);

/* Add to the service's counter of this index in `counters`. */
void session_add_count(const struct session *session, unsigned counter, uint64_t n);

/* The language of the words that people read. */
enum service_lang session_lang(const struct session *session);

/* Whether anybody would hear session_say(): else what it needs need not be counted. */
bool session_is_heard(const struct session *session);

/*
 * Say something to whoever watches: a log record of this event, and, when the console is on, a
 * line on it. Text is escaped there.
 */
void session_say(const struct session *session, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- datagrams ---- */

/*
 * The way back to who sent a datagram: its address, and the socket and address of ours that it was
 * sent to. No pointer in it: it may lie in shared memory, and is checked when it is used.
 */
struct session_path {
    uint32_t listener, scope;
    uint16_t family, port;       /* port: network order */
    uint8_t peer[16], local[16]; /* local all zero: whichever the kernel chooses */
};

/* Of the datagram whose hook runs now; all zero for a stream. */
void session_path(const struct session *session, struct session_path *out);

#endif
