#ifndef SHARED_WIRE_H
#define SHARED_WIRE_H

/*
 * What a peer sends, as messages, and messages as that peer reads them: one object for each
 * connection, of a server or of a client. It has no socket, no clock and no lock, and never blocks.
 *
 *     AUTO --00--> FRAMED                      AUTO: nothing was judged yet; what the first bytes
 *       |--ff, a newline--> LINE <--.          mean stands in wire_detect.h
 *       `--anything else--> RAW ----'          a chunk that ends in a newline
 *     each --the last event--> over: what still comes is thrown away
 *
 * A mode that the rules fix is there from the beginning and stays. To read:
 *
 *     struct wire_input in = { .data = data, .len = n, .now_ms = now_ms };
 *     while (wire_event_is_told(event = wire_next(wire, &in, &message)))
 *         act(event, &message);                one row for each enum wire_event
 *
 * Who leaves that loop early, or has no memory, keeps in.data, in.len: they were not taken. When
 * wire_due_ms() has come, the same with no data; when the peer has ended, with is_end. To send:
 *
 *     n = wire_encode(wire_form(wire), buf, text, len);    once for all peers of one form
 *     skip = wire_begin_send(wire, now_ms);                for each peer
 *     send(buf + skip, n - skip)
 *
 * A peer that has nothing unfinished costs this struct and nothing else.
 */

#include <sys/types.h>

#include "shared/wire_detect.h"
#include "shared/wire_event.h"
#include "shared/wire_frame.h"
#include "shared/wire_line.h"
#include "shared/wire_raw.h"

enum wire_mode { WIRE_AUTO, WIRE_FRAMED, WIRE_LINE, WIRE_RAW };

/* "auto", "framed", "line", "raw"; NULL-terminated, for a setting. */
extern const char *const wire_mode_names[];

struct wire_rules {
    enum wire_mode mode;
    uint32_t frame_max_bytes; /* longer: refused and over. At most WIRE_LENGTH_MAX */
    uint32_t line_max_bytes;  /* of a line or a raw message; longer: cut. The same */
    uint32_t raw_gap_ms;      /* how long a chunk that was cut waits for the next */
    uint32_t partial_ms;      /* how long a frame or line may take to come; 0: for ever */
};

/* AUTO and the defaults of wire_event.h. */
extern const struct wire_rules wire_rules_default;

struct wire {
    const struct wire_rules *rules;
    union {
        struct wire_detect detect;
        struct wire_frame frame;
        struct wire_line line;
        struct wire_raw raw;
    } part;              /* by mode */
    uint64_t since_ms;   /* when what is_waiting began */
    uint64_t sent_at_ms; /* 0: nothing was sent yet */
    uint8_t mode;        /* enum wire_mode */
    uint8_t last;        /* enum wire_event: told next when it is over */
    bool is_over;
    bool is_telnet;
    bool is_waiting;  /* a message has begun and is not complete */
    bool turns_line;  /* the raw message told last ended in a newline */
    bool is_after_cr; /* in a CR */
};

/* The rules stay the caller's and outlive it; many share them. */
void wire_init(struct wire *wire, const struct wire_rules *rules);
void wire_fini(struct wire *wire);

/*
 * Tell the next thing. *out is valid until the next call, and as long as the input is. Call again
 * until nothing is told. A peer that is over is to be closed when its answer is out.
 */
enum wire_event wire_next(struct wire *wire, struct wire_input *in, struct wire_message *out);

/* When wire_next() is to be called again even if nothing comes; UINT64_MAX: never. */
uint64_t wire_due_ms(const struct wire *wire);

/* A message has begun and is not complete. */
bool wire_is_partial(const struct wire *wire);

/* WIRE_AUTO while it is not known. */
enum wire_mode wire_mode(const struct wire *wire);

/* How a message is written for a peer. One whose mode is not known is written to as a raw one. */
enum wire_form { WIRE_FORM_FRAMED, WIRE_FORM_LINE, WIRE_FORM_TELNET, WIRE_FORM_RAW, WIRE_FORMS };

static inline enum wire_form wire_form(const struct wire *wire) {
    if (wire->mode == WIRE_FRAMED)
        return WIRE_FORM_FRAMED;
    if (wire->mode == WIRE_LINE)
        return wire->is_telnet ? WIRE_FORM_TELNET : WIRE_FORM_LINE;
    return WIRE_FORM_RAW;
}

/* Room for a message of len bytes in any form. */
#define WIRE_ENCODE_MOST(len) (2 * (size_t)(len) + 4)

/*
 * Write a message for peers of this form; dst holds WIRE_ENCODE_MOST(len). Returns the length, or 0
 * with EMSGSIZE when it is longer than a frame may be.
 */
size_t wire_encode(enum wire_form form, char *dst, const char *text, size_t len);

/*
 * A message goes out to this peer now. Returns how many bytes at the beginning of what was encoded
 * are not for it: of the raw form the newline, unless something was sent just before.
 */
size_t wire_begin_send(struct wire *wire, uint64_t now_ms);

/*
 * What another process needs to go on: the mode and the unfinished message, but not what the
 * caller kept of an input. Write wire_pack_size() bytes; changes nothing. Returns how many, or -1
 * with errno: ENOBUFS, or EINVAL when it is over.
 */
ssize_t wire_pack(const struct wire *wire, char *buf, size_t size);
size_t wire_pack_size(const struct wire *wire);

/*
 * Make wire, which is not initialised, of what was packed; the bytes are not trusted. Returns 0, or
 * -1 with errno: EPROTO when they are none or do not go with the rules, ENOMEM. Then there is
 * nothing to free.
 */
int wire_unpack(struct wire *wire, const struct wire_rules *rules, const char *data, size_t len);

#endif
