#ifndef SUPERVISOR_CLI_JOB_VIEW_H
#define SUPERVISOR_CLI_JOB_VIEW_H

/* What the daemon says of its jobs, for a person. Pure but for the writing. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "supervisor/cli/prose.h"

struct job_view_place {
    FILE *out;
    unsigned width; /* 0: no limit */
    bool has_colour;
    int64_t now_unix_s; /* times are told from here */
};

/* stdout, now. */
struct job_view_place job_view_stdout(void);

/* A table of the job objects in the list. */
void job_view_write_list(const struct job_view_place *place, const json_t *jobs);

/* A table of the definitions in the list. */
void job_view_write_definitions(const struct job_view_place *place, const json_t *definitions);

/* All of one job: what it is, how far, why it ended and what can be done now. */
void job_view_write(const struct job_view_place *place, const json_t *job);

/* One line at its end: results, chunks, time, digest. */
void job_view_sum_up(struct prose *prose, const json_t *job);

/* What can be done with it now, as one would type it; nothing when there is nothing to do. */
void job_view_say_next(struct prose *prose, const json_t *job);

#endif
