#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

/*
 * The supervisor's view of one child: a life in named states. Parent only.
 *
 *   STARTING --READY--> RUNNING --told--> DRAINING --deadline--> CUT --2 s--> KILLED
 *      any of them --its end--> reaped and freed
 */

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/loop.h"

enum child_state { CHILD_STARTING, CHILD_RUNNING, CHILD_DRAINING, CHILD_CUT, CHILD_KILLED };

/* "starting" and so on. */
const char *child_state_name(enum child_state state);

struct service;
struct supervisor;

struct child {
    TAILQ_ENTRY(child) link;
    struct supervisor *supervisor;
    struct service *service; /* NULL: the log writer */
    enum child_state state;
    pid_t pid;
    int pidfd, order_fd;
    uint32_t generation; /* differs for each life */
    unsigned slot;       /* within its service, from 1; its place in the log and on the CPUs */
    int row;             /* in the scoreboard; -1: none */
    uint64_t started_at_ns, ready_at_ns;
    uint64_t deadline_ns;     /* of the state; UINT64_MAX: none */
    const char *leave_reason; /* why it was told to leave; NULL: it was not */
    bool wants_recycling, is_replaced;
    uint64_t seen_hook_count[1]; /* oldest suspicion of a hook that hangs */
    uint64_t hook_seen_at_ns;
    struct loop_watch pidfd_watch, order_watch;
};

TAILQ_HEAD(child_list, child);

#endif
