#ifndef SUPERVISOR_JOBS_BOOK_PRIVATE_H
#define SUPERVISOR_JOBS_BOOK_PRIVATE_H

/*
 * The book from within: one list of all jobs, and three that part it by turn. Each book_*.c file
 * moves jobs in one way. Job supervisor only.
 */

#include "supervisor/jobs/book.h"
#include "supervisor/jobs/plan.h"
#include "supervisor/jobs/runner.h"
#include "supervisor/jobs/store.h"

#define BOOK_NS_IN_MS 1000000ull
#define BOOK_NS_IN_S  1000000000ull

struct book_copy;

/* Jobs by turn, through entry->turn. */
struct book_turns {
    struct entry_list list;
    unsigned count;
};

struct book {
    struct jobs_config *config;
    struct jobs_board *board;
    struct loop *loop;
    struct store *store;
    struct plan *plan;
    struct runner *runner;
    uint64_t life; /* of the daemon */
    struct entry_list all;
    struct book_turns queue;   /* in the order of their turns */
    struct book_turns working; /* the runner's, and those whose result is being copied */
    struct book_turns ended;   /* the first to end comes first */
    TAILQ_HEAD(book_copy_list, book_copy) copies;
    unsigned unnoted; /* ended, and not yet on the disk */
    unsigned untidy;  /* done, and their journals are still there */
    bool is_stopping;
    uint64_t now_ns;
    uint64_t plan_at_ns;    /* look at the plan then; UINT64_MAX: nothing will be due */
    bool has_room;          /* the spool is smaller than max_spool */
    uint64_t measure_at_ns; /* see then whether it still is, while something is in work */
    uint64_t keep_at_ns;    /* look for what is old then */
    uint64_t quiet_at_ns;   /* until then something is going on, and what takes long can wait */
    uint64_t late_at_ns;    /* say again then that what is due has no room */
    struct jobs_board_trial *on_trial; /* a suspect, beside which nothing is begun now; or NULL */
    uint64_t trial_until_ns;           /* how long */
    unsigned trial_next;               /* of the board: where the next free row may be */
};

/* ---- book_turn.c ---- */

void book_turn_add(struct book_turns *turns, struct entry *entry);
void book_turn_remove(struct book_turns *turns, struct entry *entry);

/* Begin what has its turn. Returns how many were begun. */
unsigned book_turn_begin(struct book *book);

/* Something would be begun now. */
bool book_turn_is_due(const struct book *book);

/* Make the runner, with this book as its client. Returns 0, or -1 with errno. */
int book_turn_open(struct book *book);

/* It is in none of the lists by turn, and state, cause and counts are its last. */
void book_turn_end(struct book *book, struct entry *entry);

/* An end of the book's own making. */
void book_turn_end_as(struct book *book, struct entry *entry, enum entry_state state, int exit_code,
    const char *cause);

/* It was stopped, to go on in another life. It is in none of the lists by turn. */
void book_turn_put_back(struct book *book, struct entry *entry);

/* The board's numbers of jobs. */
void book_turn_count(struct book *book);

/* ---- book_trial.c ---- */

/* Before anything is queued: see under which jobs the last job supervisor died. */
void book_trial_take_up(struct book *book);

/* The job is begun, paused or goes on; got on, or is none of ours any more. */
void book_trial_begin(struct book *book, struct entry *entry);
void book_trial_set_in_work(struct book *book, struct entry *entry, bool is_in_work);
void book_trial_see_progress(struct book *book, struct entry *entry);
void book_trial_end(struct book *book, struct entry *entry);

/* Who is on trial is no more when his time is over. In each turn, before anything is begun. */
void book_trial_tend(struct book *book);

/* It may be what kills the job supervisor: it has its turn when nothing else has. */
bool book_trial_is_suspect(const struct entry *entry);

/* Of two suspects, this one has its turn first. */
bool book_trial_comes_first(const struct entry *entry, const struct entry *other);

/*
 * It is what does: it is not begun again by itself. Writes why, and into the entry how far it was
 * seen to be: what is begun again finds that out itself.
 */
bool book_trial_is_lost(struct entry *entry, char cause[ENTRY_CAUSE_MAX]);

/* ---- book_copy.c ---- */

/*
 * All of the result is there. True: it is being put where the job wants it, and the end comes
 * later; false: there is nothing to wait for, and state and cause may be new.
 */
bool book_copy_start(struct book *book, struct entry *entry);

/* Give the copy up. False when there is none. */
bool book_copy_stop(struct book *book, struct entry *entry);

/* Give all up: these jobs go on another time. */
void book_copy_cut(struct book *book);

/* ---- book_keep.c ---- */

/* A job came, began or ended: others may follow, so nothing that takes long is done for a while. */
void book_keep_stir(struct book *book);

void book_keep_tend(struct book *book);
uint64_t book_keep_next_at_ns(const struct book *book);

/* ---- book_plan.c ---- */

/* Returns 0, or -1 with errno. */
int book_plan_open(struct book *book);
int book_plan_renew(struct book *book, const struct jobs_config *config);
void book_plan_tend(struct book *book);

/* ---- book_submit.c ---- */

/* Keep a job of the definition that is due. */
enum plan_answer book_submit_due(
    struct book *book, const struct jobs_definition *definition, int64_t due_at_unix_ms);

/* Is there room for one more job of the user? */
int book_submit_check_room(
    const struct book *book, uid_t uid, struct complaint *complaint, int *out_exit_code);

/* ---- book_log.c ---- */

void book_log_submitted(const struct entry *entry);
void book_log_started(const struct entry *entry);
void book_log_state(const struct entry *entry);
void book_log_suspect(const struct entry *entry);
void book_log_ended(const struct entry *entry);
void book_log_asked(const char *event, const struct entry *entry, const struct asker *asker);
void book_log_forgotten(const struct entry *entry, const char *cause);
void book_log_spool(const struct entry *entry, const struct complaint *complaint);

int64_t book_now_unix_ms(void);

#endif
