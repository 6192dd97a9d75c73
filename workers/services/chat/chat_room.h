#ifndef WORKERS_SERVICES_CHAT_CHAT_ROOM_H
#define WORKERS_SERVICES_CHAT_CHAT_ROOM_H

/*
 * Who is in the room: a table in memory that all its workers share. A member has a place in it,
 * with his name; no two places have names that look alike. There is no lock in it: every step is
 * one compare-and-swap on the place's word {state, owner, version}.
 *
 *     FREE --take--> TRYING --nobody has the name--> HELD --the others are told--> TOLD
 *                      |  `--somebody has it--> FREE               |
 *                      `--a rival was before--> LOST --> FREE      v
 *     FREE <-- LOST <----------- the others are told ---------- LEAVING
 *                `------- the others are told ------ YIELDED <-- TOLD, another name is HELD
 *
 * Who changes his name has two places for a moment, of the same stay: first he holds the new one,
 * then he yields the old one, and from then on whoever comes across one of them may tell of it and
 * empty the old one. Until he yields, the new one is nothing: who comes back has the old one.
 *
 * Who tries shows the look of his name first and looks for the same one after. So of two who try at
 * once one at least sees the other: the lower place calls off the higher one (TRYING to LOST), who
 * can then not become HELD; the higher one gives way. Never have two a name, and one of them gets
 * it, whatever the others do or whenever they are killed.
 *
 * A place whose owner's life is over is anybody's to bury, unless it is on its way to another
 * worker, which has a while to take it over; only who swaps a place to LOST in his own name may
 * empty it. What is read here is believed as far as it does no harm: lengths and
 * indexes are checked. Any thread of any worker; never blocks.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/text_name.h"

enum chat_state {
    CHAT_FREE,
    CHAT_TRYING,
    CHAT_LOST,
    CHAT_HELD,
    CHAT_TOLD,
    CHAT_LEAVING,
    CHAT_YIELDED,
};

/*
 * A worker, by its row in the room and which life of it. Members who speak by datagrams outlive
 * workers: theirs is CHAT_ROOM_LEASED, and the place is theirs until a time that they move on.
 */
struct chat_owner {
    uint32_t row, life;
};

#define CHAT_ROOM_LEASED 0x7ffu

/* A place and what its word was when it became ours. */
struct chat_place {
    uint64_t word; /* 0: none */
    uint32_t index;
};

struct chat_room_shared;
struct chat_slot;

/* One worker's view. */
struct chat_room {
    struct chat_room_shared *shared;
    _Atomic uint64_t *word, *look, *member;
    struct chat_slot *slot;
    uint32_t slots, members_max;
    bool (*is_alive)(void *context, struct chat_owner owner);
    void *context;
};

/* ---- making it: the parent ---- */

size_t chat_room_size(uint64_t members_max);

/* Fill memory that is all zero. Returns 0, or -1 with errno. */
int chat_room_init(void *mem, uint64_t members_max);

/* ---- a worker ---- */

/* Fill in the view but for is_alive. Returns 0, or -1 when the memory is no room's. */
int chat_room_attach(struct chat_room *room, void *mem, size_t size, uint64_t members_max);

/* The room's secrets: a number of these bytes that no stranger foresees. Never 0. */
uint64_t chat_room_hash(const struct chat_room *room, char domain, const void *data, size_t len);

/* True once for each room. */
bool chat_room_is_first(struct chat_room *room);

/* The place whose name looks so, HELD or TOLD; of the member, from one on, or YIELDED; -1: none. */
int64_t chat_room_find_look(const struct chat_room *room, uint64_t look);
int64_t chat_room_find_member(const struct chat_room *room, uint64_t member, uint32_t from);

/* A place of the member, LEAVING. */
int64_t chat_room_find_leaving(const struct chat_room *room, uint64_t member);

/* What stands at a place: false when it is nobody's, or becomes another's meanwhile. */
struct chat_seen {
    uint64_t word, member, stay, intro;
    char name[TEXT_NAME_MAX + 1];
    size_t name_len;
};

bool chat_room_see(const struct chat_room *room, uint32_t index, struct chat_seen *out);

/* Another place of the same stay, in this state, and what stands there; -1: none. */
int64_t chat_room_find_other(const struct chat_room *room, uint32_t index,
    const struct chat_seen *seen, enum chat_state state, struct chat_seen *out);

/* Is it still as it was when it became ours? */
bool chat_room_is_ours(const struct chat_room *room, const struct chat_place *place);

enum chat_state chat_room_state(uint64_t word);
struct chat_owner chat_room_owner(uint64_t word);

/* The owner has it no more, or is leaving it: whoever wants may bury him. */
bool chat_room_is_gone(const struct chat_room *room, uint32_t index, uint64_t now_ms);

/* HELD, or YIELDED again, to TOLD. Returns false when it is not ours any more. */
bool chat_room_tell(struct chat_room *room, struct chat_place *place);

/* TOLD to YIELDED: a new name is HELD. False as above. */
bool chat_room_yield(struct chat_room *room, struct chat_place *place);

/* The place with this word becomes ours, in the same state. False when the word has changed. */
bool chat_room_take_over(struct chat_room *room, uint32_t index, uint64_t word,
    struct chat_owner by, struct chat_place *out);

/* To LEAVING, or (it was never told of) to LOST, in our name. False as above. */
bool chat_room_leave(struct chat_room *room, uint32_t index, uint64_t word, struct chat_owner by,
    bool is_told, struct chat_place *out);

/* Empty it, whatever its state: ours by place. False when it is not. */
bool chat_room_free(struct chat_room *room, const struct chat_place *place, struct chat_owner by);

/* The lease goes on until then; or, a worker's: it is on its way, and nobody buries it before. */
void chat_room_renew(struct chat_room *room, const struct chat_place *place, uint64_t until_ms);

/* How many are in the room. */
unsigned chat_room_count(const struct chat_room *room);

/* Places are below this. */
uint32_t chat_room_top(const struct chat_room *room);

#endif
