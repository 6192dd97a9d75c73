#ifndef WORKERS_SERVICES_MESSAGE_LOG_SEND_CMD_H
#define WORKERS_SERVICES_MESSAGE_LOG_SEND_CMD_H

/* prefork send: the client of the service. */

#include "shared/cmd.h"

extern const struct cmd send_cmd;

#endif
