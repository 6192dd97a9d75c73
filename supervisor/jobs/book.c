/* The life of the book: opened on what the last one left, tended, renewed, closed. */
#include "supervisor/jobs/book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/job/job_json.h"
#include "supervisor/jobs/book_private.h"

#define LOCK_PATIENCE_MS 5000 /* the one before may be leaving */

const struct jobs_config *book_config(const struct book *book) {
    return book->config;
}

const struct store *book_store(const struct book *book) {
    return book->store;
}

int64_t book_now_unix_ms(void) {
    return (int64_t)(clock_wall_ns() / BOOK_NS_IN_MS);
}

/* ---- what the last one left ---- */

/* Behind all that ended before. */
static void add_ended(struct book *book, struct entry *entry) {
    struct entry *before;

    book->ended.count++;
    TAILQ_FOREACH_REVERSE(before, &book->ended.list, entry_list, turn)
    if (before->ended_at_unix_ms <= entry->ended_at_unix_ms) {
        TAILQ_INSERT_AFTER(&book->ended.list, before, entry, turn);
        return;
    }
    TAILQ_INSERT_HEAD(&book->ended.list, entry, turn);
}

/* What only the end says otherwise. A job that makes no sense any more is told so at its turn. */
static void count_chunks(struct entry *entry) {
    struct complaint complaint;
    struct job_spec spec;
    int exit_code;

    if (job_json_read(entry->what, &spec, &complaint, &exit_code) < 0)
        return;
    entry->chunks = spec.split.chunks;
    job_json_fini(&spec);
}

/* Those that were begun come first, and among them the oldest. */
static void take_up(struct book *book) {
    char cause[ENTRY_CAUSE_MAX];
    struct entry *entry;

    book_trial_take_up(book);
    TAILQ_FOREACH (entry, &book->all, link)
        if (entry_has_ended(entry))
            add_ended(book, entry);
    TAILQ_FOREACH (entry, &book->all, link) {
        if (entry_has_ended(entry))
            continue;
        count_chunks(entry);
        if (book_trial_is_lost(entry, cause))
            book_turn_end_as(book, entry, ENTRY_FAILED, EXIT_CODE_FAILED, cause);
        else if (entry->runs > 0)
            book_turn_add(&book->queue, entry);
    }
    TAILQ_FOREACH (entry, &book->all, link)
        if (!entry_has_ended(entry) && entry->runs == 0)
            book_turn_add(&book->queue, entry);
    book_turn_count(book);
}

/* ---- open and close ---- */

static struct book *make(const struct book_args *args) {
    struct book *book = calloc(1, sizeof(*book));

    if (book == NULL)
        return NULL;
    book->board = args->board;
    book->loop = args->loop;
    book->life = args->life;
    book->config = args->config;
    book->now_ns = clock_now_ns();
    book->has_room = true;
    TAILQ_INIT(&book->all);
    TAILQ_INIT(&book->queue.list);
    TAILQ_INIT(&book->working.list);
    TAILQ_INIT(&book->ended.list);
    TAILQ_INIT(&book->copies);
    return book;
}

struct book *book_open(
    const struct book_args *args, struct complaint *complaint, int *out_exit_code) {
    struct book *book = make(args);

    *out_exit_code = EXIT_CODE_SYSTEM;
    if (book == NULL) {
        complaint_set(complaint, "no memory");
        return NULL;
    }
    book->store = store_open(args->config->spool_dir, args->config->max_spool_bytes,
        LOCK_PATIENCE_MS, complaint, out_exit_code);
    if (book->store == NULL)
        goto out;
    *out_exit_code = EXIT_CODE_IO;
    if (store_load(book->store, &book->all, complaint) < 0)
        goto out;
    take_up(book);
    *out_exit_code = EXIT_CODE_SYSTEM;
    if (book_plan_open(book) < 0 || book_turn_open(book) < 0) {
        complaint_set(complaint, "the workers cannot be made: %s", strerror(errno));
        goto out;
    }
    return book;
out:
    book->config = NULL; /* still the caller's */
    book_close(book);
    return NULL;
}

void book_close(struct book *book) {
    struct entry *entry;

    if (book == NULL)
        return;
    if (book->runner != NULL)
        runner_free(book->runner);
    plan_free(book->plan);
    while ((entry = TAILQ_FIRST(&book->all)) != NULL) {
        TAILQ_REMOVE(&book->all, entry, link);
        entry_free(entry);
    }
    store_close(book->store);
    jobs_config_free(book->config);
    free(book);
}

void book_renew(struct book *book, struct jobs_config *config) {
    struct jobs_config *before = book->config;

    if (book_plan_renew(book, config) < 0) {
        log_warn("the configuration of jobs stays as it was");
        jobs_config_free(config);
        return;
    }
    book->config = config;
    runner_renew(book->runner, config);
    store_renew(book->store, config->max_spool_bytes);
    book->keep_at_ns = book->measure_at_ns = 0;
    jobs_config_free(before);
}

/* ---- a turn of the loop ---- */

void book_tend(struct book *book, uint64_t now_ns) {
    book->now_ns = now_ns;
    book_trial_tend(book);
    book_plan_tend(book);
    book_turn_begin(book);
    runner_tend(book->runner, now_ns);
    if (book_turn_begin(book) > 0) /* in the places of those that have ended just now */
        runner_tend(book->runner, now_ns);
    book_keep_tend(book);
}

static int until_ms(uint64_t at_ns, uint64_t now_ns) {
    if (at_ns == UINT64_MAX)
        return -1;
    return at_ns <= now_ns ? 0 : (int)((at_ns - now_ns) / BOOK_NS_IN_MS) + 1;
}

static int sooner(int a_ms, int b_ms) {
    if (a_ms < 0 || b_ms < 0)
        return a_ms < 0 ? b_ms : a_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

int book_patience_ms(const struct book *book, uint64_t now_ns) {
    if (book_turn_is_due(book))
        return 0;
    return sooner(runner_patience_ms(book->runner, now_ns),
        sooner(until_ms(book->plan_at_ns, now_ns), until_ms(book_keep_next_at_ns(book), now_ns)));
}

/* While a job is in work its reports come first. */
void book_rest(struct book *book, bool is_idle) {
    if (!book->is_stopping && (is_idle || book->working.count == 0) &&
        !store_is_prepared(book->store))
        store_prepare(book->store);
}

/* ---- leaving ---- */

void book_stop(struct book *book) {
    if (book->is_stopping)
        return;
    book->is_stopping = true;
    book->plan_at_ns = UINT64_MAX;
    runner_stop_all(book->runner);
}

void book_cut(struct book *book) {
    book_copy_cut(book);
    runner_cut_all(book->runner);
}

bool book_is_idle(const struct book *book) {
    return book->working.count == 0;
}
