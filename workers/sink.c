/*
 * Results on their way out. The buffer holds complete frames and, behind them, the one being
 * filled: a frame is rendered where it will be written from, so nothing is copied but into the
 * pipe. When the buffer is full in the middle of a chunk, what is there leaves as a PART.
 */
#include "workers/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/crc32c.h"
#include "shared/escape.h"
#include "shared/failpoint.h"
#include "shared/leave.h"
#include "shared/number.h"

/* The longest thing rendered in one step: a CSV row, a grouped number, the frame of an object. */
#define PIECE_MAX 160

/* Plain numbers that are rendered between two looks at the room that is left. */
#define LINES_AT_ONCE 256u

int sink_init(struct sink *sink) {
    void *buf = mmap(NULL, sink->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (buf == MAP_FAILED)
        return -1;
    sink->buf = buf;
    sink->len = sink->sealed = 0;
    return 0;
}

void sink_fini(struct sink *sink) {
    if (sink->buf != NULL)
        munmap(sink->buf, sink->size);
    sink->buf = NULL;
}

/* ---- frames ---- */

static void open_frame(struct sink *sink) {
    sink->len = sink->sealed + sizeof(struct frame);
}

/* Seal what lies behind the complete frames as one more of them. */
static void seal_frame(struct sink *sink, enum frame_type type) {
    char *at = sink->buf + sink->sealed;

    sink->frame.type = (uint16_t)type;
    sink->frame.len = (uint32_t)(sink->len - sink->sealed - sizeof(struct frame));
    frame_seal(&sink->frame, at + sizeof(struct frame));
    memcpy(at, &sink->frame, sizeof(struct frame));
    sink->frame.part++;
    if (sink->sealed == 0)
        sink->sealed_since_ns = clock_now_ns();
    sink->sealed = sink->len;
}

static void make_room(struct sink *sink, size_t need) {
    if (sink->size - sink->len >= need)
        return;
    seal_frame(sink, FRAME_PART);
    sink_flush(sink);
    open_frame(sink);
}

static void write_all(int fd, const char *data, size_t len) {
    ssize_t n;

    while (len > 0) {
        n = write(fd, data, len);
        if (n < 0 && errno == EPIPE)
            leave_process(EXIT_SUCCESS); /* the supervisor is gone, and so is the reason to work */
        if (n < 0 && errno != EINTR)
            leave_process(EXIT_FAILURE);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
}

/* The same bytes in three writes, with a step between them at which a test may kill. */
static void write_in_steps(int fd, const char *data, size_t len) {
    size_t header = sizeof(struct frame) / 2, half = len / 2 > header ? len / 2 : header;

    FAILPOINT("before-first-byte");
    write_all(fd, data, header);
    FAILPOINT("mid-header");
    failpoint_linger();
    write_all(fd, data + header, half - header);
    FAILPOINT("mid-payload");
    failpoint_linger();
    write_all(fd, data + half, len - half);
    FAILPOINT("after-last-byte");
}

void sink_flush(struct sink *sink) {
    if (sink->sealed == 0)
        return;
    if (sink->lock != NULL)
        pthread_mutex_lock(sink->lock);
    atomic_store_explicit(&sink->row->doing, RING_DOING_WRITING, memory_order_relaxed);
    if (failpoint_is_armed)
        write_in_steps(sink->fd, sink->buf, sink->sealed);
    else
        write_all(sink->fd, sink->buf, sink->sealed);
    atomic_store_explicit(&sink->row->doing, RING_DOING_WRITTEN, memory_order_relaxed);
    if (sink->lock != NULL)
        pthread_mutex_unlock(sink->lock);
    memmove(sink->buf, sink->buf + sink->sealed, sink->len - sink->sealed);
    sink->len -= sink->sealed;
    sink->sealed = 0;
}

/* ---- rendering ---- */

static void put_text(struct sink *sink, const char *text, size_t len) {
    make_room(sink, len);
    memcpy(sink->buf + sink->len, text, len);
    sink->len += len;
}

static void put_head(struct sink *sink, uint64_t lo, uint64_t hi) {
    char head[PIECE_MAX];
    int len;

    if (sink->format != RESULT_JSON || sink->count_only)
        return;
    len = snprintf(head, sizeof(head),
        "{\"chunk\":%" PRIu64 ",\"lo\":%" PRIu64 ",\"hi\":%" PRIu64 ",\"%s\":%c",
        sink->frame.chunk + 1, lo, hi, sink->is_bytes ? "output" : "numbers",
        sink->is_bytes ? '"' : '[');
    put_text(sink, head, (size_t)len);
}

static void put_tail(struct sink *sink) {
    char tail[PIECE_MAX], rest[sizeof(sink->cut) * ESCAPE_JSON_GROWTH];
    size_t used;
    int len;

    if (sink->format != RESULT_JSON || sink->count_only)
        return;
    if (sink->is_bytes)
        put_text(sink, rest, escape_json(rest, sink->cut, sink->cut_len, true, &used));
    len = snprintf(tail, sizeof(tail), "%c,\"count\":%" PRIu64 "}\n", sink->is_bytes ? '"' : ']',
        sink->records);
    put_text(sink, tail, (size_t)len);
}

static size_t render_number(const struct sink *sink, char *at, uint64_t number, bool is_first) {
    char grouped[NUMBER_TEXT_MAX], *start = at;

    switch (sink->format) {
    case RESULT_SHEET:
        at = stpcpy(at, number_format_grouped(grouped, number));
        break;
    case RESULT_JSON:
        if (!is_first)
            *at++ = ',';
        return (size_t)(at - start) + number_format_u64(at, number);
    case RESULT_CSV:
        at += number_format_u64(at, sink->frame.chunk + 1);
        *at++ = ',';
        /* fall through */
    case RESULT_TEXT:
        at += number_format_u64(at, number);
    }
    *at++ = '\n';
    return (size_t)(at - start);
}

/* The common case: plain lines, many at a time. */
static void put_lines(struct sink *sink, const uint64_t *numbers, size_t count) {
    size_t some;

    for (; count > 0; numbers += some, count -= some) {
        some = count < LINES_AT_ONCE ? count : LINES_AT_ONCE;
        make_room(sink, some * NUMBER_ROOM);
        sink->len += number_format_lines(sink->buf + sink->len, numbers, some);
    }
}

void sink_put_numbers(struct sink *sink, const uint64_t *numbers, size_t count) {
    if (sink->count_only) {
        sink->records += count;
        return;
    }
    sink->digest = crc32c_u64(sink->digest, numbers, count);
    if (sink->format == RESULT_TEXT) {
        put_lines(sink, numbers, count);
    } else {
        for (size_t i = 0; i < count; i++) {
            make_room(sink, PIECE_MAX);
            sink->len += render_number(
                sink, sink->buf + sink->len, numbers[i], sink->records + i == 0);
        }
    }
    sink->records += count;
    sink->digested += count * sizeof(*numbers);
}

void sink_put(struct sink *sink, uint64_t number) {
    sink_put_numbers(sink, &number, 1);
}

void sink_add_count(struct sink *sink, uint64_t count) {
    sink->records += count;
}

static void put_json_bytes(struct sink *sink, const char *bytes, size_t len) {
    char piece[1024], escaped[sizeof(piece) * ESCAPE_JSON_GROWTH];
    size_t take, used;

    while (len > 0) {
        memcpy(piece, sink->cut, sink->cut_len);
        take = sizeof(piece) - sink->cut_len < len ? sizeof(piece) - sink->cut_len : len;
        memcpy(piece + sink->cut_len, bytes, take);
        bytes += take;
        len -= take;
        take += sink->cut_len;
        put_text(sink, escaped, escape_json(escaped, piece, take, false, &used));
        sink->cut_len = take - used;
        memcpy(sink->cut, piece + used, sink->cut_len);
    }
}

void sink_put_bytes(struct sink *sink, const char *bytes, size_t len) {
    size_t take;

    sink->digest = crc32c(sink->digest, bytes, len);
    sink->digested += len;
    for (const char *at = bytes; (at = memchr(at, '\n', len - (size_t)(at - bytes))) != NULL; at++)
        sink->records++;
    if (sink->format == RESULT_JSON) {
        put_json_bytes(sink, bytes, len);
        return;
    }
    for (; len > 0; bytes += take, len -= take) {
        make_room(sink, 1);
        take = sink->size - sink->len < len ? sink->size - sink->len : len;
        put_text(sink, bytes, take);
    }
}

/* ---- chunks ---- */

void sink_begin(struct sink *sink, uint64_t chunk, uint32_t epoch, uint64_t lo, uint64_t hi) {
    if (sink->size - sink->sealed < sizeof(struct frame) + PIECE_MAX)
        sink_flush(sink);
    sink->frame = (struct frame){ .lane = sink->lane, .chunk = chunk, .epoch = epoch };
    sink->records = sink->digested = 0;
    sink->digest = 0;
    sink->cut_len = 0;
    open_frame(sink);
    put_head(sink, lo, hi);
}

void sink_finish(struct sink *sink) {
    put_tail(sink);
    if (sink->count_only) {
        /* With counts alone, the canonical record of a chunk is its count. */
        sink->digest = crc32c_u64(0, &sink->records, 1);
        sink->digested = sizeof(sink->records);
    }
    sink->frame.records = sink->records;
    sink->frame.digest = sink->digest;
    sink->frame.digested = sink->digested;
    seal_frame(sink, FRAME_DONE);
}

void sink_fail(struct sink *sink, const char *why) {
    size_t len = strlen(why);

    open_frame(sink);
    if (sink->size - sink->len < len) {
        sink->len = sink->sealed;
        sink_flush(sink);
        open_frame(sink);
    }
    put_text(sink, why, len);
    seal_frame(sink, FRAME_FAIL);
}

void sink_abandon(struct sink *sink) {
    sink->len = sink->sealed;
}
