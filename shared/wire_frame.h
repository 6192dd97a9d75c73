#ifndef SHARED_WIRE_FRAME_H
#define SHARED_WIRE_FRAME_H

/*
 * The framed form: four bytes of length, big-endian, then so many bytes of payload. Length 0 is a
 * sign of life and no message.
 *
 *     HEAD --4 bytes--> BODY --all of it--> a message --> HEAD
 *      `-- length 0: HEAD, length over the limit: the end
 *
 * The length is checked before anything is taken by it. Pure; callable anywhere.
 */

#include "shared/wire_buffer.h"
#include "shared/wire_event.h"

#define WIRE_FRAME_HEAD 4u

/* All zero is a reader at its beginning. */
struct wire_frame {
    struct wire_buffer body; /* of the frame that has begun */
    uint32_t want;           /* its length, when head_len is WIRE_FRAME_HEAD */
    uint8_t head[WIRE_FRAME_HEAD], head_len;
    bool is_given; /* the body is the message that was told last */
};

/*
 * Take input until there is something to tell: a message, WIRE_WANT, WIRE_NO_MEMORY, or
 * WIRE_TOO_LONG when a frame announces more than max bytes (out->total: how many).
 */
enum wire_event wire_frame_next(
    struct wire_frame *frame, uint32_t max, struct wire_input *in, struct wire_message *out);

/* A frame has begun and is not complete. */
bool wire_frame_is_partial(const struct wire_frame *frame);

/* What there is of the frame that has begun. */
struct wire_message wire_frame_rest(const struct wire_frame *frame);

void wire_frame_fini(struct wire_frame *frame);

/* The length that a header tells, whatever it is. */
uint32_t wire_frame_length(const uint8_t head[WIRE_FRAME_HEAD]);

/* Write the header of a payload of len bytes. Returns 0, or -1 with EMSGSIZE. */
int wire_frame_seal(char out[WIRE_FRAME_HEAD], size_t len);

#endif
