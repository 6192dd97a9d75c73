#ifndef SHARED_WIRE_RAW_H
#define SHARED_WIRE_RAW_H

/*
 * The raw form: classic clients that send text without an end and read with recv(1024). One read
 * is one message, told at once; only a chunk that may have been cut waits for what follows.
 *
 *     EMPTY --a whole chunk--> a message
 *       |
 *       `--chunk of 1024 bytes or more, or ending inside a character--> WAITING
 *     WAITING --more within the gap--> joined; whole now? a message : WAITING
 *     WAITING --nothing for the gap, or the peer ends--> a message as it is
 *
 * A chunk that ends in a newline is whole. Two messages that arrive in one read cannot be told
 * apart; the framed form is for those who mind. Pure; callable anywhere.
 */

#include "shared/wire_buffer.h"
#include "shared/wire_event.h"

#define WIRE_RAW_CHUNK 1024u /* what a classic peer reads or sends at once */

#define WIRE_RAW_SEND_MAX 1000u /* of a message that is sent, so that recv(1024) takes it whole */
/* A peer that takes no longer than 50 ms, and that is woken late, has read what was sent so long
 * ago */
#define WIRE_RAW_SEND_GAP_MS 75u

/* All zero is a reader at its beginning. */
struct wire_raw {
    struct wire_buffer body; /* what waits, up to the limit */
    size_t total;            /* all of it; 0: nothing waits */
    uint64_t due_ms;         /* when it is told as it is */
    uint64_t since_ms;       /* when its first chunk came */
    bool is_given;           /* the body is the message that was told last */
};

/*
 * Take one read, or see that time has passed. A message that is due is told before the input is
 * looked at: then call again with it. WIRE_MESSAGE, WIRE_WANT or WIRE_NO_MEMORY.
 */
enum wire_event wire_raw_next(struct wire_raw *raw, uint32_t max, uint32_t gap_ms,
    struct wire_input *in, struct wire_message *out);

/* Something waits, until due_ms. */
bool wire_raw_is_partial(const struct wire_raw *raw);

/* Let these bytes wait until due_ms, as if they had been read. Returns 0, or -1 without memory. */
int wire_raw_hold(
    struct wire_raw *raw, uint32_t max, const char *data, size_t len, uint64_t due_ms);

void wire_raw_fini(struct wire_raw *raw);

/*
 * Write text as it is sent to a classic peer: one newline before it, which is left away when
 * nothing was sent for WIRE_RAW_SEND_GAP_MS, and of what is longer than WIRE_RAW_SEND_MAX the
 * beginning and "…". dst holds WIRE_RAW_SEND_MAX bytes. Returns the length.
 */
size_t wire_raw_encode(char *dst, const char *text, size_t len);

#endif
