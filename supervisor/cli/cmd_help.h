#ifndef SUPERVISOR_CLI_CMD_HELP_H
#define SUPERVISOR_CLI_CMD_HELP_H

/* prefork help: what verbs there are, and what one of them takes. */

#include <stdio.h>

#include "shared/cmd.h"

extern const struct cmd cmd_help;

/* Write the table of verbs; of one group when group is not NULL. */
void cmd_help_write_verbs(FILE *out, const char *group);

#endif
