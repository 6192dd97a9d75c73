#ifndef WORKERS_DATAGRAMS_H
#define WORKERS_DATAGRAMS_H

/*
 * Datagrams for a service, by the batch: recvmmsg, the message hook for each, sendmmsg. All
 * workers read the same socket, and answer each datagram at most once; or its owner alone does
 * (owning.h), and sends as much as it likes to whom it likes. Answers never go to where a loop or
 * an amplifier could stand: ports below 1024, 2049, broadcast, multicast, the null address,
 * ourselves (inetd's rule, reference: CERT CA-1996-01). What is not answered is counted. Main
 * thread only; never blocks.
 */

#include <stddef.h>

#include "workers/services/session.h"

struct datagrams;
struct worker;
struct worker_listener;

/* Returns NULL with errno. Freed with the process. */
struct datagrams *datagrams_new(struct worker *worker);

/* Serve one batch of what waits at the listener. Returns how many there were. */
unsigned datagrams_serve(struct datagrams *datagrams, const struct worker_listener *listener);

/*
 * Send to a session of datagrams: that of the datagram whose hook runs now, or the front. Goes out
 * when the hook is over. Returns 0, or -1 with errno: ENOBUFS, EMSGSIZE.
 */
int datagrams_send(struct session *session, const char *data, size_t len);

/* As session_send() and session_sendv() for a service of texts: a datagram for each message. */
int datagrams_send_text(struct session *session, const char *text, size_t len);
int datagrams_send_encoded(struct session *session, const struct iovec *iov, int n);

/* The way back to the sender of the datagram whose hook runs now, or to where the front is. */
void datagrams_find_path(const struct session *session, struct session_path *out);

/* The front of a session there; one at a time. NULL when that is nowhere. */
struct session *datagrams_front(struct datagrams *datagrams, const struct session_path *path);

/* Send what hooks have collected. */
void datagrams_flush(struct datagrams *datagrams);

#endif
