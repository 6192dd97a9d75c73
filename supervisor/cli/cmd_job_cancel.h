#ifndef SUPERVISOR_CLI_CMD_JOB_CANCEL_H
#define SUPERVISOR_CLI_CMD_JOB_CANCEL_H

/* prefork job cancel and prefork job retry: end a job, or go on with one that has ended badly. */

#include "shared/cmd.h"

extern const struct cmd cmd_job_cancel;
extern const struct cmd cmd_job_retry;

#endif
