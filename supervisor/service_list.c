/* Places and the list. A place is free when its service has no configuration. */
#include "supervisor/service_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/supervisor.h"

#define SLOTS_LEAST 1024

struct gate_limits service_list_limits(const struct config_service *config) {
    return (struct gate_limits){ .max_connections = config->max_connections,
        .max_connections_per_source = config->max_connections_per_source,
        .max_rate = config->max_rate,
        .max_rate_per_source = config->max_rate_per_source };
}

uint32_t service_list_slots(const struct config_service *config) {
    uint64_t each = config->model == MODEL_PROCESS  ? 1
                    : config->model == MODEL_THREAD ? config->threads_per_child
                                                    : config->worker_connections;
    uint64_t slots = each * (2 * config->max_children + 8);

    /* The operator may scale it up. */
    if (slots < SLOTS_LEAST)
        slots = SLOTS_LEAST;
    return slots > GATE_SLOTS_MAX ? GATE_SLOTS_MAX : (uint32_t)slots;
}

static struct service *find_place(struct supervisor *supervisor) {
    for (unsigned i = 0; i < SUPERVISOR_SERVICES_MAX; i++)
        if (supervisor->place[i].config == NULL)
            return &supervisor->place[i];
    errno = ENOSPC;
    return NULL;
}

struct service *service_list_new(struct supervisor *supervisor, const struct config *whole,
    const struct config_service *config, const struct service *old) {
    const struct gate_limits limits = service_list_limits(config);
    struct service *service = find_place(supervisor);

    if (service == NULL)
        return NULL;
    *service = (struct service){ .index = (uint32_t)(service - supervisor->place),
        .supervisor = supervisor,
        .state_since_ns = supervisor->now_ns,
        .gate = old != NULL ? old->gate : NULL };
    TAILQ_INIT(&service->children);
    for (unsigned i = 0; i < CONFIG_LISTEN_MAX; i++)
        service->listener[i] = (struct listener){ .fd = -1, .lock_fd = -1 };
    if (commons_find(
            &service->commons, supervisor, whole, config, old != NULL ? &old->commons : NULL) < 0)
        return NULL;
    if (old == NULL)
        service->gate = gate_new(&limits, service_list_slots(config));
    if (service->gate == NULL) {
        commons_release(&service->commons);
        return NULL;
    }
    service->config = config;
    return service;
}

static int compare(const void *a, const void *b) {
    const struct service *const *x = a, *const *y = b;
    const int order = strcmp((*x)->config->name, (*y)->config->name);

    /* One that leaves stands behind one of the same name that came. */
    return order != 0 ? order : (*x)->is_removed - (*y)->is_removed;
}

void service_list_add(struct service *service) {
    struct supervisor *supervisor = service->supervisor;

    supervisor->service[supervisor->service_count++] = service;
    qsort(supervisor->service, supervisor->service_count, sizeof(struct service *), compare);
}

static bool is_shared(const struct supervisor *supervisor, const struct service *service) {
    for (unsigned i = 0; i < SUPERVISOR_SERVICES_MAX; i++)
        if (&supervisor->place[i] != service && supervisor->place[i].config != NULL &&
            supervisor->place[i].gate == service->gate)
            return true;
    return false;
}

void service_list_drop(struct service *service) {
    struct supervisor *supervisor = service->supervisor;
    unsigned kept = 0;

    for (unsigned i = 0; i < supervisor->service_count; i++)
        if (supervisor->service[i] != service)
            supervisor->service[kept++] = supervisor->service[i];
    supervisor->service_count = kept;
    if (!is_shared(supervisor, service))
        gate_free(service->gate);
    commons_release(&service->commons);
    service->config = NULL;
}
