#ifndef SUPERVISOR_CONTROL_JOBS_STATUS_H
#define SUPERVISOR_CONTROL_JOBS_STATUS_H

/*
 * The job supervisor as people look at it, from its keeper and from the board in shared memory: it
 * is not asked, so it may be busy, stopped or dead. Parent only; never blocks.
 */

#include <jansson.h>

struct supervisor;

/* "jobs" of the status: an object, or null when there is none and none is wanted. */
json_t *control_jobs_status_make(const struct supervisor *supervisor);

/* What `explain jobs` answers with: why it is there or not, what it does, how it died. */
json_t *control_jobs_status_explain(const struct supervisor *supervisor);

#endif
