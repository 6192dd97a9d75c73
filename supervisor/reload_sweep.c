/* Candidates that were given up, services that are gone, and the configurations nobody uses. */
#include "supervisor/reload_sweep.h"

#include <stdlib.h>

#include "supervisor/reload.h"
#include "supervisor/service_limits.h"
#include "supervisor/service_list.h"
#include "supervisor/supervisor.h"

static bool is_used(const struct supervisor *supervisor, const struct config *config) {
    const struct config_service *first = config->service;

    for (unsigned i = 0; i < SUPERVISOR_SERVICES_MAX; i++)
        if (supervisor->place[i].config >= first &&
            supervisor->place[i].config < first + CONFIG_SERVICES_MAX)
            return true;
    return false;
}

void reload_sweep(struct supervisor *supervisor) {
    struct config **at = &supervisor->reload.retired, *config;
    struct service *service;

    for (unsigned i = 0; i < SUPERVISOR_SERVICES_MAX; i++) {
        service = &supervisor->place[i];
        if (service->config == NULL || !service->is_removed)
            continue;
        if (service->is_candidate)
            service_limits_look(service, supervisor->now_ns);
        if (TAILQ_EMPTY(&service->children) &&
            (service->is_candidate || service->state == SERVICE_STOPPED))
            service_list_drop(service);
    }
    while ((config = *at) != NULL) {
        if (is_used(supervisor, config)) {
            at = &config->next_retired;
            continue;
        }
        *at = config->next_retired;
        config_free(config);
    }
}

void reload_sweep_all(struct supervisor *supervisor) {
    struct config *config;

    while ((config = supervisor->reload.retired) != NULL) {
        supervisor->reload.retired = config->next_retired;
        config_free(config);
    }
    free(supervisor->reload.verdict[RELOAD_REAL].complaints);
    free(supervisor->reload.verdict[RELOAD_DRY].complaints);
}
