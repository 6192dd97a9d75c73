/*
 * Claiming. All that decides is sequentially consistent: in the one order of all these steps each
 * who tries has shown his look before he looks at the others'.
 */
#include "workers/services/chat/chat_claim.h"

#include <string.h>

#include "shared/failpoint.h"
#include "workers/services/chat/chat_room_table.h"

#define TRIES_MAX 16

static void store_name(struct chat_slot *slot, const char *name, size_t len) {
    uint64_t word;

    for (size_t at = 0; at < len; at += sizeof(word)) {
        word = 0;
        memcpy(&word, name + at, len - at < sizeof(word) ? len - at : sizeof(word));
        atomic_store_explicit(&slot->name[at / sizeof(word)], word, memory_order_relaxed);
    }
    atomic_store_explicit(&slot->name_len, len, memory_order_relaxed);
}

/* The lowest one: so who finds none below members_max knows that the room is full. */
static bool take_free(
    struct chat_room *room, uint32_t limit, struct chat_owner owner, struct chat_place *out) {
    uint64_t word, mine;
    uint32_t top;

    for (uint32_t i = 0; i < limit; i++) {
        word = atomic_load(&room->word[i]);
        if (chat_room_state(word) != CHAT_FREE)
            continue;
        mine = chat_room_word(CHAT_TRYING, owner, chat_room_version(word) + 1);
        if (!atomic_compare_exchange_strong(&room->word[i], &word, mine))
            continue;
        *out = (struct chat_place){ .index = i, .word = mine };
        top = atomic_load(&room->shared->top);
        while (top <= i && !atomic_compare_exchange_weak(&room->shared->top, &top, i + 1))
            ;
        return true;
    }
    return false;
}

static void show(struct chat_room *room, uint32_t index, const struct chat_wish *wish) {
    struct chat_slot *slot = &room->slot[index];

    atomic_store_explicit(&slot->stay, wish->stay, memory_order_relaxed);
    atomic_store_explicit(&slot->intro, wish->intro, memory_order_relaxed);
    atomic_store_explicit(&slot->until_ms, wish->until_ms, memory_order_relaxed);
    store_name(slot, wish->name, wish->name_len);
    atomic_store(&room->member[index], wish->member);
    atomic_store(&room->look[index], wish->look);
}

/* True when the one at `other` has the name: who is behind us, or dead, and only tries, is called
 * off. */
static bool yields_to(
    struct chat_room *room, uint32_t mine, uint32_t other, const struct chat_wish *wish) {
    uint64_t word = atomic_load(&room->word[other]);

    if (wish->own != NULL && wish->own->index == other && wish->own->word == word)
        return false;
    while (chat_room_state(word) == CHAT_TRYING) {
        if (mine > other && !chat_room_is_dead(room, other, word, wish->now_ms))
            return true;
        if (atomic_compare_exchange_strong(
                &room->word[other], &word, chat_room_with_state(word, CHAT_LOST)))
            return false;
    }
    return chat_room_state(word) >= CHAT_HELD;
}

static bool find_rival(
    struct chat_room *room, uint32_t mine, const struct chat_wish *wish, uint32_t *out_rival) {
    const uint32_t top = chat_room_top(room);

    for (uint32_t i = 0; i < top; i++) {
        if (i == mine || atomic_load(&room->look[i]) != wish->look ||
            !yields_to(room, mine, i, wish))
            continue;
        *out_rival = i;
        return true;
    }
    return false;
}

enum chat_claim chat_claim_name(struct chat_room *room, const struct chat_wish *wish,
    struct chat_place *out, uint32_t *out_rival) {
    const uint32_t limit = wish->own != NULL ? room->slots : room->members_max;
    uint64_t word;

    *out_rival = UINT32_MAX;
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        if (!take_free(room, limit, wish->owner, out))
            return CHAT_CLAIM_FULL;
        show(room, out->index, wish);
        FAILPOINT("chat-trying");
        if (find_rival(room, out->index, wish, out_rival)) {
            chat_room_empty(room, out->index, out->word);
            return CHAT_CLAIM_TAKEN;
        }
        FAILPOINT("chat-looked");
        word = out->word;
        out->word = chat_room_with_state(word, CHAT_HELD);
        if (atomic_compare_exchange_strong(&room->word[out->index], &word, out->word))
            return CHAT_CLAIM_HELD;
        chat_room_empty(room, out->index, word);
    }
    return CHAT_CLAIM_TAKEN;
}
