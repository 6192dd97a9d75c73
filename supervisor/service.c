/*
 * A service's life: start and stop, its states, its workers' deaths. How long to wait is
 * backoff.c's, the pool's size is service_pool.c's, time limits are service_limits.c's.
 */
#include "supervisor/service.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

#include "shared/contract.h"
#include "shared/gate.h"
#include "shared/log.h"
#include "supervisor/service_limits.h"
#include "supervisor/service_listen.h"
#include "supervisor/service_pool.h"
#include "supervisor/service_replace.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#define SECOND_NS    1000000000ull
#define GOOD_LIFE_NS (10 * SECOND_NS)

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

/* ---- what workers report, and how they end ---- */

void service_worker_ready(struct service *service, struct child *child) {
    struct child *old = child->replaces;

    child->state = CHILD_RUNNING;
    child->ready_at_ns = service->supervisor->now_ns;
    child->deadline_ns = UINT64_MAX;
    if (service->is_candidate) /* it is held until the reload is decided */
        return;
    backoff_end_row(&service->backoff);
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
    service_pool_resize(service, now_ns, is_tick);
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

unsigned service_count_ready(const struct service *service) {
    const struct child *child;
    unsigned count = 0;

    TAILQ_FOREACH (child, &service->children, link)
        count += child->state == CHILD_RUNNING;
    return count;
}
