#ifndef SUPERVISOR_JOBS_BOOK_H
#define SUPERVISOR_JOBS_BOOK_H

/*
 * All jobs there are, and what becomes of each: kept in the store, begun by the runner when it is
 * their turn, wanted by people or by the plan, forgotten in the end.
 *
 *   book_submit, plan --> queue --(max_running, in turn)--> in work --(runner, publish)--> ended
 *   in work when the last job supervisor died --> first in the queue        ended --(retry)-->
 * queue ended --(keep_jobs, keep_for, no room in the spool)--> forgotten
 *
 * Of one user's jobs no more are begun than fairness allows: the next is that of who has least in
 * work. Of one definition only one run works at a time.
 * Job supervisor only; blocks on the disk at most. What each function changes is told to those
 * who watch the job (entry.h) and to the log.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "shared/loop.h"
#include "supervisor/jobs/entry.h"
#include "supervisor/jobs/jobs_config.h"
#include "supervisor/jobs/rights.h"

struct book;
struct jobs_board;
struct store;

struct book_args {
    struct jobs_config *config; /* taken when it opens */
    struct jobs_board *board;
    struct loop *loop;
    uint64_t life; /* of the daemon: tells one start of it from another */
};

/*
 * Open the spool folder, take up what is there, fork the workers.
 * Returns NULL with the complaint and its exit code.
 */
struct book *book_open(
    const struct book_args *args, struct complaint *complaint, int *out_exit_code);

/* Another configuration, from now on; taken. What is in work goes on. */
void book_renew(struct book *book, struct jobs_config *config);

/* Begin what has its turn, make what is due, forget what is old. In each turn of the loop. */
void book_tend(struct book *book, uint64_t now_ns);

/* For how long the loop may wait at most; -1: for ever. */
int book_patience_ms(const struct book *book, uint64_t now_ns);

/*
 * Make ready what the next job will need. At the end of a turn, when all has been said; is_idle:
 * nothing had come in.
 */
void book_rest(struct book *book, bool is_idle);

/* Begin nothing more; what is in work finishes what it has claimed, and goes on another time. */
void book_stop(struct book *book);

/* That takes too long: end it now. */
void book_cut(struct book *book);

/* Nothing is in work. */
bool book_is_idle(const struct book *book);

/* It is idle. */
void book_close(struct book *book);

/* ---- changing ---- */

struct book_wanted {
    const struct asker *asker;
    const char *name;   /* of a definition; NULL: what */
    const json_t *what; /* as it was asked for: nothing in it is trusted */
    const char *token;  /* "": none */
};

/*
 * Keep a new job, or find the one that the same asker made with the same token.
 * Returns 0, or -1 with the complaint and its exit code; refusals are logged.
 */
int book_submit(struct book *book, const struct book_wanted *wanted, struct entry **out_entry,
    struct complaint *complaint, int *out_exit_code);

/*
 * Give it up: it has ended at once, or within 100 ms. One that has ended is left as it is.
 * Retry: it goes on where it was. Return 0, or -1 with the complaint and its exit code.
 */
void book_cancel(struct book *book, struct entry *entry, const struct asker *asker);
int book_retry(struct book *book, struct entry *entry, const struct asker *asker,
    struct complaint *complaint, int *out_exit_code);

/* ---- looking ---- */

const struct jobs_config *book_config(const struct book *book);
const struct store *book_store(const struct book *book);

struct entry *book_find(const struct book *book, uint64_t id);

/* The next by id after the one that is, or was, called id; NULL behind the last. */
struct entry *book_find_next(const struct book *book, uint64_t id);

/* The last run of the definition that the asker may see, or NULL. */
struct entry *book_find_run(const struct book *book, const char *name, const struct asker *asker);

/* The id such that n jobs that may be seen come after it; only those that have not ended, or all.
 */
uint64_t book_find_last(const struct book *book, uint64_t n, bool all, const struct asker *asker);

unsigned book_count_workers(const struct book *book, const struct entry *entry);

/* When the definition is due next; 0: not by itself. */
int64_t book_next_at_unix_ms(const struct book *book, const char *name);

/* Say in the log that somebody was not allowed what he asked. */
void book_log_refusal(
    const struct asker *asker, const char *what, const struct complaint *complaint);

#endif
