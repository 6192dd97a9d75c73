#ifndef SUPERVISOR_JOB_JOB_H
#define SUPERVISOR_JOB_JOB_H

/*
 * One interval job from beginning to end: split, computed by the children of an engine, committed,
 * released in order. The caller is the job supervisor until job_run() returns.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/job/job_spec.h"

#define JOB_HELD_NAMED 16u

struct job_held {
    uint64_t chunk; /* from 0 */
    char *cause;
};

/* What became of it. */
struct job_summary {
    int exit_code;
    bool was_refused;  /* it did not begin: the reason has been said, there is nothing to sum up */
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
    struct job_held held[JOB_HELD_NAMED]; /* the first of them */
};

/*
 * Run it. Blocks until it ends; talks to stderr, writes the result to stdout or the output file;
 * SIGINT, SIGTERM and SIGHUP are taken over meanwhile. All children are gone when it returns.
 */
void job_run(const struct job_spec *spec, struct job_summary *out);

/* Free what a summary holds. */
void job_summary_fini(struct job_summary *summary);

#endif
