#ifndef SUPERVISOR_CONTROL_JOBS_H
#define SUPERVISOR_CONTROL_JOBS_H

/*
 * Verbs that begin with "job." are the job supervisor's. The supervisor does not answer them: it
 * hands the whole connection over and forgets it. Who may ask what is judged there. While the job
 * supervisor is not ready the question stays in hand, for CONTROL_JOBS_WAIT_S at most.
 * Parent only; never blocks.
 */

#include <stdbool.h>

#include "supervisor/control_verbs.h"

#define CONTROL_JOBS_WAIT_S 10

/* Whether it is one of theirs. */
bool control_jobs_has(const char *verb);

/* Stands for them all. */
extern const struct control_verb control_jobs_verb;

#endif
