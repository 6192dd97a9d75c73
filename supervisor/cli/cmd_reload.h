#ifndef SUPERVISOR_CLI_CMD_RELOAD_H
#define SUPERVISOR_CLI_CMD_RELOAD_H

#include "shared/cmd.h"

extern const struct cmd cmd_reload, cmd_config_diff;

#endif
