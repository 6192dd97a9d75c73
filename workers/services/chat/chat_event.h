#ifndef WORKERS_SERVICES_CHAT_CHAT_EVENT_H
#define WORKERS_SERVICES_CHAT_CHAT_EVENT_H

/*
 * What happens in the room, as records on the bus: each says by itself who and what, so that it can
 * be shown without looking anybody up, whenever that is. Pure; callable anywhere.
 *
 *     payload: number 8, length of name 1, name, length of other 1, other, text
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/bus.h"
#include "shared/text_name.h"

#define CHAT_TEXT_MAX    4096 /* bytes that a person says at once */
#define CHAT_PAYLOAD_MAX (8 + 2 * (1 + TEXT_NAME_MAX) + CHAT_TEXT_MAX)

enum chat_kind {
    CHAT_GAP, /* never on the bus: `number` records before this one are gone */
    CHAT_JOINED,
    CHAT_BACK, /* resumed over another connection: for the member alone */
    CHAT_LEFT,
    CHAT_RENAMED, /* other: what the name was */
    CHAT_SAID,
    CHAT_DID,     /* "/me" */
    CHAT_PRIVATE, /* other: who it is for; number: his id */
    CHAT_KINDS,
};

struct chat_text {
    const char *data;
    size_t len;
};

struct chat_event {
    uint64_t seq, wall_ns;
    uint64_t member;    /* who */
    uint64_t client_id; /* his own number of it; 0: none */
    uint64_t number;    /* JOINED, BACK: of the connection; others see above */
    enum chat_kind kind;
    struct chat_text name, other, text;
};

/* The server's own numbers of records: no client's has this bit. */
#define CHAT_OWN_ID         (1ull << 63)
#define CHAT_INTRO_ID(n)    (CHAT_OWN_ID | ((n) << 1))
#define CHAT_LEFT_ID(n)     (CHAT_OWN_ID | ((n) << 1) | 1)
#define CHAT_CLIENT_ID_MOST ((1ull << 53) - 1) /* what every JSON reader keeps */

/* Write the payload; name and other up to TEXT_NAME_MAX, text up to CHAT_TEXT_MAX. */
size_t chat_event_encode(char dst[CHAT_PAYLOAD_MAX], const struct chat_event *event);

/* Read a record: *out's texts lie in its payload. False when it is none of ours. */
bool chat_event_decode(const struct bus_record *record, struct chat_event *out);

#endif
