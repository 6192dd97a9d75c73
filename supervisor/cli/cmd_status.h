#ifndef SUPERVISOR_CLI_CMD_STATUS_H
#define SUPERVISOR_CLI_CMD_STATUS_H

/* prefork status: how the daemon and its services are. */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "shared/cmd.h"

extern const struct cmd cmd_status;

/* What cmd_status_write() needs to know of the place it writes to. */
struct cmd_status_place {
    FILE *out;
    unsigned width; /* 0: no limit */
    bool has_colour;
};

/* Write the object of the daemon's answer for a person: a line for each service. */
void cmd_status_write(const struct cmd_status_place *place, const json_t *status);

/* The same for one service, with its workers. */
void cmd_status_write_service(const struct cmd_status_place *place, const json_t *service);

#endif
