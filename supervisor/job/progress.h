#ifndef SUPERVISOR_JOB_PROGRESS_H
#define SUPERVISOR_JOB_PROGRESS_H

/*
 * How far the job is, on stderr: a bar on a terminal, lines or JSON elsewhere.
 * Job supervisor only; one of it in a process.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/job/job_spec.h"

/* What there is to show. */
struct progress_view {
    uint64_t chunks_done, chunks; /* finished, whether released or not */
    double numbers_done, numbers; /* with what is half done in the lanes */
    uint64_t head;                /* the chunk that the release waits for */
    uint32_t head_attempt;
    uint32_t head_lane; /* that computes it, from 1; 0: nobody */
    uint64_t head_for_ms;
    bool is_output_blocked;
};

/* Choose by the options and by what stdout and stderr are. `view` is what an earlier run did. */
void progress_begin(const struct job_spec *spec, const struct progress_view *view, uint64_t now_ms);

/* True when it is time to show something. */
bool progress_is_due(uint64_t now_ms);

/* Show the view if it is time to. */
void progress_show(const struct progress_view *view, uint64_t now_ms);

/* Take a drawn bar off the terminal: before every other line, and at the end. */
void progress_clear(void);

#endif
