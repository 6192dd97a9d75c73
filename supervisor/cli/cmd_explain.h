#ifndef SUPERVISOR_CLI_CMD_EXPLAIN_H
#define SUPERVISOR_CLI_CMD_EXPLAIN_H

/* prefork explain: why a service is as it is, in words. */

#include <jansson.h>
#include <stdio.h>

#include "shared/cmd.h"

extern const struct cmd cmd_explain;

/* Write the object of the daemon's answer in words, in lines of width columns (0: no limit). */
void cmd_explain_write(FILE *out, unsigned width, const json_t *facts);

#endif
