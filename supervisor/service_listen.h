#ifndef SUPERVISOR_SERVICE_LISTEN_H
#define SUPERVISOR_SERVICE_LISTEN_H

/*
 * The listening sockets of a service: opened before its first worker, watched while an ondemand
 * pool is empty, closed when workers have emptied their queues. One that a reload takes away
 * retires: workers are told to empty it, and when they have it is closed. Parent only; nothing
 * here blocks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"

struct config;
struct listener;
struct service;

/*
 * Open all that are not open yet, and say so; config: the whole, for ports that it names elsewhere.
 * Returns 0, or -1 with a complaint; then all are closed.
 */
int service_listen_open(
    struct service *service, const struct config *config, struct complaint *complaint);

/* Say in the log and on the console where it listens. */
void service_listen_announce(const struct service *service, const struct listener *listener);

/* Close all: nobody can connect any more. What is lent or borrowed is left to the other. */
void service_listen_close(struct service *service);

/*
 * As service_listen_close(), when workers had their time to empty the queues. What still waits has
 * found no worker with room: it is refused by the kernel, and told.
 */
void service_listen_close_for_good(struct service *service);

/* ondemand: look at the listeners here, while no worker has room. */
void service_listen_watch(struct service *service, bool on);

/* This one (not in service->listener any more) is closed when workers have emptied it. */
void service_listen_retire(struct service *service, const struct listener *listener);

/* Close what has retired, when it is emptied or has had its time. */
void service_listen_tend(struct service *service, uint64_t now_ns);

/*
 * Tell all workers to accept what waits, since it will be closed: for so long at most. Returns
 * until when. The ping behind that order is answered when it is done.
 */
uint64_t service_listen_order_empty(struct service *service);
#define SERVICE_LISTEN_PING_EMPTY 1 /* value of that ping, and of its answer */

/* Has every worker that was told done so, or gone? */
bool service_listen_is_emptied(const struct service *service);

#endif
