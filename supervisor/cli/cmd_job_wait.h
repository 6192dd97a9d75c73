#ifndef SUPERVISOR_CLI_CMD_JOB_WAIT_H
#define SUPERVISOR_CLI_CMD_JOB_WAIT_H

/* prefork job wait and prefork job result: follow a job to its end, without and with its bytes. */

#include "shared/cmd.h"

extern const struct cmd cmd_job_wait;
extern const struct cmd cmd_job_result;

#endif
