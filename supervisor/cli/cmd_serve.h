#ifndef SUPERVISOR_CLI_CMD_SERVE_H
#define SUPERVISOR_CLI_CMD_SERVE_H

/* prefork serve: one service, one command, no file. */

#include "shared/cmd.h"

extern const struct cmd cmd_serve;

#endif
