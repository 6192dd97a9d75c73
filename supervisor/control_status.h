#ifndef SUPERVISOR_CONTROL_STATUS_H
#define SUPERVISOR_CONTROL_STATUS_H

/*
 * The daemon as people look at it, as JSON, from the scoreboard and the supervisor's own lists: it
 * asks no worker, so it answers when every worker is busy. Parent only; never blocks.
 */

#include <jansson.h>

struct service;
struct supervisor;

/* The object of `status --json`; only the service called name, or "jobs", when it is not NULL. */
json_t *control_status_make(struct supervisor *supervisor, const char *name);

/* The array of `ports --json`. */
json_t *control_status_make_ports(struct supervisor *supervisor);

/* What start, stop, restart and scale answer with: name, state, ready, wanted. */
json_t *control_status_make_short(const struct service *service);

/* What waits in the kernel for the service: an object, or null when that is not known. */
json_t *control_status_make_queue(const struct service *service);

/* How many workers there shall be now: 0 unless it runs. */
unsigned control_status_count_wanted(const struct service *service);

#endif
