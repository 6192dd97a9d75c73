#ifndef WORKERS_JOB_TEXT_H
#define WORKERS_JOB_TEXT_H

/*
 * A job as a text: lines of key=value, all that decides what its result is and nothing else. Two
 * jobs with the same text have the same result. It is the identity in a journal, and what a worker
 * that was there before the job is told.
 */

#include <stddef.h>

#include "shared/complaint.h"
#include "shared/result_format.h"
#include "shared/split.h"
#include "workers/kernels/kernel.h"

#define JOB_TEXT_MAX (256u * 1024u)

/* Any process. To be freed; NULL: no memory. */
char *job_text_write(
    const struct kernel_plan *plan, const struct split *split, enum result_format format);

/* A job that was read. */
struct job_text {
    struct kernel_plan plan; /* planned */
    struct split split;
    enum result_format format;
    char *memory;     /* what the parameters point into */
    char **arguments; /* plan.argv */
};

/*
 * Read what job_text_write() wrote, and plan it. Any process. Returns 0, or -1 with a complaint;
 * job_text_fini() in either case.
 */
int job_text_read(const char *text, size_t len, struct job_text *out, struct complaint *complaint);
void job_text_fini(struct job_text *text);

#endif
