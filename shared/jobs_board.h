#ifndef SHARED_JOBS_BOARD_H
#define SHARED_JOBS_BOARD_H

/*
 * What the job supervisor and its workers are doing, in shared memory that outlives it: for
 * `prefork status`, which must not have to ask. Fixed rows, no pointer, no lock, no length that is
 * trusted. One writer, the job supervisor; a new one clears it but for the trials, which are its
 * own to read. Readers copy, then print.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define JOBS_BOARD_ABI    2u
#define JOBS_BOARD_ROWS   1024u
#define JOBS_BOARD_TRIALS 2048u

enum jobs_board_state {
    JOBS_BOARD_FREE,     /* there is no worker */
    JOBS_BOARD_IDLE,     /* warm, waits for a job */
    JOBS_BOARD_BUSY,     /* works for a job */
    JOBS_BOARD_YIELDING, /* finishes what it has, for another job */
};

/* "free", "idle" and so on; "unknown" for what is none. */
const char *jobs_board_state_name(unsigned state);

struct jobs_board_row {
    _Atomic uint32_t state; /* enum jobs_board_state */
    _Atomic int32_t pid;
    _Atomic uint64_t job;    /* id; 0: none */
    _Atomic uint64_t frames; /* reports in this life: its work so far */
    _Atomic uint64_t started_at_ns;
};

/* How far a job was seen to be. */
struct jobs_board_progress {
    uint64_t chunks_done, records, result_bytes;
    uint32_t digest;
};

/* A job that is in work, or was when a job supervisor died: book_trial.c. Kept by the next one. */
struct jobs_board_trial {
    _Atomic uint64_t job; /* id, written last; 0: free */
    _Atomic uint32_t is_in_work, is_on_trial;
    _Atomic uint32_t deaths; /* of the job supervisor since its last chunk, the job being in work */
    _Atomic uint32_t blamed; /* for so many of them, in a row */
    _Atomic uint32_t newest; /* of progress: the other one may be half written */
    struct jobs_board_progress progress[2];
};

struct jobs_board {
    uint32_t abi;
    _Atomic uint32_t rows; /* workers there may be */
    _Atomic uint32_t running, queued, paused;
    _Atomic uint64_t done, failed, cancelled; /* jobs, since the daemon began */
    _Atomic uint64_t chunks;                  /* accepted, likewise */
    _Atomic uint64_t deaths;                  /* of workers that were not asked to leave */
    struct jobs_board_row row[JOBS_BOARD_ROWS];
    struct jobs_board_trial trial[JOBS_BOARD_TRIALS];
};

/* Make and map it; no child inherits the mapping yet. Parent, once. Returns NULL with errno. */
struct jobs_board *jobs_board_new(void);

/* Whether children that are forked from now on have it. Parent. */
void jobs_board_set_inherited(struct jobs_board *board, bool is_inherited);

void jobs_board_free(struct jobs_board *board);

/*
 * A new job supervisor begins: what the last one left in rows and states goes, its trials stay.
 * Its writer.
 */
void jobs_board_clear(struct jobs_board *board, uint32_t rows);

#endif
