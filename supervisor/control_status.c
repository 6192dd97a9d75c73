/* status and ports. Rows are copied field by field before they are shown: their writers go on. */
#include "supervisor/control_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/owner.h"
#include "shared/version.h"
#include "supervisor/control_jobs_status.h"
#include "supervisor/control_queue.h"
#include "supervisor/control_reload.h"
#include "supervisor/control_request.h"
#include "supervisor/service_pool.h"
#include "supervisor/supervisor.h"

#define NS_IN_S 1000000000u

static json_int_t whole_seconds(uint64_t now_ns, uint64_t since_ns) {
    return now_ns > since_ns ? (json_int_t)((now_ns - since_ns) / NS_IN_S) : 0;
}

static void set_number(json_t *object, const char *key, uint64_t value) {
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static bool is_shown(const struct service *service, const char *name) {
    return name == NULL || strcmp(service->config->name, name) == 0;
}

/* ---- addresses ---- */

static json_t *make_address(enum net_proto proto, const struct net_address *address) {
    char text[NET_TEXT_MAX], whole[NET_TEXT_MAX + 8];

    net_format(text, address);
    snprintf(whole, sizeof(whole), "%s://%s", net_proto_name(proto), text);
    return control_request_text(whole);
}

static json_t *make_listen(const struct service *service) {
    const struct listener *listener = service->listener;
    json_t *list = json_array();

    for (unsigned i = 0; i < service->config->listen_count; i++)
        if (listener[i].fd >= 0)
            json_array_append_new(list, make_address(listener[i].proto, &listener[i].address));
    return list;
}

json_t *control_status_make_queue(const struct service *service) {
    struct control_queue queue = { .waiting = 0 };
    bool is_known = false;

    for (unsigned i = 0; i < service->config->listen_count; i++)
        if (service->listener[i].fd >= 0)
            is_known |= control_queue_add(&queue, &service->listener[i]);
    if (!is_known)
        return json_null();
    return json_pack("{s:I,s:I,s:I,s:I}", "waiting", (json_int_t)queue.waiting, "limit",
        (json_int_t)queue.limit, "waiting_bytes", (json_int_t)queue.waiting_bytes, "overrun",
        (json_int_t)queue.overrun);
}

/* ---- workers ---- */

static const struct scoreboard_row *find_row(
    const struct supervisor *supervisor, const struct child *child) {
    return child->row >= 0 && child->row < SCOREBOARD_ROWS ? &supervisor->board->row[child->row]
                                                           : NULL;
}

/* What the parent has done to it goes before what it says of itself. */
static const char *worker_state(const struct child *child, const struct scoreboard_row *row) {
    if (child->state != CHILD_RUNNING || row == NULL)
        return child_state_name(child->state);
    return scoreboard_state_name(atomic_load_explicit(&row->state, memory_order_relaxed));
}

/* Of all workers of a service that keeps its datagrams together it is the one. */
static bool owns_datagrams(const struct child *child) {
    const struct owner *owner = commons_owner(&child->commons);

    return owner != NULL && owner_is(owner, child->generation);
}

static json_t *make_worker(const struct service *service, const struct child *child) {
    const struct supervisor *supervisor = service->supervisor;
    const struct scoreboard_row *row = find_row(supervisor, child);
    json_t *worker = json_object();
    uint64_t sessions = 0, requests = 0, pss_bytes = 0;

    if (row != NULL) {
        sessions = atomic_load_explicit(&row->sessions, memory_order_relaxed);
        requests = atomic_load_explicit(&row->counts.requests, memory_order_relaxed);
        pss_bytes = atomic_load_explicit(&row->pss_bytes, memory_order_relaxed);
    }
    set_number(worker, "slot", child->slot);
    set_number(worker, "pid", (uint64_t)child->pid);
    json_object_set_new(worker, "state", json_string(worker_state(child, row)));
    set_number(worker, "sessions", sessions);
    set_number(worker, "requests", requests);
    json_object_set_new(
        worker, "uptime_s", json_integer(whole_seconds(supervisor->now_ns, child->started_at_ns)));
    set_number(worker, "pss_bytes", pss_bytes);
    if (commons_owner(&child->commons) != NULL)
        json_object_set_new(worker, "owns_datagrams", json_boolean(owns_datagrams(child)));
    return worker;
}

/* Two of one slot, the old and the new one, stand in the order of their lives. */
static int compare_children(const void *a, const void *b) {
    const struct child *const *x = a, *const *y = b;

    if ((*x)->slot != (*y)->slot)
        return (*x)->slot < (*y)->slot ? -1 : 1;
    return ((*x)->generation > (*y)->generation) - ((*x)->generation < (*y)->generation);
}

static json_t *make_workers(const struct service *service) {
    const struct child *sorted[SCOREBOARD_ROWS];
    const struct child *child;
    json_t *list = json_array();
    size_t count = 0;

    TAILQ_FOREACH (child, &service->children, link)
        if (count < SCOREBOARD_ROWS)
            sorted[count++] = child;
    qsort(sorted, count, sizeof(const struct child *), compare_children);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, make_worker(service, sorted[i]));
    return list;
}

/* ---- services ---- */

unsigned control_status_count_wanted(const struct service *service) {
    const unsigned most = service_count_most(service);
    unsigned count = 0;
    const struct child *child;

    if (service->state != SERVICE_STARTING && service->state != SERVICE_RUNNING &&
        service->state != SERVICE_BACKOFF)
        return 0;
    if (service->config->pm == PM_STATIC)
        return most;
    TAILQ_FOREACH (child, &service->children, link)
        count += !child->wants_recycling &&
                 (child->state == CHILD_STARTING || child->state == CHILD_RUNNING);
    return count < most ? count : most;
}

json_t *control_status_make_short(const struct service *service) {
    json_t *object = json_object();

    json_object_set_new(object, "service", json_string(service->config->name));
    json_object_set_new(object, "state", json_string(service_state_name(service->state)));
    set_number(object, "ready", service_count_ready(service));
    set_number(object, "wanted", control_status_count_wanted(service));
    return object;
}

static json_t *make_last_death(const struct service *service) {
    if (service->last_death[0] == '\0')
        return json_null();
    return json_pack("{s:o,s:I}", "words", control_request_text(service->last_death), "ago_s",
        whole_seconds(service->supervisor->now_ns, service->last_death_at_ns));
}

static void set_state(json_t *object, const struct service *service) {
    const struct config_service *config = service->config;

    json_object_set_new(object, "name", json_string(config->name));
    json_object_set_new(object, "type", json_string(config->type->name));
    json_object_set_new(object, "state", json_string(service_state_name(service->state)));
    json_object_set_new(object, "state_reason",
        service->state_reason != NULL ? json_string(service->state_reason) : json_null());
    json_object_set_new(object, "state_for_s",
        json_integer(whole_seconds(service->supervisor->now_ns, service->state_since_ns)));
    json_object_set_new(object, "model", json_string(config_model_name(config->model)));
    json_object_set_new(object, "pm", json_string(config_pm_name(config->pm)));
    json_object_set_new(object, "listen", make_listen(service));
    set_number(object, "ready", service_count_ready(service));
    set_number(object, "wanted", control_status_count_wanted(service));
    set_number(object, "max_children", service_count_most(service));
}

/* What the type counts beside that, by its own names. */
static json_t *make_counters(
    const struct service_ops *type, const struct scoreboard_totals *totals) {
    json_t *counters = json_object();

    for (unsigned i = 0; type->counters != NULL && type->counters[i] != NULL; i++)
        set_number(counters, type->counters[i], totals->own[i]);
    return counters;
}

static void set_counts(json_t *object, const struct service *service) {
    struct scoreboard_totals totals = { .connections = 0 };

    service_count(service, &totals);
    set_number(object, "connections",
        scoreboard_count_sessions(service->supervisor->board, service->index));
    set_number(object, "connections_total", totals.connections);
    set_number(object, "refused", totals.refused);
    set_number(object, "requests", totals.requests);
    set_number(object, "datagrams", totals.datagrams);
    set_number(object, "bytes_in", totals.bytes_in);
    set_number(object, "bytes_out", totals.bytes_out);
    set_number(object, "dropped", totals.dropped);
    set_number(object, "timed_out", totals.timed_out);
    set_number(object, "cut", totals.cut);
    set_number(object, "handed_over", totals.handed_over);
    set_number(object, "cut_unanswered", totals.cut_unanswered);
    set_number(object, "log_dropped", totals.log_dropped);
    set_number(object, "bad_input", totals.bad_input);
    json_object_set_new(object, "counters", make_counters(service->config->type, &totals));
}

static json_t *make_service(const struct service *service) {
    json_t *object = json_object();

    set_state(object, service);
    set_number(object, "restarts", service->restarts);
    json_object_set_new(object, "last_death", make_last_death(service));
    set_counts(object, service);
    json_object_set_new(object, "queue", control_status_make_queue(service));
    json_object_set_new(object, "workers", make_workers(service));
    return object;
}

json_t *control_status_make(struct supervisor *supervisor, const char *name) {
    json_t *services = json_array(), *status;

    for (unsigned i = 0; i < supervisor->service_count; i++)
        if (is_shown(supervisor->service[i], name))
            json_array_append_new(services, make_service(supervisor->service[i]));
    status = json_object();
    json_object_set_new(status, "version", json_string(PREFORK_VERSION));
    set_number(status, "pid", (uint64_t)getpid());
    set_number(status, "generation", supervisor->generation);
    json_object_set_new(status, "uptime_s",
        json_integer(whole_seconds(supervisor->now_ns, supervisor->started_at_ns)));
    json_object_set_new(
        status, "started_at_unix_s", json_integer((json_int_t)supervisor->started_at_unix_s));
    json_object_set_new(status, "is_stopping", json_boolean(supervisor->is_stopping));
    json_object_set_new(status, "last_reload", control_reload_make_last(supervisor));
    json_object_set_new(status, "log_writer_pid",
        supervisor->log_writer != NULL ? json_integer(supervisor->log_writer->pid) : json_null());
    if (name == NULL || strcmp(name, CHILD_JOBS_NAME) == 0)
        json_object_set_new(status, "jobs", control_jobs_status_make(supervisor));
    json_object_set_new(status, "services", services);
    return status;
}

/* ---- ports ---- */

static json_t *make_port(const struct service *service, const struct listener *listener) {
    char host[NET_TEXT_MAX];
    uint16_t port = net_port(&listener->address), wanted = net_port(&listener->wanted);
    bool has_port = listener->proto != NET_UNIX;

    if (has_port)
        net_format_host(host, &listener->address);
    else
        net_format(host, &listener->address);
    return json_pack("{s:s,s:s,s:o,s:o,s:o}", "service", service->config->name, "proto",
        net_proto_name(listener->proto), "address", control_request_text(host), "port",
        has_port ? json_integer(port) : json_null(), "wanted",
        has_port ? json_integer(wanted) : json_null());
}

json_t *control_status_make_ports(struct supervisor *supervisor) {
    const struct service *service;
    json_t *ports = json_array();

    for (unsigned i = 0; i < supervisor->service_count; i++) {
        service = supervisor->service[i];
        for (unsigned k = 0; k < service->config->listen_count && !service->is_removed; k++)
            if (service->listener[k].fd >= 0)
                json_array_append_new(ports, make_port(service, &service->listener[k]));
    }
    return ports;
}
