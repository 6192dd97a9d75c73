#ifndef SHARED_RING_H
#define SHARED_RING_H

/*
 * The window of a job in shared memory: a ring of W words, one for each chunk from `base` on, and a
 * row for each lane. A lane is what computes one chunk at a time: a child, a thread, or one of the
 * places of an event loop.
 *
 * A word holds {lap, epoch, owner, state} and changes by one store, so a claim and its owner
 * appear in the same instant and no death can lose a chunk:
 *
 *     FREE    -> RUN      a lane, by compare-and-swap; epoch + 1
 *     RECHECK -> RUN      likewise, but not by the lane that the owner field names
 *     SOLO    -> RUN      likewise, only the lane that was started for this chunk
 *     RUN     -> FREE, RECHECK, SOLO, HELD    the supervisor, after the owner is dead or done
 *     any     -> FREE or KEPT of the next lap the supervisor, when the chunk is released
 *
 * Invariants: only the supervisor writes base, limit, order and words that are not claimable;
 * a lane writes only its own row; no pointer, lock or trusted length lies here. A writer killed
 * at any instruction leaves nothing to wait for.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RING_ABI       1u
#define RING_NO_CHUNK  UINT64_MAX
#define RING_LANES_MAX 4094u /* the owner field has 12 bits; 0 is nobody */

enum ring_state { RING_FREE, RING_RUN, RING_RECHECK, RING_SOLO, RING_HELD, RING_KEPT };

enum ring_order {
    RING_ORDER_RUN,
    RING_ORDER_DRAIN,  /* claim nothing more, finish what is claimed, leave */
    RING_ORDER_CANCEL, /* stop at the next tick, leave */
};

/* What a lane is at, for the report of its death. */
enum ring_doing {
    RING_DOING_STARTING,
    RING_DOING_CLAIMING,
    RING_DOING_COMPUTING,
    RING_DOING_WRITING, /* inside write(2): frames are on their way */
    RING_DOING_WRITTEN, /* after the last byte, before the next claim */
    RING_DOING_IDLE,    /* waits for the window to move */
    RING_DOING_LEAVING,
};

/* One row for each lane; the lane writes all of it but `stop` and `yield`. */
struct ring_lane {
    _Alignas(64) _Atomic uint64_t chunk; /* being computed, or RING_NO_CHUNK */
    _Atomic uint64_t progress;           /* the heartbeat: grows while the lane is alive */
    _Atomic uint64_t numbers;            /* of the interval that are done in this chunk */
    _Atomic uint64_t stop;               /* by the supervisor: give up chunk `stop` - 1; 0: none */
    _Atomic uint32_t doing;              /* enum ring_doing */
    _Atomic uint32_t yield;              /* by the supervisor: claim no more, and leave */
};

struct ring {
    uint32_t abi;
    uint32_t window; /* a power of two */
    uint32_t lanes;
    uint64_t chunks;                      /* in the whole job */
    _Alignas(64) _Atomic uint64_t base;   /* the first chunk that is not released */
    _Atomic uint64_t returns;             /* grows when a chunk becomes claimable again */
    _Atomic uint32_t order;               /* enum ring_order */
    _Atomic uint32_t head_only;           /* only the chunk at base may be claimed */
    _Alignas(64) _Atomic uint32_t wake;   /* futex: grows when it is worth looking again */
    _Atomic uint32_t sleeping;            /* somebody may be waiting on wake */
    _Alignas(64) _Atomic uint64_t hint;   /* where to begin looking; never a promise */
    _Alignas(64) unsigned char storage[]; /* lanes, then words */
};

struct ring_word {
    uint64_t lap; /* modulo 2^20 */
    uint32_t epoch;
    uint32_t owner; /* lane + 1, or 0 */
    enum ring_state state;
};

/* ---- making it: supervisor, before fork ---- */

/*
 * Map a ring for `chunks` chunks. Does not block. The mapping is inherited by fork and freed by
 * ring_free(). window must be a power of two. out_fd, unless NULL, gets the memory itself, for
 * whoever is not forked after this; the caller closes it.
 * Returns NULL with errno.
 */
struct ring *ring_new(uint64_t chunks, uint32_t window, uint32_t lanes, int *out_fd);

/*
 * Map a ring by its descriptor, which stays open. A child that was there before. What it says of
 * its own size is checked against what there is. Returns NULL with errno.
 */
struct ring *ring_map(int fd);

void ring_free(struct ring *ring);

/* The row of a lane that nobody serves, as for a new one. Supervisor. */
void ring_clear_lane(struct ring *ring, uint32_t lane);

/* Let the window begin at chunk `base` (a new ring's begins at 0), all of it FREE. Before fork. */
void ring_begin(struct ring *ring, uint64_t base);

/* ---- either side ---- */

uint64_t ring_pack(struct ring_word word);
struct ring_word ring_unpack(uint64_t packed);
struct ring_lane *ring_lane(struct ring *ring, uint32_t lane);
_Atomic uint64_t *ring_word_at(struct ring *ring, uint64_t chunk);
const char *ring_doing_name(enum ring_doing doing);

/* ---- lanes, after fork ---- */

struct ring_claim {
    uint64_t first;
    uint32_t count;
    uint32_t epoch[64]; /* of each chunk */
};

/*
 * Claim up to `most` (1 to 64) neighbouring chunks. No system call, does not block.
 * *seen holds the lane's last look at `returns`; start it at 0.
 * Returns false when there is nothing to claim now.
 */
bool ring_claim(
    struct ring *ring, uint32_t lane, uint32_t most, uint64_t *seen, struct ring_claim *out);

/* Claim the one chunk that this lane was started for. Returns false when it is not there. */
bool ring_claim_solo(struct ring *ring, uint32_t lane, uint64_t chunk, struct ring_claim *out);

/* How many chunks this lane could claim now, up to `most`. Either side; looks through the window.
 */
uint32_t ring_count_claimable(struct ring *ring, uint32_t lane, uint32_t most);

/* True when a lane of [first, first + count) has a chunk claimed. Likewise. */
bool ring_is_owned(struct ring *ring, uint32_t first, uint32_t count);

/* True when the window reaches the end: what is not claimable now will only be if it comes back. */
bool ring_is_at_end(struct ring *ring);

/* True when every chunk of the job has been released: nothing will ever be claimable again. */
bool ring_is_finished(struct ring *ring);

/* Sleep until wake moves from the value read before the last look, or 50 ms passed. Blocks. */
void ring_wait(struct ring *ring, uint32_t wake_seen);

/* ---- supervisor, after fork ---- */

/* Make a chunk that nobody runs claimable again, in the given state. Does not wake. */
void ring_return(struct ring *ring, uint64_t chunk, enum ring_state state);

/* Offer a finished chunk to any lane but one, to be computed again. Does not wake. */
void ring_return_recheck(struct ring *ring, uint64_t chunk, uint32_t not_by_lane);

/* Set the state of a chunk that nobody runs (HELD, KEPT) without making it claimable. */
void ring_set(struct ring *ring, uint64_t chunk, enum ring_state state);

/* Release the chunk at base: its slot goes to chunk + window, in the given state. */
void ring_advance(struct ring *ring, enum ring_state next);

/* Set the order. Does not wake. */
void ring_set_order(struct ring *ring, enum ring_order order);

/* Wake every sleeping lane. Returns true when somebody was asleep. */
bool ring_wake(struct ring *ring);

#endif
