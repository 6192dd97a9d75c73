#ifndef SUPERVISOR_CLI_CMD_COMPLETION_H
#define SUPERVISOR_CLI_CMD_COMPLETION_H

/* prefork completion: what a shell needs to complete a command line. */

#include "shared/cmd.h"

extern const struct cmd cmd_completion;

/* The part of the script that is the same whatever the verbs are. */
extern const char completion_script[];

#endif
