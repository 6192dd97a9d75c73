#ifndef SUPERVISOR_CLI_CMD_PORTS_H
#define SUPERVISOR_CLI_CMD_PORTS_H

/* prefork ports: where the services really listen. */

#include <jansson.h>
#include <stdio.h>

#include "shared/cmd.h"

extern const struct cmd cmd_ports;

/* Write the array of the daemon's answer as a table. */
void cmd_ports_write(FILE *out, const json_t *ports, unsigned width, bool has_colour);

#endif
