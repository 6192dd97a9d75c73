/*
 * From a line to its answer: is it JSON, is there such a verb, may this peer ask it, are the
 * arguments what the table says. Apart from the verbs, so that each of them sees checked values
 * only, and from the sockets, so that it is tested without one.
 */
#include "supervisor/control_request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/json_text.h"
#include "shared/suggest.h"
#include "supervisor/control_jobs.h"
#include "supervisor/control_verbs.h"
#include "supervisor/supervisor.h"

#define QUOTE_MAX 48

json_t *control_request_text(const char *text) {
    return json_text_new(text);
}

bool control_request_flag(const struct control_request *request, const char *name, bool fallback) {
    const json_t *value = json_object_get(request->args, name);

    return value != NULL ? json_is_true(value) : fallback;
}

void control_request_say(struct control_request *request, json_t *object) {
    if (object != NULL)
        request->send(request->owner, object);
    json_decref(object);
}

void control_request_tell(struct control_request *request, const char *format, ...) {
    char words[CONTROL_REQUEST_WORDS];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    if (strcmp(words, request->progress) == 0)
        return;
    memcpy(request->progress, words, sizeof(words));
    control_request_say(request, json_pack("{s:o}", "progress", control_request_text(words)));
}

void control_request_drop(struct control_request *request) {
    json_decref(request->args);
    request->args = NULL;
    request->verb = NULL;
    request->service[0] = request->progress[0] = '\0';
    request->is_following = request->is_about_end = false;
}

static void finish(struct control_request *request, int exit_code, const char *error) {
    json_t *text = error != NULL ? control_request_text(error) : json_null();

    control_request_drop(request);
    control_request_say(
        request, json_pack("{s:b,s:i,s:o}", "done", 1, "exit", exit_code, "error", text));
}

void control_request_finish(
    struct control_request *request, int exit_code, const char *format, ...) {
    struct complaint error;
    va_list args;

    if (format == NULL) {
        finish(request, exit_code, NULL);
        return;
    }
    va_start(args, format);
    vsnprintf(error.text, sizeof(error.text), format, args);
    va_end(args);
    finish(request, exit_code, error.text);
}

static int check_service(struct control_request *request, const char *name, bool may_be_jobs,
    struct complaint *complaint) {
    struct supervisor *supervisor = request->supervisor;
    const bool is_jobs = strcmp(name, CHILD_JOBS_NAME) == 0;
    struct suggestion best = { .word = "" };

    if (supervisor_find_service(supervisor, name) != NULL || (is_jobs && may_be_jobs)) {
        snprintf(request->service, sizeof(request->service), "%s", name);
        return 0;
    }
    if (is_jobs)
        return complaint_set(complaint, "\"%s\" is the job supervisor, not a service", name);
    for (unsigned i = 0; i < supervisor->service_count; i++)
        suggest_offer(&best, name, supervisor->service[i]->config->name);
    if (best.word[0] != '\0')
        return complaint_set(complaint, "unknown service \"%.*s\", did you mean \"%s\"?", QUOTE_MAX,
            name, best.word);
    return complaint_set(complaint, "unknown service \"%.*s\"", QUOTE_MAX, name);
}

/* The arguments that name a service, of those that are checked else. */
static int check_services(struct control_request *request, const struct question *question,
    const json_t *args, struct complaint *complaint) {
    const char *name;

    for (const struct question_arg *arg = question->args; arg->name != NULL; arg++) {
        name = json_string_value(json_object_get(args, arg->name));
        if ((arg->type != QUESTION_SERVICE && arg->type != QUESTION_SUBJECT) || name == NULL)
            continue;
        if (check_service(request, name, arg->type == QUESTION_SUBJECT, complaint) < 0)
            return complaint_prefix(complaint, "%s", question->name);
    }
    return 0;
}

/*
 * Returns the verb, with request->args and request->service set (but for a job's, which reads its
 * line itself); or NULL with the exit code.
 */
static const struct control_verb *read_question(
    struct control_request *request, json_t *line, int *out_exit, struct complaint *complaint) {
    const char *name = json_string_value(json_object_get(line, "verb"));
    json_t *args = json_object_get(line, "args");
    const struct control_verb *verb;

    *out_exit = EXIT_CODE_USAGE;
    if (control_jobs_has(name))
        return &control_jobs_verb;
    verb = question_find(
        control_verbs_table, sizeof(control_verbs_table[0]), name, "there are:", complaint);
    if (verb == NULL)
        return NULL;
    if (verb->right == CONTROL_ADMIN && !request->is_admin) {
        *out_exit = EXIT_CODE_PERMISSION;
        complaint_set(complaint, "%s is for root and for the user that preforkd runs as",
            verb->question.name);
        return NULL;
    }
    if (question_check(&verb->question, args, complaint) < 0 ||
        check_services(request, &verb->question, args, complaint) < 0)
        return NULL;
    request->args = args != NULL ? json_incref(args) : json_object();
    return verb;
}

void control_request_take(struct control_request *request, const char *line, size_t len) {
    const struct control_verb *verb;
    struct complaint complaint;
    json_t *object = question_read(line, len, &complaint);
    int exit_code;

    if (object == NULL) {
        finish(request, EXIT_CODE_USAGE, complaint.text);
        return;
    }
    verb = read_question(request, object, &exit_code, &complaint);
    json_decref(object);
    if (verb == NULL) {
        finish(request, exit_code, complaint.text);
        return;
    }
    request->verb = verb;
    verb->ask(request);
}

void control_request_look(struct control_request *request) {
    if (request->verb != NULL && request->verb->look != NULL)
        request->verb->look(request);
}

void control_request_end(struct control_request *request) {
    if (request->verb == NULL)
        return;
    if (request->is_following || request->is_about_end)
        control_request_finish(request, EXIT_CODE_OK, NULL);
    else
        control_request_finish(request, EXIT_CODE_UNAVAILABLE, "preforkd has stopped");
}
