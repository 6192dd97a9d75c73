/* How a job comes out of work, and what it is then. */
#include "supervisor/jobs/runner_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/number.h"

static void describe_held(struct run *run) {
    const struct job_summary *summary = &run->summary;
    const char *cause = summary->held[0].cause != NULL ? summary->held[0].cause : "failed";

    snprintf(run->cause, sizeof(run->cause),
        "%" PRIu64 " held, the first is chunk %" PRIu64 ": %s%s", summary->held_count,
        summary->held[0].chunk + 1, strncmp(cause, "the ", strlen("the ")) == 0 ? "" : "it ",
        cause);
}

/* What an exit code of the job means for the entry. */
enum entry_state runner_judge(struct run *run) {
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
bool runner_take_progress(struct run *run) {
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

void runner_end_run(struct run *run, enum entry_state state) {
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
    runner_free_run(run);
    runner->client.on_end(runner->client.arg, entry);
}

/* Is that why it is over: there is no room, so that it goes on when there is? */
static bool is_paused_by(const struct run *run, int error) {
    if (run->is_cancelled || run->runner->is_stopping)
        return false;
    return runner_is_want_of_room(error) ||
           (run->is_crowded && run->summary.exit_code == EXIT_CODE_TERMINATED);
}

/* Its job is over: close it, and see what that means. */
void runner_close_run(struct run *run) {
    struct entry *entry = run->entry;
    int error = job_output_error(run->job);
    enum entry_state state;

    runner_take_progress(run);
    job_close(run->job);
    run->job = NULL;
    run->share = NULL;
    if (is_paused_by(run, error)) {
        runner_pause_for_room(run, error);
        return;
    }
    run->end_error = error;
    state = runner_judge(run);
    entry->records = run->summary.records;
    entry->digest = run->summary.digest;
    if (state != ENTRY_QUEUED)
        entry->result_bytes = run->summary.output_bytes;
    run->end_state = state;
    if (run->summary.needs_sync && settle_start(&run->settle, run->runner->loop, run->path))
        run->state = RUN_SYNCING;
    else
        runner_end_run(run, state);
}
