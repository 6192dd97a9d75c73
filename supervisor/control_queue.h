#ifndef SUPERVISOR_CONTROL_QUEUE_H
#define SUPERVISOR_CONTROL_QUEUE_H

/* What waits in the kernel for a service: its queue of connections. Parent only; never blocks. */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/listen.h"

struct control_queue {
    uint64_t waiting, limit; /* connections that nobody has accepted; the backlog */
    uint64_t waiting_bytes;  /* datagrams that nobody has read */
    uint64_t overrun;        /* datagrams that found no room */
};

/* Add what waits at this listener. Returns false when the kernel does not say. */
bool control_queue_add(struct control_queue *queue, const struct listener *listener);

#endif
