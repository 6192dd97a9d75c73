#ifndef SUPERVISOR_CLI_CMD_JOB_SUBMIT_H
#define SUPERVISOR_CLI_CMD_JOB_SUBMIT_H

/* prefork job submit: give the daemon a job, or begin one that its files define. */

#include "shared/cmd.h"

extern const struct cmd cmd_job_submit;

#endif
