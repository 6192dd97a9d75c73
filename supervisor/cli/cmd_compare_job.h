#ifndef SUPERVISOR_CLI_CMD_COMPARE_JOB_H
#define SUPERVISOR_CLI_CMD_COMPARE_JOB_H

/* prefork compare job: the same job under each engine, side by side. */

#include "shared/cmd.h"

extern const struct cmd cmd_compare_job;

#endif
