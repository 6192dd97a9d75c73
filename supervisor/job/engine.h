#ifndef SUPERVISOR_JOB_ENGINE_H
#define SUPERVISOR_JOB_ENGINE_H

/*
 * An engine keeps the children of a job alive and brings what they report. It knows nothing of
 * commit, order, journal, retry or blame: those live above, once, so that every engine yields the
 * same bytes. The three engines differ by a row: how many children, how many lanes in each, and
 * which run loop they have.
 *
 * A child's life:
 *
 *     (none) -> RUNNING -> LEAVING -> (none)      it left because there was nothing more to do
 *               RUNNING -> KILLED  -> (none)      we ended it; the reason is kept
 *               RUNNING ----------> (none)        it died
 *
 * Of a dead child first every complete frame is taken out of its pipe, then its processes are
 * ended, then on_lost is called: only now may its chunks go to somebody else.
 *
 * Job supervisor only; nothing blocks but fork and the disk under the callbacks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/frame.h"
#include "shared/loop.h"
#include "shared/ring.h"
#include "shared/split.h"
#include "supervisor/job/blame.h"
#include "workers/job_worker.h"

/* A row of the table of engines. */
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
    uint32_t ordinal; /* of the child, from 1 */
    int pid;
    uint32_t first_lane, lanes;
    bool is_solo;
    enum blame_cause cause;
    int code, status; /* of waitid(2) */
    uint64_t uptime_ns;
    uint64_t frames;     /* complete ones, in its life */
    uint64_t torn_bytes; /* of an incomplete frame that were in the pipe */
    long peak_kb;
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

struct engine_plan {
    const struct engine_kind *kind;
    uint32_t children; /* processes; 1 for thread and event */
    uint32_t lanes_per_child;
    uint32_t batch;
    enum result_format format;
    const struct kernel_plan *kernel;
    const struct split *split;
    struct ring *ring; /* with lanes for all children and one more for a solo child */
};

/* Memory that a child costs its supervisor. */
#define ENGINE_CHILD_BYTES (512u * 1024u)

struct engine;

/* Fork the children. Returns NULL with errno when not a single one could be started. */
struct engine *engine_start(
    const struct engine_plan *plan, const struct engine_client *client, struct loop *loop);

/* Fork the children that are missing; those that cannot be forked now are tried again next time. */
void engine_refill(struct engine *engine);

/* Start a fresh child for one chunk. Returns 0, or -1 with errno: EBUSY while there is one. */
int engine_start_solo(struct engine *engine, uint64_t chunk);

/* End the child that serves the lane, and keep the reason for on_lost. */
void engine_kill_lane(struct engine *engine, uint32_t lane, enum blame_cause cause);

/*
 * Listen only to the child that serves the lane; the others come to a stop when their pipes are
 * full. Returns false when there is no such child, or no other one: nothing changes then.
 */
bool engine_hush_others(struct engine *engine, uint32_t lane);

/* Listen to no child. */
void engine_hush_all(struct engine *engine);

/* Listen to all children again. */
void engine_hear_all(struct engine *engine);

/* From now on nobody is replaced; who leaves, leaves. */
void engine_let_leave(struct engine *engine);

/* Reap what commands left behind and what came to us with the end of its parent. */
void engine_reap_orphans(struct engine *engine);

/* End all children at once. */
void engine_kill_all(struct engine *engine);

/* How many children there are. */
uint32_t engine_count(const struct engine *engine);

/* Pid of the child that serves the lane, or 0. */
int engine_lane_pid(const struct engine *engine, uint32_t lane);

/* Free everything; there must be no children left. */
void engine_free(struct engine *engine);

#endif
