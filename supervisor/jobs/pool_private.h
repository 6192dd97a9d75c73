#ifndef SUPERVISOR_JOBS_POOL_PRIVATE_H
#define SUPERVISOR_JOBS_POOL_PRIVATE_H

/* The pool as pool.c and pool_share.c share it; nobody else includes this. */

#include <bsd/sys/queue.h>

#include "shared/log.h"
#include "supervisor/job/guard.h"
#include "supervisor/jobs/pool.h"

#define POOL_MEMBERS_MAX 1000u

struct share;

struct member {
    struct job_child child; /* first: a child is its member */
    struct pool *pool;
    uint32_t index;
    int order_fd, child_order_fd;         /* -1: none */
    bool is_for_commands, wants_commands; /* what it is; what the next life is */
    bool is_retired;                      /* it was ended while idle, by us */
    uint64_t not_before_ns;               /* no fork before */
    /* While it works for somebody. */
    struct share *share;
    bool yields;
    uint64_t solo; /* the one chunk it is for; RING_NO_CHUNK: all */
    uint32_t first_lane, lanes;
    uint64_t busy_since_ns;
};

/* What one job has of the pool. */
struct share {
    struct engine engine; /* first: an engine of ours is a share */
    TAILQ_ENTRY(share) link;
    struct pool *pool;
    uint64_t job;
    struct engine_plan plan;
    struct engine_client client;
    int text_fd;
    bool is_leaving;
    uint64_t solo; /* a chunk that waits for a fresh worker; RING_NO_CHUNK: none */
    bool has_solo; /* somebody is at one */
    uint32_t count;
    uint64_t paid_ns; /* for work that is over */
    struct log_field topic[2];
};

struct pool {
    const struct engine_kind *kind;
    struct jobs_board *board;
    struct loop *loop;
    struct member *members; /* POOL_MEMBERS_MAX */
    uint32_t wanted, lanes_per_member;
    uint32_t high; /* members that there ever were */
    uint64_t surveyed_ns, reaped_ns;
    char *command_user;
    struct guard guard; /* fd -1: not started */
    _Atomic int32_t *groups;
    bool has_warned;   /* of a fork that failed */
    bool is_contended; /* somebody wants a worker, and all are busy */
    TAILQ_HEAD(share_list, share) shares;
};

/* ---- pool.c ---- */

/* Its row of the board, as it is now. */
void pool_show(const struct member *member);

/* Fork who is missing. */
void pool_refill(struct pool *pool, uint64_t now_ns);

/* End an idle worker. */
void pool_retire(struct member *member);

/* ---- pool_share.c ---- */

/* It says that it is done with its job. Returns false when that cannot be. */
bool pool_take_leave(struct member *member);

/* It died at work. */
void pool_lose(struct member *member, const struct job_child_death *death);

#endif
