/*
 * Jobs under which the job supervisor dies. Which of them it was is not known, only which were in
 * work; what does not get on by a chunk between two deaths may be the one, and is a suspect:
 *
 *   in work --(two deaths, no chunk more)--> suspect --(blamed 64 times in a row)--> lost: FAILED
 *      ^                                        |
 *      +----------(a chunk more)----------------+
 *
 * Suspects are begun last, and one at a time: each is on trial for a while, and nothing is begun
 * beside it. A death is blamed on who is on trial then, or alone in work; it takes the blame off
 * all others. Who is blamed comes first of the suspects the next time: if it is what kills, that
 * is soon known; if it is not, the next death falls to somebody else. So what kills at once is
 * found whatever else is in work, and what kills late, when it is alone.
 *
 * The rows are in the board: they outlive us, and end with the daemon.
 */
#include "supervisor/jobs/book_private.h"

#include <stdio.h>

#include "shared/jobs_board.h"

#define SUSPECT_DEATHS 2u
#define LOST_DEATHS    64u /* a machine that is too slow to start is not a bad job */
#define TRIAL_NS       (10 * BOOK_NS_IN_S)

bool book_trial_is_suspect(const struct entry *entry) {
    return entry->trial != NULL && entry->trial->deaths >= SUSPECT_DEATHS;
}

bool book_trial_comes_first(const struct entry *entry, const struct entry *other) {
    return entry->trial->blamed > other->trial->blamed;
}

static void clear(struct jobs_board_trial *trial) {
    trial->job = 0;
    trial->is_in_work = trial->is_on_trial = trial->deaths = trial->blamed = 0;
    trial->progress[trial->newest & 1] = (struct jobs_board_progress){ 0 };
}

/* ---- what the last one left ---- */

bool book_trial_is_lost(struct entry *entry, char cause[ENTRY_CAUSE_MAX]) {
    const struct jobs_board_progress *seen;

    if (entry->trial == NULL || entry->trial->blamed < LOST_DEATHS)
        return false;
    snprintf(cause, ENTRY_CAUSE_MAX,
        "the job supervisor died %u times in a row under it, without one chunk more: see the log",
        entry->trial->blamed);
    seen = &entry->trial->progress[entry->trial->newest & 1];
    entry->chunks_done = seen->chunks_done;
    entry->records = seen->records;
    entry->digest = seen->digest;
    entry->result_bytes = seen->result_bytes;
    return true;
}

/* The one that is blamed for the death; NULL: it may have been any. */
static struct jobs_board_trial *find_accused(struct jobs_board *board) {
    struct jobs_board_trial *in_work = NULL;
    unsigned count = 0;

    for (unsigned i = 0; i < JOBS_BOARD_TRIALS; i++) {
        if (board->trial[i].job == 0 || !board->trial[i].is_in_work)
            continue;
        in_work = &board->trial[i];
        if (in_work->is_on_trial)
            return in_work;
        count++;
    }
    return count == 1 ? in_work : NULL;
}

static void take_up(
    struct entry *entry, struct jobs_board_trial *trial, const struct jobs_board_trial *accused) {
    const bool was_in_work = trial->is_in_work;

    entry->trial = trial;
    trial->deaths += was_in_work;
    if (accused != NULL)
        trial->blamed = trial == accused ? trial->blamed + 1 : 0;
    trial->is_in_work = trial->is_on_trial = false;
    if (!book_trial_is_suspect(entry))
        return;
    snprintf(entry->cause, sizeof(entry->cause),
        "the job supervisor died while it was in work: it is begun after the others");
    if (was_in_work && trial->deaths == SUSPECT_DEATHS)
        book_log_suspect(entry);
}

void book_trial_take_up(struct book *book) {
    const struct jobs_board_trial *accused = find_accused(book->board);
    struct jobs_board_trial *trial, *end = book->board->trial + JOBS_BOARD_TRIALS;
    struct entry *entry;

    for (trial = book->board->trial; trial < end; trial++) {
        entry = trial->job != 0 ? book_find(book, trial->job) : NULL;
        if (entry == NULL || entry_has_ended(entry))
            clear(trial);
        else
            take_up(entry, trial, accused);
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

static void end_trial(struct book *book) {
    book->on_trial->is_on_trial = false;
    book->on_trial = NULL;
}

static void release(struct book *book, const struct entry *entry) {
    if (book->on_trial != NULL && book->on_trial == entry->trial)
        end_trial(book);
}

void book_trial_begin(struct book *book, struct entry *entry) {
    if (entry->trial == NULL)
        entry->trial = find_free(book);
    if (entry->trial == NULL)
        return;
    if (book_trial_is_suspect(entry)) {
        entry->trial->is_on_trial = true;
        book->on_trial = entry->trial;
        book->trial_until_ns = book->now_ns + TRIAL_NS;
    }
    entry->trial->is_in_work = true;
    entry->trial->job = entry->id;
}

void book_trial_tend(struct book *book) {
    if (book->on_trial != NULL && book->now_ns >= book->trial_until_ns)
        end_trial(book);
}

void book_trial_set_in_work(struct book *book, struct entry *entry, bool is_in_work) {
    if (entry->trial == NULL)
        return;
    entry->trial->is_in_work = is_in_work;
    release(book, entry);
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
    trial->deaths = trial->blamed = 0;
    release(book, entry);
}

void book_trial_end(struct book *book, struct entry *entry) {
    if (entry->trial == NULL)
        return;
    release(book, entry);
    clear(entry->trial);
    entry->trial = NULL;
}
