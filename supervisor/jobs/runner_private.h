#ifndef SUPERVISOR_JOBS_RUNNER_PRIVATE_H
#define SUPERVISOR_JOBS_RUNNER_PRIVATE_H

/*
 * The runner from within. A run is a job (supervisor/job/job.h) in our loop with a share of the
 * pool, and the word about it to whoever owns the entry. A job that finds no room on the disk is
 * closed as if it had been killed, and opened again when there is some: its journal knows where it
 * was.
 *
 *   start --> WORKING --(complete)--> SYNCING --> ended
 *        \     |   ^                     |
 *         \   (no room, its files are still held)
 *          \   v   |                     |
 *            WAITING --(cancelled, stopped)--> ended
 *
 * Job supervisor only.
 */

#include <limits.h>

#include "supervisor/job/job.h"
#include "supervisor/jobs/pool.h"
#include "supervisor/jobs/runner.h"
#include "supervisor/jobs/settle.h"

#define RUNNER_ROOM_AGAIN_NS 500000000u /* how often a paused job looks for room */
#define RUNNER_NS_IN_MS      1000000u

enum run_state {
    RUN_WORKING, /* it has a job */
    RUN_WAITING, /* for room, or for its files; it has none */
    RUN_SYNCING, /* its job is complete; a child sees its result safe on the disk */
};

struct run {
    TAILQ_ENTRY(run) link;
    struct runner *runner;
    struct entry *entry;
    enum run_state state;
    struct job_spec spec;
    struct job_summary summary;
    struct job *job; /* WORKING */
    struct engine *share;
    char path[PATH_MAX]; /* of the result */
    uint64_t begun_ns, again_ns;
    uint64_t max_result_bytes;
    unsigned locked;            /* times its files were */
    struct settle settle;       /* SYNCING */
    enum entry_state end_state; /* likewise: what it ends as */
    bool is_cancelled, is_too_large, is_crowded;
    int end_error; /* errno of a write that ended it */
    char cause[ENTRY_CAUSE_MAX];
};

struct runner {
    const struct jobs_config *config;
    struct pool *pool;
    struct jobs_board *board;
    struct runner_client client;
    struct loop *loop;
    bool is_stopping, lacks_room;
    TAILQ_HEAD(run_list, run) runs;
};

/* ---- runner_open.c ---- */

/* Open its job, or find out what to wait for. Returns 0, or -1 with the complaint: it cannot be. */
int runner_open_or_wait(struct run *run, struct complaint *complaint, int *out_exit_code);

/* It has no job any more, and gets one when there is room. */
void runner_pause_for_room(struct run *run, int error);

/* Tell the owner, when it is another state than before. */
void runner_set_state(struct run *run, enum entry_state state, const char *cause);

/* ENOSPC, or one that means the same. */
bool runner_is_want_of_room(int error);

/* It is in no list and has no job. */
void runner_free_run(struct run *run);

/* ---- runner_end.c ---- */

/* What its exit code means for the entry; writes the cause. */
enum entry_state runner_judge(struct run *run);

/* What is known of it now, for those who look. WORKING. Returns true when something moved. */
bool runner_take_progress(struct run *run);

/* Its job is over: close it, and see what that means. */
void runner_close_run(struct run *run);

/* Give it back to its owner. */
void runner_end_run(struct run *run, enum entry_state state);

#endif
