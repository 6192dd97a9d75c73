#ifndef SUPERVISOR_JOBS_ENTRY_H
#define SUPERVISOR_JOBS_ENTRY_H

/*
 * One job as the daemon knows it, from the moment it was wanted until it is forgotten.
 *
 *   QUEUED -> RUNNING -> DONE | INCOMPLETE | FAILED | CANCELLED
 *   RUNNING <-> PAUSED      the spool has no room; goes on by itself
 *   RUNNING, PAUSED -> QUEUED    the job supervisor was stopped or died: it goes on there
 *   INCOMPLETE, FAILED, CANCELLED -> QUEUED    retry: goes on where it was
 *
 * What is written in the folder of the job (store.h) survives; the rest is made anew.
 * Job supervisor only.
 */

#include <bsd/sys/queue.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ENTRY_NAME_MAX  32
#define ENTRY_CAUSE_MAX 256

enum entry_state {
    ENTRY_QUEUED,
    ENTRY_RUNNING,
    ENTRY_PAUSED,
    ENTRY_DONE,
    ENTRY_INCOMPLETE, /* a chunk is held */
    ENTRY_FAILED,
    ENTRY_CANCELLED,
    ENTRY_STATES,
};

/* "queued" and so on. */
const char *entry_state_name(enum entry_state state);

struct entry;
struct jobs_board_trial;
struct run;

/* Somebody who wants to know when the job moves. While there is one, the job is not forgotten. */
struct entry_watcher {
    TAILQ_ENTRY(entry_watcher) link;
    struct entry *entry; /* NULL: of none */
    void (*moved)(struct entry_watcher *watcher);
    void *owner;
};

struct entry {
    TAILQ_ENTRY(entry) link; /* of the book, by id */
    TAILQ_ENTRY(entry) turn; /* of the book: those that wait, are in work, or have ended */
    uint64_t id;             /* from 1, never used twice */
    /* What was wanted: written once. */
    char name[ENTRY_NAME_MAX]; /* of the definition that it is a run of; "" without */
    uid_t uid;                 /* whose it is */
    char token[65];            /* of the question that made it, to know it again; "" without */
    json_t *what;              /* {"kernel","params","interval","argv","options"}: job_json.h */
    char *output;              /* where a copy of the whole result goes; NULL: nowhere */
    int64_t wanted_at_unix_ms; /* by somebody, or by the clock */
    /* What became of it. */
    enum entry_state state;
    char cause[ENTRY_CAUSE_MAX]; /* of a pause or a bad end, in words; "" */
    int exit_code;               /* of an ended one, as `prefork job run` would give it */
    int64_t started_at_unix_ms, ended_at_unix_ms; /* 0: not yet */
    uint32_t runs;                                /* times it was begun or gone on with */
    uint64_t chunks, chunks_done;
    uint64_t records; /* results so far, released */
    uint32_t digest;
    uint64_t result_bytes; /* of the result file that count */
    uint64_t wall_ns;      /* in work, over all runs */
    uint64_t spool_bytes;  /* of its folder, when it was last measured: store_measure() */
    /* While it is in work. */
    struct run *run; /* the runner's; NULL: not in work */
    /* The book's. */
    struct jobs_board_trial *trial; /* what became of job supervisors under it; NULL: nothing */
    bool is_unnoted;                /* its end is not on the disk yet */
    bool is_untidy;                 /* DONE, and what helped to make its result is still there */
    TAILQ_HEAD(entry_watcher_list, entry_watcher) watchers;
};

TAILQ_HEAD(entry_list, entry);

/* DONE, INCOMPLETE, FAILED or CANCELLED: it will not go on by itself. */
bool entry_has_ended(const struct entry *entry);

/* An empty one, QUEUED, without an id. NULL without memory. Freed by entry_free(). */
struct entry *entry_new(void);

/* Free it and what it owns: what, output. Not in a list, not in work. NULL is allowed. */
void entry_free(struct entry *entry);

/* Watch the job, and no more the one before; NULL: none. */
void entry_watch(struct entry_watcher *watcher, struct entry *entry);

/* Tell all who watch. They may stop that, and nothing else. */
void entry_tell(struct entry *entry);

#endif
