#ifndef SUPERVISOR_CLI_CMD_REOPEN_H
#define SUPERVISOR_CLI_CMD_REOPEN_H

/* prefork reopen: the log file, for whoever rotates it. */

#include "shared/cmd.h"

extern const struct cmd cmd_reopen;

#endif
