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

/* The row of the verb; complains with the nearest one. */
static const struct control_verb *find_verb(const char *name, struct complaint *complaint) {
    struct suggestion best = { .word = "" };
    char allowed[256] = "";
    size_t used = 0;

    for (const struct control_verb *verb = control_verbs_table; verb->name != NULL; verb++) {
        if (strcmp(verb->name, name) == 0)
            return verb;
        suggest_offer(&best, name, verb->name);
        used += (size_t)snprintf(
            allowed + used, sizeof(allowed) - used, "%s%s", used > 0 ? ", " : "", verb->name);
    }
    if (best.word[0] != '\0')
        complaint_set(
            complaint, "unknown verb \"%.*s\", did you mean \"%s\"?", QUOTE_MAX, name, best.word);
    else
        complaint_set(complaint, "unknown verb \"%.*s\"; there are: %s", QUOTE_MAX, name, allowed);
    return NULL;
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

static int check_value(struct control_request *request, const struct control_arg *arg,
    const json_t *value, struct complaint *complaint) {
    switch (arg->type) {
    case CONTROL_SERVICE:
    case CONTROL_SUBJECT:
        if (!json_is_string(value))
            return complaint_set(complaint, "%s must be the name of a service", arg->name);
        return check_service(
            request, json_string_value(value), arg->type == CONTROL_SUBJECT, complaint);
    case CONTROL_NUMBER:
        if (!json_is_integer(value))
            return complaint_set(complaint, "%s must be a whole number", arg->name);
        return 0;
    case CONTROL_BOOL:
        if (!json_is_boolean(value))
            return complaint_set(complaint, "%s must be true or false", arg->name);
        return 0;
    }
    return complaint_set(complaint, "%s is of no type", arg->name);
}

static int refuse_arg(const struct control_verb *verb, const char *name, struct complaint *out) {
    struct suggestion best = { .word = "" };

    for (const struct control_arg *arg = verb->args; arg->name != NULL; arg++)
        suggest_offer(&best, name, arg->name);
    if (best.word[0] != '\0')
        return complaint_set(out, "%s: unknown argument \"%.*s\", did you mean \"%s\"?", verb->name,
            QUOTE_MAX, name, best.word);
    return complaint_set(out, "%s: unknown argument \"%.*s\"", verb->name, QUOTE_MAX, name);
}

/* The arguments against the verb's list; args may be NULL. */
static int check_args(struct control_request *request, const struct control_verb *verb,
    json_t *args, struct complaint *complaint) {
    const struct control_arg *arg;
    const char *key;
    json_t *value;

    json_object_foreach(args, key, value) {
        for (arg = verb->args; arg->name != NULL && strcmp(arg->name, key) != 0; arg++)
            ;
        if (arg->name == NULL)
            return refuse_arg(verb, key, complaint);
        if (check_value(request, arg, value, complaint) < 0)
            return complaint_prefix(complaint, "%s", verb->name);
    }
    for (arg = verb->args; arg->name != NULL; arg++)
        if (arg->is_needed && json_object_get(args, arg->name) == NULL)
            return complaint_set(complaint, "%s: %s is missing", verb->name, arg->name);
    return 0;
}

/*
 * Returns the verb, with request->args and request->service set (but for a job's, which reads its
 * line itself); or NULL with the exit code.
 */
static const struct control_verb *read_question(
    struct control_request *request, json_t *line, int *out_exit, struct complaint *complaint) {
    json_t *name = json_object_get(line, "verb"), *args = json_object_get(line, "args");
    const struct control_verb *verb;

    *out_exit = EXIT_CODE_USAGE;
    if (!json_is_string(name) || (args != NULL && !json_is_object(args))) {
        complaint_set(complaint, "a line is {\"verb\": \"NAME\", \"args\": {...}}");
        return NULL;
    }
    if (control_jobs_has(json_string_value(name)))
        return &control_jobs_verb;
    verb = find_verb(json_string_value(name), complaint);
    if (verb == NULL)
        return NULL;
    if (verb->right == CONTROL_ADMIN && !request->is_admin) {
        *out_exit = EXIT_CODE_PERMISSION;
        complaint_set(
            complaint, "%s is for root and for the user that preforkd runs as", verb->name);
        return NULL;
    }
    if (check_args(request, verb, args, complaint) < 0)
        return NULL;
    request->args = args != NULL ? json_incref(args) : json_object();
    return verb;
}

void control_request_take(struct control_request *request, const char *line, size_t len) {
    const struct control_verb *verb;
    struct complaint complaint;
    json_error_t why;
    json_t *object;
    int exit_code;

    object = json_loadb(line, len, 0, &why);
    if (object == NULL) {
        control_request_finish(request, EXIT_CODE_USAGE, "not a line of JSON: %s", why.text);
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
