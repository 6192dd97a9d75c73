#ifndef SUPERVISOR_JOBS_STREAM_H
#define SUPERVISOR_JOBS_STREAM_H

/*
 * A job's result on its way to one reader: from any byte on, in order, while the job runs. Pieces
 * are {"data":N} and N bytes, at most STREAM_PIECE of them. Each reader has a stream of its own
 * over the same file: one that does not read stops itself alone, and the job not at all.
 *
 * The first bytes leave at once; while a job goes on, small amounts are gathered for some
 * milliseconds, so that a job of many tiny chunks is not slowed down by who follows it.
 * Job supervisor only; never blocks but on the disk.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/jobs/entry.h"
#include "supervisor/jobs/outlet.h"

struct store;

#define STREAM_PIECE (256u << 10)

enum stream_state {
    STREAM_WAITING, /* for the job */
    STREAM_HELD,    /* a little is there; it is sent at send_at_ns, or when there is more */
    STREAM_BLOCKED, /* the reader does not read */
    STREAM_READY,   /* there is more to send: it had its share of this turn */
    STREAM_OVER,    /* all that was asked for is in the outlet */
    STREAM_BROKEN,  /* errno: the result cannot be opened; ENODATA: it is shorter than it was */
};

struct stream {
    const struct entry *entry; /* NULL: there is none */
    bool follows;              /* until the job has ended */
    int file_fd;               /* -1: not open yet */
    uint64_t at;               /* the next byte */
    uint64_t left;             /* of the piece that was announced */
    uint64_t send_at_ns;       /* not before, unless there is much */
};

/* From byte `from` on. The entry outlives the stream. */
void stream_open(struct stream *stream, const struct entry *entry, uint64_t from, bool follows);
void stream_close(struct stream *stream);

/* In the midst of a piece: no line may be put now. */
bool stream_is_in_piece(const struct stream *stream);

/* Send what there is and what the reader takes. */
enum stream_state stream_pump(
    struct stream *stream, struct outlet *outlet, const struct store *store, uint64_t now_ns);

#endif
