/* The table of verbs, and those that ask the daemon as a whole. */
#include "supervisor/control_verbs.h"

#include <stdlib.h>
#include <string.h>

#include "shared/exit_code.h"
#include "supervisor/control_explain.h"
#include "supervisor/control_jobs_status.h"
#include "supervisor/control_private.h"
#include "supervisor/control_reload.h"
#include "supervisor/control_service.h"
#include "supervisor/control_status.h"
#include "supervisor/supervisor.h"

/* ---- looking ---- */

static void ask_status(struct control_request *request) {
    const char *name = request->service[0] != '\0' ? request->service : NULL;

    control_request_say(request, control_status_make(request->supervisor, name));
    control_request_finish(request, EXIT_CODE_OK, NULL);
}

static void ask_explain(struct control_request *request) {
    struct supervisor *supervisor = request->supervisor;
    const struct service *service = supervisor_find_service(supervisor, request->service);

    control_request_say(request,
        service != NULL ? control_explain_make(service) : control_jobs_status_explain(supervisor));
    control_request_finish(request, EXIT_CODE_OK, NULL);
}

static void ask_ports(struct control_request *request) {
    control_request_say(request, control_status_make_ports(request->supervisor));
    control_request_finish(request, EXIT_CODE_OK, NULL);
}

static void ask_config(struct control_request *request) {
    const struct supervisor *supervisor = request->supervisor;

    control_request_say(
        request, json_pack("{s:o,s:i}", "file", control_request_text(supervisor->config->file),
                     "generation", (int)supervisor->generation));
    control_request_finish(request, EXIT_CODE_OK, NULL);
}

static void replay(void *owner, const char *line) {
    control_request_say(owner, json_loads(line, 0, NULL));
}

static void ask_events(struct control_request *request) {
    bool follows = control_request_flag(request, "follow", false);
    json_t *last = json_object_get(request->args, "last");
    json_int_t most = last != NULL ? json_integer_value(last) : follows ? 0 : CONTROL_EVENTS_KEPT;

    if (most < 0) {
        control_request_finish(request, EXIT_CODE_USAGE, "events: last must not be negative");
        return;
    }
    control_replay(request->supervisor->control, (uint64_t)most, replay, request);
    if (!follows) {
        control_request_finish(request, EXIT_CODE_OK, NULL);
        return;
    }
    request->is_following = true;
    control_request_say(request, json_pack("{s:b}", "following", 1));
}

/* ---- stop: the daemon; a service ---- */

/* The answer comes when the control socket closes, with the last worker gone. */
static void stop_daemon(struct control_request *request) {
    bool waits = control_request_flag(request, "wait", true);

    supervisor_stop(request->supervisor, control_request_flag(request, "fast", false));
    if (waits)
        request->is_about_end = true;
    else
        control_request_finish(request, EXIT_CODE_OK, NULL);
}

static void look_daemon(struct control_request *request) {
    const struct supervisor *supervisor = request->supervisor;
    const struct child *child;
    unsigned left = 0;

    for (unsigned i = 0; i < supervisor->service_count; i++)
        TAILQ_FOREACH (child, &supervisor->service[i]->children, link)
            left++;
    if (left > 0)
        control_request_tell(request, "%u worker%s to leave", left, left == 1 ? "" : "s");
    else if (supervisor->jobs.child != NULL)
        control_request_tell(request, "the job supervisor finishes what is claimed");
}

static void ask_stop(struct control_request *request) {
    if (request->service[0] == '\0')
        stop_daemon(request);
    else if (json_object_get(request->args, "fast") != NULL)
        control_request_finish(
            request, EXIT_CODE_USAGE, "stop: fast is for the daemon, not for one service");
    else
        control_service_stop(request);
}

static void look_stop(struct control_request *request) {
    if (request->is_about_end)
        look_daemon(request);
    else
        control_service_look_stopped(request);
}

/* ---- reopen ---- */

/* Who asked may be gone when the log writer answers, so the answer finds it by number. */
struct ticket {
    struct supervisor *supervisor;
    uint64_t id;
};

static void ask_reopen(struct control_request *request);

static void reopened(void *owner, int error) {
    struct ticket *ticket = owner;
    struct control_request *request = control_find_request(ticket->supervisor->control, ticket->id);

    free(ticket);
    if (request == NULL || request->verb == NULL || request->verb->ask != ask_reopen)
        return;
    if (error == 0)
        control_request_finish(request, EXIT_CODE_OK, NULL);
    else
        control_request_finish(
            request, EXIT_CODE_IO, "the log cannot be reopened: %s", strerror(error));
}

static void ask_reopen(struct control_request *request) {
    struct ticket *ticket = malloc(sizeof(*ticket));

    if (ticket == NULL) {
        control_request_finish(request, EXIT_CODE_SYSTEM, "no memory");
        return;
    }
    *ticket = (struct ticket){ .supervisor = request->supervisor, .id = request->id };
    supervisor_reopen_logs(request->supervisor, reopened, ticket);
}

#define SERVICE_NEEDED \
    { .name = "service", .type = QUESTION_SERVICE, .is_needed = true }
#define SERVICE_MAYBE \
    { .name = "service", .type = QUESTION_SERVICE }
#define SUBJECT_NEEDED \
    { .name = "service", .type = QUESTION_SUBJECT, .is_needed = true }
#define SUBJECT_MAYBE \
    { .name = "service", .type = QUESTION_SUBJECT }
#define WAIT \
    { .name = "wait", .type = QUESTION_BOOL }

const struct control_verb control_verbs_table[] = {
    { .question = { .name = "status", .args = { SUBJECT_MAYBE } },
        .right = CONTROL_READ,
        .ask = ask_status },
    { .question = { .name = "explain", .args = { SUBJECT_NEEDED } },
        .right = CONTROL_READ,
        .ask = ask_explain },
    { .question = { .name = "ports" }, .right = CONTROL_READ, .ask = ask_ports },
    { .question = { .name = "config" }, .right = CONTROL_READ, .ask = ask_config },
    { .question = { .name = "events",
          .args = { { .name = "follow", .type = QUESTION_BOOL },
              { .name = "last", .type = QUESTION_INTEGER } } },
        .right = CONTROL_READ,
        .ask = ask_events },
    { .question = { .name = "start", .args = { SERVICE_NEEDED, WAIT } },
        .right = CONTROL_ADMIN,
        .ask = control_service_start,
        .look = control_service_look_running },
    { .question = { .name = "stop",
          .args = { SERVICE_MAYBE, WAIT, { .name = "fast", .type = QUESTION_BOOL } } },
        .right = CONTROL_ADMIN,
        .ask = ask_stop,
        .look = look_stop },
    { .question = { .name = "restart", .args = { SERVICE_NEEDED, WAIT } },
        .right = CONTROL_ADMIN,
        .ask = control_service_restart,
        .look = control_service_look_running },
    { .question = { .name = "scale",
          .args = { SERVICE_NEEDED, WAIT, { .name = "n", .type = QUESTION_INTEGER },
              { .name = "by", .type = QUESTION_INTEGER } } },
        .right = CONTROL_ADMIN,
        .ask = control_service_scale,
        .look = control_service_look_running },
    { .question = { .name = "reload", .args = { WAIT } },
        .right = CONTROL_ADMIN,
        .ask = control_reload_ask,
        .look = control_reload_look },
    { .question = { .name = "diff" },
        .right = CONTROL_READ,
        .ask = control_reload_ask_diff,
        .look = control_reload_look_diff },
    { .question = { .name = "reopen" }, .right = CONTROL_ADMIN, .ask = ask_reopen },
    { .question = { .name = NULL } },
};
