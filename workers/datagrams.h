#ifndef WORKERS_DATAGRAMS_H
#define WORKERS_DATAGRAMS_H

/*
 * Datagrams for a service, by the batch: recvmmsg, the message hook for each, sendmmsg. All
 * workers read the same socket. Answers never go to where a loop or an amplifier could stand:
 * ports below 1024, 2049, broadcast, multicast, the null address, ourselves (inetd's rule,
 * reference: CERT CA-1996-01). What is not answered is counted. Main thread only; never blocks.
 */

#include <stddef.h>

struct datagrams;
struct worker;
struct worker_listener;

/* Returns NULL with errno. Freed with the process. */
struct datagrams *datagrams_new(struct worker *worker);

/* Serve one batch of what waits at the listener. Returns how many there were. */
unsigned datagrams_serve(struct datagrams *datagrams, const struct worker_listener *listener);

/* Answer the datagram whose hook runs now. Returns 0, or -1 when there is no room. */
int datagrams_answer(struct datagrams *datagrams, const char *data, size_t len);

#endif
