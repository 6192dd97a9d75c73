#include "workers/services/chat/chat_guest.h"

#include <bsd/stdlib.h>
#include <stdio.h>
#include <string.h>

#include "shared/failpoint.h"
#include "shared/text_name.h"
#include "workers/services/chat/chat_claim.h"
#include "workers/services/chat/chat_count.h"
#include "workers/services/chat/chat_words.h"

#define SUFFIX_IN_ORDER 9 /* "_2" to "_9"; then by chance, so that a crowd does not queue up */
#define SUFFIXES_MOST   40
#define RESUMES_MOST    16 /* while he changes his name */
#define STAY_MASK       ((1ull << 62) - 1)

struct chat_room *chat_guest_room(struct post *post) {
    return &((struct chat_worker *)post_worker(post))->room;
}

struct chat_owner chat_guest_owner(const struct post *post) {
    const unsigned row = post_row(post);

    return (struct chat_owner){ .row = row, .life = post_life(post, row) };
}

static uint64_t draw(void) {
    uint64_t number;

    arc4random_buf(&number, sizeof(number));
    return (number & STAY_MASK) | 1;
}

int chat_guest_publish(struct post *post, const struct chat_event *event, uint64_t *out_seq) {
    char payload[CHAT_PAYLOAD_MAX];
    const struct bus_record record = { .member = event->member,
        .client_id = event->client_id,
        .kind = (uint16_t)event->kind,
        .payload = payload,
        .len = (uint32_t)chat_event_encode(payload, event) };
    int rc = post_publish(post, &record, out_seq);

    if (rc < 0)
        post_add_count(post, CHAT_COUNT_UNPUBLISHED, 1);
    return rc;
}

int chat_guest_tell(struct post *post, const struct chat_guest *guest, enum chat_kind kind,
    uint64_t client_id, uint64_t number, uint64_t *out_seq) {
    const struct chat_event event = { .kind = kind,
        .member = guest->id,
        .client_id = client_id,
        .number = number,
        .name = { guest->name, guest->name_len } };

    return chat_guest_publish(post, &event, out_seq);
}

/* ---- a name ---- */

uint64_t chat_guest_look(struct post *post, const char *name, size_t len) {
    char skeleton[TEXT_NAME_MAX + 1];
    const size_t n = text_name_skeleton(skeleton, name, len);

    return chat_room_hash(chat_guest_room(post), 'n', skeleton, n);
}

/* The name as it is, then with one suffix after the other. */
static size_t make_name(char dst[TEXT_NAME_MAX + 1], const char *name, size_t len, unsigned n) {
    if (n == 1) {
        memcpy(dst, name, len);
        dst[len] = '\0';
        return len;
    }
    if (n > SUFFIX_IN_ORDER)
        n = SUFFIX_IN_ORDER + 1 + arc4random_uniform(1u << (n / 2));
    return text_name_suffix(dst, name, len, n);
}

static enum chat_claim claim(struct post *post, struct chat_wish *wish, struct chat_place *out) {
    enum chat_claim result;
    uint32_t rival;

    wish->look = chat_guest_look(post, wish->name, wish->name_len);
    result = chat_claim_name(chat_guest_room(post), wish, out, &rival);
    /* Who has the name may be gone, and only not have been buried yet. */
    if (result == CHAT_CLAIM_TAKEN && rival != UINT32_MAX && chat_guest_bury(post, rival))
        result = chat_claim_name(chat_guest_room(post), wish, out, &rival);
    return result;
}

/* Find the next name that nobody has. */
static void propose(struct post *post, char *out_hint, const char *base, size_t len) {
    size_t n;

    for (unsigned i = 2; i < SUFFIXES_MOST; i++) {
        n = make_name(out_hint, base, len, i);
        if (chat_room_find_look(chat_guest_room(post), chat_guest_look(post, out_hint, n)) < 0)
            break;
    }
}

/* Claim the name, or the first of its likes that is free; it is guest's then. */
static enum chat_enter take_name(struct post *post, struct chat_guest *guest,
    const struct chat_entry *entry, struct chat_wish *wish) {
    char base[TEXT_NAME_MAX + 1];
    size_t len = text_name(base, entry->typed, entry->typed_len);
    enum chat_claim result = CHAT_CLAIM_TAKEN;

    if (len == 0)
        len = (size_t)snprintf(
            base, sizeof(base), "%s", chat_word(CHAT_WORD_DEFAULT_NAME, entry->lang));
    wish->name = guest->name;
    for (unsigned n = 1; result == CHAT_CLAIM_TAKEN && n < SUFFIXES_MOST; n++) {
        if (n > 1 && entry->hint != NULL) {
            propose(post, entry->hint, base, len);
            return CHAT_ENTER_TAKEN;
        }
        wish->name_len = make_name(guest->name, base, len, n);
        guest->name_len = (uint8_t)wish->name_len;
        result = claim(post, wish, &guest->place);
    }
    return result == CHAT_CLAIM_HELD ? CHAT_ENTER_OK : CHAT_ENTER_FULL;
}

static struct chat_wish make_wish(
    struct post *post, const struct chat_guest *guest, const struct chat_entry *entry) {
    return (struct chat_wish){ .owner = entry->owner,
        .member = guest->id,
        .stay = guest->stay,
        .intro = draw(),
        .until_ms = entry->until_ms,
        .now_ms = post_now_ms(post) };
}

/* ---- coming in ---- */

enum chat_enter chat_guest_enter(struct post *post, struct chat_guest *guest,
    const struct chat_entry *entry, uint64_t *out_seq) {
    struct chat_room *room = chat_guest_room(post);
    struct chat_wish wish;
    enum chat_enter result;

    guest->stay = draw();
    wish = make_wish(post, guest, entry);
    result = take_name(post, guest, entry, &wish);
    if (result != CHAT_ENTER_OK) {
        guest->place.word = 0;
        return result;
    }
    FAILPOINT("chat-held");
    if (chat_guest_tell(
            post, guest, CHAT_JOINED, CHAT_INTRO_ID(wish.intro), entry->number, out_seq) < 0) {
        chat_room_free(room, &guest->place, chat_guest_owner(post));
        guest->place.word = 0;
        return CHAT_ENTER_FAILED;
    }
    FAILPOINT("chat-joined");
    chat_room_tell(room, &guest->place);
    post_add_count(post, CHAT_COUNT_JOINED, 1);
    post_say(post, "joined", chat_word(CHAT_WORD_SAY_JOINED, post_lang(post)), guest->name);
    return CHAT_ENTER_OK;
}

/*
 * Where he is; who has two places has not yielded the one that is told of. Returns -1 with
 * *out_moves set when he was about to change it, and is found if he is looked for again.
 */
static int64_t find_own(
    struct chat_room *room, uint64_t member, struct chat_seen *out, bool *out_moves) {
    struct chat_seen seen;
    int64_t found = -1;

    *out_moves = false;
    for (int64_t i = chat_room_find_member(room, member, 0); i >= 0;
         i = chat_room_find_member(room, member, (uint32_t)i + 1)) {
        *out_moves = true;
        if (!chat_room_see(room, (uint32_t)i, &seen) || seen.member != member ||
            chat_room_state(seen.word) == CHAT_YIELDED)
            continue;
        found = i;
        *out = seen;
        if (chat_room_state(seen.word) == CHAT_TOLD)
            break;
    }
    return found;
}

/* His place becomes the owner's. False when he has none. */
static bool take_over(struct chat_room *room, struct chat_guest *guest, struct chat_owner owner,
    struct chat_seen *out) {
    bool moves = true;
    int64_t index;

    for (unsigned i = 0; moves && i < RESUMES_MOST; i++) {
        index = find_own(room, guest->id, out, &moves);
        if (index >= 0 &&
            chat_room_take_over(room, (uint32_t)index, out->word, owner, &guest->place))
            return true;
    }
    return false;
}

bool chat_guest_resume(struct post *post, struct chat_guest *guest, struct chat_owner owner,
    uint64_t number, uint64_t *out_seq) {
    struct chat_room *room = chat_guest_room(post);
    struct chat_seen seen;
    uint64_t seq;

    if (!take_over(room, guest, owner, &seen))
        return false;
    guest->stay = seen.stay;
    guest->name_len = (uint8_t)seen.name_len;
    memcpy(guest->name, seen.name, seen.name_len + 1);
    FAILPOINT("chat-back");
    /* He was killed before it was told, or just after. */
    if (chat_room_state(seen.word) == CHAT_HELD &&
        chat_guest_introduce(post, guest->place.index, &seen, 0, &seq) >= 0)
        chat_room_tell(room, &guest->place);
    if (chat_guest_tell(post, guest, CHAT_BACK, 0, number, out_seq) >= 0)
        return true;
    chat_guest_leave(post, guest);
    return false;
}

/* ---- another name ---- */

/* The old name is yielded: tell, and go on under the new one. */
static enum chat_enter change(struct post *post, struct chat_guest *guest,
    const struct chat_guest *other, uint64_t intro, uint64_t *out_seq) {
    struct chat_room *room = chat_guest_room(post);
    struct chat_seen seen = {
        .word = other->place.word, .member = other->id, .stay = other->stay, .intro = intro
    };

    memcpy(seen.name, other->name, sizeof(seen.name));
    seen.name_len = other->name_len;
    if (chat_guest_introduce(post, other->place.index, &seen, 0, out_seq) < 0) {
        /* If he has come back over another connection it is for that one to tell. */
        if (chat_room_free(room, &other->place, chat_guest_owner(post)))
            chat_room_tell(room, &guest->place);
        return CHAT_ENTER_FAILED;
    }
    post_say(post, "renamed", chat_word(CHAT_WORD_SAY_RENAMED, post_lang(post)), guest->name,
        other->name);
    *guest = *other;
    chat_room_tell(room, &guest->place);
    return CHAT_ENTER_OK;
}

enum chat_enter chat_guest_rename(struct post *post, struct chat_guest *guest,
    const struct chat_entry *entry, uint64_t *out_seq) {
    struct chat_guest other = *guest;
    struct chat_wish wish = make_wish(post, guest, entry);
    enum chat_enter result;

    wish.own = &guest->place;
    result = take_name(post, &other, entry, &wish);
    if (result != CHAT_ENTER_OK)
        return result;
    FAILPOINT("chat-renaming");
    /* Another connection of his may have it, and then his name is that one's to change. */
    if (!chat_room_yield(chat_guest_room(post), &guest->place)) {
        chat_room_free(chat_guest_room(post), &other.place, chat_guest_owner(post));
        return CHAT_ENTER_FAILED;
    }
    FAILPOINT("chat-yielded");
    return change(post, guest, &other, wish.intro, out_seq);
}
