/*
 * Verbs that only look. A list may be longer than what a peer can be sent at once, so it stops when
 * the outlet is full, and goes on by id: what was forgotten meanwhile is not in it.
 */
#include <stdio.h>

#include "shared/exit_code.h"
#include "shared/json_text.h"
#include "supervisor/jobs/book.h"
#include "supervisor/jobs/entry_json.h"
#include "supervisor/jobs/verbs_private.h"

static json_t *write_job(const struct request *request, const struct entry *entry) {
    return json_pack(
        "{s:o}", "job", entry_json_write(entry, book_count_workers(request->book, entry)));
}

void verbs_look_show(struct request *request) {
    const struct entry *entry = verbs_find_job(request);

    if (entry == NULL)
        return;
    request_say(request, write_job(request, entry));
    request_finish(request, EXIT_CODE_OK, NULL);
}

/* ---- definitions ---- */

static json_t *write_definition(
    const struct request *request, const struct jobs_definition *definition) {
    const struct entry *last = book_find_run(request->book, definition->name, &request->asker);
    const int64_t next_ms = book_next_at_unix_ms(request->book, definition->name);
    char run[SCHEDULE_TEXT_MAX];

    return json_pack("{s:{s:s,s:s,s:o,s:o,s:o,s:O,s:O}}", "definition", "name", definition->name,
        "run", schedule_format(&definition->schedule, run), "next_at_unix_s",
        next_ms != 0 ? json_integer(next_ms / 1000) : json_null(), "last_id",
        last != NULL ? json_integer((json_int_t)last->id) : json_null(), "last_state",
        last != NULL ? json_string(entry_state_name(last->state)) : json_null(), "kernel",
        json_object_get(definition->what, "kernel"), "interval",
        json_object_get(definition->what, "interval"));
}

static void list_definitions(struct request *request) {
    const struct jobs_config *config = book_config(request->book);

    while (request->next < config->definition_count) {
        if (outlet_room(request->outlet) == 0) {
            request->wants_room = true;
            return;
        }
        request_say(request, write_definition(request, &config->definition[request->next++]));
    }
    request_finish(request, EXIT_CODE_OK, NULL);
}

/* ---- jobs ---- */

static bool is_listed(const struct request *request, const struct entry *entry) {
    return rights_can_see(&request->asker, entry) &&
           (request_flag(request, "all", false) || !entry_has_ended(entry));
}

static void list_jobs(struct request *request) {
    const struct entry *entry = book_find_next(request->book, request->next);

    for (; entry != NULL; entry = TAILQ_NEXT(entry, link)) {
        if (outlet_room(request->outlet) == 0) {
            request->wants_room = true;
            return;
        }
        if (is_listed(request, entry))
            request_say(request, write_job(request, entry));
        request->next = entry->id;
    }
    request_finish(request, EXIT_CODE_OK, NULL);
}

void verbs_look_list(struct request *request) {
    if (request_flag(request, "definitions", false))
        request->next = 0;
    else if (json_object_get(request->args, "last") != NULL)
        request->next = book_find_last(request->book, request_number(request, "last", 0),
            request_flag(request, "all", false), &request->asker);
}

void verbs_look_list_on(struct request *request) {
    if (request_flag(request, "definitions", false))
        list_definitions(request);
    else
        list_jobs(request);
}
