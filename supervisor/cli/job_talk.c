/* Talk while a job runs elsewhere. */
#include "supervisor/cli/job_talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "supervisor/cli/job_view.h"
#include "supervisor/cli/json_read.h"
#include "supervisor/job/progress.h"

/* What goes without saying: it runs, or it has ended, which the last line tells. */
static bool is_told(const char *state) {
    return strcmp(state, "queued") == 0 || strcmp(state, "paused") == 0;
}

static void take_state(struct job_talk *talk, const char *state) {
    if (state[0] == '\0' || strcmp(state, talk->state) == 0)
        return;
    if (is_told(state))
        log_info("job %" PRIu64 " is %s", talk->client.id, state);
    else if (is_told(talk->state) && strcmp(state, "running") == 0)
        log_info("job %" PRIu64 " runs", talk->client.id);
    snprintf(talk->state, sizeof(talk->state), "%s", state);
}

/* In numbers where it is known how many a chunk has, else in chunks. */
static struct progress_view view_of(const struct job_talk *talk, const json_t *progress) {
    const struct split *split = &talk->spec.split;
    struct progress_view view = { .chunks = json_read_number(progress, "chunks"),
        .chunks_done = json_read_number(progress, "chunks_done") };

    view.head = view.chunks_done;
    view.numbers = (double)view.chunks;
    view.numbers_done = (double)view.chunks_done;
    if (split->chunks == 0 || split->chunks != view.chunks)
        return view;
    view.numbers = (double)(split->hi - split->lo) + 1.0;
    view.numbers_done *= (double)split->size;
    if (view.numbers_done > view.numbers)
        view.numbers_done = view.numbers;
    return view;
}

static void take_progress(struct job_talk *talk, const json_t *progress) {
    const struct progress_view view = view_of(talk, progress);
    const uint64_t now_ms = clock_now_ms();

    take_state(talk, json_read_text(progress, "state"));
    if (view.chunks == 0)
        return;
    if (!talk->has_progress)
        progress_begin(&talk->spec, &view, now_ms);
    else
        progress_show(&view, now_ms);
    talk->has_progress = true;
}

static void take_line(void *owner, json_t *line) {
    struct job_talk *talk = owner;
    json_t *progress = json_object_get(line, "progress"), *job = json_object_get(line, "job");

    if (json_is_object(progress)) {
        take_progress(talk, progress);
    } else if (json_is_object(job)) {
        json_decref(talk->job);
        talk->job = json_incref(job);
    } else if (json_object_get(line, "id") != NULL && talk->client.id > 0) {
        log_info("job %" PRIu64, talk->client.id);
    }
}

/* Where no result goes to stdout, the job is the data. */
static void write_json(const struct job_talk *talk) {
    char *text = json_dumps(talk->job, JSON_COMPACT);

    if (text != NULL && !talk->client.is_stream)
        printf("%s\n", text);
    else if (text != NULL && !talk->spec.options.quiet)
        fprintf(stderr, "{\"event\":\"summary\",\"job\":%s}\n", text);
    free(text);
}

static void say_end(const struct job_talk *talk) {
    struct prose end = { .len = 0 }, next = { .len = 0 };

    job_view_sum_up(&end, talk->job);
    log_info("%s", end.text);
    if (strcmp(json_read_text(talk->job, "state"), "done") == 0)
        return;
    job_view_say_next(&next, talk->job);
    log_info("%s", next.text);
}

int job_talk_ask(struct job_talk *talk) {
    struct job_options *options = &talk->spec.options;
    int exit_code;

    talk->spec.engine = &engine_table[options->engine];
    if (!talk->client.is_stream)
        options->output = "elsewhere"; /* a bar may be drawn though stdout is a terminal */
    talk->client.line = take_line;
    talk->client.owner = talk;
    log_set_quiet(options->quiet || options->json);
    log_set_before(progress_clear);
    exit_code = job_client_ask(&talk->client);
    progress_clear();
    if (talk->job != NULL && options->json)
        write_json(talk);
    else if (talk->job != NULL)
        say_end(talk);
    return exit_code;
}

void job_talk_fini(struct job_talk *talk) {
    json_decref(talk->job);
    talk->job = NULL;
}
