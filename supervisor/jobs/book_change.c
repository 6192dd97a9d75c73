/* What people do to a job that is there. That they may is known by then. */
#include "supervisor/jobs/book_private.h"

#include <inttypes.h>

#include "shared/exit_code.h"

void book_cancel(struct book *book, struct entry *entry, const struct asker *asker) {
    if (entry_has_ended(entry))
        return;
    book_log_asked("job_cancelled", entry, asker);
    if (entry->run != NULL) {
        runner_cancel(book->runner, entry); /* its end comes with the runner's words */
        return;
    }
    if (book_copy_stop(book, entry))
        book_turn_remove(&book->working, entry);
    else
        book_turn_remove(&book->queue, entry);
    book_turn_end_as(book, entry, ENTRY_CANCELLED, EXIT_CODE_TERMINATED, "cancelled");
}

static int check_retry(const struct entry *entry, struct complaint *complaint) {
    const uint64_t id = entry->id;

    if (!entry_has_ended(entry))
        return complaint_set(complaint, "job %" PRIu64 " is %s: it has not ended", id,
            entry_state_name(entry->state));
    if (entry->state == ENTRY_DONE)
        return complaint_set(complaint,
            "job %" PRIu64
            " is done, there is nothing to go on with; submit it again to run it anew",
            id);
    return 0;
}

int book_retry(struct book *book, struct entry *entry, const struct asker *asker,
    struct complaint *complaint, int *out_exit_code) {
    int rc;

    *out_exit_code = EXIT_CODE_USAGE;
    rc = check_retry(entry, complaint);
    if (rc == 0)
        rc = book_submit_check_room(book, entry->uid, complaint, out_exit_code);
    if (rc == 0) {
        *out_exit_code = EXIT_CODE_IO;
        rc = store_note_retry(book->store, entry, complaint);
    }
    if (rc < 0) {
        book_log_refusal(asker, "job.retry", complaint);
        return -1;
    }
    book->unnoted -= entry->is_unnoted;
    entry->is_unnoted = false;
    entry->state = ENTRY_QUEUED;
    entry->cause[0] = '\0';
    entry->exit_code = 0;
    entry->ended_at_unix_ms = 0;
    book_turn_remove(&book->ended, entry);
    book_turn_add(&book->queue, entry);
    book_turn_count(book);
    book_log_asked("job_retried", entry, asker);
    entry_tell(entry);
    return 0;
}
