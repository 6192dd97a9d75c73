#ifndef SUPERVISOR_CLI_CMD_JOB_RUN_H
#define SUPERVISOR_CLI_CMD_JOB_RUN_H

/* prefork job run: compute an interval, without a daemon. */

#include "shared/cmd.h"

extern const struct cmd cmd_job_run;

#endif
