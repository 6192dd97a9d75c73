/*
 * The pool of a service: how many workers it has by now, one more, one less. How many there should
 * be is policy.c's.
 */
#include "supervisor/service_pool.h"

#include <errno.h>
#include <string.h>

#include "shared/log.h"
#include "supervisor/policy.h"
#include "supervisor/service.h"
#include "supervisor/service_listen.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#define SECOND_NS  1000000000ull
#define NO_FORK_NS SECOND_NS
#define NO_ROOM_NS (SECOND_NS / 100)

unsigned service_count_most(const struct service *service) {
    return service->scale > 0 ? service->scale : (unsigned)service->config->max_children;
}

static void fill_rules(const struct service *service, struct policy_rules *rules) {
    const struct config_service *config = service->config;
    const unsigned most = service_count_most(service);

    *rules = (struct policy_rules){ .pm = config->pm,
        .max_children = most,
        .start_servers = (unsigned)config->start_servers,
        .min_spare_servers = (unsigned)config->min_spare_servers,
        .max_spare_servers = (unsigned)config->max_spare_servers };
}

static void count_children(const struct service *service, struct policy_counts *counts) {
    const uint64_t limit_ns = service->config->process_idle_timeout_ms * 1000000ull;
    const struct child *child;
    const struct scoreboard_row *row;

    *counts = (struct policy_counts){ .is_first = service->is_first,
        .has_waiting = service->has_waiting };
    TAILQ_FOREACH (child, &service->children, link) {
        /* One that replaces another counts when the other leaves. */
        if (child_is_leaving(child) || child->replaces != NULL)
            continue;
        row = &service->supervisor->board->row[child->row];
        counts->total++;
        counts->starting += child->state == CHILD_STARTING;
        counts->with_room += row->state == SCOREBOARD_IDLE || row->state == SCOREBOARD_ACTIVE;
        if (row->state != SCOREBOARD_IDLE)
            continue;
        counts->idle++;
        counts->expired += row->idle_since_at_ns + limit_ns <= service->supervisor->now_ns;
    }
}

void service_measure(
    const struct service *service, struct policy_rules *rules, struct policy_counts *counts) {
    fill_rules(service, rules);
    count_children(service, counts);
}

unsigned service_free_slot(const struct service *service) {
    bool is_taken[SCOREBOARD_ROWS + 2] = { false };
    const struct child *child;
    unsigned slot = 1;

    TAILQ_FOREACH (child, &service->children, link)
        if (child->slot < SCOREBOARD_ROWS + 2)
            is_taken[child->slot] = true;
    while (is_taken[slot])
        slot++;
    return slot;
}

/* max_spawn_rate, the backoff and a failed fork: may one more be forked now? */
static bool may_fork(struct service *service, uint64_t now_ns) {
    if (now_ns < service->backoff.until_ns || now_ns < service->no_fork_before_ns)
        return false;
    if (now_ns - service->window_at_ns >= SECOND_NS) {
        service->window_at_ns = now_ns;
        service->spawned_in_window = 0;
    }
    if (service->spawned_in_window < service->config->max_spawn_rate)
        return true;
    service->no_fork_before_ns = service->window_at_ns + SECOND_NS;
    return false;
}

/* Without a row or a lane the next death makes room; anything else is tried again later. */
static void tell_fork_failed(struct service *service, int error, uint64_t now_ns) {
    service->no_fork_before_ns = now_ns + (error == ENOSPC ? NO_ROOM_NS : NO_FORK_NS);
    if (now_ns < service->fork_failed_told_ns + NO_FORK_NS)
        return;
    service->fork_failed_told_ns = now_ns;
    supervisor_note(service->supervisor, service, NULL, LOG_LEVEL_WARN, "fork_failed",
        (const struct log_field[]){ LOG_TEXT("cause", strerror(error)), { .key = NULL } },
        "no worker could be forked: %s; trying again %s", strerror(error),
        error == ENOSPC ? "when another has left" : "in a second");
}

struct child *service_launch(struct service *service, unsigned slot, bool is_held) {
    const uint64_t boot_ms = service->config->worker_boot_timeout_ms;
    struct child *child = spawn_worker(service, slot, is_held);

    if (child == NULL)
        return NULL;
    if (boot_ms > 0)
        child->deadline_ns = service->supervisor->now_ns + boot_ms * 1000000ull;
    supervisor_watch_child(service->supervisor, child);
    return child;
}

struct child *service_fork_worker(struct service *service, uint64_t now_ns, bool is_held) {
    struct child *child;

    if (!may_fork(service, now_ns))
        return NULL;
    child = service_launch(service, service_free_slot(service), is_held);
    if (child != NULL)
        service->spawned_in_window++;
    else
        tell_fork_failed(service, errno, now_ns);
    return child;
}

/* The idle one that is idle for longest. */
static struct child *most_idle(const struct service *service) {
    struct child *child, *best = NULL;
    const struct scoreboard_row *row = service->supervisor->board->row;

    TAILQ_FOREACH (child, &service->children, link) {
        if (child->state != CHILD_RUNNING || child->wants_recycling)
            continue;
        if (best == NULL || (row[child->row].sessions == 0 && row[best->row].sessions > 0) ||
            (row[child->row].sessions == 0 &&
                row[child->row].idle_since_at_ns < row[best->row].idle_since_at_ns))
            best = child;
    }
    return best;
}

/* A pool shrinks at its ticks, one at a time, unless the operator made it smaller. */
static bool may_shrink(const struct service *service, const struct policy_rules *rules,
    const struct policy_counts *counts, bool is_tick) {
    return is_tick || service->config->pm != PM_DYNAMIC || counts->total > rules->max_children;
}

void service_pool_resize(struct service *service, uint64_t now_ns, bool is_tick) {
    struct policy_rules rules;
    struct policy_counts counts;
    struct child *child;
    int wanted;

    service_measure(service, &rules, &counts);
    wanted = policy_want(&rules, &counts);
    for (; wanted > 0 && service_fork_worker(service, now_ns, false) != NULL; wanted--)
        service->has_waiting = false;
    if (service->is_first && wanted <= 0)
        service->is_first = false;
    if (wanted < 0 && !may_shrink(service, &rules, &counts, is_tick))
        wanted = 0;
    for (; wanted < 0 && (child = most_idle(service)) != NULL; wanted++)
        child_drain(child, now_ns, service->config->graceful_timeout_ms, "the pool shrinks");
    count_children(service, &counts);
    service_listen_watch(service, service->config->pm == PM_ONDEMAND &&
                                      counts.with_room + counts.starting == 0 &&
                                      counts.total < rules.max_children);
}

bool service_is_settled(const struct service *service) {
    struct policy_rules rules;
    struct policy_counts counts;
    const struct child *child;

    if (service->state == SERVICE_STOPPED || service->state == SERVICE_FATAL ||
        service->state == SERVICE_BACKOFF)
        return true;
    if (service->state != SERVICE_RUNNING || service->is_first)
        return false;
    TAILQ_FOREACH (child, &service->children, link)
        if (child->state == CHILD_STARTING || (child->wants_recycling && !child_is_leaving(child)))
            return false;
    service_measure(service, &rules, &counts);
    return policy_want(&rules, &counts) == 0 || !may_shrink(service, &rules, &counts, false);
}
