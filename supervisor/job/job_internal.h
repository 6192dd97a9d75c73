#ifndef SUPERVISOR_JOB_JOB_INTERNAL_H
#define SUPERVISOR_JOB_JOB_INTERNAL_H

/*
 * The running job, as the files job*.c share it; nobody else includes this.
 *
 *     RUNNING  -> FINISHED   all chunks are released, or passed
 *     RUNNING  -> DRAINING   asked to end: what is claimed is finished, nothing more is claimed
 *     RUNNING, DRAINING -> CANCELLED   asked twice, out of time, or something failed for good
 *
 * In every state but RUNNING the children leave; the job is over when they are gone and the
 * output has what it is to have.
 */

#include "shared/loop.h"
#include "supervisor/job/commit.h"
#include "supervisor/job/engine.h"
#include "supervisor/job/job.h"
#include "supervisor/job/journal.h"
#include "supervisor/job/output.h"
#include "supervisor/job/release.h"
#include "supervisor/job/rest.h"
#include "supervisor/job/watch.h"

enum job_state { JOB_RUNNING, JOB_FINISHED, JOB_DRAINING, JOB_CANCELLED };

struct job {
    const struct job_spec *spec;
    struct job_host host;
    struct job_summary *summary;
    enum job_state state;
    int exit_code; /* of a job that does not finish */
    /* files */
    struct output output;
    struct journal journal;
    struct rest rest;
    char *spool_dir, *spool_path, *rest_path; /* NULL for a job to stdout */
    bool has_journal;
    bool has_output_failed;
    int output_error; /* errno of what failed; 0 */
    bool is_complete; /* an earlier run did all but remove names */
    /* chunks */
    struct ring *ring;
    int ring_fd;
    struct commit commit;
    struct release release;
    uint64_t *solo; /* suspects that wait for a fresh child */
    size_t solo_count;
    uint64_t solo_chunk; /* for which there was a fresh child last; RING_NO_CHUNK: none */
    /* children */
    struct loop *loop;
    struct engine *engine;
    struct watch *watches; /* one for each lane */
    uint32_t young_deaths; /* in a row, before anything was computed */
    /* the loop */
    struct loop_watch blocked; /* the output, while it is blocked; fd -1 otherwise */
    bool must_wake;            /* something is claimable that was not */
    uint64_t woken_base;       /* base when the lanes were last woken */
    uint64_t started_ns, looked_ns, head_since_ns, leave_by_ns, no_room_until_ns;
    uint64_t head;
    bool is_hushed;           /* not all children are listened to */
    bool is_hushed_by_output; /* none of them, because the output is blocked */
    uint64_t hushed_until_ns; /* for so long, if the head does not move */
    uint64_t hushed_base;
};

/* ---- job_files.c ---- */

/* Open output, journal, rest and spool; take up what an earlier run left. 0 or -1. */
int job_files_open(struct job *job, struct complaint *complaint, int *out_exit_code);

/* Close them; after a complete job nothing but the output is left. */
void job_files_close(struct job *job, bool is_complete);

/* ---- job_events.c: what the engine brings ---- */

bool job_events_on_frame(
    void *arg, const struct frame *frame, const char *payload, uint32_t first_lane, uint32_t lanes);
void job_events_on_heard(void *arg);
void job_events_on_lost(void *arg, const struct engine_death *death);
void job_events_on_solo_over(void *arg);

/* Look at all lanes: who is silent, which chunk is over its time. */
void job_events_look(struct job *job, uint64_t elapsed_ms);

/* Give the next suspect its fresh child, if none is at work. */
void job_events_start_solo(struct job *job);

/* ---- job.c ---- */

/* Writing failed, as errno says: tell it, and end the job. */
void job_fail_output(struct job *job);
void job_fail_journal(struct job *job);

#endif
