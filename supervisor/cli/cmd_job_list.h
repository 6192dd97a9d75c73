#ifndef SUPERVISOR_CLI_CMD_JOB_LIST_H
#define SUPERVISOR_CLI_CMD_JOB_LIST_H

/* prefork job list: the jobs of the daemon. */

#include "shared/cmd.h"

extern const struct cmd cmd_job_list;

#endif
