#ifndef SUPERVISOR_JOB_JOB_H
#define SUPERVISOR_JOB_JOB_H

/*
 * One interval job from beginning to end: split, computed by the children of an engine, committed,
 * released in order. It runs in a loop of its owner's, a turn at a time, beside whatever else the
 * owner does:
 *
 *     job_open -> job_start -> { loop_turn, job_turn } until job_is_over -> job_close
 *
 * Job supervisor only. Blocks on nothing but the disk.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/loop.h"
#include "supervisor/job/engine.h"
#include "supervisor/job/job_spec.h"
#include "supervisor/job/progress.h"

#define JOB_HELD_NAMED 16u

struct job_held {
    uint64_t chunk; /* from 0 */
    char *cause;
};

/* What became of it. */
struct job_summary {
    int exit_code;
    bool was_refused;  /* it did not begin: the reason has been said, there is nothing to sum up */
    uint64_t released; /* chunks in the output, those of earlier runs included */
    uint64_t records;
    uint32_t digest;
    uint64_t output_bytes; /* in the output, those of earlier runs included */
    uint64_t wall_ns;
    uint64_t cpu_ns;     /* of the supervisor and all children, by getrusage(2) */
    uint64_t switches;   /* context switches, likewise */
    uint64_t crashes;    /* children that died without being asked to */
    uint64_t lost;       /* chunks that had to be given to somebody else */
    uint64_t done;       /* chunks computed in this run */
    uint64_t checked;    /* of these, computed twice */
    uint64_t spooled;    /* of these, whose result waited on disk */
    uint64_t resumed_at; /* chunks that an earlier run had released */
    bool needs_sync;     /* it took long and is not on the disk: its owner was to see to that */
    uint64_t held_count;
    struct job_held held[JOB_HELD_NAMED]; /* the first of them */
};

struct job;
struct slot;

/* What it needs of its owner. */
struct job_host {
    void *arg;
    /* Start what computes it; NULL with errno when nothing can be started. */
    struct engine *(*start_engine)(
        void *arg, const struct engine_plan *plan, const struct engine_client *client);
    /* Also of a complete job: its owner removes it when it knows that it is, and syncs before. */
    bool keeps_journal;
    /*
     * Nobody else writes the output: what this boot wrote is there, and a resume looks at its end
     * only. Otherwise it is read as a whole.
     */
    bool is_output_private;
    /* A chunk is in the output. NULL: not wanted. */
    void (*on_released)(void *arg, uint64_t chunk, const struct slot *slot);
};

/*
 * Open its files and take up what an earlier run left. spec and summary are borrowed until
 * job_close(). Returns NULL with a complaint; then summary->exit_code says what it is: 65, 71, 74,
 * or 75 when somebody else is at it.
 */
struct job *job_open(const struct job_spec *spec, const struct job_host *host,
    struct job_summary *summary, struct complaint *complaint);

/* Let it begin; it is over at once when there is nothing to do. Returns 0, or -1 with a complaint.
 */
int job_start(struct job *job, struct loop *loop, struct complaint *complaint);

/* Release, write, look after its children; after each turn of the loop. */
void job_turn(struct job *job);

/* For how long the loop may wait at most, in milliseconds. */
int job_patience_ms(const struct job *job);

/* True when no child works for it any more and its output has what it is to have. */
bool job_is_over(const struct job *job);

/* How far it is. Owner's turn. */
struct progress_view job_view(struct job *job, uint64_t now_ns);

/*
 * End it early: when what is claimed is finished, or at once (within 100 ms). exit_code is what it
 * ends with, unless it had another already, or all is done by then. A cancel overrides a drain,
 * never the other way. Drain returns false when it was ending already.
 */
bool job_drain(struct job *job, int exit_code);
void job_cancel(struct job *job, int exit_code);

/* How far it is, for its owner: what is in the output file, and may be read there. */
struct job_progress_now {
    uint64_t chunks_done; /* finished, whether released or not */
    uint64_t released;
    uint64_t records;
    uint32_t digest;
    uint64_t output_bytes;
};

void job_measure(const struct job *job, struct job_progress_now *out);

/* The errno of a write that ended it, or 0. */
int job_output_error(const struct job *job);

/* Sum up, close, free. It is over, or was never started. */
void job_close(struct job *job);

/* Free what a summary holds. */
void job_summary_fini(struct job_summary *summary);

#endif
