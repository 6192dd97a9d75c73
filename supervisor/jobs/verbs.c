/* The table of verbs, and the way from an argument to a job. */
#include "supervisor/jobs/verbs.h"

#include <inttypes.h>

#include "shared/exit_code.h"
#include "supervisor/jobs/book.h"
#include "supervisor/jobs/verbs_private.h"

#define QUOTE_MAX 40

struct entry *verbs_find_job(struct request *request) {
    const char *name = request_text(request, "id");
    const uint64_t id = request_number(request, "id", 0);
    struct entry *entry;

    if (name != NULL) {
        entry = book_find_run(request->book, name, &request->asker);
        if (entry == NULL)
            request_finish(request, EXIT_CODE_USAGE, "there is no run of a defined job \"%.*s\"",
                QUOTE_MAX, name);
        return entry;
    }
    entry = book_find(request->book, id);
    if (entry != NULL && rights_can_see(&request->asker, entry))
        return entry;
    request_finish(request, EXIT_CODE_USAGE, "there is no job %" PRIu64, id);
    return NULL;
}

#define JOB_NEEDED \
    { .name = "id", .type = VERB_JOB, .is_needed = true }
#define NUMBER_NEEDED \
    { .name = "id", .type = VERB_NUMBER, .is_needed = true }

const struct verb verbs_table[] = {
    { .name = "job.submit",
        .right = VERB_SUBMIT,
        .args = { { .name = "name", .type = VERB_TEXT }, { .name = "what", .type = VERB_OBJECT },
            { .name = "token", .type = VERB_TEXT }, { .name = "follow", .type = VERB_BOOL } },
        .ask = verbs_change_submit,
        .go_on = verbs_follow_result_on },
    { .name = "job.list",
        .right = VERB_OWN,
        .args = { { .name = "all", .type = VERB_BOOL }, { .name = "last", .type = VERB_NUMBER },
            { .name = "definitions", .type = VERB_BOOL } },
        .ask = verbs_look_list,
        .go_on = verbs_look_list_on },
    { .name = "job.show", .right = VERB_OWN, .args = { JOB_NEEDED }, .ask = verbs_look_show },
    { .name = "job.wait",
        .right = VERB_OWN,
        .args = { JOB_NEEDED },
        .ask = verbs_follow_wait,
        .go_on = verbs_follow_wait_on },
    { .name = "job.result",
        .right = VERB_OWN,
        .args = { JOB_NEEDED, { .name = "from", .type = VERB_NUMBER },
            { .name = "follow", .type = VERB_BOOL } },
        .ask = verbs_follow_result,
        .go_on = verbs_follow_result_on },
    { .name = "job.cancel",
        .right = VERB_OWN,
        .args = { NUMBER_NEEDED },
        .ask = verbs_change_cancel,
        .go_on = verbs_change_cancel_on },
    { .name = "job.retry",
        .right = VERB_SUBMIT,
        .args = { NUMBER_NEEDED },
        .ask = verbs_change_retry },
    { .name = NULL },
};
