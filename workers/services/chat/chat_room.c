/*
 * The table. Words, looks and members lie in arrays of their own: a claim goes through all looks,
 * which is some microseconds for ten thousand. All that decides is sequentially consistent: in the
 * one order of all these steps each who tries has shown his look before he looks at the others'.
 */
#include "workers/services/chat/chat_room.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "shared/failpoint.h"
#include "shared/siphash.h"

#define MAGIC       0x6d6f6f7274616863ull /* "chatroom" */
#define ABI         1u
#define SPARE_SLOTS 64 /* for those who change their names */
#define TRIES_MAX   16
#define NAME_WORDS  (TEXT_NAME_MAX / 8)

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
    _Atomic uint64_t name[NAME_WORDS];
};

_Static_assert(sizeof(struct chat_room_shared) == 128, "no holes");

/* ---- words ---- */

enum chat_state chat_room_state(uint64_t word) {
    return (enum chat_state)(word & STATE_MASK);
}

struct chat_owner chat_room_owner(uint64_t word) {
    return (struct chat_owner){ .row = word >> ROW_SHIFT & ROW_MASK,
        .life = (uint32_t)(word >> LIFE_SHIFT) };
}

static uint64_t version_of(uint64_t word) {
    return word >> VERSION_SHIFT & VERSION_MASK;
}

static uint64_t make_word(enum chat_state state, struct chat_owner owner, uint64_t version) {
    return (uint64_t)state | (uint64_t)(owner.row & ROW_MASK) << ROW_SHIFT |
           (version & VERSION_MASK) << VERSION_SHIFT | (uint64_t)owner.life << LIFE_SHIFT;
}

static uint64_t with_state(uint64_t word, enum chat_state state) {
    return (word & ~(uint64_t)STATE_MASK) | (uint64_t)state;
}

/* ---- the memory ---- */

static uint32_t count_slots(uint64_t members_max) {
    return (uint32_t)members_max + SPARE_SLOTS;
}

size_t chat_room_size(uint64_t members_max) {
    return sizeof(struct chat_room_shared) +
           count_slots(members_max) * (3 * sizeof(uint64_t) + sizeof(struct chat_slot));
}

int chat_room_init(void *mem, uint64_t members_max) {
    struct chat_room_shared *shared = mem;

    if (getrandom(shared->secret, sizeof(shared->secret), 0) != sizeof(shared->secret))
        return -1;
    shared->slots = count_slots(members_max);
    shared->abi = ABI;
    shared->magic = MAGIC;
    return 0;
}

int chat_room_attach(struct chat_room *room, void *mem, size_t size, uint64_t members_max) {
    struct chat_room_shared *shared = mem;
    const uint32_t slots = count_slots(members_max);

    if (mem == NULL || size != chat_room_size(members_max) || shared->magic != MAGIC ||
        shared->abi != ABI || shared->slots != slots) {
        errno = EPROTO;
        return -1;
    }
    *room = (struct chat_room){ .shared = shared,
        .word = (void *)(shared + 1),
        .slots = slots,
        .members_max = (uint32_t)members_max };
    room->look = room->word + slots;
    room->member = room->look + slots;
    room->slot = (void *)(room->member + slots);
    return 0;
}

uint64_t chat_room_hash(const struct chat_room *room, char domain, const void *data, size_t len) {
    char text[256] = { domain };
    uint64_t hash;

    if (len > sizeof(text) - 1)
        len = sizeof(text) - 1;
    memcpy(text + 1, data, len);
    hash = siphash(room->shared->secret, text, len + 1);
    return hash != 0 ? hash : 1;
}

bool chat_room_is_first(struct chat_room *room) {
    return atomic_exchange(&room->shared->was_opened, 1) == 0;
}

uint32_t chat_room_top(const struct chat_room *room) {
    uint32_t top = atomic_load(&room->shared->top);

    return top < room->slots ? top : room->slots;
}

/* ---- names ---- */

static void store_name(struct chat_slot *slot, const char *name, size_t len) {
    uint64_t word;

    for (size_t at = 0; at < len; at += sizeof(word)) {
        word = 0;
        memcpy(&word, name + at, len - at < sizeof(word) ? len - at : sizeof(word));
        atomic_store_explicit(&slot->name[at / sizeof(word)], word, memory_order_relaxed);
    }
    atomic_store_explicit(&slot->name_len, len, memory_order_relaxed);
}

static bool load_name(const struct chat_slot *slot, struct chat_seen *out) {
    uint64_t word, len = atomic_load_explicit(&slot->name_len, memory_order_relaxed);

    if (len > TEXT_NAME_MAX)
        return false;
    for (size_t at = 0; at < len; at += sizeof(word)) {
        word = atomic_load_explicit(&slot->name[at / sizeof(word)], memory_order_relaxed);
        memcpy(out->name + at, &word, sizeof(word));
    }
    out->name_len = len;
    out->name[len] = '\0';
    return true;
}

bool chat_room_see(const struct chat_room *room, uint32_t index, struct chat_seen *out) {
    const struct chat_slot *slot;

    if (index >= room->slots)
        return false;
    slot = &room->slot[index];
    out->word = atomic_load(&room->word[index]);
    out->member = atomic_load(&room->member[index]);
    out->stay = atomic_load_explicit(&slot->stay, memory_order_relaxed);
    out->intro = atomic_load_explicit(&slot->intro, memory_order_relaxed);
    if (chat_room_state(out->word) == CHAT_FREE || !load_name(slot, out))
        return false;
    atomic_thread_fence(memory_order_acquire);
    return atomic_load(&room->word[index]) == out->word;
}

/* ---- claiming ---- */

/* The lowest one: so who finds none below members_max knows that the room is full. */
static bool take_free(
    struct chat_room *room, uint32_t limit, struct chat_owner owner, struct chat_place *out) {
    uint64_t word, mine;
    uint32_t top;

    for (uint32_t i = 0; i < limit; i++) {
        word = atomic_load(&room->word[i]);
        if (chat_room_state(word) != CHAT_FREE)
            continue;
        mine = make_word(CHAT_TRYING, owner, version_of(word) + 1);
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

/* It was made LOST, by us or in our name: nobody else empties it. */
static void empty(struct chat_room *room, uint32_t index, uint64_t word) {
    atomic_store(&room->look[index], 0);
    atomic_store(&room->member[index], 0);
    atomic_store(&room->word[index],
        make_word(CHAT_FREE, (struct chat_owner){ .row = 0 }, version_of(word)));
}

static bool is_dead(const struct chat_room *room, uint32_t index, uint64_t word, uint64_t now_ms) {
    const struct chat_owner owner = chat_room_owner(word);

    return (owner.row == CHAT_ROOM_LEASED || !room->is_alive(room->context, owner)) &&
           atomic_load(&room->slot[index].until_ms) < now_ms;
}

bool chat_room_is_gone(const struct chat_room *room, uint32_t index, uint64_t now_ms) {
    const uint64_t word = index < room->slots ? atomic_load(&room->word[index]) : 0;

    return chat_room_state(word) == CHAT_LEAVING ||
           (chat_room_state(word) != CHAT_FREE && is_dead(room, index, word, now_ms));
}

/* True when the one at `other` has the name: who is behind us, or dead, and only tries, is called
 * off. */
static bool yields_to(
    struct chat_room *room, uint32_t mine, uint32_t other, const struct chat_wish *wish) {
    uint64_t word = atomic_load(&room->word[other]);

    if (wish->own != NULL && wish->own->index == other && wish->own->word == word)
        return false;
    while (chat_room_state(word) == CHAT_TRYING) {
        if (mine > other && !is_dead(room, other, word, wish->now_ms))
            return true;
        if (atomic_compare_exchange_strong(&room->word[other], &word, with_state(word, CHAT_LOST)))
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

enum chat_claim chat_room_claim(struct chat_room *room, const struct chat_wish *wish,
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
            empty(room, out->index, out->word);
            return CHAT_CLAIM_TAKEN;
        }
        FAILPOINT("chat-looked");
        word = out->word;
        out->word = with_state(word, CHAT_HELD);
        if (atomic_compare_exchange_strong(&room->word[out->index], &word, out->word))
            return CHAT_CLAIM_HELD;
        empty(room, out->index, word);
    }
    return CHAT_CLAIM_TAKEN;
}

/* ---- finding ---- */

static int64_t find(const struct chat_room *room, const _Atomic uint64_t *array, uint64_t wanted) {
    const uint32_t top = chat_room_top(room);
    enum chat_state state;

    for (uint32_t i = 0; i < top; i++) {
        if (atomic_load_explicit(&array[i], memory_order_relaxed) != wanted)
            continue;
        state = chat_room_state(atomic_load(&room->word[i]));
        if (state == CHAT_HELD || state == CHAT_TOLD)
            return i;
    }
    return -1;
}

int64_t chat_room_find_look(const struct chat_room *room, uint64_t look) {
    return find(room, room->look, look);
}

int64_t chat_room_find_member(const struct chat_room *room, uint64_t member) {
    return find(room, room->member, member);
}

unsigned chat_room_count(const struct chat_room *room) {
    const uint32_t top = chat_room_top(room);
    unsigned count = 0;

    for (uint32_t i = 0; i < top; i++)
        count += chat_room_state(atomic_load_explicit(&room->word[i], memory_order_relaxed)) >=
                 CHAT_HELD;
    return count;
}

/* ---- steps ---- */

static bool step(
    struct chat_room *room, uint32_t index, uint64_t from, uint64_t to, struct chat_place *out) {
    if (index >= room->slots || !atomic_compare_exchange_strong(&room->word[index], &from, to))
        return false;
    *out = (struct chat_place){ .index = index, .word = to };
    return true;
}

bool chat_room_is_ours(const struct chat_room *room, const struct chat_place *place) {
    return place->word != 0 && place->index < room->slots &&
           atomic_load(&room->word[place->index]) == place->word;
}

bool chat_room_tell(struct chat_room *room, struct chat_place *place) {
    return step(room, place->index, place->word, with_state(place->word, CHAT_TOLD), place);
}

bool chat_room_take_over(struct chat_room *room, uint32_t index, uint64_t word,
    struct chat_owner by, struct chat_place *out) {
    const enum chat_state state = chat_room_state(word);

    if ((state != CHAT_HELD && state != CHAT_TOLD) ||
        !step(room, index, word, make_word(state, by, version_of(word) + 1), out))
        return false;
    atomic_store(&room->slot[index].until_ms, 0);
    return true;
}

bool chat_room_leave(struct chat_room *room, uint32_t index, uint64_t word, struct chat_owner by,
    bool is_told, struct chat_place *out) {
    const enum chat_state state = is_told ? CHAT_LEAVING : CHAT_LOST;

    return chat_room_state(word) != CHAT_FREE &&
           step(room, index, word, make_word(state, by, version_of(word)), out);
}

bool chat_room_free(struct chat_room *room, const struct chat_place *place, struct chat_owner by) {
    const uint64_t lost = make_word(CHAT_LOST, by, version_of(place->word));
    struct chat_place own = *place;

    if (chat_room_state(place->word) != CHAT_LOST &&
        !step(room, place->index, place->word, lost, &own))
        return false;
    empty(room, own.index, own.word);
    return true;
}

void chat_room_renew(struct chat_room *room, const struct chat_place *place, uint64_t until_ms) {
    if (chat_room_is_ours(room, place))
        atomic_store(&room->slot[place->index].until_ms, until_ms);
}
