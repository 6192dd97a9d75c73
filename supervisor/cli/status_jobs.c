/* How the job supervisor is, for a person. */
#include "supervisor/cli/status_jobs.h"

#include <inttypes.h>
#include <string.h>

#include "supervisor/cli/explain.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/cli/prose.h"
#include "supervisor/cli/table.h"

#define INDENT 15

enum { SLOT, PID, STATE, JOB, FRAMES, UP, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [SLOT] = { .name = "SLOT", .is_number = true },
    [PID] = { .name = "PID", .is_number = true },
    [STATE] = { .name = "STATE" },
    [JOB] = { .name = "JOB", .is_number = true },
    [FRAMES] = { .name = "FRAMES", .is_number = true, .spared = 1 },
    [UP] = { .name = "UP", .is_number = true, .spared = 2 },
};

static enum table_colour state_colour(const char *state) {
    return strcmp(state, "RUNNING") == 0 ? TABLE_GOOD : TABLE_WARN;
}

static void add_jobs(struct prose *prose, const json_t *jobs) {
    prose_add(prose, "%" PRIu64 " running, %" PRIu64 " queued, %" PRIu64 " paused",
        json_read_number(jobs, "running"), json_read_number(jobs, "queued"),
        json_read_number(jobs, "paused"));
}

/* Behind its state: why, and of what it died. */
static void add_trouble(struct prose *prose, const json_t *jobs) {
    const json_t *death = json_object_get(jobs, "last_death");
    char span[NUMBER_TEXT_MAX];

    if (json_read_text(jobs, "state_reason")[0] != '\0')
        prose_add(prose, ": %s", json_read_text(jobs, "state_reason"));
    if (json_is_object(death))
        prose_add(prose, "; it %s, %s ago", json_read_text(death, "words"),
            json_read_span(span, json_read_number(death, "ago_s")));
    if (explain_has(jobs, "next_try_ms"))
        prose_add(prose, "; the next try is in %s", explain_span(span, jobs, "next_try_ms"));
}

static size_t count_busy(const json_t *workers) {
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(workers); i++)
        count += explain_has(json_array_get(workers, i), "job");
    return count;
}

void status_jobs_write_line(const struct cmd_status_place *place, const json_t *jobs) {
    const json_t *workers = json_object_get(jobs, "workers");
    const char *state = json_read_text(jobs, "state");
    const bool is_well = strcmp(state, "RUNNING") == 0;
    const enum table_colour colour = is_well ? TABLE_PLAIN : state_colour(state);
    struct prose prose = { .len = 0 };

    if (!json_is_object(jobs))
        return;
    prose_add(&prose, "jobs: %s", state);
    if (explain_has(jobs, "pid"))
        prose_add(&prose, ", pid %" PRIu64, json_read_number(jobs, "pid"));
    if (explain_has(jobs, "running")) {
        prose_add(&prose, ", ");
        add_jobs(&prose, jobs);
        prose_add(&prose, ", %zu of %zu worker%s busy", count_busy(workers),
            json_array_size(workers), explain_plural(json_array_size(workers)));
    }
    if (!is_well)
        add_trouble(&prose, jobs);
    fputs(table_colour_on(colour, place->has_colour), place->out);
    prose_write(&prose, place->out, "", 0, place->width);
    fputs(table_colour_off(colour, place->has_colour), place->out);
}

/* ---- all about it ---- */

static void write_workers(const struct cmd_status_place *place, const json_t *workers) {
    struct table table;
    char span[NUMBER_TEXT_MAX];
    const json_t *worker;
    size_t i, row;

    table_init(&table, columns, COLUMNS);
    json_array_foreach(workers, i, worker) {
        row = table_add_row(&table);
        table_set(&table, row, SLOT, TABLE_PLAIN, "%" PRIu64, json_read_number(worker, "slot"));
        table_set(&table, row, PID, TABLE_PLAIN, "%" PRIu64, json_read_number(worker, "pid"));
        table_set(&table, row, STATE, TABLE_PLAIN, "%s", json_read_text(worker, "state"));
        if (explain_has(worker, "job"))
            table_set(&table, row, JOB, TABLE_PLAIN, "%" PRIu64, json_read_number(worker, "job"));
        else
            table_set(&table, row, JOB, TABLE_PLAIN, "-");
        table_set(&table, row, FRAMES, TABLE_PLAIN, "%" PRIu64, json_read_number(worker, "frames"));
        table_set(&table, row, UP, TABLE_PLAIN, "%s",
            json_read_span(span, json_read_number(worker, "uptime_s")));
    }
    fputc('\n', place->out);
    table_write(&table, place->out, place->width, place->has_colour);
    table_fini(&table);
}

/* A label and what stands beside it. */
static void write_row(
    const struct cmd_status_place *place, const char *label, const struct prose *prose) {
    prose_write(prose, place->out, label, INDENT, place->width);
}

static void write_counts(const struct cmd_status_place *place, const json_t *jobs) {
    const json_t *death = json_object_get(jobs, "last_death");
    struct prose now = { .len = 0 }, total = { .len = 0 }, restarts = { .len = 0 };
    char span[NUMBER_TEXT_MAX];

    if (explain_has(jobs, "running"))
        add_jobs(&now, jobs);
    write_row(place, "  jobs", &now);
    prose_add(&total,
        "%" PRIu64 " done, %" PRIu64 " failed, %" PRIu64 " cancelled, %" PRIu64 " chunks; %" PRIu64
        " worker%s died",
        json_read_number(jobs, "done"), json_read_number(jobs, "failed"),
        json_read_number(jobs, "cancelled"), json_read_number(jobs, "chunks"),
        json_read_number(jobs, "worker_deaths"),
        explain_plural(json_read_number(jobs, "worker_deaths")));
    write_row(place, "  in all", &total);
    prose_add(&restarts, "%" PRIu64, json_read_number(jobs, "restarts"));
    if (json_is_object(death))
        prose_add(&restarts, "; %s ago it %s",
            json_read_span(span, json_read_number(death, "ago_s")), json_read_text(death, "words"));
    write_row(place, "  restarts", &restarts);
}

void status_jobs_write(const struct cmd_status_place *place, const json_t *jobs) {
    const char *state = json_read_text(jobs, "state"),
               *reason = json_read_text(jobs, "state_reason");
    const json_t *workers = json_object_get(jobs, "workers");
    struct prose head = { .len = 0 };
    char span[NUMBER_TEXT_MAX];

    if (!json_is_object(jobs)) {
        prose_add(&head, "there is no job supervisor; prefork explain jobs says why");
        prose_write(&head, place->out, "", 0, place->width);
        return;
    }
    prose_add(&head, "the job supervisor is %s for %s", state,
        json_read_span(span, json_read_number(jobs, "state_for_s")));
    if (explain_has(jobs, "pid"))
        prose_add(&head, ", pid %" PRIu64, json_read_number(jobs, "pid"));
    if (reason[0] != '\0')
        prose_add(&head, ": %s", reason);
    if (explain_has(jobs, "next_try_ms"))
        prose_add(&head, "; the next try is in %s", explain_span(span, jobs, "next_try_ms"));
    fputs(table_colour_on(state_colour(state), place->has_colour), place->out);
    prose_write(&head, place->out, "", 0, place->width);
    fputs(table_colour_off(state_colour(state), place->has_colour), place->out);
    write_counts(place, jobs);
    if (json_array_size(workers) > 0)
        write_workers(place, workers);
}
