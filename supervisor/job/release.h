#ifndef SUPERVISOR_JOB_RELEASE_H
#define SUPERVISOR_JOB_RELEASE_H

/*
 * Results leave in the order of their chunks, once. The release stands at the first chunk of the
 * window; what is behind a held chunk goes to the rest file, or past it, as the job was told.
 * Job supervisor only; never waits for a reader of stdout, may block on the disk.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/result_format.h"
#include "shared/split.h"
#include "supervisor/job/commit.h"
#include "supervisor/job/journal.h"
#include "supervisor/job/output.h"

enum release_on_held {
    RELEASE_STOP, /* nothing behind the gap reaches the output */
    RELEASE_MARK, /* a line in the output says what is missing */
    RELEASE_SKIP, /* the output goes on as if the chunk had no results */
};

struct release {
    /* set by the owner */
    struct commit *commit;
    const struct split *split;
    struct output *output;
    struct journal *journal; /* NULL without */
    struct rest *rest;       /* NULL without: a job to stdout keeps nothing behind a gap */
    enum release_on_held on_held;
    enum result_format format;
    bool count_only;
    void (*on_released)(void *arg, uint64_t chunk, const struct slot *slot);
    void *arg;
    uint64_t boot; /* for the journal's records */
    /* the release's own; what an earlier run released is set by the owner */
    uint64_t next;    /* the first chunk that is not in the output */
    uint64_t records; /* results in the output */
    uint32_t digest;  /* of their canonical records */
    uint64_t held;    /* chunks that were passed without a result */
    bool is_behind_gap;
    uint64_t copied; /* bytes of the head that the output has */
    uint64_t started_ns, journaled_ns;
    uint64_t journaled;       /* `next` as the journal knows it, */
    uint64_t journaled_bytes; /* and the output's length */
};

enum release_state {
    RELEASE_WAITING, /* the head has no result yet, or all is released */
    RELEASE_BLOCKED, /* the output takes no more now */
    RELEASE_GAP,     /* the head is held and there is nowhere to keep what is behind it */
    RELEASE_ERROR,   /* errno says what */
};

/* Write what stands before the first result. Once, for an output that begins anew. */
void release_begin(struct release *release);

/* Release as many chunks as have their turn. */
enum release_state release_pump(struct release *release);

/* True when the payload of the chunk at base could go straight to the output. May write. */
bool release_can_pass(struct release *release, uint32_t len);

/*
 * Release the chunk at base with this payload, which commit_take() did not keep. It is lent to the
 * output: see output_lend().
 */
void release_pass(struct release *release, const struct frame *frame, const char *payload);

/* Write what stands behind the last result. Once, when all chunks are released. */
void release_end(struct release *release);

/*
 * Tell the journal how far the output is, if that is news and the last word is old enough, or
 * `now` is asked for. The output must have been flushed. Returns 0, or -1 with errno.
 */
int release_checkpoint(struct release *release, uint64_t now_ns, bool is_asked);

/* Tell the journal of a finished result that waits in the spool. Returns 0, or -1 with errno. */
int release_journal_spooled(struct release *release, uint64_t chunk, const struct slot *slot);

#endif
