#ifndef SUPERVISOR_SERVICE_LIST_H
#define SUPERVISOR_SERVICE_LIST_H

/*
 * The services there are. Their structs stay where they are for as long as they live, because
 * children and watches point at them; what changes is the list, sorted by name. A place is reused
 * when its service is off the list and its last child is gone. Parent only; nothing here blocks.
 */

#include "shared/gate.h"
#include "supervisor/config.h"

struct service;
struct supervisor;

/*
 * A service with this configuration, a part of the whole, STOPPED and not on the list. old: whose
 * place it is to take, so that they share what outlives workers; NULL: nobody's. Returns NULL with
 * errno.
 */
struct service *service_list_new(struct supervisor *supervisor, const struct config *whole,
    const struct config_service *config, const struct service *old);

/* Put it on the list. */
void service_list_add(struct service *service);

/* Take it off the list, and give its place back: it has no child and no listener any more. */
void service_list_drop(struct service *service);

/* What a configuration says of its gate, and how many connections may be counted in it. */
struct gate_limits service_list_limits(const struct config_service *config);
uint32_t service_list_slots(const struct config_service *config);

#endif
