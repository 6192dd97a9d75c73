#ifndef SHARED_SCOREBOARD_H
#define SHARED_SCOREBOARD_H

/*
 * The scoreboard: what each worker is doing, in shared memory that outlives it. Fixed rows, no
 * pointer, no lock, no length that is trusted; each field has one writer, named beside it, so
 * that a writer killed at any instruction leaves nothing to hang on. Readers copy, then print.
 *
 * Liveness: a lane's hook count is odd while the worker is inside a service's hook. Whoever finds
 * the same odd number again after a while has found a hook that hangs (law 13).
 */

#include <stdatomic.h>
#include <stdint.h>

#define SCOREBOARD_ABI   3
#define SCOREBOARD_ROWS  1024
#define SCOREBOARD_OWN   12
#define SCOREBOARD_LANES 256 /* threads of one worker; the other models use lane 0 */

enum scoreboard_state {
    SCOREBOARD_FREE,     /* no worker has this row */
    SCOREBOARD_STARTING, /* forked, not READY */
    SCOREBOARD_IDLE,     /* no session */
    SCOREBOARD_ACTIVE,   /* has sessions and room for more */
    SCOREBOARD_FULL,     /* has no room */
    SCOREBOARD_DRAINING, /* takes no more */
};

/* Lower-case word for a state; "unknown" for what is none. */
const char *scoreboard_state_name(unsigned state);

/* Counters of a worker's life; the supervisor adds them to its service's when it is gone. */
struct scoreboard_counts {
    _Atomic uint64_t connections; /* accepted and admitted */
    _Atomic uint64_t refused;     /* turned away, for whatever reason; of these: */
    _Atomic uint64_t refused_full, refused_source, refused_rate; /* by which limit */
    _Atomic uint64_t requests; /* messages, or datagrams that were for us */
    _Atomic uint64_t datagrams;
    _Atomic uint64_t bytes_in, bytes_out;
    _Atomic uint64_t dropped;             /* datagrams not answered: rate, loop guard, no room */
    _Atomic uint64_t dropped_rate;        /* of these, by rate */
    _Atomic uint64_t timed_out;           /* sessions ended by idle or write timeout */
    _Atomic uint64_t cut;                 /* sessions ended by a drain's deadline */
    _Atomic uint64_t handed_over;         /* sessions given to a new worker */
    _Atomic uint64_t cut_unanswered;      /* reads after a cut that found a request */
    _Atomic uint64_t log_dropped;         /* records that found no room in the pipe */
    _Atomic uint64_t bad_input;           /* sessions ended because what came is no message */
    _Atomic uint64_t own[SCOREBOARD_OWN]; /* what the service counts, as its type names it */
};

/* A cache line for each. */
struct scoreboard_lane {
    _Alignas(64) _Atomic uint64_t hook_count; /* writer: the thread that runs the lane */
};

struct scoreboard_row {
    /* writer: the supervisor */
    _Atomic uint32_t generation; /* of the worker that has the row; 0: free */
    _Atomic uint32_t service;    /* index */
    _Atomic uint32_t slot;       /* within the service, from 1 */
    _Atomic int32_t pid;
    _Atomic uint64_t started_at_ns;
    /* writer: the worker, any of its threads */
    _Alignas(
        64) _Atomic uint32_t state; /* enum scoreboard_state; FREE and STARTING by the supervisor */
    _Atomic uint32_t sessions;      /* now */
    _Atomic uint64_t idle_since_at_ns;
    _Atomic uint64_t last_message_at_ns; /* coarse: may lag by a second */
    _Atomic uint64_t pss_bytes;          /* as last measured by the worker itself */
    /* the last peer, for the record of a death: a sockaddr_in or _in6, or zeros */
    unsigned char last_peer[32];
    _Alignas(64) struct scoreboard_counts counts;
};

struct scoreboard {
    uint32_t abi;
    _Atomic uint32_t rows; /* that were ever claimed; writer: the supervisor */
    struct scoreboard_row row[SCOREBOARD_ROWS];
    struct scoreboard_lane lane[SCOREBOARD_ROWS][SCOREBOARD_LANES]; /* sparse: pages as touched */
};

/* Make and map it; children inherit the mapping. Parent, once. Returns NULL with errno. */
struct scoreboard *scoreboard_new(void);
void scoreboard_free(struct scoreboard *board);

/*
 * Claim a free row for the child that is about to be forked, and clear it. Parent only, before
 * fork; does not block. The row is ours until scoreboard_release_row().
 * Returns the index, or -1 with ENOSPC when every row is taken.
 */
int scoreboard_claim_row(
    struct scoreboard *board, uint32_t service, uint32_t slot, uint32_t generation);

/* Give back the row of a child that is reaped, or was never forked. Parent only. */
void scoreboard_release_row(struct scoreboard *board, int row);

/* Sum of the sessions of all rows of a service. Any process. */
uint64_t scoreboard_count_sessions(const struct scoreboard *board, uint32_t service);

/* A plain copy of the counters. Any process. */
struct scoreboard_totals {
    uint64_t connections, refused, refused_full, refused_source, refused_rate, requests, datagrams,
        bytes_in, bytes_out, dropped, dropped_rate, timed_out, cut, handed_over, cut_unanswered,
        log_dropped, bad_input, own[SCOREBOARD_OWN];
};
void scoreboard_add_counts(struct scoreboard_totals *sum, const struct scoreboard_counts *counts);

#endif
