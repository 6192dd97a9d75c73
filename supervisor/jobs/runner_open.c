/* How a job comes into work, or has to wait for it. */
#include "supervisor/jobs/runner_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "supervisor/job/job_json.h"

#define LOCK_AGAIN_NS 20000000u /* how often a job looks whose files a dying process still has */
#define LOCK_PATIENCE 250u      /* times */

static struct engine *start_engine(
    void *arg, const struct engine_plan *plan, const struct engine_client *client) {
    struct run *run = arg;

    run->share = pool_share(run->runner->pool, run->entry->id, plan, client);
    return run->share;
}

/* Returns 0, or -1 with the complaint, and errno when it was the disk. */
static int open_job(struct run *run, struct complaint *complaint, int *out_exit_code) {
    const struct job_host host = {
        .arg = run, .start_engine = start_engine, .keeps_journal = true, .is_output_private = true
    };

    errno = 0;
    run->job = job_open(&run->spec, &host, &run->summary, complaint);
    *out_exit_code = run->summary.exit_code;
    if (run->job == NULL)
        return -1;
    run->state = RUN_WORKING;
    if (job_start(run->job, run->runner->loop, complaint) == 0)
        return 0;
    *out_exit_code = EXIT_CODE_SYSTEM;
    job_close(run->job);
    run->job = NULL;
    return -1;
}

bool runner_is_want_of_room(int error) {
    return error == ENOSPC || error == EDQUOT;
}

static void wait_for(struct run *run, uint64_t again_in_ns) {
    run->state = RUN_WAITING;
    run->job = NULL;
    run->share = NULL;
    run->again_ns = clock_now_ns() + again_in_ns;
}

void runner_set_state(struct run *run, enum entry_state state, const char *cause) {
    struct entry *entry = run->entry;

    if (entry->state == state)
        return;
    entry->state = state;
    snprintf(entry->cause, sizeof(entry->cause), "%s", cause);
    run->runner->client.on_state(run->runner->client.arg, entry);
}

void runner_pause_for_room(struct run *run, int error) {
    char cause[ENTRY_CAUSE_MAX];

    wait_for(run, RUNNER_ROOM_AGAIN_NS);
    snprintf(cause, sizeof(cause), "no room to keep its result: %s",
        run->is_crowded ? "the spool is as large as max_spool allows" : strerror(error));
    run->is_crowded = false;
    runner_set_state(run, ENTRY_PAUSED, cause);
}

/* Open it, or find out what to wait for. Returns 0, or -1 with the complaint: it cannot be. */
int runner_open_or_wait(struct run *run, struct complaint *complaint, int *out_exit_code) {
    if (open_job(run, complaint, out_exit_code) == 0)
        return 0;
    if (runner_is_want_of_room(errno)) {
        runner_pause_for_room(run, errno);
        return 0;
    }
    /* What the last job supervisor left is on its way out, and holds its locks until then. */
    if (*out_exit_code == EXIT_CODE_BUSY && run->locked++ < LOCK_PATIENCE) {
        wait_for(run, LOCK_AGAIN_NS);
        return 0;
    }
    return -1;
}

/* The time limit is one of work, over all runs. */
static int limit_time(struct run *run, struct complaint *complaint, int *out_exit_code) {
    uint64_t *limit_ms = &run->spec.options.timeout_ms;
    uint64_t worked_ms = run->entry->wall_ns / RUNNER_NS_IN_MS;

    if (*limit_ms == 0)
        return 0;
    if (worked_ms >= *limit_ms) {
        *out_exit_code = EXIT_CODE_TIME_LIMIT;
        return complaint_set(complaint, "the time limit of the job is reached");
    }
    *limit_ms -= worked_ms;
    return 0;
}

static int prepare(
    struct run *run, const char *folder, struct complaint *complaint, int *out_exit_code) {
    const struct jobs_config *config = run->runner->config;
    struct job_options *options = &run->spec.options;

    if (job_json_read(run->entry->what, &run->spec, complaint, out_exit_code) < 0)
        return -1;
    if (snprintf(run->path, sizeof(run->path), "%s/result", folder) >= (int)sizeof(run->path)) {
        *out_exit_code = EXIT_CODE_IO;
        return complaint_set(complaint, "%s: the path is too long", folder);
    }
    options->output = run->path;
    options->resume = options->quiet = true;
    job_spec_set_lanes(&run->spec, &engine_table[config->engine], pool_members(run->runner->pool),
        pool_lanes_per_member(run->runner->pool));
    run->entry->chunks = run->spec.split.chunks;
    return limit_time(run, complaint, out_exit_code);
}

void runner_free_run(struct run *run) {
    job_json_fini(&run->spec);
    job_summary_fini(&run->summary);
    free(run);
}

int runner_start(struct runner *runner, struct entry *entry, const char *folder,
    struct complaint *complaint, int *out_exit_code) {
    struct run *run = calloc(1, sizeof(*run));

    *out_exit_code = EXIT_CODE_SYSTEM;
    if (run == NULL)
        return complaint_set(complaint, "no memory for a job");
    *run = (struct run){ .runner = runner,
        .entry = entry,
        .begun_ns = clock_now_ns(),
        .max_result_bytes = runner->config->max_result_bytes };
    entry->state = ENTRY_RUNNING;
    if (prepare(run, folder, complaint, out_exit_code) < 0 ||
        runner_open_or_wait(run, complaint, out_exit_code) < 0) {
        runner_free_run(run);
        return -1;
    }
    entry->run = run;
    TAILQ_INSERT_TAIL(&runner->runs, run, link);
    pool_tend(runner->pool, clock_now_ns());
    return 0;
}
