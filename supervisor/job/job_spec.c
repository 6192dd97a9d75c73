/* The table of what a job may be told, and the checks that no single row can make. */
#include "supervisor/job/job_spec.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/exit_code.h"
#include "supervisor/job/job_settings.h"
#include "workers/job_text.h"

#define INFLIGHT_DEFAULT 64u
#define WINDOW_DEFAULT   4096u
#define WINDOW_PER_LANE  4u

const char *const job_settings_progress[] = { "auto", "bar", "line", "json", "none", NULL };
const char *const job_settings_on_held[] = { "stop", "mark", "skip", NULL };

#define OPTION(field) JOB_SETTINGS_ROW(struct job_options, , field)

const struct setting job_spec_settings[] = {
    { OPTION(engine), .type = SETTING_CHOICE, .operand = "ENGINE", .choices = engine_names,
        .fallback = "process", .help = "what computes the chunks" },
    { OPTION(workers), .type = SETTING_NUMBER, .operand = "N", .fallback_words = "one for each CPU",
        .min = 1, .max = 1024, .help = "child processes, for engine process" },
    { OPTION(threads), .type = SETTING_NUMBER, .operand = "N", .fallback_words = "one for each CPU",
        .min = 1, .max = 1024, .help = "threads in the child, for engine thread" },
    { OPTION(inflight), .type = SETTING_NUMBER, .operand = "N", .fallback_words = "64", .min = 1,
        .max = 4000, .help = "chunks in flight in the child, for engine event" },
    JOB_SETTINGS_WANTED(struct job_options, ),
    { OPTION(output), .type = SETTING_TEXT, .operand = "FILE", .fallback_words = "stdout",
        .help = "write the result to FILE, with a journal in FILE.journal" },
    { OPTION(resume), .type = SETTING_BOOL,
        .help = "go on where an earlier run with the same --output ended" },
    JOB_SETTINGS_TALK(struct job_options, ),
    { OPTION(dry_run), .type = SETTING_BOOL, .help = "say what would be done, and do nothing" },
    { .name = NULL },
};

static uint64_t cpu_count(void) {
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) < 1)
        return 1;
    return (uint64_t)CPU_COUNT(&set);
}

static int check_pair(bool is_wrong, const char *what, struct complaint *complaint) {
    return is_wrong ? complaint_set(complaint, "%s", what) : 0;
}

/* Options that do not go together. */
static int check_options(const struct job_spec *spec, struct complaint *complaint) {
    const struct job_options *o = &spec->options;
    unsigned flags = spec->kernel.ops->flags;
    const char *engine = spec->engine->name;

    if (o->workers != 0 && spec->engine->model != JOB_WORKER_PROCESS)
        return complaint_set(complaint,
            "--workers is for --engine process; engine %s has one child: use %s", engine,
            spec->engine->model == JOB_WORKER_THREAD ? "--threads" : "--inflight");
    if (o->threads != 0 && spec->engine->model != JOB_WORKER_THREAD)
        return complaint_set(
            complaint, "--threads is for --engine thread, and the engine is %s", engine);
    if (o->inflight != 0 && spec->engine->model != JOB_WORKER_EVENT)
        return complaint_set(
            complaint, "--inflight is for --engine event, and the engine is %s", engine);
    if (check_pair(o->json + o->csv + o->seed_format > 1,
            "--json, --csv and --seed-format exclude each other", complaint) < 0 ||
        check_pair(o->resume && o->output == NULL,
            "--resume needs --output FILE: what went to stdout cannot be taken back",
            complaint) < 0)
        return -1;
    if ((flags & KERNEL_BYTES) && (o->count || o->csv))
        return complaint_set(complaint,
            "%s: the result of kernel %s is bytes, not numbers; use text or --json",
            o->count ? "--count" : "--csv", spec->kernel.ops->name);
    if (!(flags & KERNEL_PURE) && o->verify > 0)
        return complaint_set(complaint, "--verify: kernel %s need not give the same result twice",
            spec->kernel.ops->name);
    if ((flags & KERNEL_ARGV) && spec->kernel.argv == NULL)
        return complaint_set(complaint,
            "kernel %s needs a command: write it after \"--\", as -- printf '%%s\\n' {lo}",
            spec->kernel.ops->name);
    if (!(flags & KERNEL_ARGV) && spec->kernel.argv != NULL)
        return complaint_set(
            complaint, "kernel %s takes no command after \"--\"", spec->kernel.ops->name);
    return 0;
}

static uint32_t at_most(uint64_t wanted, uint64_t chunks) {
    uint64_t n = wanted < chunks ? wanted : chunks;

    return n > 0 ? (uint32_t)n : 1;
}

/* A window that keeps all lanes busy. */
static void set_window(struct job_spec *spec) {
    const struct job_options *o = &spec->options;
    uint64_t window = o->window != 0 ? o->window : WINDOW_DEFAULT;

    if (window < WINDOW_PER_LANE * spec->children * spec->lanes_per_child)
        window = WINDOW_PER_LANE * spec->children * spec->lanes_per_child;
    spec->window = 16;
    while (spec->window < window)
        spec->window *= 2;
}

void job_spec_set_lanes(struct job_spec *spec, const struct engine_kind *engine, uint32_t children,
    uint32_t lanes_per_child) {
    spec->engine = engine;
    spec->children = children;
    spec->lanes_per_child = lanes_per_child;
    set_window(spec);
}

/* How many children with how many lanes. */
static void set_sizes(struct job_spec *spec) {
    const struct job_options *o = &spec->options;
    uint64_t chunks = spec->split.chunks;

    spec->children = spec->lanes_per_child = 1;
    switch (spec->engine->model) {
    case JOB_WORKER_PROCESS:
        spec->children = at_most(o->workers != 0 ? o->workers : cpu_count(), chunks);
        break;
    case JOB_WORKER_THREAD:
        spec->lanes_per_child = at_most(o->threads != 0 ? o->threads : cpu_count(), chunks);
        break;
    case JOB_WORKER_EVENT:
        spec->lanes_per_child = at_most(o->inflight != 0 ? o->inflight : INFLIGHT_DEFAULT, chunks);
        break;
    }
    set_window(spec);
}

int job_spec_prepare(struct job_spec *spec, struct complaint *complaint, int *out_exit_code) {
    const struct job_options *o = &spec->options;

    *out_exit_code = EXIT_CODE_USAGE;
    spec->engine = &engine_table[o->engine];
    if (check_options(spec, complaint) < 0)
        return -1;
    spec->kernel.count_only = o->count;
    spec->kernel.chunk_size = o->chunk;
    spec->format = o->json          ? RESULT_JSON
                   : o->csv         ? RESULT_CSV
                   : o->seed_format ? RESULT_SHEET
                                    : RESULT_TEXT;
    errno = 0;
    if (spec->kernel.ops->plan(&spec->kernel, complaint) < 0) {
        if (errno == ELIBACC)
            *out_exit_code = EXIT_CODE_UNAVAILABLE;
        return -1;
    }
    if (split_init(&spec->split, &spec->kernel.interval, spec->kernel.chunk_size, complaint) < 0)
        return -1;
    set_sizes(spec);
    return 0;
}

void job_spec_fini(struct job_spec *spec) {
    if (spec->kernel.params != NULL && spec->kernel.ops->unplan != NULL)
        spec->kernel.ops->unplan(&spec->kernel);
    free(spec->kernel.params);
    spec->kernel.params = NULL;
}

char *job_spec_identity(const struct job_spec *spec) {
    return job_text_write(&spec->kernel, &spec->split, spec->format);
}
