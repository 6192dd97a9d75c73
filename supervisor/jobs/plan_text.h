#ifndef SUPERVISOR_JOBS_PLAN_TEXT_H
#define SUPERVISOR_JOBS_PLAN_TEXT_H

/*
 * The past of a definition as it is kept in the store: what holds now, and, while a job is being
 * made for a turn, what held before it and the id that the job will have. Pure; allocates.
 */

#include <jansson.h>
#include <stdbool.h>

#include "supervisor/jobs/schedule.h"

/* id 0: no job is being made, and before is not looked at. NULL without memory. */
json_t *plan_text_write(const struct schedule *schedule, const struct schedule_past *past,
    uint64_t id, const struct schedule_past *before);

/*
 * Read it back. next_id is the store's: a job with that id or a greater one was not made. False
 * when the text is none, or is of another schedule than this one.
 */
bool plan_text_read(const json_t *text, const struct schedule *schedule, uint64_t next_id,
    struct schedule_past *out);

#endif
