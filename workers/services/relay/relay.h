#ifndef WORKERS_SERVICES_RELAY_RELAY_H
#define WORKERS_SERVICES_RELAY_RELAY_H

#include "workers/services/service.h"

extern const struct service_ops relay_service;

#endif
