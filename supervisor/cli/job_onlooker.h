#ifndef SUPERVISOR_CLI_JOB_ONLOOKER_H
#define SUPERVISOR_CLI_JOB_ONLOOKER_H

/*
 * A second connection of one who takes a result: it asks how far the job is, which the first one
 * does not say, so that there is progress to show, and a sign that somebody is there though no
 * byte comes for hours. Opened only when the job takes longer than a blink.
 *
 *     IDLE --time is up--> LOOKING --lost, done--> IDLE, until it is begun again
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/cli/control_talk.h"

struct job_onlooker {
    struct control_talk talk;
    uint64_t open_at_ms; /* UINT64_MAX: not to be opened any more */
};

/* Close it, and have it opened later, or (UINT64_MAX) never. */
void job_onlooker_begin(struct job_onlooker *onlooker, uint64_t open_at_ms);

/* Connect and ask about the job. Does not block. */
void job_onlooker_open(struct job_onlooker *onlooker, const char *path, uint64_t id);

/*
 * Hear what has come; each {"progress":{…}} goes to line. Does not block. Returns true when there
 * was a sign of the job supervisor; words of the supervisor in its place are none.
 */
bool job_onlooker_hear(
    struct job_onlooker *onlooker, void (*line)(void *owner, json_t *line), void *owner);

#endif
