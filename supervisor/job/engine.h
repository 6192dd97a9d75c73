#ifndef SUPERVISOR_JOB_ENGINE_H
#define SUPERVISOR_JOB_ENGINE_H

/*
 * What computes a job, and brings what is reported. It knows nothing of commit, order, journal,
 * retry or blame: those live above, once, so that every engine yields the same bytes.
 *
 * The kinds differ by a row: how many children, how many lanes in each, and which run loop they
 * have. Where the children come from is behind the ops: engine_local.h forks them for this one
 * job; the daemon lends them from a pool that many jobs share.
 *
 * Job supervisor only; nothing blocks but fork and the disk under the callbacks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/frame.h"
#include "shared/result_format.h"
#include "shared/ring.h"
#include "shared/split.h"
#include "supervisor/job/job_child.h"
#include "workers/job_worker.h"

/* A row of the table of kinds. */
struct engine_kind {
    const char *name;
    enum job_worker_model model;
    const char *summary;
    const char *lane_word; /* what a lane is called: worker, thread, lane */
};

extern const struct engine_kind engine_table[];
extern const char *const engine_names[]; /* NULL-terminated, in the order of the table */

/* The end of a child that was not asked to leave. */
struct engine_death {
    struct job_child_death of;
    uint32_t first_lane, lanes;
    bool is_solo;
};

/* What is above the engine. */
struct engine_client {
    void *arg;
    /* One complete frame. Returns false when the sender must be ended: it lies. */
    bool (*on_frame)(void *arg, const struct frame *frame, const char *payload, uint32_t first_lane,
        uint32_t lanes);
    /* The payloads of the last frames are about to be overwritten. */
    void (*on_heard)(void *arg);
    /* A child is dead, all it said has been heard. */
    void (*on_lost)(void *arg, const struct engine_death *death);
    /* The child that was started for one chunk has left; it may have died before. */
    void (*on_solo_over)(void *arg);
};

/* What is to be computed. All of it is borrowed for the engine's life. */
struct engine_plan {
    const struct engine_kind *kind;
    uint32_t children; /* processes; 1 for thread and event */
    uint32_t lanes_per_child;
    uint32_t batch;
    enum result_format format;
    const struct kernel_plan *kernel;
    const struct split *split;
    struct ring *ring; /* with lanes for all children and one more for a solo child */
    int ring_fd;       /* the memory of the ring */
};

struct engine;

struct engine_ops {
    /* Start a fresh child for one chunk. 0, or -1 with errno: EBUSY while there is one. */
    int (*start_solo)(struct engine *engine, uint64_t chunk);
    /* End the child that serves the lane, and keep the reason for on_lost. */
    void (*kill_lane)(struct engine *engine, uint32_t lane, enum blame_cause cause);
    /* Pid of the child that serves the lane, or 0. */
    int (*lane_pid)(const struct engine *engine, uint32_t lane);
    /*
     * Listen only to the child that serves the lane; the others come to a stop when their pipes
     * are full. False when there is no such child, or no other one: nothing changes then.
     */
    bool (*hush_others)(struct engine *engine, uint32_t lane);
    /* Listen to no child; to all of them again. */
    void (*hush_all)(struct engine *engine);
    void (*hear_all)(struct engine *engine);
    /* From time to time: fork who is missing, reap what commands left behind. */
    void (*look)(struct engine *engine);
    /* From now on nobody is replaced; who leaves, leaves. */
    void (*let_leave)(struct engine *engine);
    /* End all children at once. */
    void (*kill_all)(struct engine *engine);
    /* How many children work for this job. */
    uint32_t (*count)(const struct engine *engine);
    /* Free everything; no child works for it. */
    void (*free)(struct engine *engine);
};

/* The front of an engine; what lies behind it is its own. */
struct engine {
    const struct engine_ops *ops;
};

#endif
