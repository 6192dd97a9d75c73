#ifndef SUPERVISOR_RELOAD_SERVICE_H
#define SUPERVISOR_RELOAD_SERVICE_H

/*
 * What a reload does to one service: try the new configuration beside the old one, then join the
 * two or give the new one up. Parent only; nothing here blocks.
 */

#include <stdbool.h>

#include "shared/complaint.h"

struct config;
struct config_service;
struct reload_change;
struct service;
struct supervisor;

/* The listed service that this change is about; NULL: there is none, or it is on its way out. */
struct service *reload_service_find_old(
    struct supervisor *supervisor, const struct reload_change *change);

/*
 * A candidate for this change: sockets that stay are shared, new ones are bound, and the pilot is
 * forked. old: the service that runs; NULL: there is none. Returns NULL with a complaint.
 */
struct service *reload_service_try(struct supervisor *supervisor, const struct config *wanted,
    const struct reload_change *change, struct service *old, struct complaint *complaint);

/* Is the pilot READY? When it has failed *out_failed is set, and the complaint says how. */
bool reload_service_is_proved(
    const struct service *candidate, bool *out_failed, struct complaint *complaint);

/* It leaves, and its place is free when its pilot is gone. old: as in reload_service_try(). */
void reload_service_give_up(struct service *candidate, struct service *old);

/*
 * It counts. First the sockets of all candidates, which others may have had; then each is joined
 * with the service that runs (and is gone), or put on the list.
 */
void reload_service_take_sockets(struct service *candidate);
void reload_service_join(struct service *old, struct service *candidate);
void reload_service_add(struct service *candidate);

/* Another configuration for a service whose workers stay, or that has none. */
void reload_service_set_config(struct service *service, const struct config_service *config);
void reload_service_renew_gate(struct service *service, const struct config_service *config);

/* Are all old workers told to leave, and as many new ones READY as are wanted? */
bool reload_service_is_done(const struct service *service);

/* How many generations of the configuration its living workers are of. */
unsigned reload_service_count_generations(const struct service *service);

#endif
