#ifndef WORKERS_SERVICES_CHAT_CHAT_CMD_H
#define WORKERS_SERVICES_CHAT_CHAT_CMD_H

/* prefork chat: the client of the service. */

#include "shared/cmd.h"

extern const struct cmd chat_cmd;

#endif
