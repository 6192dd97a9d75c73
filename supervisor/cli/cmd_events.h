#ifndef SUPERVISOR_CLI_CMD_EVENTS_H
#define SUPERVISOR_CLI_CMD_EVENTS_H

/* prefork events: what has happened, and what happens. */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "shared/cmd.h"

extern const struct cmd cmd_events;

/* Write one event as a line for a person. */
void cmd_events_write(FILE *out, const json_t *event, bool has_colour);

#endif
