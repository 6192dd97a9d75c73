#ifndef WORKERS_SERVICES_ACK_ACK_H
#define WORKERS_SERVICES_ACK_ACK_H

#include "workers/services/service.h"

extern const struct service_ops ack_service;

#endif
