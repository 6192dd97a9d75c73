#ifndef SUPERVISOR_CLI_CMD_STOP_H
#define SUPERVISOR_CLI_CMD_STOP_H

/* prefork stop: a service, or the daemon. */

#include "shared/cmd.h"

extern const struct cmd cmd_stop;

#endif
