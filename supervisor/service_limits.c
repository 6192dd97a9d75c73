/* Each limit is looked at by its own function; each passes its verdict to child.c. */
#include "supervisor/service_limits.h"

#include <stddef.h>

#include "shared/contract.h"
#include "shared/log.h"
#include "shared/number.h"
#include "supervisor/hang.h"
#include "supervisor/service.h"
#include "supervisor/supervisor.h"

#define LOOK_NS       1000000000ull
#define HUNG_GRACE_MS 1000

static void pass_deadline(struct child *child, uint64_t now_ns) {
    if (now_ns < child->deadline_ns)
        return;
    if (child->state == CHILD_STARTING)
        child_kill(child, "it was not ready in time");
    else if (child->state == CHILD_DRAINING)
        child_cut(child, now_ns, child->leave_reason);
    else if (child->state == CHILD_CUT)
        child_kill(child, child->leave_reason);
}

/* A cut, and a moment later KILL: somebody may have a handler, or a debugger. */
static void end_hung(
    struct service *service, struct child *child, uint64_t now_ns, uint64_t for_ns, bool in_hook) {
    char span[NUMBER_TEXT_MAX];

    supervisor_note(service->supervisor, service, child, LOG_LEVEL_ERROR, "worker_hung",
        (const struct log_field[]){ LOG_NUMBER("hung_ms", for_ns / 1000000),
            LOG_TEXT("where", in_hook ? "hook" : "loop"), { .key = NULL } },
        in_hook ? "worker hangs in a hook for %s: it is ended"
                : "worker does not answer for %s: it is ended",
        number_format_span(span, for_ns));
    child_cut(child, now_ns, in_hook ? "it hung in a hook" : "it did not answer");
    child->deadline_ns = now_ns + HUNG_GRACE_MS * 1000000ull;
}

static void look_for_hang(
    struct service *service, struct child *child, uint64_t now_ns, uint64_t limit_ns) {
    uint64_t since_ns = hang_look(
        &child->hang, service->supervisor->board->lane[child->row], now_ns);

    if (since_ns != UINT64_MAX && now_ns - since_ns >= limit_ns)
        end_hung(service, child, now_ns, now_ns - since_ns, true);
}

/*
 * Does its loop turn? It is asked now and then. A process that serves a session reads its orders
 * when that is over: what it has accepted since it was asked excuses it.
 */
static void look_for_answer(
    struct service *service, struct child *child, uint64_t now_ns, uint64_t limit_ns) {
    const struct scoreboard_row *row = &service->supervisor->board->row[child->row];
    const struct contract_record ping = {
        .kind = ORDER_PING, .pid = child->pid, .generation = child->generation
    };

    if (service->config->model == MODEL_PROCESS &&
        (row->sessions > 0 || row->counts.connections != child->pinged_connections)) {
        child->pinged_connections = row->counts.connections;
        if (child->pinged_at_ns != 0)
            child->pinged_at_ns = now_ns;
        return;
    }
    if (child->pinged_at_ns != 0 && now_ns - child->pinged_at_ns >= limit_ns) {
        end_hung(service, child, now_ns, now_ns - child->pinged_at_ns, false);
    } else if (child->pinged_at_ns == 0 && now_ns - child->ponged_at_ns >= limit_ns / 2) {
        child->pinged_at_ns = now_ns;
        (void)contract_send(child->order_fd, &ping, NULL, 0);
    }
}

static void look_at_health(struct service *service, struct child *child, uint64_t now_ns) {
    const uint64_t limit_ns = service->config->worker_timeout_ms * 1000000ull;

    if (limit_ns == 0 || child->state == CHILD_STARTING || child->state >= CHILD_CUT)
        return;
    look_for_hang(service, child, now_ns, limit_ns);
    if (child->state == CHILD_RUNNING)
        look_for_answer(service, child, now_ns, limit_ns);
}

static void look_at_age(struct service *service, struct child *child, uint64_t now_ns) {
    uint64_t limit_ns = service->config->max_worker_lifetime_ms * 1000000ull;

    /* Slots differ by up to a tenth, so that those that began together do not end together. */
    limit_ns += limit_ns / 100 * (child->slot % 11);
    if (limit_ns == 0 || child->wants_recycling || child->state != CHILD_RUNNING ||
        now_ns - child->started_at_ns < limit_ns)
        return;
    child->wants_recycling = true;
    child->recycle_reason = "it has reached max_worker_lifetime";
}

static void look_at_use(struct service *service, uint64_t now_ns) {
    const uint64_t limit_ns = service->config->idle_stop_ms * 1000000ull;
    uint64_t last_ns = service->last_message_at_ns, at_ns;
    const struct child *child;

    TAILQ_FOREACH (child, &service->children, link) {
        at_ns = service->supervisor->board->row[child->row].last_message_at_ns;
        if (at_ns > last_ns)
            last_ns = at_ns;
    }
    service->last_message_at_ns = last_ns;
    if (limit_ns > 0 && service->state == SERVICE_RUNNING && now_ns >= last_ns + limit_ns)
        service_stop(service, "idle");
}

/* Short limits are looked at more often, so that they mean what they say. */
static uint64_t pace_ns(const struct service *service) {
    const struct config_service *config = service->config;
    uint64_t pace = LOOK_NS;
    const uint64_t limits_ms[] = { config->worker_timeout_ms, config->idle_stop_ms,
        config->pm == PM_ONDEMAND ? config->process_idle_timeout_ms : 0,
        config->max_worker_lifetime_ms };

    for (size_t i = 0; i < sizeof(limits_ms) / sizeof(limits_ms[0]); i++)
        if (limits_ms[i] > 0 && limits_ms[i] * 1000000ull / 4 < pace)
            pace = limits_ms[i] * 1000000ull / 4;
    return pace;
}

void service_limits_look(struct service *service, uint64_t now_ns) {
    struct child *child;

    TAILQ_FOREACH (child, &service->children, link) {
        pass_deadline(child, now_ns);
        if (now_ns < service->look_at_ns)
            continue;
        look_at_health(service, child, now_ns);
        look_at_age(service, child, now_ns);
    }
    if (now_ns < service->look_at_ns)
        return;
    look_at_use(service, now_ns);
    service->look_at_ns = now_ns + pace_ns(service);
}

bool service_limits_has_good_life(
    const struct service *service, uint64_t now_ns, uint64_t good_ns) {
    const struct child *child;

    TAILQ_FOREACH (child, &service->children, link)
        if (child->state == CHILD_RUNNING && now_ns - child->ready_at_ns >= good_ns)
            return true;
    return false;
}
