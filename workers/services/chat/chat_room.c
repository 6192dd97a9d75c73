/*
 * The table: who has which place, and the steps from one state to the next. Each is one swap of the
 * place's word, so that whoever loses finds it changed and touches nothing.
 */
#include "workers/services/chat/chat_room.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "workers/services/chat/chat_room_table.h"

#define MAGIC       0x6d6f6f7274616863ull /* "chatroom" */
#define ABI         2u
#define SPARE_SLOTS 64 /* for those who change their names */

_Static_assert(sizeof(struct chat_room_shared) == 128, "no holes");

/* ---- words ---- */

enum chat_state chat_room_state(uint64_t word) {
    return (enum chat_state)(word & STATE_MASK);
}

struct chat_owner chat_room_owner(uint64_t word) {
    return (struct chat_owner){ .row = word >> ROW_SHIFT & ROW_MASK,
        .life = (uint32_t)(word >> LIFE_SHIFT) };
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

/* ---- steps that others take ---- */

void chat_room_empty(struct chat_room *room, uint32_t index, uint64_t word) {
    atomic_store(&room->look[index], 0);
    atomic_store(&room->member[index], 0);
    atomic_store(&room->word[index],
        chat_room_word(CHAT_FREE, (struct chat_owner){ .row = 0 }, chat_room_version(word)));
}

bool chat_room_is_dead(
    const struct chat_room *room, uint32_t index, uint64_t word, uint64_t now_ms) {
    const struct chat_owner owner = chat_room_owner(word);

    return (owner.row == CHAT_ROOM_LEASED || !room->is_alive(room->context, owner)) &&
           atomic_load(&room->slot[index].until_ms) < now_ms;
}

bool chat_room_is_gone(const struct chat_room *room, uint32_t index, uint64_t now_ms) {
    const uint64_t word = index < room->slots ? atomic_load(&room->word[index]) : 0;

    return chat_room_state(word) == CHAT_LEAVING ||
           (chat_room_state(word) != CHAT_FREE && chat_room_is_dead(room, index, word, now_ms));
}

/* ---- finding ---- */

/* states: a bit for each that will do. */
static int64_t find(const struct chat_room *room, const _Atomic uint64_t *array, uint64_t wanted,
    uint32_t from, unsigned states) {
    const uint32_t top = chat_room_top(room);

    for (uint32_t i = from; i < top; i++)
        if (atomic_load_explicit(&array[i], memory_order_relaxed) == wanted &&
            (states >> chat_room_state(atomic_load(&room->word[i])) & 1) != 0)
            return i;
    return -1;
}

int64_t chat_room_find_look(const struct chat_room *room, uint64_t look) {
    return find(room, room->look, look, 0, 1u << CHAT_HELD | 1u << CHAT_TOLD);
}

int64_t chat_room_find_member(const struct chat_room *room, uint64_t member, uint32_t from) {
    return find(
        room, room->member, member, from, 1u << CHAT_HELD | 1u << CHAT_TOLD | 1u << CHAT_YIELDED);
}

int64_t chat_room_find_leaving(const struct chat_room *room, uint64_t member) {
    return find(room, room->member, member, 0, 1u << CHAT_LEAVING);
}

int64_t chat_room_find_other(const struct chat_room *room, uint32_t index,
    const struct chat_seen *seen, enum chat_state state, struct chat_seen *out) {
    const uint32_t top = chat_room_top(room);

    for (uint32_t i = 0; i < top; i++)
        if (i != index &&
            atomic_load_explicit(&room->member[i], memory_order_relaxed) == seen->member &&
            chat_room_see(room, i, out) && out->member == seen->member && out->stay == seen->stay &&
            chat_room_state(out->word) == state)
            return i;
    return -1;
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
    return step(
        room, place->index, place->word, chat_room_with_state(place->word, CHAT_TOLD), place);
}

bool chat_room_yield(struct chat_room *room, struct chat_place *place) {
    return chat_room_state(place->word) == CHAT_TOLD &&
           step(room, place->index, place->word, chat_room_with_state(place->word, CHAT_YIELDED),
               place);
}

bool chat_room_take_over(struct chat_room *room, uint32_t index, uint64_t word,
    struct chat_owner by, struct chat_place *out) {
    const enum chat_state state = chat_room_state(word);

    if ((state != CHAT_HELD && state != CHAT_TOLD) ||
        !step(room, index, word, chat_room_word(state, by, chat_room_version(word) + 1), out))
        return false;
    atomic_store(&room->slot[index].until_ms, 0);
    return true;
}

bool chat_room_leave(struct chat_room *room, uint32_t index, uint64_t word, struct chat_owner by,
    bool is_told, struct chat_place *out) {
    const enum chat_state state = is_told ? CHAT_LEAVING : CHAT_LOST;

    return chat_room_state(word) != CHAT_FREE &&
           step(room, index, word, chat_room_word(state, by, chat_room_version(word)), out);
}

bool chat_room_free(struct chat_room *room, const struct chat_place *place, struct chat_owner by) {
    const uint64_t lost = chat_room_word(CHAT_LOST, by, chat_room_version(place->word));
    struct chat_place own = *place;

    if (chat_room_state(place->word) != CHAT_LOST &&
        !step(room, place->index, place->word, lost, &own))
        return false;
    chat_room_empty(room, own.index, own.word);
    return true;
}

void chat_room_renew(struct chat_room *room, const struct chat_place *place, uint64_t until_ms) {
    if (chat_room_is_ours(room, place))
        atomic_store(&room->slot[place->index].until_ms, until_ms);
}
