#ifndef WORKERS_SERVICES_ECHO_ECHO_H
#define WORKERS_SERVICES_ECHO_ECHO_H

#include "workers/services/service.h"

extern const struct service_ops echo_service;

#endif
