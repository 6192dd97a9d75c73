#ifndef WORKERS_SERVICES_CHAT_CHAT_H
#define WORKERS_SERVICES_CHAT_CHAT_H

#include "workers/services/service.h"

extern const struct service_ops chat_service;

#endif
