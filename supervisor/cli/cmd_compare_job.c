/*
 * The same job under each engine: the second task of the lab. The runs are interleaved and the
 * medians are shown, because machines drift; all digests must agree with a serial run.
 */
#include "supervisor/cli/cmd_compare_job.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "shared/number.h"
#include "supervisor/cli/chart.h"
#include "supervisor/cli/job_args.h"
#include "supervisor/cli/trial.h"

#define ROWS_MOST   32u
#define REPEAT_MOST 100u

struct values {
    unsigned engines;
    struct setting_numbers workers;
    uint64_t inflight, chunk, repeat;
    const char *plot;
    bool count, json, quiet;
};

#define OPTION(field) .name = #field, .offset = offsetof(struct values, field)

static const struct setting options_table[] = {
    { OPTION(engines), .type = SETTING_CHOICES, .operand = "ENGINE,...", .choices = engine_names,
        .fallback = "process,thread,event", .help = "which engines to compare" },
    { OPTION(workers), .type = SETTING_NUMBERS, .operand = "N,...",
        .fallback_words = "one for each CPU", .min = 1, .max = 1024,
        .help = "how many processes, and threads; each number is a row" },
    { OPTION(inflight), .type = SETTING_NUMBER, .operand = "N", .fallback = "64", .min = 1,
        .max = 4000, .help = "chunks in flight in the event engine" },
    { OPTION(chunk), .type = SETTING_NUMBER, .operand = "N",
        .fallback_words = "the kernel's choice", .min = 1, .max = UINT64_MAX,
        .help = "numbers in a chunk" },
    { OPTION(count), .type = SETTING_BOOL, .help = "count results instead of giving them" },
    { OPTION(repeat), .type = SETTING_NUMBER, .operand = "N", .fallback = "5", .min = 1,
        .max = REPEAT_MOST, .help = "how often each row is run; the median is shown" },
    { OPTION(plot), .type = SETTING_TEXT, .operand = "FILE.svg", .fallback_words = "none",
        .help = "draw the times as a bar chart" },
    { OPTION(json), .type = SETTING_BOOL, .help = "the table as JSON" },
    { OPTION(quiet), .type = SETTING_BOOL, .help = "say nothing while measuring" },
    { .name = NULL },
};

struct row {
    char label[64];
    struct job_spec spec;
    uint64_t wall_ns[REPEAT_MOST], cpu_ns[REPEAT_MOST], switches[REPEAT_MOST];
    uint32_t runs;
    struct trial memory, killed;
    bool is_wrong; /* a digest or an exit code is not the serial one */
};

struct comparison {
    const struct values *values;
    struct row *rows; /* the first one is the serial run */
    size_t count;
    struct trial reference;
};

/* ---- what to run ---- */

static struct row *add_row(struct comparison *comparison, const struct job_spec *base) {
    struct row *row = &comparison->rows[comparison->count++];

    row->spec = *base;
    return row;
}

static int add_engine_row(struct comparison *comparison, const struct job_spec *base,
    unsigned engine, uint64_t workers, struct complaint *complaint) {
    struct row *row;
    struct job_options *options;
    int exit_code;

    if (comparison->count == ROWS_MOST)
        return complaint_set(complaint, "at most %u rows can be compared", ROWS_MOST - 1);
    row = add_row(comparison, base);
    options = &row->spec.options;
    options->engine = engine;
    options->workers = engine == JOB_WORKER_PROCESS ? workers : 0;
    options->threads = engine == JOB_WORKER_THREAD ? workers : 0;
    options->inflight = engine == JOB_WORKER_EVENT ? comparison->values->inflight : 0;
    if (job_spec_prepare(&row->spec, complaint, &exit_code) < 0)
        return -1;
    snprintf(row->label, sizeof(row->label), "%s, %u %s%s", row->spec.engine->name,
        row->spec.children * row->spec.lanes_per_child, row->spec.engine->lane_word,
        row->spec.children * row->spec.lanes_per_child == 1 ? "" : "s");
    return 0;
}

static int add_rows(
    struct comparison *comparison, struct job_spec *base, struct complaint *complaint) {
    const struct values *values = comparison->values;
    unsigned count = values->workers.count > 0 ? values->workers.count : 1;
    int exit_code;

    if (job_spec_prepare(base, complaint, &exit_code) < 0)
        return -1;
    snprintf(add_row(comparison, base)->label, sizeof(comparison->rows[0].label), "serial");
    comparison->rows[0].spec.engine = NULL;
    for (unsigned engine = 0; engine_names[engine] != NULL; engine++) {
        if (!(values->engines & 1u << engine))
            continue;
        for (unsigned i = 0; i < (engine == JOB_WORKER_EVENT ? 1 : count); i++)
            if (add_engine_row(comparison, base, engine, values->workers.value[i], complaint) < 0)
                return -1;
    }
    return 0;
}

/* ---- running ---- */

static void check(const struct comparison *comparison, struct row *row, const struct trial *trial) {
    if (trial->exit_code != 0 || trial->records != comparison->reference.records ||
        trial->digest != comparison->reference.digest)
        row->is_wrong = true;
}

static int run_timed(struct comparison *comparison, struct row *row) {
    struct trial trial;

    if (trial_run(&row->spec, TRIAL_TIMED, 0, &trial) < 0)
        return -1;
    if (row == comparison->rows && row->runs == 0)
        comparison->reference = trial;
    check(comparison, row, &trial);
    row->wall_ns[row->runs] = trial.wall_ns;
    row->cpu_ns[row->runs] = trial.cpu_ns;
    row->switches[row->runs] = trial.switches;
    row->runs++;
    return 0;
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Sorts the figures. */
static uint64_t median(uint64_t *figures, uint32_t count) {
    qsort(figures, count, sizeof(*figures), by_size);
    return count == 0 ? 0 : (figures[(count - 1) / 2] + figures[count / 2]) / 2;
}

static int run_watched(struct comparison *comparison, struct row *row) {
    uint64_t half_ns = median(row->wall_ns, row->runs) / 2;

    if (trial_run(&row->spec, TRIAL_MEMORY, 0, &row->memory) < 0 ||
        (row->spec.engine != NULL && trial_run(&row->spec, TRIAL_KILL, half_ns, &row->killed) < 0))
        return -1;
    check(comparison, row, &row->memory);
    if (row->spec.engine != NULL)
        check(comparison, row, &row->killed);
    return 0;
}

static int run_all(struct comparison *comparison) {
    bool is_quiet = comparison->values->quiet;
    uint64_t repeat = comparison->values->repeat;

    for (uint64_t i = 0; i < repeat; i++) {
        if (!is_quiet)
            log_info("round %" PRIu64 " of %" PRIu64, i + 1, repeat);
        for (size_t k = 0; k < comparison->count; k++)
            if (run_timed(comparison, &comparison->rows[k]) < 0)
                return -1;
    }
    if (!is_quiet)
        log_info("looking at memory, and killing one worker of each");
    for (size_t k = 0; k < comparison->count; k++)
        if (run_watched(comparison, &comparison->rows[k]) < 0)
            return -1;
    return 0;
}

/* ---- showing ---- */

static size_t fastest(struct comparison *comparison) {
    size_t best = 0;

    for (size_t i = 1; i < comparison->count; i++)
        if (median(comparison->rows[i].wall_ns, comparison->rows[i].runs) <
            median(comparison->rows[best].wall_ns, comparison->rows[best].runs))
            best = i;
    return best;
}

static double us_per_chunk(struct row *row) {
    uint64_t chunks = row->spec.split.chunks;

    return chunks > 0 ? (double)median(row->wall_ns, row->runs) / 1e3 / (double)chunks : 0;
}

static double speed_up(struct comparison *comparison, struct row *row) {
    uint64_t wall = median(row->wall_ns, row->runs);

    return wall > 0 ? (double)median(comparison->rows[0].wall_ns, comparison->rows[0].runs) /
                          (double)wall
                    : 0;
}

static void print_row(struct comparison *comparison, size_t i, bool is_fastest) {
    struct row *row = &comparison->rows[i];
    char wall[NUMBER_TEXT_MAX], lost[NUMBER_TEXT_MAX] = "-", pss[NUMBER_TEXT_MAX] = "-";

    if (row->killed.was_killed)
        snprintf(lost, sizeof(lost), "%" PRIu64, row->killed.lost);
    if (row->memory.peak_pss_bytes > 0)
        number_format_bytes(pss, row->memory.peak_pss_bytes);
    printf("%-20s %10s %9.3f %8.2f %12.2f %9" PRIu64 " %10s %7s  %" PRIu64 ":%08" PRIx32 "%s\n",
        row->label, number_format_span(wall, median(row->wall_ns, row->runs)),
        (double)median(row->cpu_ns, row->runs) / 1e9, speed_up(comparison, row), us_per_chunk(row),
        median(row->switches, row->runs), pss, lost, row->memory.records, row->memory.digest,
        row->is_wrong ? "  DIFFERENT"
        : is_fastest  ? "  fastest"
                      : "");
}

static void print_table(struct comparison *comparison) {
    size_t best = fastest(comparison);
    const struct job_spec *spec = &comparison->rows[0].spec;
    char interval[INTERVAL_TEXT_MAX], chunks[NUMBER_TEXT_MAX];

    printf("%s over %s, %s chunks; medians of %" PRIu64 " runs\n\n", spec->kernel.ops->name,
        interval_format(interval, &spec->kernel.interval),
        number_format_grouped(chunks, spec->split.chunks), comparison->values->repeat);
    printf("%-20s %10s %9s %8s %12s %9s %10s %7s  %s\n", "engine", "wall", "CPU s", "speed-up",
        "us/chunk", "switches", "peak PSS", "lost", "digest");
    for (size_t i = 0; i < comparison->count; i++)
        print_row(comparison, i, i == best);
    printf("\nspeed-up: against the serial run; lost: chunks computed again when one worker is "
           "killed\n");
}

static json_t *row_json(struct comparison *comparison, struct row *row) {
    char digest[NUMBER_TEXT_MAX];
    json_t *json;

    snprintf(
        digest, sizeof(digest), "%" PRIu64 ":%08" PRIx32, row->memory.records, row->memory.digest);
    json = json_pack("{ss si si sI sI sf sf sI sI ss sb}", "engine",
        row->spec.engine != NULL ? row->spec.engine->name : "serial", "children",
        row->spec.engine != NULL ? (int)row->spec.children : 0, "lanes_per_child",
        row->spec.engine != NULL ? (int)row->spec.lanes_per_child : 0, "wall_ns",
        (json_int_t)median(row->wall_ns, row->runs), "cpu_ns",
        (json_int_t)median(row->cpu_ns, row->runs), "speed_up", speed_up(comparison, row),
        "us_per_chunk", us_per_chunk(row), "context_switches",
        (json_int_t)median(row->switches, row->runs), "peak_pss_bytes",
        (json_int_t)row->memory.peak_pss_bytes, "digest", digest, "same", !row->is_wrong);
    if (json != NULL)
        json_object_set_new(json, "lost_on_kill",
            row->killed.was_killed ? json_integer((json_int_t)row->killed.lost) : json_null());
    return json;
}

static void print_json(struct comparison *comparison) {
    const struct job_spec *spec = &comparison->rows[0].spec;
    json_t *rows = json_array(), *json;

    for (size_t i = 0; i < comparison->count; i++)
        json_array_append_new(rows, row_json(comparison, &comparison->rows[i]));
    json = json_pack("{ss sI sI so}", "kernel", spec->kernel.ops->name, "chunks",
        (json_int_t)spec->split.chunks, "repeat", (json_int_t)comparison->values->repeat, "rows",
        rows);
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(json);
}

static int draw(struct comparison *comparison) {
    char title[160], texts[ROWS_MOST][NUMBER_TEXT_MAX], interval[INTERVAL_TEXT_MAX];
    struct chart_bar bars[ROWS_MOST];
    const struct job_spec *spec = &comparison->rows[0].spec;

    for (size_t i = 0; i < comparison->count; i++) {
        struct row *row = &comparison->rows[i];
        uint64_t wall = median(row->wall_ns, row->runs);
        bars[i] = (struct chart_bar){ .label = row->label,
            .value = (double)wall,
            .value_text = number_format_span(texts[i], wall) };
    }
    snprintf(title, sizeof(title), "%s over %s: wall time", spec->kernel.ops->name,
        interval_format(interval, &spec->kernel.interval));
    return chart_write(comparison->values->plot, title, bars, comparison->count);
}

static int show(struct comparison *comparison) {
    if (comparison->values->json)
        print_json(comparison);
    else
        print_table(comparison);
    if (comparison->values->plot != NULL && draw(comparison) < 0) {
        log_warn("%s: cannot be written", comparison->values->plot);
        return EXIT_CODE_IO;
    }
    for (size_t i = 0; i < comparison->count; i++)
        if (comparison->rows[i].is_wrong) {
            log_warnx("%s: the result is not that of the serial run", comparison->rows[i].label);
            return EXIT_CODE_FAILED;
        }
    return EXIT_CODE_OK;
}

static int run(const struct cmd *cmd, int argc, char **argv) {
    struct values values = { .plot = NULL };
    struct job_spec base = { .engine = NULL };
    struct comparison comparison = { .values = &values };
    struct complaint complaint;
    int exit_code;

    (void)argc;
    exit_code = job_args_read(cmd, argv, options_table, &values, &base);
    if (exit_code != JOB_ARGS_READ)
        goto out;
    settings_set_defaults(job_spec_settings, &base.options);
    base.options.chunk = values.chunk;
    base.options.count = values.count;
    base.options.quiet = true;
    exit_code = EXIT_CODE_SYSTEM;
    comparison.rows = calloc(ROWS_MOST, sizeof(*comparison.rows));
    if (comparison.rows == NULL) {
        log_warn("no memory");
    } else if (add_rows(&comparison, &base, &complaint) < 0) {
        log_warnx("%s: %s", cmd->name, complaint.text);
        exit_code = EXIT_CODE_USAGE;
    } else if (run_all(&comparison) < 0) {
        log_warn("a run could not be started");
    } else {
        exit_code = show(&comparison);
    }
out:
    free(comparison.rows);
    job_spec_fini(&base);
    return exit_code;
}

static const char *const examples[] = {
    "prefork compare job divisible 3 345 212 --method test",
    "processes, threads and an event loop over the interval of the task sheet",
    "prefork compare job primes 1e9 --count --workers 1,2 --plot primes.svg",
    "with one and two workers, and a picture",
    NULL,
};

const struct cmd cmd_compare_job = {
    .name = "compare job",
    .operands = "KERNEL INTERVAL [-- COMMAND ...]",
    .summary = "run the same job under each engine and compare",
    .options = options_table,
    .examples = examples,
    .more_help = job_args_write_kernels,
    .run = run,
};
