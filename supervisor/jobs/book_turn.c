/*
 * Whose turn it is, and what the runner says of those in work. A place in work goes to the user who
 * has the fewest there, so that a queue full of one user's jobs does not keep the others waiting.
 */
#include "supervisor/jobs/book_private.h"

#include <bsd/string.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/exit_code.h"

void book_turn_add(struct book_turns *turns, struct entry *entry) {
    TAILQ_INSERT_TAIL(&turns->list, entry, turn);
    turns->count++;
}

void book_turn_remove(struct book_turns *turns, struct entry *entry) {
    TAILQ_REMOVE(&turns->list, entry, turn);
    turns->count--;
}

void book_turn_count(struct book *book) {
    const struct entry *entry;
    uint32_t paused = 0;

    TAILQ_FOREACH (entry, &book->working.list, turn)
        paused += entry->state == ENTRY_PAUSED;
    book->board->queued = book->queue.count;
    book->board->running = book->working.count - paused;
    book->board->paused = paused;
}

/* ---- the end ---- */

static void note_end(struct book *book, struct entry *entry) {
    struct complaint complaint;

    if (store_note_end(book->store, entry, &complaint) == 0)
        return;
    entry->is_unnoted = true; /* book_keep_tend() tries again */
    book->unnoted++;
    book_log_spool(entry, &complaint);
}

void book_turn_end(struct book *book, struct entry *entry) {
    entry->ended_at_unix_ms = book_now_unix_ms();
    book_trial_end(book, entry);
    note_end(book, entry);
    book_turn_add(&book->ended, entry);
    if (entry->state == ENTRY_DONE)
        book->board->done++;
    else if (entry->state == ENTRY_CANCELLED)
        book->board->cancelled++;
    else
        book->board->failed++;
    entry->is_untidy = entry->state == ENTRY_DONE;
    book->untidy += entry->is_untidy;
    book_keep_stir(book);
    book_turn_count(book);
    book_log_ended(entry);
    entry_tell(entry);
}

void book_turn_end_as(struct book *book, struct entry *entry, enum entry_state state, int exit_code,
    const char *cause) {
    entry->state = state;
    entry->exit_code = exit_code;
    strlcpy(entry->cause, cause, sizeof(entry->cause));
    book_turn_end(book, entry);
}

/* ---- the runner's words ---- */

static void on_progress(void *arg, struct entry *entry) {
    book_trial_see_progress(arg, entry);
    entry_tell(entry);
}

static void on_state(void *arg, struct entry *entry) {
    book_trial_set_in_work(arg, entry, entry->state == ENTRY_RUNNING);
    book_turn_count(arg);
    book_log_state(entry);
    entry_tell(entry);
}

void book_turn_put_back(struct book *book, struct entry *entry) {
    struct complaint complaint;

    entry->state = ENTRY_QUEUED;
    book_trial_end(book, entry);
    book_turn_add(&book->queue, entry);
    book_turn_count(book);
    if (store_note_run(book->store, entry, &complaint) < 0)
        book_log_spool(entry, &complaint);
    entry_tell(entry);
}

static void on_end(void *arg, struct entry *entry) {
    struct book *book = arg;

    if (entry->state != ENTRY_QUEUED && book_copy_start(book, entry)) {
        entry_tell(entry);
        return;
    }
    book_turn_remove(&book->working, entry);
    if (entry->state == ENTRY_QUEUED)
        book_turn_put_back(book, entry);
    else
        book_turn_end(book, entry);
}

int book_turn_open(struct book *book) {
    const struct runner_client client = {
        .arg = book, .on_progress = on_progress, .on_state = on_state, .on_end = on_end
    };

    book->runner = runner_new(book->config, book->board, &client, book->loop);
    return book->runner != NULL ? 0 : -1;
}

/* ---- the beginning ---- */

/* Is a run of the same definition in work, and how many of the same user's jobs? */
static bool is_alone(const struct book *book, const struct entry *entry, unsigned *out_of_user) {
    const struct entry *other;

    *out_of_user = 0;
    TAILQ_FOREACH (other, &book->working.list, turn) {
        if (entry->name[0] != '\0' && strcmp(entry->name, other->name) == 0)
            return false;
        *out_of_user += entry->uid == other->uid;
    }
    return true;
}

static struct entry *pick(const struct book *book) {
    struct entry *entry, *best = NULL, *suspect = NULL;
    unsigned least = 0, of_user;

    if (book->is_stopping || book->working.count >= book->config->max_running ||
        book->on_trial != NULL)
        return NULL;
    TAILQ_FOREACH (entry, &book->queue.list, turn) {
        if (!is_alone(book, entry, &of_user) || (best != NULL && of_user >= least))
            continue;
        if (book_trial_is_suspect(entry)) {
            if (suspect == NULL || book_trial_comes_first(entry, suspect))
                suspect = entry;
            continue;
        }
        best = entry;
        least = of_user;
        if (least == 0)
            break;
    }
    return best != NULL ? best : suspect;
}

bool book_turn_is_due(const struct book *book) {
    return pick(book) != NULL;
}

/* What was allowed when it was wanted may not be now. */
static int check_right(
    const struct book *book, const struct entry *entry, struct complaint *complaint) {
    const struct asker owner = { entry->uid, rights_is_admin(book->config, entry->uid) };

    if (!rights_is_command(entry->what))
        return 0;
    return rights_check_commands(book->config, &owner, complaint);
}

/* What can be said when the workers have begun is said then. */
static void note_begin(struct book *book, struct entry *entry) {
    struct complaint complaint;

    if (store_note_run(book->store, entry, &complaint) < 0)
        book_log_spool(entry, &complaint);
    book_keep_stir(book);
    book_turn_count(book);
    book_log_started(entry);
    entry_tell(entry);
}

static void begin(struct book *book, struct entry *entry) {
    struct complaint complaint;
    char folder[PATH_MAX];
    int exit_code;

    book_turn_remove(&book->queue, entry);
    if (check_right(book, entry, &complaint) < 0) {
        book_turn_end_as(book, entry, ENTRY_FAILED, EXIT_CODE_PERMISSION, complaint.text);
        return;
    }
    entry->runs++;
    if (entry->started_at_unix_ms == 0)
        entry->started_at_unix_ms = book_now_unix_ms();
    entry->state = ENTRY_RUNNING;
    entry->cause[0] = '\0';
    store_folder(book->store, entry->id, folder);
    book_trial_begin(book, entry);
    if (runner_start(book->runner, entry, folder, &complaint, &exit_code) < 0) {
        book_turn_end_as(book, entry, ENTRY_FAILED, exit_code, complaint.text);
        return;
    }
    book_turn_add(&book->working, entry);
    note_begin(book, entry);
}

unsigned book_turn_begin(struct book *book) {
    struct entry *entry;
    unsigned begun = 0;

    for (; (entry = pick(book)) != NULL; begun++)
        begin(book, entry);
    return begun;
}
