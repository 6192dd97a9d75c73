#ifndef WORKERS_SERVICES_CHAT_CHAT_CLAIM_H
#define WORKERS_SERVICES_CHAT_CHAT_CLAIM_H

/* To have a name in the room, and a place with it: chat_room.h tells how it is decided. */

#include "workers/services/chat/chat_room.h"

struct chat_wish {
    struct chat_owner owner;
    const char *name;
    size_t name_len;   /* up to TEXT_NAME_MAX */
    uint64_t look;     /* chat_room_hash() of how the name looks */
    uint64_t member;   /* the member's id */
    uint64_t stay;     /* of this coming and going */
    uint64_t intro;    /* of the record that will tell of the name */
    uint64_t until_ms; /* CHAT_ROOM_LEASED */
    uint64_t now_ms;
    const struct chat_place *own; /* may look the same: its name is changed; NULL: none */
};

enum chat_claim { CHAT_CLAIM_HELD, CHAT_CLAIM_TAKEN, CHAT_CLAIM_FULL };

/* TAKEN: *out_rival is the place that has it, or UINT32_MAX. */
enum chat_claim chat_claim_name(struct chat_room *room, const struct chat_wish *wish,
    struct chat_place *out, uint32_t *out_rival);

#endif
