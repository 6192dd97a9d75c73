#include "workers/services/chat/chat_member.h"

#include <bsd/stdlib.h>
#include <stdio.h>
#include <string.h>

#include "shared/text_utf8.h"
#include "workers/services/chat/chat_count.h"
#include "workers/services/chat/chat_fan.h"
#include "workers/services/chat/chat_reply.h"

#define KEEP_BYTES    (256u << 10) /* of memory, between turns */
#define ON_ITS_WAY_MS 5000

struct chat_post *chat_member_post(struct post *post) {
    struct chat_post *own = post_state(post);

    if (!own->has_room_text)
        chat_hello_room(own->scene.room, bus_room(post_bus(post)));
    own->has_room_text = true;
    return own;
}

/* A thread's post goes with its thread, and nobody is told. */
void chat_member_settle(struct post *post) {
    struct chat_post *own = post_state(post);

    if (!post_is_main(post) || own->own.size > KEEP_BYTES)
        chat_buffer_free(&own->own);
    if (!post_is_main(post) || own->scene.line.size > KEEP_BYTES)
        chat_buffer_free(&own->scene.line);
    if (!post_is_main(post))
        chat_batch_free(&own->batch);
}

static enum service_lang lang_of(const struct session *session, const struct chat_member *member) {
    if (member == NULL || (member->flags & CHAT_HAS_LANG) == 0)
        return session_lang(session);
    return (member->flags & CHAT_IS_RUSSIAN) != 0 ? SERVICE_LANG_RU : SERVICE_LANG_EN;
}

enum service_lang chat_member_lang(const struct session *session) {
    return lang_of(session, session_state(session));
}

struct chat_voice chat_member_voice(const struct session *session) {
    const struct chat_member *member = session_state(session);

    return (struct chat_voice){ .form = (uint8_t)session_form(session),
        .lang = (uint8_t)lang_of(session, member),
        .is_json = (member->flags & CHAT_IS_JSON) != 0,
        .is_quiet = (member->flags & CHAT_IS_QUIET) != 0 };
}

struct chat_ear chat_member_ear(const struct chat_member *member) {
    return (struct chat_ear){ .id = member->guest.id,
        .next = member->next,
        .number = member->number,
        .key = member->key,
        .is_suffixed = (member->flags & CHAT_IS_SUFFIXED) != 0 };
}

/* ---- coming ---- */

static uint64_t draw(void) {
    uint64_t number;

    arc4random_buf(&number, sizeof(number));
    return number | 1;
}

static void make_key(char key[CHAT_KEY_MAX + 1]) {
    snprintf(key, CHAT_KEY_MAX + 1, "%016llx%016llx", (unsigned long long)draw(),
        (unsigned long long)draw());
}

void chat_member_introduce(struct session *session, const struct chat_hello *hello) {
    struct chat_member *member = session_state(session);
    struct post *post = session_post(session);

    member->flags |= CHAT_HAS_HELLO | (hello->has_lang ? CHAT_HAS_LANG : 0) |
                     (hello->is_russian ? CHAT_IS_RUSSIAN : 0) |
                     (hello->wants_json ? CHAT_IS_JSON : 0) |
                     (hello->wants_history ? CHAT_WANTS_HISTORY : 0) |
                     (hello->has_since ? CHAT_HAS_SINCE : 0);
    /* Of another room, or from the future: nothing of it can be had. */
    member->since = UINT64_MAX;
    if (hello->has_since && hello->seq < bus_next(post_bus(post)) &&
        memcmp(hello->room, bus_room(post_bus(post)), BUS_ROOM_SIZE) == 0)
        member->since = hello->seq;
    memcpy(member->key, hello->key, sizeof(member->key));
    if (hello->wants_json)
        chat_reply_hello(session);
}

static struct chat_entry make_entry(
    struct session *session, const char *typed, size_t len, char *hint) {
    struct chat_member *member = session_state(session);

    return (struct chat_entry){ .owner = chat_guest_owner(session_post(session)),
        .typed = typed,
        .typed_len = len,
        .lang = chat_member_lang(session),
        .number = member->number,
        .hint = hint };
}

static void note_suffix(struct session *session, const char *typed, size_t len) {
    struct chat_member *member = session_state(session);
    char wanted[TEXT_NAME_MAX + 1];

    member->flags &= ~(uint32_t)CHAT_IS_SUFFIXED;
    if (text_name(wanted, typed, len) == 0 || strcmp(wanted, member->guest.name) == 0)
        return;
    member->flags |= CHAT_IS_SUFFIXED;
    session_add_count(session, CHAT_COUNT_SUFFIXED, 1);
}

static void refuse_entry(
    struct session *session, enum chat_enter result, uint64_t id, const char *hint) {
    struct chat_refusal refusal = { .code = "name_taken", .id = id, .hint = hint };

    if (result == CHAT_ENTER_TAKEN) {
        chat_reply_refuse(session, &refusal, CHAT_WORD_NAME_TAKEN, hint);
        return;
    }
    session_add_count(session, CHAT_COUNT_REFUSED, result == CHAT_ENTER_FULL);
    if (result == CHAT_ENTER_FULL)
        chat_reply_bye(session, "full", CHAT_WORD_FULL);
    else
        chat_reply_bye(session, "not_sent", CHAT_WORD_NOT_SENT);
    session_close(session);
}

/* A crowd is one as soon as it is seen, and until the next tick at least. */
static void note_members(struct post *post) {
    const struct chat_settings *settings = post_settings(post);
    struct chat_scene *scene = &chat_member_post(post)->scene;

    scene->members = chat_room_count(chat_guest_room(post));
    scene->is_crowd |= scene->members > settings->crowd;
}

/* He is in from record seq on; he may have seen some before. */
static void begin(struct session *session, uint64_t seq) {
    const struct chat_settings *settings = session_settings(session);
    struct chat_member *member = session_state(session);
    struct post *post = session_post(session);
    const bool is_json = (member->flags & CHAT_IS_JSON) != 0;

    member->flags |= CHAT_IS_IN;
    member->next = member->came_at = seq;
    note_members(post);
    if ((member->flags & CHAT_HAS_SINCE) != 0) {
        if (member->since < seq)
            member->next = member->since + 1;
        else
            chat_reply_new_room(session);
    } else if (session_form(session) != WIRE_FORM_RAW && settings->replay > 0 &&
               (!is_json || (member->flags & CHAT_WANTS_HISTORY) != 0)) {
        chat_fan_replay(session, (unsigned)settings->replay, seq);
    }
    chat_fan_catch_up(session);
}

void chat_member_join(struct session *session, const char *typed, size_t len) {
    struct chat_member *member = session_state(session);
    struct post *post = session_post(session);
    const bool has_key = member->key[0] != '\0', is_json = (member->flags & CHAT_IS_JSON) != 0;
    char hint[TEXT_NAME_MAX + 1];
    struct chat_entry entry;
    enum chat_enter result;
    uint64_t seq;

    if (!has_key)
        make_key(member->key);
    member->number = draw();
    member->guest.id = chat_room_hash(chat_guest_room(post), 'k', member->key, strlen(member->key));
    entry = make_entry(session, typed, len, is_json ? hint : NULL);
    if (has_key && chat_guest_resume(post, &member->guest, entry.owner, member->number, &seq)) {
        begin(session, seq);
        return;
    }
    if (has_key)
        chat_guest_bury_leaving(post, member->guest.id);
    result = chat_guest_enter(post, &member->guest, &entry, &seq);
    if (result != CHAT_ENTER_OK) {
        refuse_entry(session, result, 0, result == CHAT_ENTER_TAKEN ? hint : NULL);
        return;
    }
    note_suffix(session, typed, len);
    begin(session, seq);
}

void chat_member_rename(struct session *session, const char *typed, size_t len, uint64_t id) {
    struct chat_member *member = session_state(session);
    char hint[TEXT_NAME_MAX + 1], name[TEXT_NAME_MAX + 1];
    struct chat_entry entry = make_entry(session, typed, len, hint);
    enum chat_enter result;
    uint64_t seq;

    if (text_name(name, typed, len) == 0) {
        chat_reply_refuse(session, &(struct chat_refusal){ .code = "no_name", .id = id },
            CHAT_WORD_NO_NAME, NULL);
        return;
    }
    if (strcmp(name, member->guest.name) == 0)
        return;
    result = chat_guest_rename(session_post(session), &member->guest, &entry, &seq);
    if (result == CHAT_ENTER_TAKEN)
        refuse_entry(session, result, id, hint);
    else if (result != CHAT_ENTER_OK)
        chat_reply_refuse(session, &(struct chat_refusal){ .code = "not_sent", .id = id },
            CHAT_WORD_NOT_SENT, NULL);
}

/* ---- going ---- */

void chat_member_leave(struct session *session) {
    struct chat_member *member = session_state(session);

    if ((member->flags & CHAT_IS_IN) != 0)
        chat_guest_leave(session_post(session), &member->guest);
    member->flags = (member->flags & ~(uint32_t)CHAT_IS_IN) | CHAT_IS_OVER;
}

void chat_member_end(struct session *session, const char *code, enum chat_word word) {
    struct chat_member *member = session_state(session);

    if ((member->flags & CHAT_IS_OVER) != 0)
        return;
    chat_reply_bye(session, code, word);
    chat_member_leave(session);
    session_close(session);
}

/* ---- from one worker to another ---- */

struct packed {
    struct chat_member member;
    uint8_t room[BUS_ROOM_SIZE];
};

/* Its old worker may be gone before the new one comes to it: so it is not buried for a while. */
ssize_t chat_member_pack(struct session *session, char *buf, size_t size) {
    const struct chat_member *member = session_state(session);
    struct post *post = session_post(session);
    struct packed packed;

    if (size < sizeof(packed))
        return -1;
    memset(&packed, 0, sizeof(packed));
    chat_room_renew(chat_guest_room(post), &member->guest.place, post_now_ms(post) + ON_ITS_WAY_MS);
    memcpy(&packed.member, member, sizeof(packed.member));
    memcpy(packed.room, bus_room(post_bus(session_post(session))), sizeof(packed.room));
    memcpy(buf, &packed, sizeof(packed));
    return sizeof(packed);
}

static bool is_sound(const struct chat_member *member) {
    const struct chat_guest *guest = &member->guest;

    return guest->name_len <= TEXT_NAME_MAX && guest->name[guest->name_len] == '\0' &&
           strlen(guest->name) == guest->name_len &&
           text_utf8_is_valid(guest->name, guest->name_len) &&
           memchr(member->key, '\0', sizeof(member->key)) != NULL && member->flags < CHAT_FLAGS;
}

int chat_member_unpack(struct session *session, const char *data, size_t len) {
    struct chat_member *member = session_state(session);
    const struct bus *bus = post_bus(session_post(session));
    struct packed packed;

    if (len != sizeof(packed))
        return -1;
    memcpy(&packed, data, sizeof(packed));
    if (!is_sound(&packed.member))
        return -1;
    *member = packed.member;
    if ((member->flags & CHAT_IS_IN) != 0)
        member->flags |= CHAT_IS_MOVED;
    if (memcmp(packed.room, bus_room(bus), sizeof(packed.room)) != 0)
        member->flags |= CHAT_IS_ELSEWHERE;
    return 0;
}

/* The place went with another room, or was buried before it could be taken over. */
static bool enter_again(struct session *session, bool is_elsewhere) {
    struct chat_member *member = session_state(session);
    char name[TEXT_NAME_MAX + 1];
    struct chat_entry entry = make_entry(session, name, member->guest.name_len, NULL);
    enum chat_enter result;
    uint64_t seq;

    memcpy(name, member->guest.name, sizeof(name));
    if (is_elsewhere)
        member->guest.id = chat_room_hash(
            chat_guest_room(session_post(session)), 'k', member->key, strlen(member->key));
    chat_guest_bury_leaving(session_post(session), member->guest.id);
    result = chat_guest_enter(session_post(session), &member->guest, &entry, &seq);
    if (result != CHAT_ENTER_OK) {
        member->flags &= ~(uint32_t)CHAT_IS_IN;
        refuse_entry(session, result, 0, NULL);
        return false;
    }
    note_suffix(session, name, entry.typed_len);
    member->came_at = seq;
    if (!is_elsewhere)
        return true;
    member->next = seq;
    if ((member->flags & CHAT_IS_JSON) != 0)
        chat_reply_new_room(session);
    return true;
}

/* The place is ours again. */
static bool take_over(struct session *session) {
    struct chat_member *member = session_state(session);
    struct post *post = session_post(session);

    return chat_room_take_over(chat_guest_room(post), member->guest.place.index,
        member->guest.place.word, chat_guest_owner(post), &member->guest.place);
}

/* He has come back over another connection while this one was under way. */
static bool is_back_elsewhere(struct session *session) {
    const struct chat_member *member = session_state(session);

    return chat_room_find_member(chat_guest_room(session_post(session)), member->guest.id, 0) >= 0;
}

bool chat_member_arrive(struct session *session) {
    struct chat_member *member = session_state(session);
    const bool is_elsewhere = (member->flags & CHAT_IS_ELSEWHERE) != 0,
               is_moved = (member->flags & CHAT_IS_MOVED) != 0;

    member->flags &= ~(uint32_t)(CHAT_IS_MOVED | CHAT_IS_ELSEWHERE);
    if (is_elsewhere && !is_moved)
        member->since = UINT64_MAX;
    if (!is_moved)
        return (member->flags & CHAT_IS_IN) != 0;
    if (!is_elsewhere && take_over(session))
        return true;
    if (!is_elsewhere && is_back_elsewhere(session)) {
        chat_member_end(session, "replaced", CHAT_WORD_BYE_REPLACED);
        return false;
    }
    return enter_again(session, is_elsewhere);
}

bool chat_member_may_talk(struct session *session) {
    const struct chat_member *member = session_state(session);

    if (chat_room_is_ours(chat_guest_room(session_post(session)), &member->guest.place))
        return true;
    if ((member->flags & CHAT_IS_MOVED) != 0)
        return chat_member_arrive(session);
    chat_member_end(session, "replaced", CHAT_WORD_BYE_REPLACED);
    return false;
}
