#ifndef SUPERVISOR_JOB_COMMIT_H
#define SUPERVISOR_JOB_COMMIT_H

/*
 * What the job supervisor knows of each chunk in the window. Only here is a result accepted: a
 * frame counts when chunk, attempt, owner and state still match, and then once.
 *
 *     OPEN      -> DONE      all frames of an attempt are in
 *     OPEN      -> CHECKING  likewise, and the chunk was drawn to be computed once more
 *     CHECKING  -> DONE      the second attempt gave the same digest
 *     OPEN, CHECKING -> HELD blamed too often, or the two attempts differ
 *     REST                   an earlier run kept the result in the rest file
 *     DONE, HELD, REST -> OPEN or REST of a later chunk, by commit_advance()
 *
 * Job supervisor only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "shared/frame.h"
#include "shared/ring.h"
#include "supervisor/job/rest.h"
#include "supervisor/job/result.h"

enum slot_state { SLOT_OPEN, SLOT_DONE, SLOT_CHECKING, SLOT_HELD, SLOT_REST };

struct slot {
    enum slot_state state;
    uint32_t attempt; /* whose parts are in `result` */
    uint32_t parts;   /* how many */
    uint32_t lane;    /* that computed it */
    uint32_t blamed;  /* crashes and failures that were this chunk's own */
    uint32_t lost;    /* deaths that were not */
    bool is_suspect;  /* to be tried alone */
    uint64_t records, digested;
    uint32_t digest, data_crc;
    struct result result;
    uint64_t rest_offset, rest_len; /* SLOT_REST */
    char *cause;                    /* SLOT_HELD: in words */
};

struct commit {
    struct ring *ring; /* borrowed */
    struct slot *slots;
    struct result_store store;
    struct rest *rest;    /* borrowed; NULL without */
    double check_percent; /* share of chunks to compute twice */
    uint64_t done;        /* chunks accepted in this run */
    uint64_t checked;     /* of these, computed twice with the same digest */
    uint64_t spooled;     /* results that went to the spool */
    uint64_t ignored;     /* frames that came too late */
};

enum commit_verdict {
    COMMIT_IGNORED, /* not of an attempt that counts */
    COMMIT_PART,    /* taken */
    COMMIT_DONE,    /* the chunk has its result */
    COMMIT_PASS,    /* likewise, but the payload was not kept: the caller releases the chunk now */
    COMMIT_RECHECK, /* the chunk has been offered to another lane, for comparison */
    COMMIT_DIFFERENT, /* the second attempt differs from the first: the chunk is held */
    COMMIT_FAILED,    /* the kernel gave up: the payload says why; the attempt is over */
    COMMIT_NO_ROOM,   /* the result could not be kept, errno says why; the attempt is over */
    COMMIT_BAD,       /* the sender claims what cannot be */
};

/* budget: bytes of results that memory may hold. Returns 0, or -1 with errno. */
int commit_init(struct commit *commit, struct ring *ring, uint64_t budget, const char *spool_path);
void commit_fini(struct commit *commit);

/* The slot of a chunk in the window. */
struct slot *commit_slot(struct commit *commit, uint64_t chunk);

/*
 * Take one complete frame from the child that serves lanes [first_lane, first_lane + lanes).
 * may_pass: the caller can release the chunk at base at once, from the payload.
 */
enum commit_verdict commit_take(struct commit *commit, const struct frame *frame,
    const char *payload, uint32_t first_lane, uint32_t lanes, bool may_pass);

/* The owner's attempt is over without a result: make the chunk claimable again. */
void commit_return(struct commit *commit, uint64_t chunk);

/* Set the chunk aside for a person. */
void commit_hold(struct commit *commit, uint64_t chunk, const char *cause);

/* Give an accepted chunk the result that an earlier run spooled. Returns 0, or -1 with errno. */
int commit_adopt(struct commit *commit, uint64_t chunk, const struct slot *found,
    const struct extent *extents, size_t count);

/* The chunk at base has been released: its slot serves a later chunk. Does not wake anybody. */
void commit_advance(struct commit *commit);

/* Look up in the rest file what the slots of the window hold; once, at the start. */
void commit_open_window(struct commit *commit);

/* Call visit for each chunk in the window that a lane of [first, first + count) runs. */
void commit_visit_owned(struct commit *commit, uint32_t first, uint32_t count,
    void (*visit)(void *arg, uint64_t chunk, uint32_t lane), void *arg);

#endif
