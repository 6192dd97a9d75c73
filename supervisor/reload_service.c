/*
 * Sockets are lent to the candidate while it is tried, so that both have them whatever happens
 * meanwhile; when it counts it takes them.
 */
#include "supervisor/reload_service.h"

#include <errno.h>
#include <string.h>

#include "shared/contract.h"
#include "shared/gate.h"
#include "shared/log.h"
#include "supervisor/reload_diff.h"
#include "supervisor/service_list.h"
#include "supervisor/service_listen.h"
#include "supervisor/service_pool.h"
#include "supervisor/service_replace.h"
#include "supervisor/supervisor.h"

#define REASON "the configuration changed"

struct service *reload_service_find_old(
    struct supervisor *supervisor, const struct reload_change *change) {
    struct service *service = supervisor_find_service(supervisor, change->name);

    /* One that is on its way out is not the one that comes back. */
    return service != NULL && !service->is_removed ? service : NULL;
}

/* ---- sockets ---- */

static bool is_at(const struct net_address *a, const struct net_address *b) {
    return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

/* Bound there, or as near as it could be when it was opened. */
static bool is_for(const struct listener *listener, const struct config_listen *wanted) {
    return listener->fd >= 0 && listener->proto == wanted->proto &&
           (is_at(&listener->wanted, &wanted->address) ||
               is_at(&listener->address, &wanted->address));
}

static bool lists(const struct config_service *config, const struct config_listen *address) {
    for (unsigned i = 0; config != NULL && i < config->listen_count; i++)
        if (config->listen[i].proto == address->proto &&
            is_at(&config->listen[i].address, &address->address))
            return true;
    return false;
}

static const struct config_service *find_wanted(const struct config *wanted, const char *name) {
    for (unsigned i = 0; i < wanted->service_count; i++)
        if (strcmp(wanted->service[i].name, name) == 0)
            return &wanted->service[i];
    return NULL;
}

/* An open socket of this address: the service's own, or another's that will not have it. */
static struct listener *find_socket(struct supervisor *supervisor, const struct config *wanted,
    const struct service *old, const struct config_listen *address) {
    struct service *service;
    bool is_other;

    for (unsigned i = 0; i < supervisor->service_count; i++) {
        service = supervisor->service[i];
        is_other = old == NULL || strcmp(service->config->name, old->config->name) != 0;
        if (is_other && !service->is_removed &&
            lists(find_wanted(wanted, service->config->name), address))
            continue;
        for (unsigned k = 0; k < CONFIG_LISTEN_MAX; k++)
            if (is_for(&service->listener[k], address) && service->listener[k].lent_to == NULL)
                return &service->listener[k];
    }
    return NULL;
}

static void borrow_sockets(
    struct service *candidate, const struct config *wanted, const struct service *old) {
    struct listener *socket;

    for (unsigned i = 0; i < candidate->config->listen_count; i++) {
        socket = find_socket(candidate->supervisor, wanted, old, &candidate->config->listen[i]);
        if (socket == NULL)
            continue;
        listen_lend(socket, &candidate->listener[i]);
        candidate->listener[i].wanted = candidate->config->listen[i].address;
    }
}

void reload_service_take_sockets(struct service *candidate) {
    struct supervisor *supervisor = candidate->supervisor;

    /* Whoever is watched may lose one: resize() watches again what is left. */
    for (unsigned i = 0; i < supervisor->service_count; i++)
        service_listen_watch(supervisor->service[i], false);
    for (unsigned i = 0; i < candidate->config->listen_count; i++) {
        listen_take(&candidate->listener[i]);
        listen_adjust(&candidate->listener[i], candidate->config);
    }
}

/* ---- trying ---- */

void reload_service_renew_gate(struct service *service, const struct config_service *config) {
    const struct gate_limits limits = service_list_limits(config);

    gate_renew(service->gate, &limits, service_list_slots(config));
}

struct service *reload_service_try(struct supervisor *supervisor, const struct config *wanted,
    const struct reload_change *change, struct service *old, struct complaint *complaint) {
    struct service *candidate = service_list_new(supervisor, wanted, change->is, old);
    struct child *pilot;

    if (candidate == NULL) {
        complaint_set(complaint, "%s: no memory for it: %s", change->name, strerror(errno));
        return NULL;
    }
    candidate->is_candidate = true;
    if (old != NULL)
        candidate->index = old->index;
    borrow_sockets(candidate, wanted, old);
    if (service_listen_open(candidate, wanted, complaint) < 0) {
        reload_service_give_up(candidate, old);
        return NULL;
    }
    reload_service_renew_gate(candidate, change->is);
    pilot = service_launch(candidate, old != NULL ? service_free_slot(old) : 1, true);
    if (pilot == NULL) {
        complaint_set(
            complaint, "%s: no worker could be forked: %s", change->name, strerror(errno));
        reload_service_give_up(candidate, old);
        return NULL;
    }
    pilot->config_generation = supervisor->generation + 1; /* which counts when it is READY */
    return candidate;
}

bool reload_service_is_proved(
    const struct service *candidate, bool *out_failed, struct complaint *complaint) {
    const struct child *pilot = TAILQ_FIRST(&candidate->children);

    if (pilot == NULL) {
        *out_failed = true;
        complaint_set(complaint, "%s: a worker of the new configuration %s",
            candidate->config->name, candidate->last_death);
    }
    return pilot != NULL && pilot->state == CHILD_RUNNING;
}

void reload_service_give_up(struct service *candidate, struct service *old) {
    struct supervisor *supervisor = candidate->supervisor;
    struct child *child;

    service_listen_close(candidate);
    if (old != NULL)
        reload_service_renew_gate(old, old->config);
    candidate->is_removed = true;
    TAILQ_FOREACH (child, &candidate->children, link) {
        if (child->state == CHILD_STARTING)
            child_kill(child, "the reload is given up");
        else
            child_drain(child, supervisor->now_ns, 1000, "the reload is given up");
    }
}

/* ---- joining ---- */

static uint32_t count_sessions(const struct child *child) {
    return child->supervisor->board->row[child->row].sessions;
}

/* The old worker with the most to hand over. */
static struct child *find_busiest(const struct service *service, const struct child *pilot) {
    struct child *child, *best = NULL;

    TAILQ_FOREACH (child, &service->children, link)
        if (child != pilot && child->state == CHILD_RUNNING &&
            (best == NULL || count_sessions(child) > count_sessions(best)))
            best = child;
    return best;
}

/*
 * The pilot takes the place of the busiest; each other one gets a successor, as far as the new
 * pool has places. The rest go at once, and hand over to the pilot if it may have many sessions.
 * type: of the old ones; one type does not understand what another packs.
 */
static void replace_all(
    struct service *service, struct child *pilot, const struct service_ops *type) {
    const uint64_t grace_ms = service->config->graceful_timeout_ms;
    unsigned places = service_count_most(service) - 1;
    const bool is_same_type = service->config->type == type;
    struct child *busiest = find_busiest(service, pilot), *child;

    TAILQ_FOREACH (child, &service->children, link)
        child->recycle_reason = REASON;
    if (busiest != NULL && is_same_type)
        service_replace(service, busiest, pilot);
    else
        service_replace_open(pilot);
    TAILQ_FOREACH (child, &service->children, link) {
        if (child == pilot || child_is_leaving(child))
            continue;
        if (child->state == CHILD_STARTING || !is_same_type) {
            child_drain(child, service->supervisor->now_ns, grace_ms, REASON);
        } else if (places > 0) {
            places--;
            child->wants_recycling = true;
        } else if (service->config->model == MODEL_PROCESS) {
            child_drain(child, service->supervisor->now_ns, grace_ms, REASON);
        } else {
            service_replace(service, child, pilot);
        }
    }
    service->is_replacing = true;
}

static void retire_sockets(struct service *old) {
    bool retires = false;

    service_listen_watch(old, false);
    for (unsigned i = 0; i < CONFIG_LISTEN_MAX; i++) {
        if (old->listener[i].fd < 0)
            continue;
        service_listen_retire(old, &old->listener[i]);
        old->listener[i] = (struct listener){ .fd = -1, .lock_fd = -1 };
        retires = true;
    }
    if (retires)
        old->retire_at_ns = service_listen_order_empty(old);
}

void reload_service_set_config(struct service *service, const struct config_service *config) {
    struct commons commons;

    if (service->config->max_children != config->max_children)
        service->scale = 0; /* what the file says now counts again */
    service->config = config;
    if (commons_find(&commons, service->supervisor, service->supervisor->config, config,
            &service->commons) < 0) {
        log_warn("%s keeps the room that it had", config->name);
        return;
    }
    commons_release(&service->commons);
    service->commons = commons;
}

void reload_service_join(struct service *old, struct service *candidate) {
    struct child *pilot = TAILQ_FIRST(&candidate->children);
    const struct service_ops *type = old->config->type;

    retire_sockets(old);
    memcpy(old->listener, candidate->listener, sizeof(old->listener));
    reload_service_set_config(old, candidate->config);
    TAILQ_REMOVE(&candidate->children, pilot, link);
    TAILQ_INSERT_TAIL(&old->children, pilot, link);
    pilot->service = old;
    commons_release(&old->commons);
    commons_hold(&old->commons, &candidate->commons);
    service_list_drop(candidate);
    replace_all(old, pilot, type);
    service_proved(old);
    service_tend(old, old->supervisor->now_ns);
}

void reload_service_add(struct service *candidate) {
    struct child *pilot = TAILQ_FIRST(&candidate->children);

    candidate->is_candidate = false;
    service_list_add(candidate);
    service_replace_open(pilot);
    service_proved(candidate);
    service_tend(candidate, candidate->supervisor->now_ns);
}

bool reload_service_is_done(const struct service *service) {
    return service_is_settled(service) && !service->is_replacing;
}

/* ---- generations ---- */

unsigned reload_service_count_generations(const struct service *service) {
    const struct child *child, *before;
    unsigned count = 0;

    TAILQ_FOREACH (child, &service->children, link) {
        TAILQ_FOREACH (before, &service->children, link)
            if (before == child || before->config_generation == child->config_generation)
                break;
        count += before == child;
    }
    return count;
}
