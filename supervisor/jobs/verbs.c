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
    { .name = "id", .type = QUESTION_JOB, .is_needed = true }
#define NUMBER_NEEDED \
    { .name = "id", .type = QUESTION_NUMBER, .is_needed = true }

const struct verb verbs_table[] = {
    { .question = { .name = "job.submit",
          .args = { { .name = "name", .type = QUESTION_TEXT },
              { .name = "what", .type = QUESTION_OBJECT },
              { .name = "token", .type = QUESTION_TEXT },
              { .name = "follow", .type = QUESTION_BOOL } } },
        .right = VERB_SUBMIT,
        .ask = verbs_change_submit,
        .go_on = verbs_follow_result_on },
    { .question = { .name = "job.list",
          .args = { { .name = "all", .type = QUESTION_BOOL },
              { .name = "last", .type = QUESTION_NUMBER },
              { .name = "definitions", .type = QUESTION_BOOL } } },
        .right = VERB_OWN,
        .ask = verbs_look_list,
        .go_on = verbs_look_list_on },
    { .question = { .name = "job.show", .args = { JOB_NEEDED } },
        .right = VERB_OWN,
        .ask = verbs_look_show },
    { .question = { .name = "job.wait", .args = { JOB_NEEDED } },
        .right = VERB_OWN,
        .ask = verbs_follow_wait,
        .go_on = verbs_follow_wait_on },
    { .question = { .name = "job.result",
          .args = { JOB_NEEDED, { .name = "from", .type = QUESTION_NUMBER },
              { .name = "follow", .type = QUESTION_BOOL } } },
        .right = VERB_OWN,
        .ask = verbs_follow_result,
        .go_on = verbs_follow_result_on },
    { .question = { .name = "job.cancel", .args = { NUMBER_NEEDED } },
        .right = VERB_OWN,
        .ask = verbs_change_cancel,
        .go_on = verbs_change_cancel_on },
    { .question = { .name = "job.retry", .args = { NUMBER_NEEDED } },
        .right = VERB_SUBMIT,
        .ask = verbs_change_retry },
    { .question = { .name = NULL } },
};
