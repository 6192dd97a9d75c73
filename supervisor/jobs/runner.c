/* The turns of the runner: what each run does next, and what all of them are told. */
#include "supervisor/jobs/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/jobs/runner_private.h"

#define ROOM_LEAST (1u << 20) /* bytes that must be free to go on */

void runner_set_room(struct runner *runner, bool has_room) {
    runner->lacks_room = !has_room;
}

void runner_cancel(struct runner *runner, struct entry *entry) {
    struct run *run = entry->run;

    (void)runner;
    if (run == NULL)
        return;
    run->is_cancelled = true;
    if (run->state == RUN_WORKING)
        job_cancel(run->job, EXIT_CODE_TERMINATED);
}

void runner_stop_all(struct runner *runner) {
    struct run *run;

    runner->is_stopping = true;
    TAILQ_FOREACH (run, &runner->runs, link)
        if (run->state == RUN_WORKING)
            job_drain(run->job, EXIT_CODE_TERMINATED);
}

void runner_cut_all(struct runner *runner) {
    struct run *run;

    runner->is_stopping = true;
    TAILQ_FOREACH (run, &runner->runs, link)
        if (run->state == RUN_WORKING)
            job_cancel(run->job, EXIT_CODE_TERMINATED);
}

/* ---- from turn to turn ---- */

static bool has_room(const struct run *run) {
    struct statvfs room;
    char folder[PATH_MAX], *slash;

    memcpy(folder, run->path, sizeof(folder));
    slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    return statvfs(folder, &room) < 0 || (uint64_t)room.f_bavail * room.f_frsize >= ROOM_LEAST;
}

/* It waits: is it over, or is what it waits for there? */
static void tend_waiting(struct run *run, uint64_t now_ns) {
    struct complaint complaint;
    int exit_code;

    if (run->is_cancelled || run->runner->is_stopping) {
        run->summary.exit_code = EXIT_CODE_TERMINATED;
        runner_end_run(run, runner_judge(run));
        return;
    }
    if (now_ns < run->again_ns)
        return;
    if (run->entry->state == ENTRY_PAUSED && (run->runner->lacks_room || !has_room(run))) {
        run->again_ns = now_ns + RUNNER_ROOM_AGAIN_NS;
        return;
    }
    job_summary_fini(&run->summary);
    if (runner_open_or_wait(run, &complaint, &exit_code) == 0) {
        if (run->state == RUN_WORKING)
            runner_set_state(run, ENTRY_RUNNING, "");
        return;
    }
    run->summary = (struct job_summary){ .exit_code = exit_code };
    snprintf(run->cause, sizeof(run->cause), "%.255s", complaint.text);
    runner_end_run(run, ENTRY_FAILED);
}

static void tend_working(struct run *run) {
    struct runner *runner = run->runner;

    log_set_topic((const struct log_field[]){ LOG_NUMBER("job", run->entry->id), { 0 } });
    job_turn(run->job);
    log_set_topic(NULL);
    if (run->max_result_bytes > 0 && !run->is_too_large &&
        run->entry->result_bytes > run->max_result_bytes) {
        run->is_too_large = true;
        job_cancel(run->job, EXIT_CODE_FAILED);
    } else if (runner->lacks_room && !run->is_crowded && !run->is_cancelled) {
        run->is_crowded = true;
        job_cancel(run->job, EXIT_CODE_TERMINATED);
    }
    if (job_is_over(run->job)) {
        runner_close_run(run);
        return;
    }
    if (runner_take_progress(run))
        runner->client.on_progress(runner->client.arg, run->entry);
}

/* Cancelled it is not wanted any more, and stopped it is looked at again next time. */
static void tend_syncing(struct run *run) {
    if (run->settle.is_over) {
        runner_end_run(run, run->end_state);
    } else if (run->is_cancelled || run->runner->is_stopping) {
        settle_stop(&run->settle);
        run->summary.exit_code = EXIT_CODE_TERMINATED;
        runner_end_run(run, runner_judge(run));
    }
}

void runner_tend(struct runner *runner, uint64_t now_ns) {
    struct run *run, *next;

    for (run = TAILQ_FIRST(&runner->runs); run != NULL; run = next) {
        next = TAILQ_NEXT(run, link);
        if (run->state == RUN_WORKING)
            tend_working(run);
        else if (run->state == RUN_WAITING)
            tend_waiting(run, now_ns);
        else
            tend_syncing(run);
    }
    pool_tend(runner->pool, now_ns);
}

static int sooner(int a, int b) {
    if (a < 0 || b < 0)
        return a > b ? a : b;
    return a < b ? a : b;
}

int runner_patience_ms(const struct runner *runner, uint64_t now_ns) {
    int patience = pool_patience_ms(runner->pool, now_ns);
    const struct run *run;

    TAILQ_FOREACH (run, &runner->runs, link) {
        if (run->state == RUN_WORKING)
            patience = sooner(patience, job_patience_ms(run->job));
        else if (run->is_cancelled || runner->is_stopping || run->settle.is_over)
            return 0;
        else if (run->state == RUN_SYNCING)
            continue;
        else if (run->again_ns <= now_ns)
            return 0;
        else
            patience = sooner(patience, (int)((run->again_ns - now_ns) / RUNNER_NS_IN_MS) + 1);
    }
    return patience;
}

unsigned runner_count_workers(const struct runner *runner, const struct entry *entry) {
    (void)runner;
    return entry->run != NULL && entry->run->share != NULL ? pool_count_workers(entry->run->share)
                                                           : 0;
}

/* ---- the whole ---- */

struct runner *runner_new(const struct jobs_config *config, struct jobs_board *board,
    const struct runner_client *client, struct loop *loop) {
    struct runner *runner = calloc(1, sizeof(*runner));

    if (runner == NULL)
        return NULL;
    *runner = (struct runner){ .config = config, .board = board, .client = *client, .loop = loop };
    TAILQ_INIT(&runner->runs);
    runner->pool = pool_new(&engine_table[config->engine], (uint32_t)config->workers,
        config->command_user, board, loop);
    if (runner->pool != NULL)
        return runner;
    free(runner);
    return NULL;
}

void runner_renew(struct runner *runner, const struct jobs_config *config) {
    struct run *run;

    runner->config = config;
    pool_resize(runner->pool, (uint32_t)config->workers);
    pool_set_command_user(runner->pool, config->command_user);
    TAILQ_FOREACH (run, &runner->runs, link)
        run->max_result_bytes = config->max_result_bytes;
}

void runner_free(struct runner *runner) {
    if (runner == NULL)
        return;
    pool_free(runner->pool);
    free(runner);
}
