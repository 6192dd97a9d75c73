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
#include "supervisor/jobs/book.h"
#include "supervisor/jobs/verbs.h"

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

/* Returns the verb, with request->args set; or NULL with the exit code and the complaint. */
static const struct verb *read_question(
    struct request *request, const json_t *line, int *out_exit, struct complaint *complaint) {
    json_t *args = json_object_get(line, "args");
    const struct verb *verb;

    *out_exit = EXIT_CODE_USAGE;
    verb = question_find(verbs_table, sizeof(verbs_table[0]),
        json_string_value(json_object_get(line, "verb")),
        "this connection speaks of jobs:", complaint);
    if (verb == NULL)
        return NULL;
    if (verb->right == VERB_SUBMIT &&
        rights_check_submit(book_config(request->book), &request->asker, complaint) < 0) {
        book_log_refusal(&request->asker, verb->question.name, complaint);
        *out_exit = EXIT_CODE_PERMISSION;
        return NULL;
    }
    if (question_check(&verb->question, args, complaint) < 0)
        return NULL;
    request->args = args != NULL ? json_incref(args) : json_object();
    return verb;
}

void request_take(struct request *request, const char *line, size_t len, uint64_t now_ns) {
    const struct verb *verb;
    struct complaint complaint;
    json_t *object = question_read(line, len, &complaint);
    int exit_code;

    if (object == NULL) {
        request_finish(request, EXIT_CODE_USAGE, "%s", complaint.text);
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
