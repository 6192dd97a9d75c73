#ifndef SUPERVISOR_JOB_WATCH_H
#define SUPERVISOR_JOB_WATCH_H

/*
 * Which lanes show no sign of life, and which chunks take too long. It looks at the rows from
 * time to time and keeps its own clock, so a lane pays nothing for being watched.
 * Pure but for reading the row; job supervisor only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/ring.h"

struct watch_limits {
    uint64_t silent_ms; /* 0: none */
    uint64_t chunk_ms;  /* 0: none */
    uint64_t grace_ms;  /* between the wish to stop and the kill */
};

/* What was seen of one lane at the last look; zero at first. */
struct watch {
    uint64_t progress, silent_ms;
    uint64_t chunk, chunk_ms;
    bool is_asked;
    bool is_condemned; /* its child was ended for what was seen here */
};

enum watch_verdict {
    WATCH_FINE,
    WATCH_STOP,    /* the chunk is over its time: ask the lane to give it up */
    WATCH_OVERDUE, /* it was asked and goes on */
    WATCH_SILENT,
};

/*
 * Look once more, elapsed_ms after the last look. The caller caps elapsed_ms, so that a supervisor
 * that was stopped itself does not take its children for dead.
 */
enum watch_verdict watch_look(struct watch *watch, const struct ring_lane *row,
    const struct watch_limits *limits, uint64_t elapsed_ms);

/* The lane's attempt is over, or its child is: begin anew. */
void watch_reset(struct watch *watch);

#endif
