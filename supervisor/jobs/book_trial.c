/*
 * Jobs under which the job supervisor dies. Which of them it was is not known, only which were in
 * work; what does not get on by a chunk between two deaths may be the one, and is a suspect:
 *
 *   in work --(death, no chunk more, twice)--> suspect --(64 deaths alone)--> lost: FAILED
 *      ^                                          |
 *      +-----------(a chunk more)-----------------+
 *
 * A suspect is begun when nothing else waits or works, and for a while nothing is begun beside it:
 * so it dies alone, and the others get on. After that while others may join it, since a chunk may
 * take hours. The rows are in the board: they outlive us, and end with the daemon.
 */
#include "supervisor/jobs/book_private.h"

#include <stdio.h>

#include "shared/jobs_board.h"

#define SUSPECT_DEATHS 2u
#define LOST_DEATHS    64u /* a machine that is too slow to start is not a bad job */
#define ALONE_NS       (10 * BOOK_NS_IN_S)

bool book_trial_is_suspect(const struct entry *entry) {
    return entry->trial != NULL && entry->trial->deaths >= SUSPECT_DEATHS;
}

static void clear(struct jobs_board_trial *trial) {
    trial->job = 0;
    trial->is_in_work = trial->deaths = trial->deaths_alone = 0;
    trial->progress[trial->newest & 1] = (struct jobs_board_progress){ 0 };
}

/* ---- what the last one left ---- */

bool book_trial_is_lost(struct entry *entry, char cause[ENTRY_CAUSE_MAX]) {
    const struct jobs_board_progress *seen;

    if (entry->trial == NULL || entry->trial->deaths_alone < LOST_DEATHS)
        return false;
    snprintf(cause, ENTRY_CAUSE_MAX,
        "the job supervisor died %u times while it alone was in work, without one chunk more: see "
        "the log",
        entry->trial->deaths_alone);
    seen = &entry->trial->progress[entry->trial->newest & 1];
    entry->chunks_done = seen->chunks_done;
    entry->records = seen->records;
    entry->digest = seen->digest;
    entry->result_bytes = seen->result_bytes;
    return true;
}

static void suspect(struct entry *entry) {
    snprintf(entry->cause, sizeof(entry->cause),
        "the job supervisor died while it was in work: it waits until nothing else does");
    if (entry->trial->deaths == SUSPECT_DEATHS)
        book_log_suspect(entry);
}

static void take_up(struct entry *entry, struct jobs_board_trial *trial, bool was_alone) {
    entry->trial = trial;
    if (trial->is_in_work) {
        trial->is_in_work = false;
        trial->deaths++;
        trial->deaths_alone += was_alone;
    }
    if (book_trial_is_suspect(entry))
        suspect(entry);
}

void book_trial_take_up(struct book *book) {
    struct jobs_board_trial *trial, *end = book->board->trial + JOBS_BOARD_TRIALS;
    struct entry *entry;
    unsigned in_work = 0;

    for (trial = book->board->trial; trial < end; trial++)
        in_work += trial->job != 0 && trial->is_in_work;
    for (trial = book->board->trial; trial < end; trial++) {
        entry = trial->job != 0 ? book_find(book, trial->job) : NULL;
        if (entry == NULL || entry_has_ended(entry)) {
            clear(trial);
            continue;
        }
        take_up(entry, trial, in_work == 1);
    }
}

/* ---- in work ---- */

/* Without a free row it is not on trial: there are more than can be in work. */
static struct jobs_board_trial *find_free(struct book *book) {
    struct jobs_board_trial *trial;

    for (unsigned i = 0; i < JOBS_BOARD_TRIALS; i++) {
        trial = &book->board->trial[book->trial_next++ % JOBS_BOARD_TRIALS];
        if (trial->job == 0)
            return trial;
    }
    return NULL;
}

void book_trial_begin(struct book *book, struct entry *entry) {
    if (book_trial_is_suspect(entry))
        book->alone_until_ns = book->now_ns + ALONE_NS;
    if (entry->trial == NULL)
        entry->trial = find_free(book);
    if (entry->trial == NULL)
        return;
    entry->trial->is_in_work = true;
    entry->trial->job = entry->id;
}

void book_trial_set_in_work(struct book *book, struct entry *entry, bool is_in_work) {
    if (entry->trial == NULL)
        return;
    entry->trial->is_in_work = is_in_work;
    if (!is_in_work && book_trial_is_suspect(entry))
        book->alone_until_ns = 0;
}

void book_trial_see_progress(struct book *book, struct entry *entry) {
    struct jobs_board_trial *trial = entry->trial;
    const struct jobs_board_progress now = { .chunks_done = entry->chunks_done,
        .records = entry->records,
        .result_bytes = entry->result_bytes,
        .digest = entry->digest };
    uint32_t next;

    if (trial == NULL || now.chunks_done <= trial->progress[trial->newest & 1].chunks_done)
        return;
    next = (trial->newest & 1) ^ 1;
    trial->progress[next] = now;
    trial->newest = next;
    if (book_trial_is_suspect(entry))
        book->alone_until_ns = 0;
    trial->deaths = trial->deaths_alone = 0;
}

void book_trial_end(struct book *book, struct entry *entry) {
    if (entry->trial == NULL)
        return;
    if (entry->trial->is_in_work && book_trial_is_suspect(entry))
        book->alone_until_ns = 0;
    clear(entry->trial);
    entry->trial = NULL;
}
