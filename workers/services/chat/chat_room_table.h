#ifndef WORKERS_SERVICES_CHAT_CHAT_ROOM_TABLE_H
#define WORKERS_SERVICES_CHAT_CHAT_ROOM_TABLE_H

/*
 * How the table lies in memory; for the files that change it. Words, looks and members lie in
 * arrays of their own: a claim goes through all looks.
 */

#include "shared/siphash.h"
#include "workers/services/chat/chat_room.h"

#define CHAT_NAME_WORDS (TEXT_NAME_MAX / 8)

/* {life 32, version 18, row 11, state 3} */
#define STATE_MASK    7u
#define ROW_SHIFT     3
#define ROW_MASK      0x7ffu
#define VERSION_SHIFT 14
#define VERSION_MASK  0x3ffffu
#define LIFE_SHIFT    32

struct chat_room_shared {
    uint64_t magic;
    uint32_t abi, slots;
    uint8_t secret[SIPHASH_KEY_SIZE];
    _Atomic uint32_t top;
    _Atomic uint32_t was_opened;
    uint64_t pad[11];
};

/* Written by who tries, before anybody reads it; until_ms by who has the lease. */
struct chat_slot {
    _Atomic uint64_t stay, intro, until_ms, name_len;
    _Atomic uint64_t name[CHAT_NAME_WORDS];
};

static inline uint64_t chat_room_version(uint64_t word) {
    return word >> VERSION_SHIFT & VERSION_MASK;
}

static inline uint64_t chat_room_word(
    enum chat_state state, struct chat_owner owner, uint64_t version) {
    return (uint64_t)state | (uint64_t)(owner.row & ROW_MASK) << ROW_SHIFT |
           (version & VERSION_MASK) << VERSION_SHIFT | (uint64_t)owner.life << LIFE_SHIFT;
}

static inline uint64_t chat_room_with_state(uint64_t word, enum chat_state state) {
    return (word & ~(uint64_t)STATE_MASK) | (uint64_t)state;
}

/* The owner has it no more. */
bool chat_room_is_dead(
    const struct chat_room *room, uint32_t index, uint64_t word, uint64_t now_ms);

/* It was made LOST, by us or in our name: nobody else empties it. */
void chat_room_empty(struct chat_room *room, uint32_t index, uint64_t word);

#endif
