/*
 * Jobs in work. A run is a job (supervisor/job/job.h) in our loop with a share of the pool, and the
 * word about it to whoever owns the entry. A job that finds no room on the disk is closed as if it
 * had been killed, and opened again when there is some: its journal knows where it was.
 */
#include "supervisor/jobs/runner.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/number.h"
#include "supervisor/job/job.h"
#include "supervisor/job/job_json.h"
#include "supervisor/jobs/pool.h"
#include "supervisor/jobs/settle.h"

#define ROOM_AGAIN_NS 500000000u /* how often a paused job looks for room */
#define LOCK_AGAIN_NS 20000000u  /* and one whose files a dying process still has */
#define LOCK_PATIENCE 250u       /* times */
#define ROOM_LEAST    (1u << 20) /* bytes that must be free to go on */
#define NS_IN_MS      1000000u

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

/* ---- opening ---- */

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

static bool is_want_of_room(int error) {
    return error == ENOSPC || error == EDQUOT;
}

static void wait_for(struct run *run, uint64_t again_in_ns) {
    run->state = RUN_WAITING;
    run->job = NULL;
    run->share = NULL;
    run->again_ns = clock_now_ns() + again_in_ns;
}

static void set_state(struct run *run, enum entry_state state, const char *cause) {
    struct entry *entry = run->entry;

    if (entry->state == state)
        return;
    entry->state = state;
    snprintf(entry->cause, sizeof(entry->cause), "%s", cause);
    run->runner->client.on_state(run->runner->client.arg, entry);
}

static void pause_for_room(struct run *run, int error) {
    char cause[ENTRY_CAUSE_MAX];

    wait_for(run, ROOM_AGAIN_NS);
    snprintf(cause, sizeof(cause), "no room to keep its result: %s",
        run->is_crowded ? "the spool is as large as max_spool allows" : strerror(error));
    run->is_crowded = false;
    set_state(run, ENTRY_PAUSED, cause);
}

/* Open it, or find out what to wait for. Returns 0, or -1 with the complaint: it cannot be. */
static int open_or_wait(struct run *run, struct complaint *complaint, int *out_exit_code) {
    if (open_job(run, complaint, out_exit_code) == 0)
        return 0;
    if (is_want_of_room(errno)) {
        pause_for_room(run, errno);
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
    uint64_t worked_ms = run->entry->wall_ns / NS_IN_MS;

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

static void free_run(struct run *run) {
    job_json_fini(&run->spec);
    job_summary_fini(&run->summary);
    free(run);
}

void runner_set_room(struct runner *runner, bool has_room) {
    runner->lacks_room = !has_room;
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
        open_or_wait(run, complaint, out_exit_code) < 0) {
        free_run(run);
        return -1;
    }
    entry->run = run;
    TAILQ_INSERT_TAIL(&runner->runs, run, link);
    pool_tend(runner->pool, clock_now_ns());
    return 0;
}

/* ---- ending ---- */

static void describe_held(struct run *run) {
    const struct job_summary *summary = &run->summary;
    const char *cause = summary->held[0].cause != NULL ? summary->held[0].cause : "failed";

    snprintf(run->cause, sizeof(run->cause),
        "%" PRIu64 " held, the first is chunk %" PRIu64 ": %s%s", summary->held_count,
        summary->held[0].chunk + 1, strncmp(cause, "the ", strlen("the ")) == 0 ? "" : "it ",
        cause);
}

/* What an exit code of the job means for the entry. */
static enum entry_state judge(struct run *run) {
    char number[NUMBER_TEXT_MAX];
    int exit_code = run->summary.exit_code;

    if (exit_code == EXIT_CODE_OK)
        return ENTRY_DONE;
    if (run->is_cancelled) {
        snprintf(run->cause, sizeof(run->cause), "cancelled");
        return ENTRY_CANCELLED;
    }
    if (run->is_too_large) {
        snprintf(run->cause, sizeof(run->cause), "its result is larger than max_result, %s",
            number_format_bytes(number, run->max_result_bytes));
        return ENTRY_FAILED;
    }
    if (exit_code == EXIT_CODE_TERMINATED)
        return ENTRY_QUEUED;
    if (exit_code == EXIT_CODE_INCOMPLETE && run->summary.held_count > 0) {
        describe_held(run);
        return ENTRY_INCOMPLETE;
    }
    if (exit_code == EXIT_CODE_TIME_LIMIT)
        snprintf(run->cause, sizeof(run->cause), "its time limit was reached");
    else if (run->end_error != 0)
        snprintf(run->cause, sizeof(run->cause), "its result cannot be written: %s",
            strerror(run->end_error));
    else if (run->summary.held_count > 0)
        describe_held(run);
    else
        snprintf(run->cause, sizeof(run->cause), "its workers failed: see the log");
    return ENTRY_FAILED;
}

/* What is known of it now, for those who look. Returns true when something moved. */
static bool take_progress(struct run *run) {
    struct entry *entry = run->entry;
    struct job_progress_now now;
    bool has_moved;

    job_measure(run->job, &now);
    run->runner->board->chunks += now.chunks_done - entry->chunks_done;
    has_moved = now.output_bytes != entry->result_bytes || now.chunks_done != entry->chunks_done;
    entry->chunks_done = now.chunks_done;
    entry->records = now.records;
    entry->digest = now.digest;
    entry->result_bytes = now.output_bytes;
    return has_moved;
}

static void end_run(struct run *run, enum entry_state state) {
    struct runner *runner = run->runner;
    struct entry *entry = run->entry;

    entry->state = state;
    entry->exit_code = state == ENTRY_QUEUED ? 0 : run->summary.exit_code;
    if (state == ENTRY_CANCELLED)
        entry->exit_code = EXIT_CODE_TERMINATED;
    snprintf(entry->cause, sizeof(entry->cause), "%s", run->cause);
    entry->wall_ns += clock_now_ns() - run->begun_ns;
    entry->run = NULL;
    TAILQ_REMOVE(&runner->runs, run, link);
    free_run(run);
    runner->client.on_end(runner->client.arg, entry);
}

/* Cancelled it is not wanted any more, and stopped it is looked at again next time. */
static void tend_syncing(struct run *run) {
    if (run->settle.is_over) {
        end_run(run, run->end_state);
    } else if (run->is_cancelled || run->runner->is_stopping) {
        settle_stop(&run->settle);
        run->summary.exit_code = EXIT_CODE_TERMINATED;
        end_run(run, judge(run));
    }
}

/* Is that why it is over: there is no room, so that it goes on when there is? */
static bool is_paused_by(const struct run *run, int error) {
    if (run->is_cancelled || run->runner->is_stopping)
        return false;
    return is_want_of_room(error) ||
           (run->is_crowded && run->summary.exit_code == EXIT_CODE_TERMINATED);
}

/* Its job is over: close it, and see what that means. */
static void close_run(struct run *run) {
    struct entry *entry = run->entry;
    int error = job_output_error(run->job);
    enum entry_state state;

    take_progress(run);
    job_close(run->job);
    run->job = NULL;
    run->share = NULL;
    if (is_paused_by(run, error)) {
        pause_for_room(run, error);
        return;
    }
    run->end_error = error;
    state = judge(run);
    entry->records = run->summary.records;
    entry->digest = run->summary.digest;
    if (state != ENTRY_QUEUED)
        entry->result_bytes = run->summary.output_bytes;
    run->end_state = state;
    if (run->summary.needs_sync && settle_start(&run->settle, run->runner->loop, run->path))
        run->state = RUN_SYNCING;
    else
        end_run(run, state);
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
        end_run(run, judge(run));
        return;
    }
    if (now_ns < run->again_ns)
        return;
    if (run->entry->state == ENTRY_PAUSED && (run->runner->lacks_room || !has_room(run))) {
        run->again_ns = now_ns + ROOM_AGAIN_NS;
        return;
    }
    job_summary_fini(&run->summary);
    if (open_or_wait(run, &complaint, &exit_code) == 0) {
        if (run->state == RUN_WORKING)
            set_state(run, ENTRY_RUNNING, "");
        return;
    }
    run->summary = (struct job_summary){ .exit_code = exit_code };
    snprintf(run->cause, sizeof(run->cause), "%.255s", complaint.text);
    end_run(run, ENTRY_FAILED);
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
        close_run(run);
        return;
    }
    if (take_progress(run))
        runner->client.on_progress(runner->client.arg, run->entry);
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
            patience = sooner(patience, (int)((run->again_ns - now_ns) / NS_IN_MS) + 1);
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
