/*
 * Looked at each turn, told rarely: the status at most once a second, and only when it has changed.
 * The ping goes to the log writer when the watchdog is due, and its answer makes the turn in which
 * it is fed: an answer from before says nothing about now.
 */
#include "supervisor/notify_keeper.h"

#include <stdio.h>
#include <string.h>

#include "shared/contract.h"
#include "shared/log.h"
#include "supervisor/notify.h"
#include "supervisor/supervisor.h"

#define STATUS_NS (1000000000ull)
#define AGAIN_NS  (50 * 1000000ull) /* when a datagram found no room */

static struct keeper {
    bool has_told_start, has_told_stop;
    bool is_behind; /* something may have happened since the status was made */
    bool has_no_room;
    const char *hunger; /* why the watchdog was not fed when it was due for long; NULL: it is fed */
    uint64_t status_at_ns; /* the next status is not made before */
    uint64_t fed_at_ns;
    uint64_t asked_at_ns; /* since when an answer of the log writer is wanted; 0: it is not due */
} keeper;

/* ---- the status ---- */

/* The first that ought to serve and does not, in words behind the line. */
static void add_trouble(const struct supervisor *supervisor, char *line, size_t size) {
    const struct jobs_keeper *jobs = &supervisor->jobs;
    const struct service *service;
    const size_t len = strlen(line);

    for (unsigned i = 0; i < supervisor->service_count; i++) {
        service = supervisor->service[i];
        if (service->state != SERVICE_BACKOFF && service->state != SERVICE_FATAL)
            continue;
        snprintf(line + len, size - len, "; %s is %s: %s", service->config->name,
            service_state_name(service->state), service->last_death);
        return;
    }
    /* A moment of it, between two lives, is no trouble. */
    if (jobs->state == JOBS_KEEPER_BACKOFF && jobs->backoff.deaths > 0)
        snprintf(line + len, size - len, "; the job supervisor is BACKOFF: it %s",
            jobs->last_death[0] != '\0' ? jobs->last_death : "cannot be forked");
}

static void make_status(const struct supervisor *supervisor, char *line, size_t size) {
    unsigned running = 0, workers = 0;
    const struct child *child;

    for (unsigned i = 0; i < supervisor->service_count; i++) {
        running += supervisor->service[i]->state == SERVICE_RUNNING;
        TAILQ_FOREACH (child, &supervisor->service[i]->children, link)
            workers++;
    }
    snprintf(line, size, "%u of %u service%s running, %u worker%s%s", running,
        supervisor->service_count, supervisor->service_count == 1 ? "" : "s", workers,
        workers == 1 ? "" : "s", supervisor->is_stopping ? ", stopping" : "");
    add_trouble(supervisor, line, size);
    /* The log cannot tell it when it is the log that hangs. */
    if (keeper.hunger != NULL)
        snprintf(line + strlen(line), size - strlen(line), "; the watchdog is not fed: %s",
            keeper.hunger);
}

static void tell_status(struct supervisor *supervisor, bool now) {
    char line[NOTIFY_TEXT_MAX];

    keeper.is_behind = true;
    if (!now && supervisor->now_ns < keeper.status_at_ns)
        return;
    make_status(supervisor, line, sizeof(line));
    notify_status(line);
    keeper.is_behind = false;
    keeper.status_at_ns = supervisor->now_ns + STATUS_NS;
}

static void tell_steps(struct supervisor *supervisor, bool has_started) {
    const bool is_ready = has_started && !keeper.has_told_start && !supervisor->is_stopping;
    const bool is_leaving = supervisor->is_stopping && !keeper.has_told_stop;

    tell_status(supervisor, is_ready || is_leaving);
    if (is_ready) {
        keeper.has_told_start = true;
        notify_ready(NULL);
    }
    if (is_leaving) {
        keeper.has_told_stop = true;
        notify_stopping();
    }
}

/* ---- the watchdog ---- */

static bool serves(const struct service *service) {
    switch (service->state) {
    case SERVICE_STOPPED:
    case SERVICE_STOPPING:
    case SERVICE_FATAL:
        return true;
    case SERVICE_RUNNING:
        return service_count_ready(service) > 0 ||
               (service->config->pm == PM_ONDEMAND && TAILQ_EMPTY(&service->children));
    default:
        return false;
    }
}

/* The service that keeps the watchdog hungry; NULL: none does. */
static const struct service *find_idler(const struct supervisor *supervisor) {
    for (unsigned i = 0; i < supervisor->service_count; i++)
        if (supervisor->service[i]->config->watchdog && !serves(supervisor->service[i]))
            return supervisor->service[i];
    return NULL;
}

/* True when it has answered since it was asked for it. */
static bool ask_log_writer(struct supervisor *supervisor) {
    struct child *writer = supervisor->log_writer;
    struct contract_record ping = { .kind = ORDER_PING };

    if (writer == NULL || writer->state != CHILD_RUNNING)
        return false;
    if (writer->ponged_at_ns >= keeper.asked_at_ns)
        return true;
    if (writer->pinged_at_ns >= keeper.asked_at_ns)
        return false;
    ping.pid = writer->pid;
    ping.generation = writer->generation;
    if (contract_send(writer->order_fd, &ping, NULL, 0) == 0)
        writer->pinged_at_ns = supervisor->now_ns;
    return false;
}

/* Before it bites: whoever looks afterwards finds out why. */
static void tell_hunger(struct supervisor *supervisor, const struct service *idler) {
    if (keeper.hunger != NULL || supervisor->now_ns - keeper.asked_at_ns < notify_watchdog_ns() / 4)
        return;
    keeper.hunger = idler != NULL ? "a service has no worker that is ready"
                                  : "the log writer does not answer";
    supervisor_note(supervisor, idler, NULL, LOG_LEVEL_WARN, "watchdog_hungry", NULL,
        "the watchdog is not fed: %s", keeper.hunger);
    tell_status(supervisor, true);
}

static void look_at_watchdog(struct supervisor *supervisor) {
    const struct service *idler;
    bool has_answered;

    if (notify_watchdog_ns() == 0 ||
        supervisor->now_ns < keeper.fed_at_ns + notify_watchdog_ns() / 2)
        return;
    if (keeper.asked_at_ns == 0)
        keeper.asked_at_ns = supervisor->now_ns;
    has_answered = ask_log_writer(supervisor);
    idler = find_idler(supervisor);
    if (!has_answered || idler != NULL) {
        tell_hunger(supervisor, idler);
        return;
    }
    if (!notify_feed())
        return;
    keeper.fed_at_ns = supervisor->now_ns;
    keeper.asked_at_ns = 0;
    keeper.hunger = NULL;
}

/* ---- */

void notify_keeper_tend(struct supervisor *supervisor, bool has_started) {
    if (!notify_is_wanted())
        return;
    tell_steps(supervisor, has_started);
    look_at_watchdog(supervisor);
    keeper.has_no_room = !notify_flush();
}

uint64_t notify_keeper_next_at_ns(const struct supervisor *supervisor) {
    uint64_t next_ns = UINT64_MAX, at_ns;

    if (!notify_is_wanted())
        return next_ns;
    if (keeper.has_no_room)
        next_ns = supervisor->now_ns + AGAIN_NS;
    if (keeper.is_behind && keeper.status_at_ns < next_ns)
        next_ns = keeper.status_at_ns;
    if (notify_watchdog_ns() == 0)
        return next_ns;
    /* When it is due the answer makes a turn; this is for whoever has to be told of none. */
    at_ns = keeper.asked_at_ns == 0 ? keeper.fed_at_ns + notify_watchdog_ns() / 2
                                    : supervisor->now_ns + notify_watchdog_ns() / 8;
    return at_ns < next_ns ? at_ns : next_ns;
}
