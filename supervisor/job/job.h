#ifndef SUPERVISOR_JOB_JOB_H
#define SUPERVISOR_JOB_JOB_H

/*
 * One interval job from beginning to end: split, computed by the children of an engine, committed,
 * released in order. The caller is the job supervisor until job_run() returns.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "shared/settings.h"
#include "shared/split.h"
#include "supervisor/job/engine.h"
#include "supervisor/job/release.h"
#include "workers/kernels/kernel.h"

enum job_progress {
    JOB_PROGRESS_AUTO,
    JOB_PROGRESS_BAR,
    JOB_PROGRESS_LINE,
    JOB_PROGRESS_JSON,
    JOB_PROGRESS_NONE,
};

/* What a user may choose; job_settings is the table of it. */
struct job_options {
    uint64_t chunk, workers, threads, inflight;
    uint64_t batch, window, buffer;
    uint64_t timeout_ms, chunk_timeout_ms, stall_ms, retries;
    double verify;
    const char *output;
    unsigned engine, progress, on_held;
    bool count, json, csv, seed_format, resume, dry_run, quiet;
};

extern const struct setting job_settings[];

/* A job that has been checked: job_prepare() makes it, job_run() runs it. */
struct job_spec {
    struct job_options options;
    struct kernel_plan kernel;
    struct split split;
    const struct engine_kind *engine;
    uint32_t children, lanes_per_child;
    uint32_t window;
    enum result_format format;
};

struct job_held {
    uint64_t chunk; /* from 0 */
    char *cause;
};

/* What became of it. */
struct job_summary {
    int exit_code;
    uint64_t released; /* chunks in the output, those of earlier runs included */
    uint64_t records;
    uint32_t digest;
    uint64_t wall_ns;
    uint64_t cpu_ns;     /* of the supervisor and all children, by getrusage(2) */
    uint64_t switches;   /* context switches, likewise */
    uint64_t crashes;    /* children that died without being asked to */
    uint64_t lost;       /* chunks that had to be given to somebody else */
    uint64_t done;       /* chunks computed in this run */
    uint64_t checked;    /* of these, computed twice */
    uint64_t spooled;    /* of these, whose result waited on disk */
    uint64_t resumed_at; /* chunks that an earlier run had released */
    uint64_t held_count;
    struct job_held held[16]; /* the first of them */
};

/*
 * Check the options against each other and against the kernel, and fill the rest of the spec.
 * kernel->ops, ->params, ->interval and ->argv are set by the caller.
 * Returns 0, or -1 with a complaint and the exit code that fits (2, or 69 without a library).
 */
int job_prepare(struct job_spec *spec, struct complaint *complaint, int *out_exit_code);

/*
 * Run it. Blocks until it ends; talks to stderr, writes the result to stdout or the output file;
 * SIGINT, SIGTERM and SIGHUP are taken over meanwhile. All children are gone when it returns.
 */
void job_run(const struct job_spec *spec, struct job_summary *out);

/* Free what a summary holds. */
void job_summary_fini(struct job_summary *summary);

/* Say what job_run() would do: chunks, memory, files. To stdout, as text or JSON. */
void job_describe(const struct job_spec *spec);

/* Say on stderr what became of it, as text or JSON. */
void job_report(const struct job_spec *spec, const struct job_summary *summary);

/*
 * Compute the job in this process, chunk after chunk, without any of the machinery: the
 * reference that engines are compared with. Nothing is written anywhere.
 */
void job_run_serially(const struct job_spec *spec, struct job_summary *out);

/* "3345212"-style identity of the job for the journal, as lines of key=value. To be freed. */
char *job_identity(const struct job_spec *spec);

#endif
