#ifndef SUPERVISOR_CLI_CMD_JOB_SHOW_H
#define SUPERVISOR_CLI_CMD_JOB_SHOW_H

/* prefork job show: all of one job. */

#include "shared/cmd.h"

extern const struct cmd cmd_job_show;

#endif
