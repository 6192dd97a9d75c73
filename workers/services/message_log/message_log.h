#ifndef WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_H
#define WORKERS_SERVICES_MESSAGE_LOG_MESSAGE_LOG_H

#include "workers/services/service.h"

extern const struct service_ops message_log_service;

#endif
