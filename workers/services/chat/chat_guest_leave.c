/*
 * Going, and burying those who are gone: each step may be taken by several workers at once, and is
 * told once, since the bus knows each record by a number that all of them find in the table.
 */
#include <string.h>

#include "shared/failpoint.h"
#include "workers/services/chat/chat_count.h"
#include "workers/services/chat/chat_guest.h"
#include "workers/services/chat/chat_words.h"

#define BURIALS_MOST 4

static void say_left(struct post *post, const char *name) {
    post_add_count(post, CHAT_COUNT_LEFT, 1);
    post_say(post, "left", chat_word(CHAT_WORD_SAY_LEFT, post_lang(post)), name);
}

/* The place was made LEAVING: tell, then empty it. Told once, however many try. */
static bool end_stay(
    struct post *post, const struct chat_guest *guest, const struct chat_place *place) {
    uint64_t seq;
    int rc;

    FAILPOINT("chat-leaving");
    rc = chat_guest_tell(post, guest, CHAT_LEFT, CHAT_LEFT_ID(guest->stay), 0, &seq);

    if (rc < 0)
        return false; /* it stays LEAVING, and is tried again */
    if (rc > 0)
        say_left(post, guest->name);
    FAILPOINT("chat-left");
    chat_room_free(chat_guest_room(post), place, chat_guest_owner(post));
    return rc > 0;
}

bool chat_guest_leave(struct post *post, struct chat_guest *guest) {
    struct chat_room *room = chat_guest_room(post);
    const struct chat_place before = guest->place;
    struct chat_place place;

    guest->place.word = 0;
    return before.word != 0 &&
           chat_room_leave(room, before.index, before.word, chat_guest_owner(post), true, &place) &&
           end_stay(post, guest, &place);
}

/* ---- those who are gone ---- */

/* Empty a place of which nobody is to be told; it is left alone when it has changed. */
static void drop(struct post *post, uint32_t index, const struct chat_seen *seen) {
    struct chat_room *room = chat_guest_room(post);
    struct chat_place place;

    if (chat_room_leave(room, index, seen->word, chat_guest_owner(post), false, &place))
        chat_room_free(room, &place, chat_guest_owner(post));
}

int chat_guest_introduce(struct post *post, uint32_t index, const struct chat_seen *seen,
    uint64_t number, uint64_t *out_seq) {
    struct chat_seen was;
    const int64_t old = chat_room_find_other(
        chat_guest_room(post), index, seen, CHAT_YIELDED, &was);
    struct chat_event event = { .kind = old >= 0 ? CHAT_RENAMED : CHAT_JOINED,
        .member = seen->member,
        .client_id = CHAT_INTRO_ID(seen->intro),
        .number = number,
        .name = { seen->name, seen->name_len } };
    int rc;

    if (old >= 0)
        event.other = (struct chat_text){ was.name, was.name_len };
    rc = chat_guest_publish(post, &event, out_seq);
    FAILPOINT("chat-introduced");
    if (rc >= 0 && old >= 0)
        drop(post, (uint32_t)old, &was);
    return rc;
}

/* He has HELD it: do the others know of him? He may have been killed when it was just told. */
static bool is_known(struct post *post, uint32_t index, const struct chat_seen *seen) {
    const struct chat_room *room = chat_guest_room(post);
    struct chat_seen other;
    uint64_t seq;

    if (chat_room_find_other(room, index, seen, CHAT_TOLD, &other) >= 0)
        return false; /* it would have been his new name */
    if (chat_room_find_other(room, index, seen, CHAT_YIELDED, &other) >= 0)
        return chat_guest_introduce(post, index, seen, 0, &seq) >= 0;
    return bus_find(post_seat(post), seen->member, CHAT_INTRO_ID(seen->intro), &seq);
}

/* What he had begun is brought to an end. Returns whether his leaving is to be told. */
static bool wind_up(struct post *post, uint32_t index, const struct chat_seen *seen) {
    struct chat_room *room = chat_guest_room(post);
    const enum chat_state state = chat_room_state(seen->word);
    struct chat_seen other;
    int64_t held = -1;
    uint64_t seq;

    if (state == CHAT_HELD)
        return is_known(post, index, seen);
    if (state == CHAT_TOLD || state == CHAT_YIELDED)
        held = chat_room_find_other(room, index, seen, CHAT_HELD, &other);
    if (held >= 0 && state == CHAT_TOLD &&
        chat_room_is_gone(room, (uint32_t)held, post_now_ms(post)))
        drop(post, (uint32_t)held, &other);
    if (held >= 0 && state == CHAT_YIELDED)
        chat_guest_introduce(post, (uint32_t)held, &other, 0, &seq);
    return state == CHAT_TOLD || state == CHAT_LEAVING;
}

bool chat_guest_bury(struct post *post, uint32_t index) {
    struct chat_room *room = chat_guest_room(post);
    struct chat_guest guest;
    struct chat_place place;
    struct chat_seen seen;
    bool known;

    if (!chat_room_see(room, index, &seen))
        return true;
    if (!chat_room_is_gone(room, index, post_now_ms(post)))
        return false;
    known = wind_up(post, index, &seen);
    if (!chat_room_leave(room, index, seen.word, chat_guest_owner(post), known, &place))
        return true;
    if (!known) {
        chat_room_free(room, &place, chat_guest_owner(post));
        return true;
    }
    guest = (struct chat_guest){ .id = seen.member, .stay = seen.stay };
    guest.name_len = (uint8_t)seen.name_len;
    memcpy(guest.name, seen.name, seen.name_len);
    end_stay(post, &guest, &place);
    return true;
}

void chat_guest_bury_leaving(struct post *post, uint64_t member) {
    int64_t index;

    for (unsigned i = 0; i < BURIALS_MOST; i++)
        if ((index = chat_room_find_leaving(chat_guest_room(post), member)) < 0 ||
            !chat_guest_bury(post, (uint32_t)index))
            break;
}

void chat_guest_bury_all(struct post *post) {
    struct chat_room *room = chat_guest_room(post);
    const uint32_t top = chat_room_top(room);

    for (uint32_t i = 0; i < top; i++)
        if (chat_room_is_gone(room, i, post_now_ms(post)))
            chat_guest_bury(post, i);
}
