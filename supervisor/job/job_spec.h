#ifndef SUPERVISOR_JOB_JOB_SPEC_H
#define SUPERVISOR_JOB_JOB_SPEC_H

/*
 * A job that somebody wants: what may be chosen, and whether it makes sense together.
 * Callable before any fork; nothing here runs anything.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "shared/result_format.h"
#include "shared/settings.h"
#include "shared/split.h"
#include "supervisor/job/engine.h"
#include "workers/kernels/kernel.h"

enum job_progress {
    JOB_PROGRESS_AUTO,
    JOB_PROGRESS_BAR,
    JOB_PROGRESS_LINE,
    JOB_PROGRESS_JSON,
    JOB_PROGRESS_NONE,
};

/* What a user may choose; job_spec_settings is the table of it. */
struct job_options {
    uint64_t chunk, workers, threads, inflight;
    uint64_t batch, window, buffer;
    uint64_t timeout_ms, chunk_timeout_ms, stall_ms, retries;
    double verify;
    const char *output;
    unsigned engine, progress, on_held;
    bool count, json, csv, seed_format, resume, dry_run, quiet;
};

extern const struct setting job_spec_settings[];

/* A job that has been checked: job_spec_prepare() makes it, job_run() runs it. */
struct job_spec {
    struct job_options options;
    struct kernel_plan kernel;
    struct split split;
    const struct engine_kind *engine;
    uint32_t children, lanes_per_child;
    uint32_t window;
    enum result_format format;
};

/*
 * Check the options against each other and against the kernel, and fill the rest of the spec.
 * kernel->ops, ->params, ->interval and ->argv are set by the caller.
 * Returns 0, or -1 with a complaint and the exit code that fits (2, or 69 without a library).
 */
int job_spec_prepare(struct job_spec *spec, struct complaint *complaint, int *out_exit_code);

/* Have it computed by these children and lanes instead. After job_spec_prepare(). */
void job_spec_set_lanes(struct job_spec *spec, const struct engine_kind *engine, uint32_t children,
    uint32_t lanes_per_child);

/* Free the kernel's parameters and what the kernel made of them. */
void job_spec_fini(struct job_spec *spec);

/* What makes two jobs the same, for the journal: lines of key=value. To be freed; NULL: no memory.
 */
char *job_spec_identity(const struct job_spec *spec);

#endif
