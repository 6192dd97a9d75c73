/*
 * Jobs in words. What is missing in an object is left out: the daemon may be of another version.
 */
#include "supervisor/cli/job_view.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "shared/clock.h"
#include "shared/interval.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/cli/table.h"
#include "supervisor/job/job_spec.h"

#define INDENT 13

enum { ID, NAME, USER, KERNEL, INTERVAL, STATE, PROGRESS, RECORDS, WHEN, CAUSE, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [ID] = { .name = "ID", .is_number = true },
    [NAME] = { .name = "NAME", .spared = 4 },
    [USER] = { .name = "USER", .spared = 3 },
    [KERNEL] = { .name = "KERNEL", .spared = 1 },
    [INTERVAL] = { .name = "INTERVAL", .spared = 2 },
    [STATE] = { .name = "STATE" },
    [PROGRESS] = { .name = "DONE", .is_number = true },
    [RECORDS] = { .name = "RESULTS", .is_number = true, .spared = 5 },
    [WHEN] = { .name = "WHEN" },
    [CAUSE] = { .name = "CAUSE" },
};

enum {
    DEFINED_NAME,
    DEFINED_KERNEL,
    DEFINED_INTERVAL,
    DEFINED_RUN,
    DEFINED_NEXT,
    DEFINED_LAST,
    DEFINED_STATE,
    DEFINED_COLUMNS
};

static const struct table_column definition_columns[DEFINED_COLUMNS] = {
    [DEFINED_NAME] = { .name = "NAME" },
    [DEFINED_KERNEL] = { .name = "KERNEL", .spared = 1 },
    [DEFINED_INTERVAL] = { .name = "INTERVAL", .spared = 2 },
    [DEFINED_RUN] = { .name = "RUN" },
    [DEFINED_NEXT] = { .name = "NEXT" },
    [DEFINED_LAST] = { .name = "LAST JOB", .is_number = true },
    [DEFINED_STATE] = { .name = "STATE" },
};

struct job_view_place job_view_stdout(void) {
    return (struct job_view_place){ .out = stdout,
        .width = table_width_of(stdout),
        .has_colour = table_has_colour(stdout),
        .now_unix_s = (int64_t)(clock_wall_ns() / 1000000000u) };
}

static bool is_in(const char *state, const char *const *states) {
    while (*states != NULL && strcmp(*states, state) != 0)
        states++;
    return *states != NULL;
}

static bool has_ended_badly(const char *state) {
    static const char *const states[] = { "incomplete", "failed", "cancelled", NULL };

    return is_in(state, states);
}

static enum table_colour state_colour(const char *state) {
    if (strcmp(state, "done") == 0)
        return TABLE_DIM;
    if (strcmp(state, "running") == 0)
        return TABLE_GOOD;
    if (strcmp(state, "failed") == 0)
        return TABLE_BAD;
    return strcmp(state, "queued") == 0 ? TABLE_PLAIN : TABLE_WARN;
}

/* "1..3 345 212"; as it came when it is none. */
static const char *interval_words(const json_t *object, char dst[INTERVAL_TEXT_MAX]) {
    const char *text = json_read_text(object, "interval");
    struct complaint complaint;
    struct interval interval;

    if (interval_parse(text, strlen(text), &interval, &complaint) < 0)
        return text;
    return interval_format(dst, &interval);
}

/* Seconds from a to b; a clock that was set back makes it none. */
static uint64_t seconds_between(int64_t from, int64_t to) {
    return to > from ? (uint64_t)(to - from) : 0;
}

/* ---- the list ---- */

static unsigned percent_done(const json_t *job) {
    const uint64_t chunks = json_read_number(job, "chunks"),
                   done = json_read_number(job, "chunks_done");

    return chunks > 0 && done < chunks ? (unsigned)(100.0 * (double)done / (double)chunks) : 100;
}

/* What happened to it last, and how long ago. */
static void set_when(
    struct table *table, size_t row, const json_t *job, const struct job_view_place *place) {
    static const struct {
        const char *key, *word;
    } moments[] = { { "ended_at_unix_s", "ended" }, { "started_at_unix_s", "started" },
        { "wanted_at_unix_s", "wanted" } };
    char span[NUMBER_TEXT_MAX];
    uint64_t at;

    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        at = json_read_number(job, moments[i].key);
        if (at == 0)
            continue;
        table_set(table, row, WHEN, TABLE_PLAIN, "%s %s ago", moments[i].word,
            json_read_span(span, seconds_between((int64_t)at, place->now_unix_s)));
        return;
    }
}

static void add_job(struct table *table, const json_t *job, const struct job_view_place *place) {
    const char *state = json_read_text(job, "state");
    char interval[INTERVAL_TEXT_MAX], number[NUMBER_TEXT_MAX];
    const size_t row = table_add_row(table);

    table_set(table, row, ID, TABLE_PLAIN, "%" PRIu64, json_read_number(job, "id"));
    table_set(table, row, NAME, TABLE_PLAIN, "%s", json_read_text(job, "name"));
    table_set(table, row, USER, TABLE_PLAIN, "%s", json_read_text(job, "user"));
    table_set(table, row, KERNEL, TABLE_PLAIN, "%s", json_read_text(job, "kernel"));
    table_set(table, row, INTERVAL, TABLE_PLAIN, "%s", interval_words(job, interval));
    table_set(table, row, STATE, state_colour(state), "%s", state);
    if (json_read_number(job, "chunks") > 0 || strcmp(state, "done") == 0)
        table_set(table, row, PROGRESS, TABLE_PLAIN, "%u %%", percent_done(job));
    else
        table_set(table, row, PROGRESS, TABLE_PLAIN, "-");
    table_set(table, row, RECORDS, TABLE_PLAIN, "%s",
        number_format_grouped(number, json_read_number(job, "records")));
    set_when(table, row, job, place);
    table_set(table, row, CAUSE, TABLE_PLAIN, "%s", json_read_text(job, "cause"));
}

void job_view_write_list(const struct job_view_place *place, const json_t *jobs) {
    struct table table;

    table_init(&table, columns, COLUMNS);
    for (size_t i = 0; i < json_array_size(jobs); i++)
        add_job(&table, json_array_get(jobs, i), place);
    table_write(&table, place->out, place->width, place->has_colour);
    table_fini(&table);
}

/* ---- definitions ---- */

static void add_definition(
    struct table *table, const json_t *definition, const struct job_view_place *place) {
    const uint64_t next = json_read_number(definition, "next_at_unix_s"),
                   last = json_read_number(definition, "last_id");
    const char *state = json_read_text(definition, "last_state");
    char interval[INTERVAL_TEXT_MAX], span[NUMBER_TEXT_MAX];
    const size_t row = table_add_row(table);

    table_set(table, row, DEFINED_NAME, TABLE_PLAIN, "%s", json_read_text(definition, "name"));
    table_set(table, row, DEFINED_KERNEL, TABLE_PLAIN, "%s", json_read_text(definition, "kernel"));
    table_set(
        table, row, DEFINED_INTERVAL, TABLE_PLAIN, "%s", interval_words(definition, interval));
    table_set(table, row, DEFINED_RUN, TABLE_PLAIN, "%s", json_read_text(definition, "run"));
    if (next > 0 && (int64_t)next <= place->now_unix_s)
        table_set(table, row, DEFINED_NEXT, TABLE_PLAIN, "now");
    else if (next > 0)
        table_set(table, row, DEFINED_NEXT, TABLE_PLAIN, "in %s",
            json_read_span(span, seconds_between(place->now_unix_s, (int64_t)next)));
    else
        table_set(table, row, DEFINED_NEXT, TABLE_DIM, "-");
    if (last > 0)
        table_set(table, row, DEFINED_LAST, TABLE_PLAIN, "%" PRIu64, last);
    else
        table_set(table, row, DEFINED_LAST, TABLE_DIM, "-");
    table_set(table, row, DEFINED_STATE, state_colour(state), "%s", state);
}

void job_view_write_definitions(const struct job_view_place *place, const json_t *definitions) {
    struct table table;

    table_init(&table, definition_columns, DEFINED_COLUMNS);
    for (size_t i = 0; i < json_array_size(definitions); i++)
        add_definition(&table, json_array_get(definitions, i), place);
    table_write(&table, place->out, place->width, place->has_colour);
    table_fini(&table);
}

/* ---- one job ---- */

/* The members of an object as options: --by 11,13,17 --count. */
static void say_options(struct prose *prose, const json_t *object) {
    const char *name, *value;
    json_t *member;

    json_object_foreach((json_t *)(uintptr_t)object, name, member) {
        prose_add(prose, " --");
        for (const char *c = name; *c != '\0'; c++)
            prose_add(prose, "%c", *c == '_' ? '-' : *c);
        value = json_string_value(member);
        if (value != NULL && strcmp(value, "true") != 0)
            prose_add(prose, " %s", value);
    }
}

/* What computes it, as one would type it. */
static void say_what(struct prose *prose, const json_t *job) {
    const json_t *what = json_object_get(job, "what"), *argv = json_object_get(what, "argv");
    const char *argument;

    prose_add(prose, "%s", json_read_text(job, "kernel"));
    say_options(prose, json_object_get(what, "params"));
    say_options(prose, json_object_get(what, "options"));
    for (size_t i = 0; i < json_array_size(argv); i++) {
        argument = json_string_value(json_array_get(argv, i));
        prose_add(prose, "%s%s", i == 0 ? " -- " : " ", argument != NULL ? argument : "");
    }
}

static void say_progress(struct prose *prose, const json_t *job) {
    const uint64_t workers = json_read_number(job, "workers"),
                   chunks = json_read_number(job, "chunks");
    char done[NUMBER_TEXT_MAX], all[NUMBER_TEXT_MAX], records[NUMBER_TEXT_MAX];

    if (chunks > 0)
        prose_add(prose, "%u %%, %s of %s chunks, ", percent_done(job),
            number_format_grouped(done, json_read_number(job, "chunks_done")),
            number_format_grouped(all, chunks));
    prose_add(
        prose, "%s results", number_format_grouped(records, json_read_number(job, "records")));
    if (workers > 0)
        prose_add(prose, "; %" PRIu64 " worker%s compute%s now", workers, workers == 1 ? "" : "s",
            workers == 1 ? "s" : "");
    if (json_read_number(job, "runs") > 1)
        prose_add(prose, "; begun %" PRIu64 " times", json_read_number(job, "runs"));
}

/* A moment, in local time and from now; nothing when it has not come. */
static void say_moment(
    struct prose *prose, const json_t *job, const char *key, const struct job_view_place *place) {
    const time_t at = (time_t)json_read_number(job, key);
    char text[32], span[NUMBER_TEXT_MAX];
    struct tm local;

    if (at == 0 || localtime_r(&at, &local) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local) == 0)
        return;
    prose_add(
        prose, "%s, %s ago", text, json_read_span(span, seconds_between(at, place->now_unix_s)));
}

static void say_result(struct prose *prose, const json_t *job) {
    const char *output = json_read_text(job, "output"), *digest = json_read_text(job, "digest");
    char bytes[NUMBER_TEXT_MAX];

    prose_add(prose, "%s", number_format_bytes(bytes, json_read_number(job, "result_bytes")));
    if (digest[0] != '\0')
        prose_add(prose, ", digest %s", digest);
    if (output[0] != '\0')
        prose_add(prose, ", at the end also in %s", output);
}

void job_view_say_next(struct prose *prose, const json_t *job) {
    const char *state = json_read_text(job, "state");
    const uint64_t id = json_read_number(job, "id");

    if (has_ended_badly(state))
        prose_add(prose, "prefork job retry %" PRIu64 " goes on where it was", id);
    else if (strcmp(state, "paused") == 0)
        prose_add(prose,
            "it goes on by itself when the cause is gone; prefork job cancel %" PRIu64 " ends it",
            id);
    else if (strcmp(state, "done") != 0)
        prose_add(prose,
            "prefork job wait %" PRIu64 " waits for its end, prefork job cancel %" PRIu64
            " ends it",
            id, id);
    if (json_read_number(job, "result_bytes") > 0)
        prose_add(prose, "%sprefork job result %" PRIu64 "%s", prose->len > 0 ? "; " : "", id,
            strcmp(state, "done") == 0 ? " prints it" : " prints what there is");
}

static void write_head(const struct job_view_place *place, const json_t *job) {
    const char *state = json_read_text(job, "state"), *name = json_read_text(job, "name");
    enum table_colour colour = state_colour(state);
    struct prose prose = { .len = 0 };

    prose_add(&prose, "job %" PRIu64 "%s%s%s of %s is %s", json_read_number(job, "id"),
        name[0] != '\0' ? " (" : "", name, name[0] != '\0' ? ")" : "", json_read_text(job, "user"),
        state);
    if (json_is_integer(json_object_get(job, "exit")))
        prose_add(&prose, ", exit %" PRIu64, json_read_number(job, "exit"));
    fputs(table_colour_on(colour, place->has_colour), place->out);
    prose_write(&prose, place->out, "", 0, place->width);
    fputs(table_colour_off(colour, place->has_colour), place->out);
}

void job_view_write(const struct job_view_place *place, const json_t *job) {
    struct prose prose[8] = { { .len = 0 } };
    static const char *const labels[8] = { "  cause", "  kernel", "  interval", "  progress",
        "  result", "  wanted", "  started", "  ended" };
    struct prose next = { .len = 0 };
    char interval[INTERVAL_TEXT_MAX];

    write_head(place, job);
    prose_add(&prose[0], "%s", json_read_text(job, "cause"));
    say_what(&prose[1], job);
    prose_add(&prose[2], "%s", interval_words(job, interval));
    say_progress(&prose[3], job);
    say_result(&prose[4], job);
    say_moment(&prose[5], job, "wanted_at_unix_s", place);
    say_moment(&prose[6], job, "started_at_unix_s", place);
    say_moment(&prose[7], job, "ended_at_unix_s", place);
    for (size_t i = 0; i < 8; i++)
        prose_write(&prose[i], place->out, labels[i], INDENT, place->width);
    job_view_say_next(&next, job);
    prose_write(&next, place->out, "  next", INDENT, place->width);
}

/* ---- its end ---- */

void job_view_sum_up(struct prose *prose, const json_t *job) {
    const struct kernel_ops *kernel = kernels_find(json_read_text(job, "kernel"));
    const char *digest = json_read_text(job, "digest");
    const uint64_t wall_ms = json_read_number(job, "wall_ms");
    char records[NUMBER_TEXT_MAX], done[NUMBER_TEXT_MAX], all[NUMBER_TEXT_MAX];

    prose_add(prose, "job %" PRIu64 " is %s: %s %s, %s of %s chunks", json_read_number(job, "id"),
        json_read_text(job, "state"),
        number_format_grouped(records, json_read_number(job, "records")),
        kernel != NULL && kernel->flags & KERNEL_BYTES ? "lines" : "numbers",
        number_format_grouped(done, json_read_number(job, "chunks_done")),
        number_format_grouped(all, json_read_number(job, "chunks")));
    if (wall_ms > 0)
        prose_add(prose, ", %s", number_format_span(records, wall_ms * 1000000u));
    if (digest[0] != '\0')
        prose_add(prose, ", digest %s", digest);
}
