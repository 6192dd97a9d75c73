#ifndef WORKERS_LANE_H
#define WORKERS_LANE_H

/*
 * A lane: what computes one chunk at a time. Child only, after fork.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/loop.h"
#include "shared/ring.h"
#include "workers/job_worker.h"
#include "workers/kernels/kernel.h"
#include "workers/sink.h"

struct lane {
    const struct job_worker_args *args;
    uint32_t index; /* in the ring */
    struct ring_lane *row;
    _Atomic int32_t *group; /* of a command that runs in it */
    struct sink sink;
    void *state;   /* the kernel's */
    uint64_t seen; /* the ring's returns at the last look */
    bool is_solo_claimed;
    bool is_busy; /* work holds a chunk */
    struct kernel_work work;
};

/*
 * Prepare lane number i of this child: its row, its sink, its kernel state.
 * lock is held over writes when other threads share the pipe; NULL without.
 * Leaves by _exit(JOB_WORKER_EXIT_OPEN) when the kernel cannot be opened.
 */
void lane_init(
    struct lane *lane, const struct job_worker_args *args, uint32_t i, pthread_mutex_t *lock);
void lane_fini(struct lane *lane);

/* Claim up to `most` chunks for this lane. No system call. */
bool lane_claim(struct lane *lane, uint32_t most, struct ring_claim *out);

/* True when there is nothing left to claim, now or later. */
bool lane_is_over(const struct lane *lane);

/* Take chunk i of the claim in hand: row, work and sink are set for it. */
void lane_begin(struct lane *lane, uint64_t chunk, uint32_t epoch);

/* The chunk in hand has its result. */
void lane_end(struct lane *lane, enum kernel_result result);

/* The supervisor wants this attempt given up. */
bool lane_must_stop(const struct lane *lane);

/* The supervisor wants every lane to leave at once. */
bool lane_is_cancelled(const struct lane *lane);

/* Write what is sealed when it is much or old; `now_ns` is clock_now_ns(). Blocks. */
void lane_flush_when_due(struct lane *lane, uint64_t now_ns);

/* Serve until nothing is left: one lane, a kernel with `run`. Blocks. */
void lane_serve(struct lane *lane);

/* Serve until nothing is left: several lanes in one thread, any kernel. Blocks. */
void lane_event_serve(struct lane *lanes, uint32_t count);

#endif
