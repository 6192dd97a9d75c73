#ifndef SUPERVISOR_CLI_CMD_CONFIG_H
#define SUPERVISOR_CLI_CMD_CONFIG_H

/* prefork config show, prefork config test: what preforkd reads from its files. */

#include "shared/cmd.h"

extern const struct cmd cmd_config_show, cmd_config_test;

#endif
