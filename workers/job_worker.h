#ifndef WORKERS_JOB_WORKER_H
#define WORKERS_JOB_WORKER_H

/*
 * The child side of a job: claim a chunk in shared memory, compute it, report it through a pipe.
 * One program text for three models: a child with one lane, a child with a thread for each lane,
 * a child with one thread and an event loop for all its lanes.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/result_format.h"
#include "shared/ring.h"
#include "shared/split.h"
#include "workers/kernels/kernel.h"

enum job_worker_model { JOB_WORKER_PROCESS, JOB_WORKER_THREAD, JOB_WORKER_EVENT };

/*
 * Memory that a lane keeps for results on their way: much where it is alone, so that the
 * supervisor is woken rarely, less where it has many neighbours in one process.
 */
#define JOB_WORKER_LANE_BYTES  (192u * 1024u)
#define JOB_WORKER_EVENT_BYTES (64u * 1024u)

/* Exit status of a child whose kernel could not be opened; its reason is on stderr. */
#define JOB_WORKER_EXIT_OPEN 121

struct job_worker_args {
    struct ring *ring;
    const struct kernel_plan *plan;
    const struct split *split;
    enum job_worker_model model;
    uint32_t first_lane, lanes;
    uint32_t ordinal; /* for the process title, from 1 */
    uint32_t batch;   /* chunks claimed at once, 1 to 64; 0: as many as are worth it */
    uint64_t solo;    /* compute this one chunk and leave; RING_NO_CHUNK: all of them */
    enum result_format format;
    _Atomic int32_t *groups; /* process groups of running commands, one a lane; NULL: none run */
    bool is_warm;            /* leaves the job when it finds nothing to claim */
    int result_fd;           /* write end of this child's pipe */
    int life_fd;             /* kept open while this child lives; -1: none */
    int parent_pid;          /* as getpid() said before the fork */
};

/*
 * The whole life of a child of one job. Child only, right after fork, with signals blocked; never
 * returns, ends by _exit.
 */
_Noreturn void job_worker_main(const struct job_worker_args *args);

/*
 * A warm child: it is there before the job, and serves one after the other. An order (ORDER_WORK,
 * shared/contract.h) brings the memory of a ring and the text of a job (job_text.h); when there is
 * nothing more to do for it here, or the rows' `yield` is set, FRAME_LEFT goes through the pipe
 * behind the last result, and the next order is waited for.
 *
 *     IDLE --ORDER_WORK--> SERVING --nothing to claim, or yield--> IDLE
 *     IDLE --end of the orders--> leaves
 */
struct job_worker_warm_args {
    enum job_worker_model model;
    uint32_t lanes;
    uint32_t ordinal;
    _Atomic int32_t *groups; /* as above */
    int order_fd, result_fd, life_fd;
    int parent_pid;
    /* Become who commands are run as; NULL: stay. Returns 0, or -1 with errno. */
    int (*become)(void *arg);
    void *become_arg;
};

_Noreturn void job_worker_warm_main(const struct job_worker_warm_args *args);

/* What a whole job gives. */
struct job_worker_totals {
    uint64_t records;
    uint32_t digest;
};

/*
 * Compute every chunk here, one after the other, rendered and digested as a worker does it and
 * then thrown away: the reference for engines. Any process; blocks until done.
 * Returns 0, or -1 with a complaint.
 */
int job_worker_serial_run(const struct kernel_plan *plan, const struct split *split,
    enum result_format format, struct job_worker_totals *out, struct complaint *complaint);

#endif
