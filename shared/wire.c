/*
 * One peer's wire: which reader has the word, what the time means, and how it ends. The readers
 * know neither of each other nor of time limits.
 */
#include "shared/wire.h"

#include <stdio.h>
#include <string.h>

/* A peer costs little: ten thousand of them sit in one room. */
_Static_assert(sizeof(struct wire) <= 200, "a wire is small");

static const char http_answer[] =
    "HTTP/1.0 400 This is not a web server\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

const char *const wire_mode_names[] = { "auto", "framed", "line", "raw", NULL };

const struct wire_rules wire_rules_default = {
    .mode = WIRE_AUTO,
    .frame_max_bytes = WIRE_FRAME_DEFAULT,
    .line_max_bytes = WIRE_LINE_DEFAULT,
    .raw_gap_ms = WIRE_RAW_GAP_MS,
    .partial_ms = WIRE_PARTIAL_MS,
};

const char *wire_event_name(enum wire_event event) {
    static const char *const names[] = { "want", "no_memory", "message", "answer", "incomplete",
        "too_long", "too_slow", "tls", "http" };

    return names[event];
}

void wire_init(struct wire *wire, const struct wire_rules *rules) {
    *wire = (struct wire){ .rules = rules, .mode = (uint8_t)rules->mode };
}

static void free_part(struct wire *wire) {
    if (wire->mode == WIRE_FRAMED)
        wire_frame_fini(&wire->part.frame);
    if (wire->mode == WIRE_LINE)
        wire_line_fini(&wire->part.line);
    if (wire->mode == WIRE_RAW)
        wire_raw_fini(&wire->part.raw);
}

void wire_fini(struct wire *wire) {
    free_part(wire);
}

bool wire_is_partial(const struct wire *wire) {
    switch (wire->mode) {
    case WIRE_FRAMED:
        return wire_frame_is_partial(&wire->part.frame);
    case WIRE_LINE:
        return wire_line_is_partial(&wire->part.line);
    case WIRE_RAW:
        return wire_raw_is_partial(&wire->part.raw);
    default:
        return wire->part.detect.held_len > 0;
    }
}

/* What there is of the message that has begun, of any mode but raw. */
static struct wire_message rest_of(const struct wire *wire) {
    const struct wire_detect *detect = &wire->part.detect;

    if (wire->mode == WIRE_FRAMED)
        return wire_frame_rest(&wire->part.frame);
    if (wire->mode == WIRE_LINE)
        return wire_line_rest(&wire->part.line);
    return (struct wire_message){
        .data = detect->held, .len = detect->held_len, .total = detect->held_len
    };
}

/* ---- the modes ---- */

static enum wire_event next_framed(
    struct wire *wire, struct wire_input *in, struct wire_message *out) {
    struct wire_frame *frame = &wire->part.frame;
    enum wire_event event = wire_frame_next(frame, wire->rules->frame_max_bytes, in, out);
    char text[WIRE_FRAME_HEAD + 48];
    int n;

    if (event != WIRE_TOO_LONG)
        return event;
    n = snprintf(text + WIRE_FRAME_HEAD, sizeof(text) - WIRE_FRAME_HEAD,
        "{\"err\":\"too_long\",\"max\":%u}", wire->rules->frame_max_bytes);
    wire_frame_seal(text, (size_t)n);
    /* The reader is of no more use; its memory holds the answer. Without memory there is none. */
    wire_frame_fini(frame);
    if (wire_buffer_append(&frame->body, text, WIRE_FRAME_HEAD + (size_t)n, sizeof(text)) < 0)
        return WIRE_TOO_LONG;
    wire->is_over = true;
    wire->last = WIRE_TOO_LONG;
    *out = (struct wire_message){
        .data = frame->body.data, .len = frame->body.len, .total = frame->body.len
    };
    return WIRE_ANSWER;
}

static enum wire_event next_line(
    struct wire *wire, struct wire_input *in, struct wire_message *out) {
    enum wire_event event = wire_line_next(&wire->part.line, wire->rules->line_max_bytes, in, out);

    wire->is_telnet = wire->part.line.is_telnet;
    return event;
}

/* From now on lines. `before` is what was read already: it has no line's end. */
static enum wire_event begin_line(struct wire *wire, const struct wire_detect *before,
    struct wire_input *in, struct wire_message *out) {
    struct wire_line line = { .is_after_cr = wire->is_after_cr };
    struct wire_input early = { .data = before->held, .len = before->held_len };

    if (wire_line_next(&line, wire->rules->line_max_bytes, &early, out) == WIRE_NO_MEMORY)
        return WIRE_NO_MEMORY;
    free_part(wire);
    wire->mode = WIRE_LINE;
    wire->turns_line = wire->is_after_cr = false;
    wire->part.line = line;
    return next_line(wire, in, out);
}

static bool ends_line(const struct wire_input *in) {
    return in->len > 0 && (in->data[in->len - 1] == '\n' || in->data[in->len - 1] == '\r');
}

/* A raw message that a line's end completed: it is told without it. */
static void trim(struct wire *wire, struct wire_message *message) {
    const char *end = message->data + message->len;

    wire->turns_line = true;
    if (message->len < message->total)
        return;
    wire->is_after_cr = end[-1] == '\r';
    message->len -= message->len > 1 && end[-1] == '\n' && end[-2] == '\r' ? 2 : 1;
    message->total = message->len;
}

static enum wire_event next_raw(
    struct wire *wire, struct wire_input *in, struct wire_message *out) {
    static const struct wire_detect nothing;
    struct wire_raw *raw = &wire->part.raw;
    const bool turns = wire->rules->mode == WIRE_AUTO && ends_line(in);
    enum wire_event event;

    if (wire->turns_line || (turns && !wire_raw_is_partial(raw)))
        return begin_line(wire, &nothing, in, out);
    event = wire_raw_next(raw, wire->rules->line_max_bytes, wire->rules->raw_gap_ms, in, out);
    /* Or the input is still there: then what waited was told without it. */
    if (turns && event == WIRE_MESSAGE && in->len == 0)
        trim(wire, out);
    return event;
}

/* What is held is all that was said: as raw as anything else. */
static enum wire_event begin_raw(
    struct wire *wire, struct wire_input *in, struct wire_message *out) {
    const struct wire_detect *detect = &wire->part.detect;
    struct wire_raw raw = { .due_ms = 0 };

    if (wire_raw_hold(&raw, wire->rules->line_max_bytes, detect->held, detect->held_len, 0) < 0)
        return WIRE_NO_MEMORY;
    wire->mode = WIRE_RAW;
    wire->part.raw = raw;
    return next_raw(wire, in, out);
}

static enum wire_event refuse_http(struct wire *wire, struct wire_message *out) {
    wire->is_over = true;
    wire->last = WIRE_HTTP;
    *out = (struct wire_message){
        .data = http_answer, .len = sizeof(http_answer) - 1, .total = sizeof(http_answer) - 1
    };
    return WIRE_ANSWER;
}

/* May what is held be all that a classic peer has to say? */
static bool is_held_too_long(const struct wire *wire, const struct wire_input *in) {
    if (!wire->is_waiting || !wire_detect_is_text(&wire->part.detect))
        return false;
    return in->now_ms >= wire->since_ms + wire->rules->raw_gap_ms;
}

static enum wire_event next_undecided(
    struct wire *wire, struct wire_input *in, struct wire_message *out) {
    struct wire_detect *detect = &wire->part.detect;

    if (is_held_too_long(wire, in))
        return begin_raw(wire, in, out);
    switch (wire_detect_next(detect, in->data, in->len)) {
    case WIRE_VERDICT_MORE:
        wire_input_take(in, in->len);
        return in->is_end && wire_detect_is_text(detect) ? begin_raw(wire, in, out) : WIRE_WANT;
    case WIRE_VERDICT_FRAMED:
        wire->mode = WIRE_FRAMED;
        wire->part.frame = (struct wire_frame){ .want = 0 };
        return next_framed(wire, in, out);
    case WIRE_VERDICT_LINE:
        return begin_line(wire, detect, in, out);
    case WIRE_VERDICT_TLS:
        return WIRE_TLS;
    case WIRE_VERDICT_HTTP:
        return refuse_http(wire, out);
    default:
        return begin_raw(wire, in, out);
    }
}

/* ---- */

static enum wire_event next_over(struct wire *wire, struct wire_input *in) {
    enum wire_event event = wire->last;

    free_part(wire);
    wire->last = WIRE_WANT;
    in->len = 0;
    return event;
}

/* All input is taken. Is something unfinished, and for how long? */
static enum wire_event look_at_time(
    struct wire *wire, const struct wire_input *in, struct wire_message *out) {
    const uint32_t limit_ms = wire->rules->partial_ms;
    bool is_late;

    if (!wire_is_partial(wire)) {
        wire->is_waiting = false;
        return WIRE_WANT;
    }
    /* A time to come is none: it was packed by somebody else. */
    if (!wire->is_waiting || wire->since_ms > in->now_ms)
        wire->since_ms = in->now_ms;
    wire->is_waiting = true;
    /* A raw message is told when it is due or its peer ends: the reader sees to that. */
    if (wire->mode == WIRE_RAW)
        return WIRE_WANT;
    is_late = limit_ms > 0 && in->now_ms - wire->since_ms >= limit_ms;
    if (!in->is_end && !is_late)
        return WIRE_WANT;
    *out = rest_of(wire);
    return in->is_end ? WIRE_INCOMPLETE : WIRE_TOO_SLOW;
}

enum wire_event wire_next(struct wire *wire, struct wire_input *in, struct wire_message *out) {
    static enum wire_event (*const next[])(
        struct wire *, struct wire_input *, struct wire_message *) = {
        [WIRE_AUTO] = next_undecided,
        [WIRE_FRAMED] = next_framed,
        [WIRE_LINE] = next_line,
        [WIRE_RAW] = next_raw,
    };
    enum wire_event event;

    *out = (struct wire_message){ .len = 0 };
    if (wire->is_over)
        return next_over(wire, in);
    event = next[wire->mode](wire, in, out);
    if (event == WIRE_MESSAGE)
        wire->is_waiting = false;
    if (event == WIRE_WANT)
        event = look_at_time(wire, in, out);
    wire->is_over = wire->is_over || wire_event_is_last(event);
    return event;
}

uint64_t wire_due_ms(const struct wire *wire) {
    if (wire->is_over || !wire_is_partial(wire))
        return UINT64_MAX;
    if (wire->mode == WIRE_RAW)
        return wire->part.raw.due_ms;
    if (!wire->is_waiting)
        return 0;
    if (wire->mode == WIRE_AUTO && wire_detect_is_text(&wire->part.detect))
        return wire->since_ms + wire->rules->raw_gap_ms;
    return wire->rules->partial_ms > 0 ? wire->since_ms + wire->rules->partial_ms : UINT64_MAX;
}

enum wire_mode wire_mode(const struct wire *wire) {
    return wire->mode;
}
