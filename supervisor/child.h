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
#include "supervisor/commons.h"
#include "supervisor/hang.h"

/* What it was forked to be. */
enum child_kind { CHILD_WORKER, CHILD_LOG_WRITER, CHILD_JOBS };

/* The job supervisor in the log and where people name it. */
#define CHILD_JOBS_NAME "jobs"

enum child_state { CHILD_STARTING, CHILD_RUNNING, CHILD_DRAINING, CHILD_CUT, CHILD_KILLED };

/* "starting" and so on. */
const char *child_state_name(enum child_state state);

struct service;
struct supervisor;

struct child {
    TAILQ_ENTRY(child) link;
    struct supervisor *supervisor;
    enum child_kind kind;
    struct service *service; /* a worker's; NULL otherwise */
    enum child_state state;
    pid_t pid;
    int pidfd, order_fd;
    uint32_t generation; /* differs for each life */
    uint32_t config_generation;
    bool is_held;  /* lets nobody in until it is told to */
    unsigned slot; /* within its service, from 1; its place in the log and on the CPUs; 0: none */
    int row;       /* in the scoreboard; -1: none */
    int lane;      /* of the log; -1: none */
    struct commons commons; /* what it was forked with */
    int room_row;           /* in its room; -1: none */
    uint64_t started_at_ns;
    uint64_t ready_at_ns;     /* 0: not yet */
    uint64_t deadline_ns;     /* of the state; UINT64_MAX: none */
    const char *leave_reason; /* why it was told to leave; NULL: it was not */
    uint64_t leaving_since_ns;
    bool wants_recycling; /* is to be replaced, when a permit is free */
    const char *recycle_reason;
    struct child *replaces; /* the one that drains when this is READY */
    struct hang hang;       /* what its hooks were seen doing */
    uint64_t pinged_at_ns;  /* 0: it owes no answer */
    uint64_t ponged_at_ns;
    bool is_emptying;            /* it was told to empty a queue, and has not said that it did */
    uint64_t pinged_connections; /* how many it had accepted by then */
    uint64_t bad_reports;
    struct loop_watch pidfd_watch, order_watch;
};

TAILQ_HEAD(child_list, child);

/* What the field "service" of the log has when it is about this child; "" for none. */
const char *child_log_name(const struct child *child);

/* Tell it to leave: no more connections, sessions have grace_ms. reason is a static text. */
void child_drain(struct child *child, uint64_t now_ns, uint64_t grace_ms, const char *reason);

/* As child_drain(), after it was sent an ORDER_GIVE: it hands over what sessions it can. */
void child_give(struct child *child, uint64_t now_ns, uint64_t grace_ms, const char *reason);

/* Send it an order, with a descriptor (-1: none). Returns 0, or -1: it does not read. */
int child_order(const struct child *child, uint32_t kind, int fd);

/* End its sessions between two messages. */
void child_cut(struct child *child, uint64_t now_ns, const char *reason);

void child_kill(struct child *child, const char *reason);

bool child_is_leaving(const struct child *child);

#endif
