/* Plans and summaries. stdout is not touched here but for the dry run, whose data this is. */
#include "supervisor/job/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/number.h"
#include "supervisor/job/output.h"
#include "supervisor/job/progress.h"

#define LINES_MOST      20u   /* chunks that are announced one by one unasked */
#define INTERVALS_MOST  1000u /* intervals that --seed-format lists beforehand */
#define ENGINE_TEXT_MAX 96

/* "engine process, 2 workers", "engine event, 1 child with 64 lanes". */
static char *engine_text(const struct job_spec *spec, char dst[ENGINE_TEXT_MAX]) {
    uint32_t n = spec->engine->model == JOB_WORKER_PROCESS ? spec->children : spec->lanes_per_child;

    snprintf(dst, ENGINE_TEXT_MAX, "engine %s, %u %s%s", spec->engine->name, n,
        spec->engine->lane_word, n == 1 ? "" : "s");
    return dst;
}

/* The kernel with its parameters, as one would type them. */
static void write_kernel(FILE *out, const struct job_spec *spec) {
    const struct kernel_plan *kernel = &spec->kernel;
    char value[256], fallback[256], option[64];

    fputs(kernel->ops->name, out);
    for (const struct setting *s = kernel->ops->params; s->name != NULL; s++) {
        settings_format(s, kernel->params, value, sizeof(value));
        snprintf(fallback, sizeof(fallback), "%s", s->fallback != NULL ? s->fallback : "0");
        if (strcmp(value, fallback) != 0 || strcmp(s->name, "by") == 0)
            fprintf(out, " %s %s", settings_option_name(s, option, sizeof(option)), value);
    }
    for (size_t i = 0; kernel->argv != NULL && kernel->argv[i] != NULL; i++)
        fprintf(out, " %s", kernel->argv[i]);
}

static void announce_sheet(const struct job_spec *spec) {
    char text[INTERVAL_TEXT_MAX], number[NUMBER_TEXT_MAX];
    uint64_t lo, hi;

    progress_clear();
    fprintf(stderr, "Received: %s\n\nThe program makes these intervals:\n\n",
        spec->split.lo == 1 ? number_format_grouped(number, spec->split.hi)
                            : interval_format_sheet(text, spec->split.lo, spec->split.hi));
    for (uint64_t i = 0; i < spec->split.chunks; i++) {
        if (i == INTERVALS_MOST) {
            fprintf(
                stderr, "... and %s more\n", number_format_grouped(number, spec->split.chunks - i));
            break;
        }
        split_bounds(&spec->split, i, &lo, &hi);
        fprintf(stderr, "%s\n", interval_format_sheet(text, lo, hi));
    }
    fputc('\n', stderr);
}

static void announce_line(const struct job_spec *spec, uint64_t resumed_at) {
    char interval[INTERVAL_TEXT_MAX], chunks[NUMBER_TEXT_MAX], size[NUMBER_TEXT_MAX];
    char engine[ENGINE_TEXT_MAX], from[NUMBER_TEXT_MAX], *kernel = NULL;
    size_t kernel_len;
    FILE *out = open_memstream(&kernel, &kernel_len);

    if (out == NULL)
        return;
    write_kernel(out, spec);
    fclose(out);
    log_info("%s over %s: %s %s of %s, %s", kernel,
        interval_format(interval, &spec->kernel.interval),
        number_format_grouped(chunks, spec->split.chunks),
        spec->split.chunks == 1 ? "chunk" : "chunks", number_format_grouped(size, spec->split.size),
        engine_text(spec, engine));
    if (resumed_at > 0)
        log_info("resuming: the output has the first %s chunks",
            number_format_grouped(from, resumed_at));
    free(kernel);
}

void report_plan(const struct job_spec *spec, uint64_t resumed_at) {
    if (spec->options.seed_format && !spec->options.quiet)
        announce_sheet(spec);
    else
        announce_line(spec, resumed_at);
}

bool report_has_lines(const struct job_spec *spec) {
    return !spec->options.quiet && (spec->options.seed_format || spec->split.chunks <= LINES_MOST);
}

void report_chunk(const struct job_spec *spec, uint64_t chunk, const struct slot *slot) {
    char interval[INTERVAL_TEXT_MAX], ordinal[NUMBER_TEXT_MAX], records[NUMBER_TEXT_MAX];
    char worker[64];
    uint64_t lo, hi;

    split_bounds(&spec->split, chunk, &lo, &hi);
    if (spec->options.json) {
        fprintf(stderr,
            "{\"event\":\"chunk\",\"chunk\":%" PRIu64 ",\"lo\":%" PRIu64 ",\"hi\":%" PRIu64
            ",\"%s\":%u,\"attempts\":%u,\"count\":%" PRIu64 "}\n",
            chunk + 1, lo, hi, spec->engine->lane_word, slot->lane + 1, slot->attempt,
            slot->records);
        return;
    }
    progress_clear();
    if (slot->state == SLOT_REST)
        snprintf(worker, sizeof(worker), "an earlier run");
    else if (slot->lane >= spec->children * spec->lanes_per_child)
        snprintf(worker, sizeof(worker), "a fresh worker");
    else
        snprintf(worker, sizeof(worker), "%s %u", spec->engine->lane_word, slot->lane + 1);
    fprintf(stderr, "interval %s: %s  %s  %s found\n", number_format_grouped(ordinal, chunk + 1),
        interval_format_sheet(interval, lo, hi), worker,
        number_format_grouped(records, slot->records));
}

/* ---- the summary ---- */

static void report_held(const struct job_summary *summary) {
    char list[1024] = "", number[NUMBER_TEXT_MAX];
    size_t used = 0;

    if (summary->held_count == 0)
        return;
    for (uint64_t i = 0; i < summary->held_count && i < JOB_HELD_NAMED; i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
            number_format_grouped(number, summary->held[i].chunk + 1));
    log_warnx("held: %" PRIu64 " %s: %s%s", summary->held_count,
        summary->held_count == 1 ? "chunk" : "chunks", list,
        summary->held_count > JOB_HELD_NAMED ? " ..." : "");
}

/* Say how the missing part can be had. */
static void report_what_next(const struct job_spec *spec, const struct job_summary *summary) {
    const char *output = spec->options.output;

    if (summary->exit_code == 0 || summary->released == spec->split.chunks)
        return;
    if (output != NULL)
        log_info("what is done is kept: run the same command with --resume to go on");
    else if (summary->held_count > 0)
        log_info("with --output FILE the rest is kept, with --on-held skip or mark it is printed");
}

static void report_text(const struct job_spec *spec, const struct job_summary *summary) {
    char records[NUMBER_TEXT_MAX], released[NUMBER_TEXT_MAX], chunks[NUMBER_TEXT_MAX];
    char span[NUMBER_TEXT_MAX], engine[ENGINE_TEXT_MAX], number[NUMBER_TEXT_MAX], note[96] = "";
    const char *what = spec->kernel.ops->flags & KERNEL_BYTES ? "lines" : "numbers";

    report_held(summary);
    if (summary->resumed_at > 0 || summary->done + summary->resumed_at < summary->released)
        snprintf(
            note, sizeof(note), " (%s computed now)", number_format_grouped(number, summary->done));
    log_info("%s %s, %s of %s chunks%s, %s, %s, %" PRIu64 " %s, digest %" PRIu64 ":%08" PRIx32,
        number_format_grouped(records, summary->records), what,
        number_format_grouped(released, summary->released),
        number_format_grouped(chunks, spec->split.chunks), note, engine_text(spec, engine),
        number_format_span(span, summary->wall_ns), summary->crashes,
        summary->crashes == 1 ? "crash" : "crashes", summary->records, summary->digest);
    if (summary->lost > 0)
        log_info("%s claimed chunks were given back and computed again",
            number_format_grouped(number, summary->lost));
    if (spec->options.verify > 0)
        log_info("%s of the chunks were computed twice, with the same result",
            number_format_grouped(number, summary->checked));
    report_what_next(spec, summary);
}

static json_t *held_json(const struct job_summary *summary) {
    json_t *list = json_array();

    for (uint64_t i = 0; i < summary->held_count && i < JOB_HELD_NAMED; i++)
        json_array_append_new(
            list, json_pack("{sI ss*}", "chunk", (json_int_t)summary->held[i].chunk + 1, "cause",
                      summary->held[i].cause));
    return list;
}

/* jansson's integers are signed: a number of 64 bits is written as text between the fields. */
static void report_json(const struct job_spec *spec, const struct job_summary *summary) {
    char digest[NUMBER_TEXT_MAX], *held;
    json_t *list = held_json(summary);

    snprintf(digest, sizeof(digest), "%" PRIu64 ":%08" PRIx32, summary->records, summary->digest);
    held = json_dumps(list, JSON_COMPACT);
    fprintf(stderr,
        "{\"event\":\"summary\",\"kernel\":\"%s\",\"lo\":%" PRIu64 ",\"hi\":%" PRIu64
        ",\"chunk_size\":%" PRIu64 ",\"chunks\":%" PRIu64 ",\"released\":%" PRIu64
        ",\"count\":%" PRIu64 ",\"digest\":\"%s\",\"engine\":\"%s\",\"children\":%u,"
        "\"lanes_per_child\":%u,\"wall_ns\":%" PRIu64 ",\"cpu_ns\":%" PRIu64
        ",\"context_switches\":%" PRIu64 ",\"crashes\":%" PRIu64 ",\"lost\":%" PRIu64
        ",\"computed\":%" PRIu64 ",\"checked\":%" PRIu64 ",\"spooled\":%" PRIu64
        ",\"resumed_at\":%" PRIu64 ",\"held_count\":%" PRIu64 ",\"held\":%s,\"exit\":%d}\n",
        spec->kernel.ops->name, spec->split.lo, spec->split.hi, spec->split.size,
        spec->split.chunks, summary->released, summary->records, digest, spec->engine->name,
        spec->children, spec->lanes_per_child, summary->wall_ns, summary->cpu_ns, summary->switches,
        summary->crashes, summary->lost, summary->done, summary->checked, summary->spooled,
        summary->resumed_at, summary->held_count, held != NULL ? held : "[]", summary->exit_code);
    free(held);
    json_decref(list);
}

void report_summary(const struct job_spec *spec, const struct job_summary *summary) {
    if (spec->options.json && !spec->options.quiet)
        report_json(spec, summary);
    else
        report_text(spec, summary); /* of which --quiet leaves what is wrong */
}

/* ---- the dry run ---- */

/* What the window, the buffers and the sinks may take: everything that does not depend on n. */
static uint64_t memory_bound(const struct job_spec *spec) {
    uint64_t lanes = (uint64_t)spec->children * spec->lanes_per_child;

    return spec->options.buffer + spec->window * (sizeof(struct slot) + sizeof(uint64_t)) +
           lanes * JOB_WORKER_LANE_BYTES + spec->children * JOB_CHILD_BYTES + OUTPUT_BUFFER;
}

static void describe_text(const struct job_spec *spec) {
    char text[INTERVAL_TEXT_MAX], number[NUMBER_TEXT_MAX], engine[ENGINE_TEXT_MAX];
    const char *output = spec->options.output;
    uint64_t lo, hi, n = spec->split.chunks;

    printf("job       ");
    write_kernel(stdout, spec);
    printf("\ninterval  %s\n", interval_format(text, &spec->kernel.interval));
    printf("chunks    %s", number_format_grouped(number, n));
    printf(" of %s\n", number_format_grouped(number, spec->split.size));
    for (uint64_t i = 0; i < n; i++) {
        if (i == 3 && n > 4) {
            printf("          ...\n");
            i = n - 1;
        }
        split_bounds(&spec->split, i, &lo, &hi);
        printf("          %s: %s\n", number_format_grouped(number, i + 1),
            interval_format_sheet(text, lo, hi));
    }
    printf("engine    %s\n", engine_text(spec, engine) + strlen("engine "));
    printf("memory    at most %s of our own, window of %u chunks\n",
        number_format_bytes(number, memory_bound(spec)), spec->window);
    if (output != NULL)
        printf("files     %s, while it runs %s.journal and %s.spool/\n", output, output, output);
    else
        printf("files     none; results that do not fit memory wait in a nameless file\n");
}

static void describe_json(const struct job_spec *spec) {
    printf("{\"kernel\":\"%s\",\"lo\":%" PRIu64 ",\"hi\":%" PRIu64 ",\"chunk_size\":%" PRIu64
           ",\"chunks\":%" PRIu64 ",\"engine\":\"%s\",\"children\":%u,\"lanes_per_child\":%u,"
           "\"window\":%u,\"memory_bytes\":%" PRIu64 "}\n",
        spec->kernel.ops->name, spec->split.lo, spec->split.hi, spec->split.size,
        spec->split.chunks, spec->engine->name, spec->children, spec->lanes_per_child, spec->window,
        memory_bound(spec));
}

void report_dry_run(const struct job_spec *spec) {
    if (spec->options.json)
        describe_json(spec);
    else
        describe_text(spec);
}
