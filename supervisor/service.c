/*
 * A service's life: start and stop, the pool's size, its workers' deaths. What the size should be
 * is policy.c's, how long to wait is backoff.c's, time limits are service_limits.c's.
 */
#include "supervisor/service.h"

#include <bsd/string.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "shared/gate.h"
#include "shared/log.h"
#include "supervisor/policy.h"
#include "supervisor/service_limits.h"
#include "supervisor/service_listen.h"
#include "supervisor/service_replace.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#define SECOND_NS    1000000000ull
#define GOOD_LIFE_NS (10 * SECOND_NS)
#define NO_FORK_NS   SECOND_NS
#define NO_ROOM_NS   (SECOND_NS / 100)

static const char *const names[] = {
    [SERVICE_STOPPED] = "STOPPED",
    [SERVICE_STARTING] = "STARTING",
    [SERVICE_RUNNING] = "RUNNING",
    [SERVICE_BACKOFF] = "BACKOFF",
    [SERVICE_FATAL] = "FATAL",
    [SERVICE_STOPPING] = "STOPPING",
};

/* Which steps there are; a bit for each state that may follow. */
#define TO(state) (1u << SERVICE_##state)
static const unsigned steps[] = {
    [SERVICE_STOPPED] = TO(STARTING),
    [SERVICE_STARTING] = TO(RUNNING) | TO(BACKOFF) | TO(FATAL) | TO(STOPPING),
    [SERVICE_RUNNING] = TO(BACKOFF) | TO(FATAL) | TO(STOPPING),
    [SERVICE_BACKOFF] = TO(RUNNING) | TO(STARTING) | TO(FATAL) | TO(STOPPING),
    [SERVICE_FATAL] = TO(STARTING) | TO(STOPPING),
    [SERVICE_STOPPING] = TO(STOPPED),
};
#undef TO

const char *service_state_name(enum service_state state) {
    return names[state];
}

static void set_state(struct service *service, enum service_state state, const char *reason) {
    if (service->state == state)
        return;
    if ((steps[service->state] >> state & 1) == 0) /* our own data is wrong */
        abort();
    service->state = state;
    service->state_reason = reason;
    service->state_since_ns = service->supervisor->now_ns;
    supervisor_note(service->supervisor, service, NULL,
        state == SERVICE_FATAL ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "service_state",
        (const struct log_field[]){ LOG_TEXT("state", names[state]),
            { .key = reason != NULL ? "reason" : NULL, .text = reason }, { .key = NULL } },
        "%s is %s%s%s", service->config->name, names[state], reason != NULL ? ": " : "",
        reason != NULL ? reason : "");
}

/* ---- start, stop ---- */

int service_start(struct service *service, struct complaint *complaint) {
    if (service->state != SERVICE_STOPPED && service->state != SERVICE_FATAL)
        return complaint_set(
            complaint, "%s is %s already", service->config->name, names[service->state]);
    if (service->state == SERVICE_STOPPED &&
        service_listen_open(service, service->supervisor->config, complaint) < 0)
        return -1;
    backoff_reset(&service->backoff);
    service->is_first = true;
    service->no_fork_before_ns = 0;
    service->last_message_at_ns = service->supervisor->now_ns;
    set_state(service, SERVICE_STARTING, NULL);
    service_tend(service, service->supervisor->now_ns);
    return 0;
}

static void go_on_stopping(struct service *service, uint64_t now_ns) {
    const char *reason = service->state_reason;

    if (service->state != SERVICE_STOPPING)
        return;
    if (service->close_at_ns != 0 &&
        (now_ns >= service->close_at_ns || service_listen_is_emptied(service))) {
        service->close_at_ns = 0;
        service_listen_close_for_good(service);
    }
    if (service->close_at_ns == 0 && TAILQ_EMPTY(&service->children))
        set_state(service, SERVICE_STOPPED, reason);
}

/*
 * Workers are told to accept all that waits and then to leave; the sockets are closed
 * when they have, so that whoever was in the queue when the word came is served.
 */
void service_stop(struct service *service, const char *reason) {
    const uint64_t now_ns = service->supervisor->now_ns;
    struct child *child;

    if (service->state == SERVICE_STOPPED || service->state == SERVICE_STOPPING)
        return;
    set_state(service, SERVICE_STOPPING, reason);
    service->scale = 0;
    service_listen_watch(service, false);
    for (unsigned i = 0; i < CONFIG_LISTEN_MAX; i++)
        listen_narrow(&service->listener[i]);
    service->close_at_ns = service_listen_order_empty(service);
    TAILQ_FOREACH (child, &service->children, link)
        child_drain(child, now_ns, service->config->graceful_timeout_ms, reason);
    go_on_stopping(service, now_ns);
}

void service_restart(struct service *service) {
    struct child *child;

    TAILQ_FOREACH (child, &service->children, link)
        if (!child_is_leaving(child)) {
            child->wants_recycling = true;
            child->recycle_reason = "restarted by the operator";
        }
    service_tend(service, service->supervisor->now_ns);
}

void service_scale(struct service *service, unsigned n, const char *by) {
    service->scale = n;
    service->scaled_at_ns = service->supervisor->now_ns;
    strlcpy(service->scaled_by, by, sizeof(service->scaled_by));
    service_tend(service, service->supervisor->now_ns);
}

/* ---- the pool ---- */

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

static void resize(struct service *service, uint64_t now_ns, bool is_tick) {
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

/* ---- what workers report, and how they end ---- */

void service_worker_ready(struct service *service, struct child *child) {
    struct child *old = child->replaces;

    child->state = CHILD_RUNNING;
    child->ready_at_ns = service->supervisor->now_ns;
    child->deadline_ns = UINT64_MAX;
    if (service->is_candidate) /* it is held until the reload is decided */
        return;
    child->replaces = NULL;
    if (old != NULL)
        service_replace(service, old, child);
    else if (child->is_held) /* who it was to replace is gone already */
        service_replace_open(child);
    if (service->state == SERVICE_STARTING || service->state == SERVICE_BACKOFF)
        set_state(service, SERVICE_RUNNING, NULL);
    if (service->state == SERVICE_STOPPING)
        child_drain(child, service->supervisor->now_ns, service->config->graceful_timeout_ms,
            service->state_reason);
    service->has_waiting = false;
    gate_heard(service->gate);
}

void service_proved(struct service *service) {
    backoff_reset(&service->backoff);
    if (service->state == SERVICE_STOPPED || service->state == SERVICE_FATAL)
        set_state(service, SERVICE_STARTING, NULL);
    set_state(service, SERVICE_RUNNING, NULL);
}

/* A death before READY makes the service wait; if too many follow, it gives up. */
static void back_off(struct service *service, uint64_t now_ns) {
    const struct config_service *config = service->config;

    backoff_add_death(&service->backoff, now_ns, config->restart_delay_ms,
        config->restart_max_delay_ms, (double)arc4random_uniform(1000) / 1000.0);
    /* While others serve, it serves. */
    if (service_count_ready(service) > 0)
        return;
    if (config->start_retries > 0 && service->backoff.deaths >= config->start_retries)
        set_state(service, SERVICE_FATAL, "its workers die before they are ready");
    else
        set_state(service, SERVICE_BACKOFF, "its workers die before they are ready");
}

void service_worker_ended(
    struct service *service, bool was_ready, bool was_told, const struct spawn_death *death) {
    const uint64_t now_ns = service->supervisor->now_ns;

    if (!was_told || service->is_candidate) {
        service->restarts++;
        strcpy(service->last_death, death->words);
        service->last_death_at_ns = now_ns;
    }
    if (service->is_candidate)
        return;
    if (service->state == SERVICE_STOPPING || service->state == SERVICE_FATAL) {
        go_on_stopping(service, now_ns);
        return;
    }
    if (!was_ready && !was_told)
        back_off(service, now_ns);
    service_tend(service, now_ns);
}

void service_order(struct service *service, uint32_t kind, uint64_t value) {
    struct contract_record order = { .kind = kind, .value = value };
    struct child *child;

    TAILQ_FOREACH (child, &service->children, link) {
        if (child->state != CHILD_RUNNING)
            continue;
        order.pid = child->pid;
        order.generation = child->generation;
        /* One that blocks reads it later, or never: it looks by itself then. */
        (void)contract_send(child->order_fd, &order, NULL, 0);
    }
}

/* ---- the turn ---- */

void service_tend(struct service *service, uint64_t now_ns) {
    const bool is_tick = now_ns >= service->look_at_ns;

    /* Not at each report: a full pool at its limit would send one for each connection. */
    if (is_tick)
        gate_heard(service->gate);
    service_limits_look(service, now_ns);
    service_listen_tend(service, now_ns);
    go_on_stopping(service, now_ns);
    if (service->state == SERVICE_STOPPED || service->state == SERVICE_STOPPING ||
        service->state == SERVICE_FATAL)
        return;
    if (service->backoff.deaths > 0 && service_limits_has_good_life(service, now_ns, GOOD_LIFE_NS))
        backoff_reset(&service->backoff);
    if (service->state == SERVICE_BACKOFF && now_ns >= service->backoff.until_ns)
        set_state(service, SERVICE_STARTING, NULL);
    resize(service, now_ns, is_tick);
    service_replace_next(service, now_ns);
    /* A pool that is empty by its own policy serves all the same. */
    if (service->state == SERVICE_STARTING && service->config->pm == PM_ONDEMAND)
        set_state(service, SERVICE_RUNNING, NULL);
}

static void at_the_latest(uint64_t *next_ns, uint64_t at_ns, uint64_t now_ns) {
    if (at_ns > now_ns && at_ns < *next_ns)
        *next_ns = at_ns;
}

uint64_t service_next_at_ns(const struct service *service) {
    const uint64_t now_ns = service->supervisor->now_ns;
    uint64_t next_ns = UINT64_MAX;
    const struct child *child;

    if (service->state == SERVICE_STOPPED)
        return next_ns;
    at_the_latest(&next_ns, service->backoff.until_ns, now_ns);
    at_the_latest(&next_ns, service->no_fork_before_ns, now_ns);
    at_the_latest(&next_ns, service->look_at_ns, now_ns);
    at_the_latest(&next_ns, service->close_at_ns, now_ns);
    if (service->retiring_count > 0)
        at_the_latest(&next_ns, service->retire_at_ns, now_ns);
    TAILQ_FOREACH (child, &service->children, link)
        at_the_latest(&next_ns, child->deadline_ns, now_ns);
    return next_ns;
}

void service_count(const struct service *service, struct scoreboard_totals *out) {
    const struct child *child;

    *out = service->gone;
    TAILQ_FOREACH (child, &service->children, link)
        scoreboard_add_counts(out, &service->supervisor->board->row[child->row].counts);
}

void service_measure(
    const struct service *service, struct policy_rules *rules, struct policy_counts *counts) {
    fill_rules(service, rules);
    count_children(service, counts);
}

unsigned service_count_ready(const struct service *service) {
    const struct child *child;
    unsigned count = 0;

    TAILQ_FOREACH (child, &service->children, link)
        count += child->state == CHILD_RUNNING;
    return count;
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
