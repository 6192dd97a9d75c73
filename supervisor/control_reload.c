/* Questions wait for the run that answers them; many may wait for one. */
#include "supervisor/control_reload.h"

#include <stdlib.h>
#include <string.h>

#include "shared/exit_code.h"
#include "supervisor/control_request.h"
#include "supervisor/supervisor.h"

#define PATIENCE_NS 300000000ull

static json_t *text_or_null(const char *text) {
    return text[0] != '\0' ? control_request_text(text) : json_null();
}

/* ---- the verdict ---- */

static json_t *make_services(const struct reload_plan *plan) {
    json_t *list = json_array();
    const struct reload_change *change;

    for (unsigned i = 0; i < plan->count; i++) {
        change = &plan->change[i];
        json_array_append_new(
            list, json_pack("{s:s,s:s,s:o}", "service", change->name, "action",
                      reload_action_name(change->action), "changes", text_or_null(change->words)));
    }
    return list;
}

static json_t *make_jobs(const struct reload_plan *plan) {
    json_t *list = json_array();

    for (unsigned i = 0; i < plan->job_count; i++)
        json_array_append_new(list, json_pack("{s:s,s:s,s:o}", "job", plan->job[i].name, "action",
                                        reload_job_action_name(plan->job[i].action), "changes",
                                        text_or_null(plan->job[i].words)));
    return list;
}

static json_t *make_lines(const char *text) {
    json_t *list = json_array();
    char *copy = text != NULL ? strdup(text) : NULL, *rest = copy;
    const char *line;

    while (rest != NULL && (line = strsep(&rest, "\n")) != NULL)
        if (line[0] != '\0')
            json_array_append_new(list, control_request_text(line));
    free(copy);
    return list;
}

static json_t *make_verdict(
    const struct supervisor *supervisor, const struct reload_verdict *verdict) {
    json_t *object = json_object();

    json_object_set_new(object, "exit", json_integer(verdict->exit_code));
    json_object_set_new(object, "generation", json_integer(supervisor->generation));
    json_object_set_new(object, "took_us", json_integer((json_int_t)verdict->took_us));
    json_object_set_new(object, "error", text_or_null(verdict->error));
    json_object_set_new(object, "complaints", make_lines(verdict->complaints));
    json_object_set_new(object, "services", make_services(&verdict->plan));
    json_object_set_new(object, "jobs", make_jobs(&verdict->plan));
    json_object_set_new(object, "job_supervisor",
        verdict->plan.has_jobs ? json_string(reload_jobs_name(verdict->plan.jobs)) : json_null());
    json_object_set_new(object, "daemon", text_or_null(verdict->plan.daemon_words));
    json_object_set_new(object, "at_next_start", text_or_null(verdict->plan.later_words));
    return object;
}

json_t *control_reload_make_last(const struct supervisor *supervisor) {
    const struct reload_verdict *verdict = &supervisor->reload.verdict[RELOAD_REAL];

    if (verdict->run == 0)
        return json_null();
    return json_pack("{s:b,s:i,s:I,s:I,s:o}", "good", verdict->exit_code == EXIT_CODE_OK, "exit",
        verdict->exit_code, "at_unix_s", (json_int_t)verdict->at_unix_s, "took_us",
        (json_int_t)verdict->took_us, "error", text_or_null(verdict->error));
}

/* ---- the questions ---- */

static void ask(struct control_request *request, enum reload_kind kind) {
    if (request->supervisor->is_stopping)
        control_request_finish(request, EXIT_CODE_FAILED, "preforkd is stopping");
    else
        request->run = reload_ask(request->supervisor, kind);
}

static void look(struct control_request *request, enum reload_kind kind) {
    const struct supervisor *supervisor = request->supervisor;
    const struct reload_verdict *verdict = reload_answer(supervisor, kind, request->run);

    if (verdict == NULL) {
        /* Most are over before anybody could read it. */
        if (supervisor->reload.progress[0] != '\0' &&
            supervisor->now_ns >= supervisor->reload.started_at_ns + PATIENCE_NS)
            control_request_tell(request, "%s", supervisor->reload.progress);
        return;
    }
    control_request_say(request, make_verdict(supervisor, verdict));
    if (verdict->exit_code == EXIT_CODE_OK)
        control_request_finish(request, EXIT_CODE_OK, NULL);
    else
        control_request_finish(request, verdict->exit_code, "%s%s",
            verdict->exit_code == EXIT_CODE_INCOMPLETE ? "" : "nothing was changed: ",
            verdict->error);
}

void control_reload_ask(struct control_request *request) {
    ask(request, RELOAD_REAL);
    if (request->verb != NULL && !control_request_flag(request, "wait", true))
        control_request_finish(request, EXIT_CODE_OK, NULL);
}

void control_reload_look(struct control_request *request) {
    look(request, RELOAD_REAL);
}

void control_reload_ask_diff(struct control_request *request) {
    ask(request, RELOAD_DRY);
}

void control_reload_look_diff(struct control_request *request) {
    look(request, RELOAD_DRY);
}
