#ifndef SHARED_WIRE_EVENT_H
#define SHARED_WIRE_EVENT_H

/* What goes into the readers of the wire, and what comes out: words that all of them share. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_FRAME_DEFAULT   65536u
#define WIRE_LINE_DEFAULT    4096u
#define WIRE_LENGTH_MAX      (1u << 20) /* no limit may be set above this */
#define WIRE_RAW_GAP_MS      40u
#define WIRE_RAW_PATIENCE_MS 1000u /* a raw message is out after this, however it goes on */
#define WIRE_PARTIAL_MS      10000u

/*
 * What one read gave, or with len 0 that time has passed. A reader moves data and len behind what
 * it took; in raw mode where one read ends is where a message ends, so that it must not be sliced.
 */
struct wire_input {
    const char *data;
    size_t len;
    uint64_t now_ms; /* monotonic */
    bool is_end;     /* nothing comes behind these bytes */
};

/* The first n bytes are taken. */
static inline void wire_input_take(struct wire_input *in, size_t n) {
    if (n == 0)
        return; /* there may be no data at all */
    in->data += n;
    in->len -= n;
}

struct wire_message {
    const char *data; /* in the input or in the reader: valid until the next call */
    size_t len;
    size_t total; /* above len: so long it was; what is over the limit is left out */
};

enum wire_event {
    WIRE_WANT,      /* nothing to tell until there are more bytes, or it is later */
    WIRE_NO_MEMORY, /* nor now; what is left of the input may be given again later */
    WIRE_MESSAGE,   /* one message; it may be empty */
    WIRE_ANSWER,    /* bytes for the peer; no message */
    /* Each of the others is told once and is the last; what comes behind it is thrown away. */
    WIRE_INCOMPLETE, /* the peer ended inside a message; what there is of it is told with it */
    WIRE_TOO_LONG,   /* of the message only total is told */
    WIRE_TOO_SLOW,   /* a message was begun and not completed in time; told as WIRE_INCOMPLETE */
    WIRE_TLS,        /* TLS on a plain port */
    WIRE_HTTP,       /* HTTP; its answer was told before */
};

/* "message", "too_long" …: as logs and counters call it. */
const char *wire_event_name(enum wire_event event);

/* Something is told, and more may follow. */
static inline bool wire_event_is_told(enum wire_event event) {
    return event >= WIRE_MESSAGE;
}

static inline bool wire_event_is_last(enum wire_event event) {
    return event >= WIRE_INCOMPLETE;
}

#endif
