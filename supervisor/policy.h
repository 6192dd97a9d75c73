#ifndef SUPERVISOR_POLICY_H
#define SUPERVISOR_POLICY_H

/*
 * How many workers now? Pure: counts in, a number out. Forking and ending are service.c's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/config.h"

struct policy_rules {
    unsigned pm; /* enum config_pm */
    unsigned max_children, start_servers, min_spare_servers, max_spare_servers;
};

/* Workers that are not leaving. */
struct policy_counts {
    unsigned starting; /* forked, not READY */
    unsigned with_room;
    unsigned idle;    /* READY, without a session */
    unsigned expired; /* of the idle: for longer than process_idle_timeout */
    unsigned total;   /* starting ones included */
    bool is_first;    /* the pool has just been started */
    bool has_waiting; /* ondemand: a connection waits and nobody has room */
};

/*
 * The number of workers to fork (positive) or to end (negative) now.
 * static: max_children. dynamic: start_servers at first; then at least min_spare_servers with room
 * and at most max_spare_servers idle. ondemand: one for a connection that waits; idle ones end.
 */
int policy_want(const struct policy_rules *rules, const struct policy_counts *counts);

#endif
