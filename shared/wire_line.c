/*
 * Reading lines and telnet. Text is taken in runs; a line that lies whole in the input, without a
 * command in it, is told from there and not copied.
 */
#include "shared/wire_line.h"

#include <string.h>

#include "shared/byte_run.h"
#include "shared/text_utf8.h"

enum { IAC = 255, DONT = 254, DO = 253, WONT = 252, WILL = 251, SB = 250, SE = 240 };

#define TIMING_MARK 6 /* RFC 860 */
#define ANSWER_LEN  3u

/* How much of the input is text without a line's end or a command. */
static size_t measure_run(const struct wire_input *in) {
    return byte_run_without(in->data, in->len, '\n', '\r', (char)IAC);
}

/* Keep what the limit allows of n bytes more; all of them count. Returns 0, or -1 without memory.
 */
static int keep(struct wire_line *line, uint32_t max, const char *data, size_t n) {
    size_t room = line->body.len < max ? max - line->body.len : 0;

    if (wire_buffer_append(&line->body, data, n < room ? n : room, max) < 0)
        return -1;
    line->total += (uint32_t)n;
    return 0;
}

/* ---- telnet ---- */

/* Refuse the option, unless that was said before. There is room for one answer more. */
static void refuse(struct wire_line *line, uint8_t option) {
    bool is_offer = line->verb == WILL;
    uint64_t *word = &line->refused[is_offer ? 0 : 1][option / 64], bit = 1ull << option % 64;

    if (line->verb != WILL && line->verb != DO)
        return; /* it agrees that an option is off */
    if ((*word & bit) != 0 && option != TIMING_MARK)
        return;
    *word |= bit;
    line->answer[line->answer_len++] = (char)IAC;
    line->answer[line->answer_len++] = (char)(is_offer ? DONT : WONT);
    line->answer[line->answer_len++] = (char)option;
}

static enum wire_line_state begin_command(struct wire_line *line, uint8_t byte) {
    if (byte >= WILL && byte < IAC) {
        line->verb = byte;
        return WIRE_LINE_OPTION;
    }
    line->options_len = 0;
    return byte == SB ? WIRE_LINE_OPTIONS : WIRE_LINE_TEXT;
}

/* One byte inside a command. Returns WIRE_WANT to go on. */
static enum wire_event step(struct wire_line *line, uint32_t max, uint8_t byte) {
    const char text = (char)byte;

    switch (line->state) {
    case WIRE_LINE_COMMAND:
        if (byte == IAC && line->total == WIRE_LENGTH_MAX)
            return WIRE_TOO_LONG;
        if (byte == IAC && keep(line, max, &text, 1) < 0)
            return WIRE_NO_MEMORY;
        line->is_telnet = line->is_telnet || byte != IAC;
        line->is_after_cr = line->is_after_cr && byte != IAC;
        line->state = (uint8_t)(byte == IAC ? WIRE_LINE_TEXT : begin_command(line, byte));
        return WIRE_WANT;
    case WIRE_LINE_OPTION:
        refuse(line, byte);
        line->state = WIRE_LINE_TEXT;
        return WIRE_WANT;
    case WIRE_LINE_OPTIONS:
        line->state = byte == IAC ? WIRE_LINE_OPTIONS_COMMAND : WIRE_LINE_OPTIONS;
        return ++line->options_len > WIRE_LENGTH_MAX ? WIRE_TOO_LONG : WIRE_WANT;
    default:
        /* SE ends it, IAC is data of it; anything else: the end was lost, a command begins. */
        line->state = (uint8_t)(byte == IAC ? WIRE_LINE_OPTIONS : begin_command(line, byte));
        return WIRE_WANT;
    }
}

/* ---- text ---- */

/* The line ends n bytes on. */
static enum wire_event end_line(struct wire_line *line, uint32_t max, struct wire_input *in,
    size_t n, struct wire_message *out) {
    if (line->total == 0) {
        *out = (struct wire_message){ .data = in->data, .len = n, .total = n };
        if (n > max)
            out->len = max - text_utf8_tail(in->data, max);
    } else {
        if (keep(line, max, in->data, n) < 0)
            return WIRE_NO_MEMORY;
        *out = wire_line_rest(line);
    }
    line->is_given = true;
    line->is_after_cr = in->data[n] == '\r';
    wire_input_take(in, n + 1);
    return WIRE_MESSAGE;
}

/* Text up to the next line's end or command. Returns WIRE_WANT to go on. */
static enum wire_event take_text(
    struct wire_line *line, uint32_t max, struct wire_input *in, struct wire_message *out) {
    size_t n;

    if (line->is_after_cr && (in->data[0] == '\n' || in->data[0] == '\0')) {
        line->is_after_cr = false;
        wire_input_take(in, 1);
        return WIRE_WANT;
    }
    n = measure_run(in);
    if (n > WIRE_LENGTH_MAX - line->total)
        return WIRE_TOO_LONG;
    if (n < in->len && in->data[n] != (char)IAC)
        return end_line(line, max, in, n, out);
    if (keep(line, max, in->data, n) < 0)
        return WIRE_NO_MEMORY;
    line->is_after_cr = line->is_after_cr && n == 0;
    if (n < in->len) {
        line->state = WIRE_LINE_COMMAND;
        n++;
    }
    wire_input_take(in, n);
    return WIRE_WANT;
}

/* ---- */

static void forget_told(struct wire_line *line) {
    if (line->is_given) {
        wire_buffer_free(&line->body);
        line->total = 0;
        line->is_given = false;
    }
    if (line->is_answered) {
        line->answer_len = 0;
        line->is_answered = false;
    }
}

static enum wire_event tell_answer(struct wire_line *line, struct wire_message *out) {
    *out = (struct wire_message){
        .data = line->answer, .len = line->answer_len, .total = line->answer_len
    };
    line->is_answered = true;
    return WIRE_ANSWER;
}

enum wire_event wire_line_next(
    struct wire_line *line, uint32_t max, struct wire_input *in, struct wire_message *out) {
    enum wire_event event;

    forget_told(line);
    while (in->len > 0) {
        if (line->answer_len + ANSWER_LEN > WIRE_LINE_ANSWER_MAX)
            break;
        if (line->state == WIRE_LINE_TEXT) {
            event = take_text(line, max, in, out);
        } else {
            event = step(line, max, (uint8_t)in->data[0]);
            if (event == WIRE_WANT)
                wire_input_take(in, 1);
        }
        if (event == WIRE_TOO_LONG)
            *out = (struct wire_message){ .total = WIRE_LENGTH_MAX + 1 };
        if (event != WIRE_WANT)
            return event;
    }
    return line->answer_len > 0 ? tell_answer(line, out) : WIRE_WANT;
}

bool wire_line_is_partial(const struct wire_line *line) {
    return (line->total > 0 && !line->is_given) || line->state != WIRE_LINE_TEXT;
}

struct wire_message wire_line_rest(const struct wire_line *line) {
    struct wire_message rest = {
        .data = line->body.data, .len = line->body.len, .total = line->total
    };

    if (rest.total > rest.len)
        rest.len -= text_utf8_tail(rest.data, rest.len);
    return rest;
}

void wire_line_fini(struct wire_line *line) {
    wire_buffer_free(&line->body);
    *line = (struct wire_line){ .total = 0 };
}

size_t wire_line_encode(char *dst, const char *text, size_t len, bool is_telnet) {
    const char newline = is_telnet ? '\n' : (char)IAC;
    size_t used = 0, i = 0, run;

    while (i < len) {
        run = byte_run_without(text + i, len - i, (char)IAC, newline, newline);
        memcpy(dst + used, text + i, run);
        used += run;
        i += run;
        if (i == len)
            break;
        dst[used++] = text[i] == '\n' ? '\r' : (char)IAC;
        dst[used++] = text[i++];
    }
    if (is_telnet)
        dst[used++] = '\r';
    dst[used++] = '\n';
    return used;
}
