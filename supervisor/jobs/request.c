/*
 * From a line to its answer: is it JSON, is there such a verb, may this peer ask it, are the
 * arguments what the table says. Apart from the verbs, so that each of them sees checked values
 * only, and from the sockets, so that it is tested without one.
 */
#include "supervisor/jobs/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/exit_code.h"
#include "shared/json_text.h"
#include "shared/suggest.h"
#include "supervisor/jobs/book.h"
#include "supervisor/jobs/verbs.h"

#define QUOTE_MAX 48

bool request_flag(const struct request *request, const char *name, bool fallback) {
    const json_t *value = json_object_get(request->args, name);

    return value != NULL ? json_is_true(value) : fallback;
}

uint64_t request_number(const struct request *request, const char *name, uint64_t fallback) {
    const json_t *value = json_object_get(request->args, name);

    return value != NULL ? (uint64_t)json_integer_value(value) : fallback;
}

const char *request_text(const struct request *request, const char *name) {
    return json_string_value(json_object_get(request->args, name));
}

void request_say(struct request *request, json_t *object) {
    if (object != NULL)
        outlet_put_line(request->outlet, object);
    else
        request->outlet->is_broken = true; /* no memory: half an answer would be a wrong one */
    json_decref(object);
}

void request_drop(struct request *request) {
    stream_close(&request->stream);
    entry_watch(&request->watcher, NULL);
    json_decref(request->args);
    json_decref(request->told);
    request->args = request->told = NULL;
    request->verb = NULL;
    request->next = 0;
    request->wants_room = false;
    request->wake_at_ns = UINT64_MAX;
}

void request_finish(struct request *request, int exit_code, const char *format, ...) {
    struct complaint error;
    va_list args;

    if (format != NULL) {
        va_start(args, format);
        vsnprintf(error.text, sizeof(error.text), format, args);
        va_end(args);
    }
    request_drop(request);
    request_say(request, json_pack("{s:b,s:i,s:o}", "done", 1, "exit", exit_code, "error",
                             format != NULL ? json_text_new(error.text) : json_null()));
}

/* The row of the verb; complains with the nearest one. */
static const struct verb *find_verb(const char *name, struct complaint *complaint) {
    struct suggestion best = { .word = "" };
    char allowed[256] = "";
    size_t used = 0;

    for (const struct verb *verb = verbs_table; verb->name != NULL; verb++) {
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
        complaint_set(complaint, "unknown verb \"%.*s\"; this connection speaks of jobs: %s",
            QUOTE_MAX, name, allowed);
    return NULL;
}

static bool is_number(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* A NUL within would hide the rest of it. */
static bool is_text(const json_t *value) {
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

static int check_value(
    const struct verb_arg *arg, const json_t *value, struct complaint *complaint) {
    switch (arg->type) {
    case VERB_NUMBER:
        if (!is_number(value))
            return complaint_set(complaint, "%s must be a whole number, not negative", arg->name);
        return 0;
    case VERB_BOOL:
        if (!json_is_boolean(value))
            return complaint_set(complaint, "%s must be true or false", arg->name);
        return 0;
    case VERB_TEXT:
        if (!is_text(value))
            return complaint_set(complaint, "%s must be a text", arg->name);
        return 0;
    case VERB_OBJECT:
        if (!json_is_object(value))
            return complaint_set(complaint, "%s must be an object", arg->name);
        return 0;
    case VERB_JOB:
        if (!is_number(value) && !is_text(value))
            return complaint_set(complaint,
                "%s must be the number of a job, or the name of a defined one", arg->name);
        return 0;
    }
    return complaint_set(complaint, "%s is of no type", arg->name);
}

static int refuse_arg(const struct verb *verb, const char *name, struct complaint *out) {
    struct suggestion best = { .word = "" };

    for (const struct verb_arg *arg = verb->args; arg->name != NULL; arg++)
        suggest_offer(&best, name, arg->name);
    if (best.word[0] != '\0')
        return complaint_set(out, "%s: unknown argument \"%.*s\", did you mean \"%s\"?", verb->name,
            QUOTE_MAX, name, best.word);
    return complaint_set(out, "%s: unknown argument \"%.*s\"", verb->name, QUOTE_MAX, name);
}

/* The arguments against the verb's list; args may be NULL. */
static int check_args(const struct verb *verb, json_t *args, struct complaint *complaint) {
    const struct verb_arg *arg;
    const char *key;
    json_t *value;

    json_object_foreach(args, key, value) {
        for (arg = verb->args; arg->name != NULL && strcmp(arg->name, key) != 0; arg++)
            ;
        if (arg->name == NULL)
            return refuse_arg(verb, key, complaint);
        if (check_value(arg, value, complaint) < 0)
            return complaint_prefix(complaint, "%s", verb->name);
    }
    for (arg = verb->args; arg->name != NULL; arg++)
        if (arg->is_needed && json_object_get(args, arg->name) == NULL)
            return complaint_set(complaint, "%s: %s is missing", verb->name, arg->name);
    return 0;
}

/* Returns the verb, with request->args set; or NULL with the exit code and the complaint. */
static const struct verb *read_question(
    struct request *request, const json_t *line, int *out_exit, struct complaint *complaint) {
    json_t *name = json_object_get(line, "verb"), *args = json_object_get(line, "args");
    const struct verb *verb;

    *out_exit = EXIT_CODE_USAGE;
    if (!json_is_string(name) || (args != NULL && !json_is_object(args))) {
        complaint_set(complaint, "a line is {\"verb\": \"NAME\", \"args\": {...}}");
        return NULL;
    }
    verb = find_verb(json_string_value(name), complaint);
    if (verb == NULL)
        return NULL;
    if (verb->right == VERB_SUBMIT &&
        rights_check_submit(book_config(request->book), &request->asker, complaint) < 0) {
        book_log_refusal(&request->asker, verb->name, complaint);
        *out_exit = EXIT_CODE_PERMISSION;
        return NULL;
    }
    if (check_args(verb, args, complaint) < 0)
        return NULL;
    request->args = args != NULL ? json_incref(args) : json_object();
    return verb;
}

void request_take(struct request *request, const char *line, size_t len, uint64_t now_ns) {
    const struct verb *verb;
    struct complaint complaint;
    json_error_t why;
    json_t *object;
    int exit_code;

    object = json_loadb(line, len, 0, &why);
    if (object == NULL) {
        request_finish(request, EXIT_CODE_USAGE, "not a line of JSON: %s", why.text);
        return;
    }
    verb = read_question(request, object, &exit_code, &complaint);
    json_decref(object);
    if (verb == NULL) {
        request_finish(request, exit_code, "%s", complaint.text);
        return;
    }
    request->verb = verb;
    request->now_ns = now_ns;
    request->wake_at_ns = UINT64_MAX;
    verb->ask(request);
    request_go_on(request, now_ns);
}

void request_go_on(struct request *request, uint64_t now_ns) {
    request->now_ns = now_ns;
    request->wants_room = false;
    if (request->verb != NULL && request->verb->go_on != NULL)
        request->verb->go_on(request);
}
