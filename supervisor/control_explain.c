/* One object for each question that people have. Spans are in milliseconds; null: there is none. */
#include "supervisor/control_explain.h"

#include <string.h>

#include "shared/json_text.h"
#include "shared/net.h"
#include "supervisor/control_private.h"
#include "supervisor/control_status.h"
#include "supervisor/policy.h"
#include "supervisor/service_pool.h"
#include "supervisor/supervisor.h"

#define NS_IN_MS   1000000u
#define DEATHS_MAX 3

static void set_number(json_t *object, const char *key, uint64_t value) {
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_text(json_t *object, const char *key, const char *text) {
    json_object_set_new(object, key, text != NULL ? json_text_new(text) : json_null());
}

/* How long ago. */
static void set_span(json_t *object, const char *key, uint64_t now_ns, uint64_t at_ns) {
    set_number(object, key, now_ns > at_ns ? (now_ns - at_ns) / NS_IN_MS : 0);
}

/* How long until then; null when that is over, or never comes. */
static void set_until(json_t *object, const char *key, uint64_t now_ns, uint64_t at_ns) {
    json_object_set_new(object, key,
        at_ns > now_ns && at_ns != UINT64_MAX
            ? json_integer((json_int_t)((at_ns - now_ns) / NS_IN_MS))
            : json_null());
}

/* ---- the pool's size ---- */

static unsigned sessions_each(const struct config_service *config) {
    if (config->model == MODEL_PROCESS)
        return 1;
    return (unsigned)(config->model == MODEL_THREAD ? config->threads_per_child
                                                    : config->worker_connections);
}

static json_t *make_pool(const struct service *service) {
    const struct config_service *config = service->config;
    struct policy_counts counts;
    struct policy_rules rules;
    json_t *pool = json_object();

    service_measure(service, &rules, &counts);
    set_text(pool, "pm", config_pm_name(config->pm));
    set_number(pool, "workers", counts.total);
    set_number(pool, "starting", counts.starting);
    set_number(pool, "with_room", counts.with_room);
    set_number(pool, "idle", counts.idle);
    set_number(pool, "expired", counts.expired);
    json_object_set_new(pool, "change", json_integer(policy_want(&rules, &counts)));
    json_object_set_new(pool, "is_first", json_boolean(counts.is_first));
    json_object_set_new(pool, "has_waiting", json_boolean(counts.has_waiting));
    set_number(pool, "max_children", rules.max_children);
    set_number(pool, "start_servers", rules.start_servers);
    set_number(pool, "min_spare_servers", rules.min_spare_servers);
    set_number(pool, "max_spare_servers", rules.max_spare_servers);
    set_number(pool, "process_idle_timeout_ms", config->process_idle_timeout_ms);
    set_number(pool, "sessions_each", sessions_each(config));
    return pool;
}

static json_t *make_scale(const struct service *service) {
    json_t *scale;

    if (service->scale == 0)
        return json_null();
    scale = json_object();
    set_number(scale, "max_children", service->scale);
    set_number(scale, "configured", service->config->max_children);
    set_text(scale, "by", service->scaled_by);
    set_span(scale, "ago_ms", service->supervisor->now_ns, service->scaled_at_ns);
    return scale;
}

/* What keeps it from forking now. */
static json_t *make_fork(const struct service *service) {
    const struct config_service *config = service->config;
    const uint64_t now_ns = service->supervisor->now_ns;
    json_t *fork = json_object();
    bool is_rate = service->spawned_in_window >= config->max_spawn_rate;

    set_number(fork, "deaths_in_row", service->backoff.deaths);
    set_until(fork, "next_try_ms", now_ns, service->backoff.until_ns);
    set_number(fork, "restart_delay_ms", config->restart_delay_ms);
    set_number(fork, "restart_max_delay_ms", config->restart_max_delay_ms);
    set_number(fork, "start_retries", config->start_retries);
    set_number(fork, "max_spawn_rate", config->max_spawn_rate);
    set_until(fork, "held_back_ms", now_ns, service->no_fork_before_ns);
    set_text(fork, "held_back_by",
        service->no_fork_before_ns <= now_ns ? NULL
        : is_rate                            ? "max_spawn_rate"
                                             : "fork");
    return fork;
}

/* ---- deaths ---- */

struct collecting {
    const char *event, *service;
    json_t *deaths;
};

static bool is_text(const json_t *event, const char *key, const char *text) {
    const char *value = json_string_value(json_object_get(event, key));

    return value != NULL && strcmp(value, text) == 0;
}

/* Of those that nobody had told to end. */
static void collect_death(void *owner, const char *line) {
    struct collecting *collecting = owner;
    json_t *event = json_loads(line, 0, NULL), *death;

    if (is_text(event, "event", collecting->event) &&
        is_text(event, "service", collecting->service) && !is_text(event, "level", "info")) {
        death = json_object();
        json_object_set(death, "ts", json_object_get(event, "ts"));
        json_object_set(death, "pid", json_object_get(event, "pid"));
        json_object_set(death, "words", json_object_get(event, "cause"));
        json_object_set(death, "reason", json_object_get(event, "reason"));
        json_array_append_new(collecting->deaths, death);
    }
    if (json_array_size(collecting->deaths) > DEATHS_MAX)
        json_array_remove(collecting->deaths, 0);
    json_decref(event);
}

json_t *control_explain_make_deaths(
    const struct supervisor *supervisor, const char *event, const char *service) {
    struct collecting collecting = { .event = event, .service = service, .deaths = json_array() };

    if (supervisor->control != NULL)
        control_replay(supervisor->control, CONTROL_EVENTS_KEPT, collect_death, &collecting);
    return collecting.deaths;
}

static json_t *make_last_death(const struct service *service) {
    json_t *death;

    if (service->last_death[0] == '\0')
        return json_null();
    death = json_object();
    set_text(death, "words", service->last_death);
    set_span(death, "ago_ms", service->supervisor->now_ns, service->last_death_at_ns);
    return death;
}

/* ---- workers ---- */

static const struct scoreboard_row *row_of(const struct child *child) {
    return &child->supervisor->board->row[child->row];
}

/* The row is a worker's to write: only what is an address is shown as one. */
static json_t *make_peer(const struct scoreboard_row *row) {
    struct net_address address = { .len = sizeof(struct sockaddr_in6) };
    char text[NET_TEXT_MAX];

    memcpy(&address.sa, row->last_peer, sizeof(row->last_peer));
    if (address.sa.any.sa_family != AF_INET && address.sa.any.sa_family != AF_INET6)
        return json_null();
    return json_text_new(net_format(text, &address));
}

static json_t *make_leaving_one(const struct child *child, uint64_t now_ns) {
    json_t *worker = json_object();

    set_number(worker, "slot", child->slot);
    set_number(worker, "pid", (uint64_t)child->pid);
    set_text(worker, "state", child_state_name(child->state));
    set_text(worker, "reason", child->leave_reason);
    set_number(worker, "sessions", row_of(child)->sessions);
    json_object_set_new(worker, "last_peer", make_peer(row_of(child)));
    set_span(worker, "since_ms", now_ns, child->leaving_since_ns);
    set_until(worker, "deadline_ms", now_ns, child->deadline_ns);
    return worker;
}

static json_t *make_leaving(const struct service *service) {
    const struct child *child;
    json_t *list = json_array();

    TAILQ_FOREACH (child, &service->children, link)
        if (child_is_leaving(child))
            json_array_append_new(list, make_leaving_one(child, service->supervisor->now_ns));
    return list;
}

/* Those that are to be replaced, and whether it has begun. */
static json_t *make_replaced(const struct service *service) {
    const struct child *child, *other;
    json_t *list = json_array(), *worker;
    bool has_begun;

    TAILQ_FOREACH (child, &service->children, link) {
        if (!child->wants_recycling || child_is_leaving(child))
            continue;
        has_begun = false;
        TAILQ_FOREACH (other, &service->children, link)
            has_begun = has_begun || other->replaces == child;
        worker = json_object();
        set_number(worker, "slot", child->slot);
        set_number(worker, "pid", (uint64_t)child->pid);
        set_text(worker, "reason", child->recycle_reason);
        json_object_set_new(worker, "has_begun", json_boolean(has_begun));
        json_array_append_new(list, worker);
    }
    return list;
}

/* How near each worker is to what it is replaced for. */
static json_t *make_workers(const struct service *service) {
    const struct child *child;
    json_t *list = json_array(), *worker;

    TAILQ_FOREACH (child, &service->children, link) {
        if (child->state != CHILD_RUNNING)
            continue;
        worker = json_object();
        set_number(worker, "slot", child->slot);
        set_number(worker, "pid", (uint64_t)child->pid);
        set_number(worker, "sessions", row_of(child)->sessions);
        set_number(
            worker, "served", row_of(child)->counts.connections + row_of(child)->counts.datagrams);
        set_span(worker, "age_ms", service->supervisor->now_ns, child->started_at_ns);
        set_number(worker, "pss_bytes", row_of(child)->pss_bytes);
        json_array_append_new(list, worker);
    }
    return list;
}

static json_t *make_replacing(const struct service *service) {
    const struct config_service *config = service->config;
    json_t *object = json_object();

    set_number(object, "max_requests", config->max_requests);
    set_number(object, "max_requests_jitter", config->max_requests_jitter);
    set_number(object, "max_worker_lifetime_ms", config->max_worker_lifetime_ms);
    set_number(object, "reload_on_pss_bytes", config->reload_on_pss_bytes);
    set_number(object, "max_recycling", config->max_recycling);
    json_object_set_new(object, "wanted", make_replaced(service));
    return object;
}

/* ---- who comes ---- */

static json_t *make_limits(const struct service *service) {
    const struct config_service *config = service->config;
    json_t *limits = json_object();

    set_number(limits, "max_connections", config->max_connections);
    set_number(limits, "max_connections_per_source", config->max_connections_per_source);
    set_number(limits, "max_rate", config->max_rate);
    set_number(limits, "max_rate_per_source", config->max_rate_per_source);
    set_text(limits, "when_full", config->when_full == FULL_REFUSE ? "refuse" : "wait");
    set_number(limits, "backlog", config->backlog);
    set_number(limits, "graceful_timeout_ms", config->graceful_timeout_ms);
    set_number(limits, "idle_stop_ms", config->idle_stop_ms);
    return limits;
}

static json_t *make_refused(const struct service *service) {
    struct scoreboard_totals totals = { .connections = 0 };
    json_t *refused = json_object();

    service_count(service, &totals);
    set_number(refused, "connections", totals.refused);
    set_number(refused, "by_max_connections", totals.refused_full);
    set_number(refused, "by_max_connections_per_source", totals.refused_source);
    set_number(refused, "by_rate", totals.refused_rate);
    set_number(refused, "datagrams", totals.dropped);
    set_number(refused, "datagrams_by_rate", totals.dropped_rate);
    set_number(refused, "timed_out", totals.timed_out);
    set_number(refused, "cut", totals.cut);
    return refused;
}

/* ---- */

json_t *control_explain_make(const struct service *service) {
    const uint64_t now_ns = service->supervisor->now_ns;
    json_t *object = json_object();

    set_text(object, "service", service->config->name);
    set_text(object, "state", service_state_name(service->state));
    set_text(object, "state_reason", service->state_reason);
    set_span(object, "state_for_ms", now_ns, service->state_since_ns);
    set_text(object, "model", config_model_name(service->config->model));
    json_object_set_new(object, "pool", make_pool(service));
    json_object_set_new(object, "scale", make_scale(service));
    json_object_set_new(object, "fork", make_fork(service));
    set_number(object, "restarts", service->restarts);
    json_object_set_new(object, "last_death", make_last_death(service));
    json_object_set_new(object, "deaths",
        control_explain_make_deaths(service->supervisor, "worker_exit", service->config->name));
    json_object_set_new(object, "leaving", make_leaving(service));
    json_object_set_new(object, "workers", make_workers(service));
    json_object_set_new(object, "replacing", make_replacing(service));
    set_number(object, "connections",
        scoreboard_count_sessions(service->supervisor->board, service->index));
    json_object_set_new(object, "queue", control_status_make_queue(service));
    json_object_set_new(object, "limits", make_limits(service));
    json_object_set_new(object, "refused", make_refused(service));
    set_span(object, "unused_ms", now_ns, service->last_message_at_ns);
    return object;
}
