/* Reading what has no ends of its own, and writing for those who read that way. */
#include "shared/wire_raw.h"

#include <string.h>

#include "shared/text_utf8.h"

static const char ellipsis[] = "\xe2\x80\xa6";

static bool ends_line(char c) {
    return c == '\n' || c == '\r';
}

static struct wire_message cut(const char *data, size_t len, size_t total) {
    if (total > len)
        len -= text_utf8_tail(data, len);
    return (struct wire_message){ .data = data, .len = len, .total = total };
}

/* Was the input the end of what its peer sent, given the text it is the end of? */
static bool is_whole(const struct wire_input *in, const char *text, size_t len) {
    if (in->is_end || ends_line(in->data[in->len - 1]))
        return true;
    return in->len < WIRE_RAW_CHUNK && text_utf8_tail(text, len) == 0;
}

static int keep(struct wire_raw *raw, uint32_t max, const char *data, size_t len) {
    size_t room = raw->body.len < max ? max - raw->body.len : 0;

    if (wire_buffer_append(&raw->body, data, len < room ? len : room, max) < 0)
        return -1;
    raw->total += len;
    return 0;
}

static enum wire_event tell(struct wire_raw *raw, struct wire_message *out) {
    *out = cut(raw->body.data, raw->body.len, raw->total);
    raw->is_given = true;
    return WIRE_MESSAGE;
}

static void wait_on(struct wire_raw *raw, uint32_t gap_ms, uint64_t now_ms) {
    uint64_t last_ms = raw->since_ms + WIRE_RAW_PATIENCE_MS;

    raw->due_ms = now_ms + gap_ms < last_ms ? now_ms + gap_ms : last_ms;
}

/* There is input. */
static enum wire_event take(struct wire_raw *raw, uint32_t max, uint32_t gap_ms,
    struct wire_input *in, struct wire_message *out) {
    bool was_empty = raw->total == 0, whole;

    if (was_empty && is_whole(in, in->data, in->len)) {
        *out = cut(in->data, in->len < max ? in->len : max, in->len);
        wire_input_take(in, in->len);
        return WIRE_MESSAGE;
    }
    if (keep(raw, max, in->data, in->len) < 0)
        return WIRE_NO_MEMORY;
    if (was_empty)
        raw->since_ms = in->now_ms;
    /* Where the text is cut anyway, how it ends is not known and does not matter. */
    whole = raw->total > raw->body.len ? is_whole(in, NULL, 0)
                                       : is_whole(in, raw->body.data, raw->body.len);
    wait_on(raw, gap_ms, in->now_ms);
    wire_input_take(in, in->len);
    return whole ? tell(raw, out) : WIRE_WANT;
}

enum wire_event wire_raw_next(struct wire_raw *raw, uint32_t max, uint32_t gap_ms,
    struct wire_input *in, struct wire_message *out) {
    if (raw->is_given)
        wire_raw_fini(raw);
    /* Nothing waits so long: the time was packed by somebody else. */
    if (raw->due_ms > in->now_ms + WIRE_RAW_PATIENCE_MS)
        raw->due_ms = in->now_ms + gap_ms;
    if (raw->total > 0 && (in->now_ms >= raw->due_ms || (in->len == 0 && in->is_end)))
        return tell(raw, out);
    return in->len > 0 ? take(raw, max, gap_ms, in, out) : WIRE_WANT;
}

bool wire_raw_is_partial(const struct wire_raw *raw) {
    return raw->total > 0 && !raw->is_given;
}

int wire_raw_hold(
    struct wire_raw *raw, uint32_t max, const char *data, size_t len, uint64_t due_ms) {
    if (keep(raw, max, data, len) < 0)
        return -1;
    raw->due_ms = due_ms;
    return 0;
}

void wire_raw_fini(struct wire_raw *raw) {
    wire_buffer_free(&raw->body);
    *raw = (struct wire_raw){ .total = 0 };
}

size_t wire_raw_encode(char *dst, const char *text, size_t len) {
    const size_t most = WIRE_RAW_SEND_MAX - 1, cut_most = most - (sizeof(ellipsis) - 1);
    size_t n = len;

    dst[0] = '\n';
    if (len > most)
        n = text_utf8_cut(text, len, cut_most);
    memcpy(dst + 1, text, n);
    if (len <= most)
        return n + 1;
    memcpy(dst + 1 + n, ellipsis, sizeof(ellipsis) - 1);
    return n + sizeof(ellipsis);
}
