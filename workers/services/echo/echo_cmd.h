#ifndef WORKERS_SERVICES_ECHO_ECHO_CMD_H
#define WORKERS_SERVICES_ECHO_ECHO_CMD_H

/* prefork echo: the client of the service. */

#include "shared/cmd.h"

extern const struct cmd echo_cmd;

#endif
