/*
 * Reading frames. One that lies whole in the input is told from there; only one that is cut by the
 * end of a read is copied.
 */
#include "shared/wire_frame.h"

#include <errno.h>

uint32_t wire_frame_length(const uint8_t head[WIRE_FRAME_HEAD]) {
    return (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
}

/* Returns false when the head is not complete. Heads of length 0 are passed over. */
static bool read_head(struct wire_frame *frame, struct wire_input *in) {
    while (frame->head_len < WIRE_FRAME_HEAD && in->len > 0) {
        frame->head[frame->head_len++] = (uint8_t)in->data[0];
        wire_input_take(in, 1);
        if (frame->head_len == WIRE_FRAME_HEAD && wire_frame_length(frame->head) == 0)
            frame->head_len = 0;
    }
    return frame->head_len == WIRE_FRAME_HEAD;
}

static enum wire_event read_body(
    struct wire_frame *frame, struct wire_input *in, struct wire_message *out) {
    size_t n = frame->want - frame->body.len;
    bool is_whole = n <= in->len;

    n = is_whole ? n : in->len;
    if (is_whole && frame->body.len == 0)
        *out = (struct wire_message){ .data = in->data, .len = n, .total = n };
    else if (wire_buffer_append(&frame->body, in->data, n, frame->want) < 0)
        return WIRE_NO_MEMORY;
    else if (is_whole)
        *out = wire_frame_rest(frame);
    wire_input_take(in, n);
    frame->is_given = is_whole;
    return is_whole ? WIRE_MESSAGE : WIRE_WANT;
}

enum wire_event wire_frame_next(
    struct wire_frame *frame, uint32_t max, struct wire_input *in, struct wire_message *out) {
    if (frame->is_given) {
        wire_buffer_free(&frame->body);
        frame->head_len = 0;
        frame->is_given = false;
    }
    if (frame->head_len < WIRE_FRAME_HEAD) {
        if (!read_head(frame, in))
            return WIRE_WANT;
        frame->want = wire_frame_length(frame->head);
    }
    if (frame->want > max || frame->want > WIRE_LENGTH_MAX) {
        *out = (struct wire_message){ .total = frame->want };
        return WIRE_TOO_LONG;
    }
    if (in->len == 0)
        return WIRE_WANT;
    return read_body(frame, in, out);
}

bool wire_frame_is_partial(const struct wire_frame *frame) {
    return frame->head_len > 0 && !frame->is_given;
}

struct wire_message wire_frame_rest(const struct wire_frame *frame) {
    return (struct wire_message){
        .data = frame->body.data,
        .len = frame->body.len,
        .total = frame->head_len == WIRE_FRAME_HEAD ? frame->want : 0,
    };
}

void wire_frame_fini(struct wire_frame *frame) {
    wire_buffer_free(&frame->body);
    *frame = (struct wire_frame){ .want = 0 };
}

int wire_frame_seal(char out[WIRE_FRAME_HEAD], size_t len) {
    if (len > WIRE_LENGTH_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    for (size_t i = 0; i < WIRE_FRAME_HEAD; i++)
        out[i] = (char)(len >> (8 * (WIRE_FRAME_HEAD - 1 - i)));
    return 0;
}
