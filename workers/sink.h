#ifndef WORKERS_SINK_H
#define WORKERS_SINK_H

/*
 * Where a kernel puts its results: they are counted, digested as canonical records, rendered as
 * text, and packed into frames for the supervisor. Rendering happens here, in the worker, because
 * it costs more than most kernels: so it grows with the workers, and the supervisor only copies.
 * The rendering is a function of the chunk alone, so every engine yields the same bytes.
 *
 * Child only, after fork; one thread a sink. sink_flush() blocks until the supervisor has read.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/frame.h"
#include "shared/result_format.h"
#include "shared/ring.h"

struct sink {
    /* set by the owner */
    int fd;                /* write end of the result pipe */
    pthread_mutex_t *lock; /* held over a write when threads share the pipe; NULL without */
    struct ring_lane *row; /* of the lane that this sink serves */
    uint16_t lane;
    enum result_format format;
    bool count_only;
    bool is_bytes;
    size_t size; /* of buf; at most FRAME_PAYLOAD_MAX */
    /* the sink's own */
    char *buf;
    size_t len;               /* bytes in buf */
    size_t sealed;            /* of these, complete frames, ready to leave */
    uint64_t sealed_since_ns; /* when the oldest of them was sealed */
    struct frame frame;       /* the one being filled */
    uint32_t digest;
    uint64_t records, digested;
    char cut[4]; /* the beginning of a UTF-8 sequence that the last piece broke off */
    size_t cut_len;
};

/* Take memory for the buffer; touched only as far as it is used. Returns 0, or -1 with errno. */
int sink_init(struct sink *sink);
void sink_fini(struct sink *sink);

/* ---- for the runner ---- */

void sink_begin(struct sink *sink, uint64_t chunk, uint32_t epoch, uint64_t lo, uint64_t hi);
void sink_finish(struct sink *sink);
/* End the chunk as failed; what was put into it is forgotten, here or by the supervisor. */
void sink_fail(struct sink *sink, const char *why);
/* Forget the chunk that was begun; no frame says so. */
void sink_abandon(struct sink *sink);

/* Write all complete frames. Leaves by _exit when the supervisor is gone. */
void sink_flush(struct sink *sink);

/* ---- for kernels ---- */

void sink_put(struct sink *sink, uint64_t number);
void sink_put_numbers(struct sink *sink, const uint64_t *numbers, size_t count);
void sink_put_bytes(struct sink *sink, const char *bytes, size_t len);
/* Say how many results there are without naming them: only when plan->count_only. */
void sink_add_count(struct sink *sink, uint64_t count);

#endif
