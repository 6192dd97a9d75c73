#ifndef SUPERVISOR_CLI_JOB_TALK_H
#define SUPERVISOR_CLI_JOB_TALK_H

/*
 * What a verb that waits for a job says on stderr meanwhile: progress, changes of state, and one
 * line at the end, as job run does for its own. With --json the end is an object.
 */

#include <jansson.h>
#include <stdbool.h>

#include "supervisor/cli/job_client.h"
#include "supervisor/job/job_spec.h"

struct job_talk {
    /* options.progress, .quiet and .json say how; .split how long, when it is known. */
    struct job_spec spec;
    struct job_client client;
    /* What has been heard. */
    char state[16];
    json_t *job; /* as it was at the end; NULL: not heard */
    bool has_progress;
};

/* Ask for talk->client, whose line and owner are set here, and talk. Returns the exit code. */
int job_talk_ask(struct job_talk *talk);

void job_talk_fini(struct job_talk *talk);

#endif
