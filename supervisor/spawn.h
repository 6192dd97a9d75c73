#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

/*
 * Fork as a transaction: prepare all that can fail, fork, then exactly one of: become the child,
 * keep the child, discard what was prepared. And the other end: reap, and tell in words how it
 * died. Parent only.
 */

#include "supervisor/child.h"

struct service;
struct supervisor;

/*
 * Fork a worker for a slot. is_held: it lets nobody in before ORDER_OPEN. Does not block.
 * Returns the child, in its service's list, STARTING; or NULL with errno (EAGAIN: no process,
 * ENOSPC: no row, EMFILE: no descriptor), noted in the log.
 */
struct child *spawn_worker(struct service *service, unsigned slot, bool is_held);

/* Fork the log writer, or the job supervisor; there must be none. As above. */
struct child *spawn_log_writer(struct supervisor *supervisor);
struct child *spawn_jobs(struct supervisor *supervisor);

struct spawn_death {
    char words[160]; /* "killed by SIGSEGV after 3.2 s, serving 10.0.0.7:4455" */
    bool is_clean;   /* exited with 0 */
    uint64_t uptime_ms;
    long peak_kb;
    uint64_t log_dropped; /* of its records */
};

/*
 * The child is over: reap it, give back its row, slots and descriptors, take it from its list and
 * free it. Returns false when it is not over yet.
 */
bool spawn_reap(struct child *child, struct spawn_death *out_death);

#endif
