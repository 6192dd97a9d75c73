#ifndef SUPERVISOR_CLI_CMD_SCALE_H
#define SUPERVISOR_CLI_CMD_SCALE_H

/* prefork scale: how many workers a service may have. */

#include "shared/cmd.h"

extern const struct cmd cmd_scale;

#endif
