/*
 * A wire as bytes, for another process of this machine: a head of fixed size and the bytes of the
 * unfinished message. What was told already is left out, as the next call would.
 */
#include <errno.h>
#include <string.h>

#include "shared/wire.h"

#define MAGIC 0x31524957u /* "WIR1" */

struct packed {
    uint32_t magic;
    uint32_t body_len;
    uint64_t since_ms, sent_at_ms;
    uint64_t raw_total, raw_due_ms, raw_since_ms;
    uint64_t refused[2][4];
    uint32_t line_total, options_len;
    uint8_t mode, is_telnet, is_waiting;
    uint8_t held_len, head_len;
    uint8_t state, verb, is_after_cr, answer_len;
    char held[WIRE_DETECT_HELD_MAX];
    uint8_t head[WIRE_FRAME_HEAD];
    char answer[WIRE_LINE_ANSWER_MAX];
};

/* ---- out ---- */

/* Each returns the buffer whose bytes follow the head, or NULL. */

static const struct wire_buffer *pack_detect(const struct wire_detect *detect, struct packed *out) {
    out->held_len = detect->held_len;
    memcpy(out->held, detect->held, detect->held_len);
    return NULL;
}

static const struct wire_buffer *pack_frame(const struct wire_frame *frame, struct packed *out) {
    if (!wire_frame_is_partial(frame))
        return NULL;
    out->head_len = frame->head_len;
    memcpy(out->head, frame->head, sizeof(out->head));
    return &frame->body;
}

static const struct wire_buffer *pack_line(const struct wire_line *line, struct packed *out) {
    out->options_len = line->options_len;
    out->state = line->state;
    out->verb = line->verb;
    out->is_after_cr = line->is_after_cr;
    memcpy(out->refused, line->refused, sizeof(out->refused));
    if (!line->is_answered) {
        out->answer_len = line->answer_len;
        memcpy(out->answer, line->answer, line->answer_len);
    }
    if (line->is_given)
        return NULL;
    out->line_total = line->total;
    return &line->body;
}

static const struct wire_buffer *pack_raw(const struct wire *wire, struct packed *out) {
    const struct wire_raw *raw = &wire->part.raw;

    if (wire->turns_line) {
        out->mode = WIRE_LINE;
        out->is_after_cr = wire->is_after_cr;
    }
    if (!wire_raw_is_partial(raw))
        return NULL;
    out->raw_total = raw->total;
    out->raw_due_ms = raw->due_ms;
    out->raw_since_ms = raw->since_ms;
    return &raw->body;
}

static const struct wire_buffer *pack_part(const struct wire *wire, struct packed *out) {
    switch (wire->mode) {
    case WIRE_FRAMED:
        return pack_frame(&wire->part.frame, out);
    case WIRE_LINE:
        return pack_line(&wire->part.line, out);
    case WIRE_RAW:
        return pack_raw(wire, out);
    default:
        return pack_detect(&wire->part.detect, out);
    }
}

static const struct wire_buffer *pack_head(const struct wire *wire, struct packed *out) {
    const struct wire_buffer *body;

    memset(out, 0, sizeof(*out));
    out->magic = MAGIC;
    out->since_ms = wire->since_ms;
    out->sent_at_ms = wire->sent_at_ms;
    out->mode = wire->mode;
    out->is_telnet = wire->is_telnet;
    out->is_waiting = wire->is_waiting && wire_is_partial(wire);
    body = pack_part(wire, out);
    out->body_len = body != NULL ? body->len : 0;
    return body;
}

size_t wire_pack_size(const struct wire *wire) {
    struct packed head;

    pack_head(wire, &head);
    return sizeof(head) + head.body_len;
}

ssize_t wire_pack(const struct wire *wire, char *buf, size_t size) {
    const struct wire_buffer *body;
    struct packed head;

    if (wire->is_over) {
        errno = EINVAL;
        return -1;
    }
    body = pack_head(wire, &head);
    if (size < sizeof(head) + head.body_len) {
        errno = ENOBUFS;
        return -1;
    }
    memcpy(buf, &head, sizeof(head));
    if (head.body_len > 0)
        memcpy(buf + sizeof(head), body->data, head.body_len);
    return (ssize_t)(sizeof(head) + head.body_len);
}

/* ---- in: each checks its part, fills it and says where the body belongs ---- */

static bool unpack_detect(struct wire_detect *detect, const struct packed *head) {
    struct wire_detect fresh = { .held_len = 0 };

    if (head->held_len > sizeof(head->held) || head->body_len > 0 ||
        wire_detect_next(&fresh, head->held, head->held_len) != WIRE_VERDICT_MORE)
        return false;
    *detect = fresh;
    return true;
}

static bool unpack_frame(struct wire_frame *frame, const struct packed *head) {
    char sealed[WIRE_FRAME_HEAD];

    if (head->head_len > WIRE_FRAME_HEAD)
        return false;
    frame->head_len = head->head_len;
    memcpy(frame->head, head->head, head->head_len);
    if (head->head_len < WIRE_FRAME_HEAD)
        return head->body_len == 0;
    frame->want = wire_frame_length(frame->head);
    return wire_frame_seal(sealed, frame->want) == 0 && head->body_len < frame->want;
}

static bool unpack_line(struct wire_line *line, const struct packed *head) {
    if (head->line_total > WIRE_LENGTH_MAX || head->body_len > head->line_total ||
        head->options_len > WIRE_LENGTH_MAX || head->state >= WIRE_LINE_STATES ||
        head->answer_len > sizeof(head->answer))
        return false;
    line->total = head->line_total;
    line->options_len = head->options_len;
    line->state = head->state;
    line->verb = head->verb;
    line->is_after_cr = head->is_after_cr != 0;
    line->is_telnet = head->is_telnet != 0;
    line->answer_len = head->answer_len;
    memcpy(line->answer, head->answer, sizeof(line->answer));
    memcpy(line->refused, head->refused, sizeof(line->refused));
    return true;
}

static bool unpack_raw(struct wire_raw *raw, const struct packed *head) {
    if (head->body_len > head->raw_total || head->raw_total > SIZE_MAX / 2)
        return false;
    raw->total = head->raw_total;
    raw->due_ms = head->raw_due_ms;
    raw->since_ms = head->raw_since_ms;
    return true;
}

/* Returns the body's buffer, or NULL when the head is not right. */
static struct wire_buffer *unpack_part(struct wire *wire, const struct packed *head) {
    static struct wire_buffer none;

    switch (head->mode) {
    case WIRE_AUTO:
        return unpack_detect(&wire->part.detect, head) ? &none : NULL;
    case WIRE_FRAMED:
        return unpack_frame(&wire->part.frame, head) ? &wire->part.frame.body : NULL;
    case WIRE_LINE:
        return unpack_line(&wire->part.line, head) ? &wire->part.line.body : NULL;
    default:
        return unpack_raw(&wire->part.raw, head) ? &wire->part.raw.body : NULL;
    }
}

static bool read_head(
    const struct wire_rules *rules, const char *data, size_t len, struct packed *out) {
    if (len < sizeof(*out))
        return false;
    memcpy(out, data, sizeof(*out));
    return out->magic == MAGIC && out->mode <= WIRE_RAW && out->body_len <= WIRE_LENGTH_MAX &&
           out->body_len == len - sizeof(*out) &&
           (rules->mode == WIRE_AUTO || rules->mode == (enum wire_mode)out->mode);
}

int wire_unpack(struct wire *wire, const struct wire_rules *rules, const char *data, size_t len) {
    struct wire_buffer *body = NULL;
    struct packed head;

    wire_init(wire, rules);
    if (read_head(rules, data, len, &head)) {
        wire->mode = head.mode;
        wire->since_ms = head.since_ms;
        wire->sent_at_ms = head.sent_at_ms;
        wire->is_telnet = head.is_telnet != 0;
        wire->is_waiting = head.is_waiting != 0;
        body = unpack_part(wire, &head);
    }
    if (body == NULL) {
        errno = EPROTO;
        return -1;
    }
    errno = ENOMEM;
    return wire_buffer_append(body, data + sizeof(head), head.body_len, head.body_len);
}
