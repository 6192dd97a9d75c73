/* One reader of one result: what is announced, what is sent, and when to wait for more. */
#include "supervisor/jobs/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/jobs/store.h"

#define SMALL          16384u /* what is less goes through the buffer, with the lines around it */
#define MUCH           65536u /* what is more is not held */
#define TURN_MOST      (1u << 20) /* for one reader in one turn of the loop */
#define LINE_MAX_BYTES 32u
#define GATHER_NS      5000000ull

void stream_open(struct stream *stream, const struct entry *entry, uint64_t from, bool follows) {
    *stream = (struct stream){ .entry = entry, .follows = follows, .file_fd = -1, .at = from };
}

void stream_close(struct stream *stream) {
    if (stream->entry != NULL && stream->file_fd >= 0)
        close(stream->file_fd);
    stream->entry = NULL;
    stream->left = 0;
    stream->file_fd = -1;
}

bool stream_is_in_piece(const struct stream *stream) {
    return stream->entry != NULL && stream->left > 0;
}

static uint64_t count_available(const struct stream *stream) {
    const uint64_t there = stream->entry->result_bytes;

    return there > stream->at ? there - stream->at : 0;
}

/* Does the file hold what is to be announced? One that somebody cut never will. */
static bool is_there(const struct stream *stream) {
    struct stat st;

    if (fstat(stream->file_fd, &st) == 0 && (uint64_t)st.st_size >= stream->entry->result_bytes)
        return true;
    errno = ENODATA;
    return false;
}

/* True when it is better to wait until more has come together. */
static bool should_hold(const struct stream *stream, uint64_t available, uint64_t now_ns) {
    return stream->follows && available < MUCH && now_ns < stream->send_at_ns &&
           !entry_has_ended(stream->entry);
}

static void announce(struct stream *stream, struct outlet *outlet, uint64_t available) {
    const uint64_t len = available < STREAM_PIECE ? available : STREAM_PIECE;
    char line[LINE_MAX_BYTES];
    int line_len = snprintf(line, sizeof(line), "{\"data\":%" PRIu64 "}\n", len);

    outlet_put(outlet, line, (size_t)line_len);
    if (len > SMALL) {
        stream->left = len;
        return;
    }
    outlet_put_file(outlet, stream->file_fd, stream->at, (size_t)len);
    stream->at += len;
}

/* The rest of the piece, past the buffer. Returns false when the reader takes none. */
static bool send_piece(struct stream *stream, struct outlet *outlet) {
    size_t n;

    outlet_flush(outlet);
    if (outlet->len > 0)
        return false;
    n = outlet_send_file(outlet, stream->file_fd, stream->at, (size_t)stream->left);
    stream->at += n;
    stream->left -= n;
    return n > 0;
}

/* The end, or what is to be waited for, when all that is there is sent. */
static enum stream_state rest(const struct stream *stream) {
    return stream->follows && !entry_has_ended(stream->entry) ? STREAM_WAITING : STREAM_OVER;
}

/* Room for an announced piece in the buffer, or for its line. */
static bool has_room(struct outlet *outlet) {
    if (outlet_room(outlet) < SMALL + LINE_MAX_BYTES)
        outlet_flush(outlet);
    return outlet_room(outlet) >= SMALL + LINE_MAX_BYTES;
}

enum stream_state stream_pump(
    struct stream *stream, struct outlet *outlet, const struct store *store, uint64_t now_ns) {
    const uint64_t begun_at = stream->at;
    uint64_t available;

    for (;;) {
        if (stream->at - begun_at >= TURN_MOST)
            return STREAM_READY;
        if (stream->left > 0 ? !send_piece(stream, outlet) : !has_room(outlet))
            return STREAM_BLOCKED;
        if (stream->left > 0)
            continue;
        available = count_available(stream);
        if (available == 0)
            return rest(stream);
        if (should_hold(stream, available, now_ns))
            return STREAM_HELD;
        if (stream->file_fd < 0)
            stream->file_fd = store_open_result(store, stream->entry->id);
        if (stream->file_fd < 0 || !is_there(stream))
            return STREAM_BROKEN;
        announce(stream, outlet, available);
        stream->send_at_ns = now_ns + GATHER_NS;
    }
}
