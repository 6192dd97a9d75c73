#ifndef SUPERVISOR_SERVICE_LIMITS_H
#define SUPERVISOR_SERVICE_LIMITS_H

/*
 * A service's limits of time: boots that take too long, hooks that hang, drains past their
 * deadline, workers past their lifetime, a service that nobody uses. Parent only; does not block.
 */

#include <stdbool.h>
#include <stdint.h>

struct service;

/* Look at all, act where a limit is passed, and say when to look again (service->look_at_ns). */
void service_limits_look(struct service *service, uint64_t now_ns);

/* True when some worker has been READY for so long. */
bool service_limits_has_good_life(const struct service *service, uint64_t now_ns, uint64_t good_ns);

#endif
