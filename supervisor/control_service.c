/*
 * start, stop, restart, scale. What was asked for is done at once and then looked at each turn
 * until it has come to pass; what is waited for is read from the service's state, so that it does
 * not matter who else changes it meanwhile.
 */
#include "supervisor/control_service.h"

#include <stdlib.h>

#include "shared/exit_code.h"
#include "supervisor/control_status.h"
#include "supervisor/service_pool.h"
#include "supervisor/supervisor.h"

static struct service *service_of(struct control_request *request) {
    return supervisor_find_service(request->supervisor, request->service);
}

/* ---- what came of it ---- */

static const char *plural(unsigned n) {
    return n == 1 ? "" : "s";
}

static void answer(
    struct control_request *request, const struct service *service, const char *words) {
    json_t *object = control_status_make_short(service);

    json_object_set_new(object, "words", control_request_text(words));
    control_request_say(request, object);
    control_request_finish(request, EXIT_CODE_OK, NULL);
}

static void answer_running(struct control_request *request, const struct service *service) {
    const struct config_service *config = service->config;
    const unsigned ready = service_count_ready(service);
    char words[CONTROL_REQUEST_WORDS];
    int used;

    used = snprintf(
        words, sizeof(words), "%s is RUNNING with %u worker%s", config->name, ready, plural(ready));
    if (config->pm != PM_STATIC) /* as many as are busy */
        snprintf(words + used, sizeof(words) - (size_t)used, ", at most %u",
            service_count_most(service));
    answer(request, service, words);
}

static void answer_stopped(struct control_request *request, const struct service *service) {
    char words[CONTROL_REQUEST_WORDS];

    snprintf(words, sizeof(words), "%s is STOPPED", service->config->name);
    answer(request, service, words);
}

/* It was to run and does not. */
static void answer_failed(struct control_request *request, const struct service *service) {
    const char *name = service->config->name, *state = service_state_name(service->state);

    if (service->state != SERVICE_STOPPED && service->last_death[0] != '\0')
        control_request_finish(
            request, EXIT_CODE_FAILED, "%s is %s: a worker %s", name, state, service->last_death);
    else
        control_request_finish(request, EXIT_CODE_FAILED, "%s is %s%s%s", name, state,
            service->state_reason != NULL ? ": " : "",
            service->state_reason != NULL ? service->state_reason : "");
}

/* ---- waiting ---- */

static void tell_starting(struct control_request *request, const struct service *service) {
    unsigned ready = 0, starting = 0, old = 0;
    const struct child *child;

    if (service->state == SERVICE_BACKOFF) {
        control_request_tell(request, "%s is in BACKOFF: a worker %s", service->config->name,
            service->last_death[0] != '\0' ? service->last_death : "died too young");
        return;
    }
    TAILQ_FOREACH (child, &service->children, link) {
        if (child->wants_recycling || child_is_leaving(child))
            old++;
        else if (child->state == CHILD_RUNNING)
            ready++;
        else
            starting++;
    }
    control_request_tell(request, "%s: %u worker%s ready, %u starting, %u to leave",
        service->config->name, ready, plural(ready), starting, old);
}

/* The service of a question in hand; finishes it when a reload has removed the service. */
static struct service *still_there(struct control_request *request) {
    struct service *service = service_of(request);

    if (service == NULL)
        control_request_finish(
            request, EXIT_CODE_FAILED, "%s is not configured any more", request->service);
    return service;
}

/* Until it runs as it was told to, or is known not to. */
void control_service_look_running(struct control_request *request) {
    struct service *service = still_there(request);

    if (service == NULL)
        return;
    switch (service->state) {
    case SERVICE_FATAL:
    case SERVICE_STOPPED:
        answer_failed(request, service);
        return;
    case SERVICE_BACKOFF:
        if (service->config->start_retries == 0) { /* for ever: nobody waits that long */
            answer_failed(request, service);
            return;
        }
        break;
    case SERVICE_RUNNING:
        if (service_is_settled(service)) {
            answer_running(request, service);
            return;
        }
        break;
    case SERVICE_STARTING:
    case SERVICE_STOPPING:
        break;
    }
    tell_starting(request, service);
}

void control_service_look_stopped(struct control_request *request) {
    struct service *service = still_there(request);
    const struct child *child;
    unsigned left = 0;

    if (service == NULL)
        return;
    TAILQ_FOREACH (child, &service->children, link)
        left++;
    if (service->state == SERVICE_STOPPED || service->state == SERVICE_FATAL)
        answer_stopped(request, service);
    else if (service->state == SERVICE_STOPPING)
        control_request_tell(
            request, "%s: %u worker%s to leave", service->config->name, left, plural(left));
    else
        control_request_finish(request, EXIT_CODE_FAILED, "%s is %s: somebody started it again",
            service->config->name, service_state_name(service->state));
}

/* Wait, unless the peer said not to. */
static void wait_or_answer(struct control_request *request, const struct service *service) {
    char words[CONTROL_REQUEST_WORDS];

    if (control_request_flag(request, "wait", true))
        return; /* the next turn looks */
    snprintf(words, sizeof(words), "%s is %s; not waited for", service->config->name,
        service_state_name(service->state));
    answer(request, service, words);
}

/* ---- doing ---- */

static bool is_idle(const struct service *service) {
    return service->state == SERVICE_STOPPED || service->state == SERVICE_FATAL;
}

/* Refuse while the daemon leaves. */
static bool may_change(struct control_request *request) {
    if (!request->supervisor->is_stopping)
        return true;
    control_request_finish(request, EXIT_CODE_FAILED, "preforkd is stopping");
    return false;
}

static void start(struct control_request *request, struct service *service) {
    struct complaint complaint;

    if (service_start(service, &complaint) < 0)
        control_request_finish(
            request, EXIT_CODE_FAILED, "%s: %s", service->config->name, complaint.text);
    else
        wait_or_answer(request, service);
}

void control_service_start(struct control_request *request) {
    struct service *service = service_of(request);

    if (!may_change(request))
        return;
    if (is_idle(service) && request->supervisor->reload.state == RELOAD_PROVING)
        control_request_finish(request, EXIT_CODE_BUSY,
            "a reload is under way; start %s when it is over", service->config->name);
    else if (service->state == SERVICE_STOPPING)
        control_request_finish(request, EXIT_CODE_FAILED,
            "%s is STOPPING; start it when it is STOPPED", service->config->name);
    else if (is_idle(service) || service->state == SERVICE_BACKOFF)
        start(request, service);
    else
        wait_or_answer(request, service);
}

void control_service_restart(struct control_request *request) {
    struct service *service = service_of(request);

    if (!may_change(request))
        return;
    if (service->state == SERVICE_STOPPING) {
        control_request_finish(request, EXIT_CODE_FAILED,
            "%s is STOPPING; start it when it is STOPPED", service->config->name);
        return;
    }
    if (is_idle(service)) {
        start(request, service);
        return;
    }
    service_restart(service);
    wait_or_answer(request, service);
}

void control_service_scale(struct control_request *request) {
    struct service *service = service_of(request);
    json_t *n = json_object_get(request->args, "n"), *by = json_object_get(request->args, "by");
    const json_int_t most = (json_int_t)request->supervisor->config->process_max;
    json_int_t wanted;
    char who[64];

    if ((n == NULL) == (by == NULL)) {
        control_request_finish(request, EXIT_CODE_USAGE, "scale: one of n and by is needed");
        return;
    }
    if (!may_change(request))
        return;
    if (is_idle(service) || service->state == SERVICE_STOPPING) {
        control_request_finish(request, EXIT_CODE_FAILED, "%s is %s; start it first",
            service->config->name, service_state_name(service->state));
        return;
    }
    wanted = service_count_most(service);
    if (n != NULL)
        wanted = json_integer_value(n);
    else if (json_integer_value(by) >= -most && json_integer_value(by) <= most)
        wanted += json_integer_value(by);
    else
        wanted = -1;
    if (wanted < (n != NULL ? 0 : 1) || wanted > most) {
        control_request_finish(request, EXIT_CODE_USAGE,
            "scale: %s may have 1 to %lld workers, or 0 for as many as are configured",
            service->config->name, (long long)most);
        return;
    }
    snprintf(who, sizeof(who), "uid %u with pid %d", request->uid, request->pid);
    service_scale(service, (unsigned)wanted, who);
    wait_or_answer(request, service);
}

void control_service_stop(struct control_request *request) {
    struct service *service = service_of(request);

    if (service->state == SERVICE_STOPPED) {
        answer_stopped(request, service);
        return;
    }
    service_stop(service, "stopped by the operator");
    wait_or_answer(request, service);
}
