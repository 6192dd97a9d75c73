#ifndef TESTS_UNIT_SUPERVISOR_JOBS_RUNNER_FAKE_H
#define TESTS_UNIT_SUPERVISOR_JOBS_RUNNER_FAKE_H

/*
 * A runner that computes nothing: jobs get on, pause and end when the test says so. What the test
 * said is told to the book in the next runner_tend(), as the real one does.
 */

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "supervisor/jobs/runner.h"

struct run {
    TAILQ_ENTRY(run) link;
    struct entry *entry;
    char result[PATH_MAX];
    bool has_progress, has_state, is_over;
    enum entry_state state;
    char cause[ENTRY_CAUSE_MAX];
    int exit_code;
};

static struct runner {
    struct runner_client client;
    TAILQ_HEAD(, run) runs;
    bool is_open;
    bool refuses; /* runner_start() fails */
    unsigned started, tended;
    bool is_stubborn; /* what is claimed takes for ever */
    bool lacks_room;
    const struct jobs_config *config;
} fake_runner;

struct runner *runner_new(const struct jobs_config *config, struct jobs_board *board,
    const struct runner_client *client, struct loop *loop) {
    (void)board;
    (void)loop;
    fake_runner = (struct runner){ .client = *client, .is_open = true, .config = config };
    TAILQ_INIT(&fake_runner.runs);
    return &fake_runner;
}

void runner_renew(struct runner *runner, const struct jobs_config *config) {
    runner->config = config;
}

void runner_set_room(struct runner *runner, bool has_room) {
    runner->lacks_room = !has_room;
}

int runner_start(struct runner *runner, struct entry *entry, const char *folder,
    struct complaint *complaint, int *out_exit_code) {
    struct run *run = calloc(1, sizeof(*run));

    if (runner->refuses) {
        free(run);
        *out_exit_code = EXIT_CODE_DATA;
        return complaint_set(complaint, "the journal is another job's");
    }
    run->entry = entry;
    cr_assert_lt(snprintf(run->result, sizeof(run->result), "%s/result", folder), PATH_MAX);
    entry->run = run;
    TAILQ_INSERT_TAIL(&runner->runs, run, link);
    runner->started++;
    return 0;
}

static inline void fake_end(
    struct entry *entry, enum entry_state state, int exit_code, const char *cause) {
    cr_assert_not_null(entry->run, "job %d is not in work", (int)entry->id);
    entry->run->is_over = true;
    entry->run->state = state;
    entry->run->exit_code = exit_code;
    snprintf(entry->run->cause, sizeof(entry->run->cause), "%s", cause);
}

static inline void fake_finish(struct entry *entry) {
    fake_end(entry, ENTRY_DONE, EXIT_CODE_OK, "");
}

/* It waits for room, or goes on. */
static inline void fake_set_state(struct entry *entry, enum entry_state state, const char *cause) {
    entry->run->has_state = true;
    entry->run->state = state;
    snprintf(entry->run->cause, sizeof(entry->run->cause), "%s", cause);
}

/* More of its result counts. */
static inline void fake_write(struct entry *entry, const void *data, size_t len) {
    int fd = open(entry->run->result, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
    entry->run->has_progress = true;
    entry->result_bytes += len;
    entry->chunks_done++;
    entry->records++;
}

void runner_cancel(struct runner *runner, struct entry *entry) {
    (void)runner;
    fake_end(entry, ENTRY_CANCELLED, EXIT_CODE_TERMINATED, "cancelled");
}

static inline void fake_end_all(void) {
    struct run *run;

    TAILQ_FOREACH (run, &fake_runner.runs, link)
        fake_end(run->entry, ENTRY_QUEUED, 0, "");
}

void runner_stop_all(struct runner *runner) {
    if (!runner->is_stubborn)
        fake_end_all();
}

void runner_cut_all(struct runner *runner) {
    (void)runner;
    fake_end_all();
}

static inline void fake_tell(struct run *run) {
    struct entry *entry = run->entry;

    if (run->has_progress)
        fake_runner.client.on_progress(fake_runner.client.arg, entry);
    run->has_progress = false;
    if (run->has_state || run->is_over) {
        entry->state = run->state;
        snprintf(entry->cause, sizeof(entry->cause), "%s", run->cause);
    }
    if (run->has_state)
        fake_runner.client.on_state(fake_runner.client.arg, entry);
    run->has_state = false;
    if (!run->is_over)
        return;
    TAILQ_REMOVE(&fake_runner.runs, run, link);
    entry->exit_code = run->exit_code;
    entry->run = NULL;
    free(run);
    fake_runner.client.on_end(fake_runner.client.arg, entry);
}

void runner_tend(struct runner *runner, uint64_t now_ns) {
    struct run *run, *next;

    (void)now_ns;
    runner->tended++;
    TAILQ_FOREACH_SAFE (run, &runner->runs, link, next)
        fake_tell(run);
}

int runner_patience_ms(const struct runner *runner, uint64_t now_ns) {
    (void)runner;
    (void)now_ns;
    return -1;
}

unsigned runner_count_workers(const struct runner *runner, const struct entry *entry) {
    (void)runner;
    return entry->run != NULL ? 2 : 0;
}

/* The book may be closed while jobs are in work: that is a kill of the job supervisor. */
void runner_free(struct runner *runner) {
    struct run *run;

    while ((run = TAILQ_FIRST(&runner->runs)) != NULL) {
        TAILQ_REMOVE(&runner->runs, run, link);
        free(run);
    }
    runner->is_open = false;
}

#endif
