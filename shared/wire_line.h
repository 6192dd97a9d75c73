#ifndef SHARED_WIRE_LINE_H
#define SHARED_WIRE_LINE_H

/*
 * Lines, from people with nc or telnet (RFC 854). LF, CRLF, CR NUL and a bare CR end one. What
 * telnet negotiates is taken out, wherever reads split it: every DO is refused by WONT, every WILL
 * by DONT, each option once (TIMING-MARK, RFC 860, each time: a client waits for it).
 *
 *     TEXT --IAC--> COMMAND --WILL WONT DO DONT--> OPTION --its code--> TEXT
 *                      |--IAC--> TEXT: one byte 0xff of it
 *                      |--SB--> OPTIONS --IAC--> OPTIONS_COMMAND --SE--> TEXT
 *                      |           ^----IAC---------'
 *                      `--any other--> TEXT
 *
 * Of a line over the limit the beginning is kept and the rest counted. Pure; callable anywhere.
 */

#include "shared/wire_buffer.h"
#include "shared/wire_event.h"

#define WIRE_LINE_ANSWER_MAX 24u

enum wire_line_state {
    WIRE_LINE_TEXT,
    WIRE_LINE_COMMAND,
    WIRE_LINE_OPTION,
    WIRE_LINE_OPTIONS,
    WIRE_LINE_OPTIONS_COMMAND,
    WIRE_LINE_STATES,
};

/* All zero is a reader at its beginning. */
struct wire_line {
    struct wire_buffer body; /* the line that has begun, up to the limit */
    uint32_t total;          /* all of it */
    uint32_t options_len;    /* of a subnegotiation */
    uint8_t state;           /* enum wire_line_state */
    uint8_t verb;            /* of WIRE_LINE_OPTION */
    bool is_after_cr;        /* a LF or NUL now belongs to it */
    bool is_telnet;          /* a command was seen */
    bool is_given;           /* the body is the message that was told last */
    bool is_answered;        /* the answer was told */
    uint8_t answer_len;      /* bytes for the peer, not told yet */
    char answer[WIRE_LINE_ANSWER_MAX];
    uint64_t refused[2][4]; /* options, a bit each: what the peer offered, what it asked for */
};

/*
 * Take input until there is something to tell: a message, an answer for the peer, WIRE_WANT,
 * WIRE_NO_MEMORY, or WIRE_TOO_LONG when a line is longer than WIRE_LENGTH_MAX, or negotiation
 * than that.
 */
enum wire_event wire_line_next(
    struct wire_line *line, uint32_t max, struct wire_input *in, struct wire_message *out);

/* A line or a command has begun and is not complete. */
bool wire_line_is_partial(const struct wire_line *line);

/* What there is of the line that has begun; over the limit it is cut between two characters. */
struct wire_message wire_line_rest(const struct wire_line *line);

void wire_line_fini(struct wire_line *line);

/*
 * Write text as it is sent to a line's end: one newline behind it, 0xff doubled, and for telnet
 * each LF as CRLF. dst holds 2 * len + 2 bytes. Returns the length.
 */
size_t wire_line_encode(char *dst, const char *text, size_t len, bool is_telnet);

#endif
