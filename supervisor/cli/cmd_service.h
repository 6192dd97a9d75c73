#ifndef SUPERVISOR_CLI_CMD_SERVICE_H
#define SUPERVISOR_CLI_CMD_SERVICE_H

/* prefork start, prefork restart: of one service. */

#include "shared/cmd.h"

extern const struct cmd cmd_start, cmd_restart;

#endif
