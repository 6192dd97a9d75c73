/* Verbs that change what jobs there are. */
#include <inttypes.h>
#include <string.h>

#include "shared/exit_code.h"
#include "supervisor/jobs/book.h"
#include "supervisor/jobs/verbs_private.h"

static void say_state(struct request *request, const struct entry *entry) {
    request_say(request, json_pack("{s:I,s:s}", "id", (json_int_t)entry->id, "state",
                             entry_state_name(entry->state)));
}

/* ---- submit ---- */

static bool read_wanted(struct request *request, struct book_wanted *out) {
    const char *token = request_text(request, "token");

    *out = (struct book_wanted){ .asker = &request->asker,
        .name = request_text(request, "name"),
        .what = json_object_get(request->args, "what"),
        .token = token != NULL ? token : "" };
    if ((out->name == NULL) == (out->what == NULL)) {
        request_finish(
            request, EXIT_CODE_USAGE, "job.submit: give either a name, or what is wanted");
        return false;
    }
    if (strlen(out->token) >= sizeof(((struct entry *)NULL)->token)) {
        request_finish(request, EXIT_CODE_USAGE,
            "job.submit: token may have at most %zu characters",
            sizeof(((struct entry *)NULL)->token) - 1);
        return false;
    }
    return true;
}

void verbs_change_submit(struct request *request) {
    struct book_wanted wanted;
    struct complaint complaint;
    struct entry *entry;
    int exit_code;

    if (!read_wanted(request, &wanted))
        return;
    if (book_submit(request->book, &wanted, &entry, &complaint, &exit_code) < 0) {
        request_finish(request, exit_code, "%s", complaint.text);
        return;
    }
    say_state(request, entry);
    if (request_flag(request, "follow", false))
        verbs_follow_begin(request, entry, 0, true);
    else
        request_finish(request, EXIT_CODE_OK, NULL);
}

/* ---- cancel ---- */

void verbs_change_cancel(struct request *request) {
    struct entry *entry = verbs_find_job(request);

    if (entry == NULL)
        return;
    if (entry_has_ended(entry) && entry->state != ENTRY_CANCELLED) {
        request_finish(request, EXIT_CODE_USAGE, "job %" PRIu64 " has ended already: it is %s",
            entry->id, entry_state_name(entry->state));
        return;
    }
    book_cancel(request->book, entry, &request->asker);
    entry_watch(&request->watcher, entry);
}

/* It is over: by the cancelling, or by itself a moment before. */
void verbs_change_cancel_on(struct request *request) {
    const struct entry *entry = request->watcher.entry;

    if (!entry_has_ended(entry))
        return;
    say_state(request, entry);
    if (entry->state == ENTRY_CANCELLED)
        request_finish(request, EXIT_CODE_OK, NULL);
    else
        request_finish(request, EXIT_CODE_USAGE, "job %" PRIu64 " has ended by itself: it is %s",
            entry->id, entry_state_name(entry->state));
}

/* ---- retry ---- */

void verbs_change_retry(struct request *request) {
    struct entry *entry = verbs_find_job(request);
    struct complaint complaint;
    int exit_code;

    if (entry == NULL)
        return;
    if (book_retry(request->book, entry, &request->asker, &complaint, &exit_code) < 0) {
        request_finish(request, exit_code, "%s", complaint.text);
        return;
    }
    say_state(request, entry);
    request_finish(request, EXIT_CODE_OK, NULL);
}
