#ifndef WORKERS_SERVICES_CHAT_CHAT_MEMBER_H
#define WORKERS_SERVICES_CHAT_CHAT_MEMBER_H

/*
 * A member over a stream: what the chat knows of a session.
 *
 *   unnamed --HELLO--> introduced --a name--> in --quit, cut, replaced--> over
 *      `-----------------a name--------------^ |
 *                                              `--pack--> moved --first writable--> in
 *
 * `next` is the record that is to be given next: equal to where the post reads when he is in step;
 * below it while he lags (he reads slowly, has come back, was under way to another worker): then he
 * is served by himself until he is in step again.
 */

#include "workers/services/chat/chat_batch.h"
#include "workers/services/chat/chat_guest.h"
#include "workers/services/chat/chat_hello.h"
#include "workers/services/chat/chat_settings.h"
#include "workers/services/chat/chat_words.h"
#include "workers/services/session.h"

enum chat_flag {
    CHAT_IS_IN = 1,
    CHAT_IS_OVER = 2,
    CHAT_IS_MOVED = 4,     /* unpacked: the place in the table is still the old worker's */
    CHAT_IS_ELSEWHERE = 8, /* and that was another room */
    CHAT_IS_JSON = 16,
    CHAT_IS_QUIET = 32,
    CHAT_IS_SUFFIXED = 64,
    CHAT_WANTS_HISTORY = 128,
    CHAT_HAS_HELLO = 256,
    CHAT_HAS_SINCE = 512,
    CHAT_HAS_LANG = 1024,
    CHAT_IS_RUSSIAN = 2048,
    CHAT_FLAGS = 4096,
};

struct chat_member {
    uint64_t next;
    uint32_t flags; /* enum chat_flag */
    struct chat_guest guest;
    struct chat_flood flood;
    uint64_t number;   /* of this connection */
    uint64_t came_at;  /* the record of its coming: another one after it has replaced it */
    uint64_t since;    /* CHAT_HAS_SINCE: the last record that he has seen */
    uint64_t withheld; /* bytes that he was not given since he lags */
    uint64_t bad_since_ms;
    uint32_t bad_count; /* messages that were no text, since then */
    char key[CHAT_KEY_MAX + 1];
};

/* A post's memory. */
struct chat_post {
    struct chat_scene scene;
    struct chat_batch batch;
    struct chat_buffer own; /* what is written for one member alone */
    unsigned joined, left;  /* in a crowd: not shown yet */
    bool has_room_text;
};

/* The post's memory, with its scene set. */
struct chat_post *chat_member_post(struct post *post);

/* What a hook took is given back, where nobody else would. */
void chat_member_settle(struct post *post);

enum service_lang chat_member_lang(const struct session *session);
struct chat_voice chat_member_voice(const struct session *session);
struct chat_ear chat_member_ear(const struct chat_member *member);

/* What HELLO said. */
void chat_member_introduce(struct session *session, const struct chat_hello *hello);

/* He has said how he wants to be called. */
void chat_member_join(struct session *session, const char *typed, size_t len);

/* id: the client's number of it. */
void chat_member_rename(struct session *session, const char *typed, size_t len, uint64_t id);

/* Whatever ended it: the others are told. */
void chat_member_leave(struct session *session);

/* Told why, and ended. */
void chat_member_end(struct session *session, const char *code, enum chat_word word);

/* Take up one who was handed over. Returns false when he cannot be in. */
bool chat_member_arrive(struct session *session);

/*
 * One who is in wants to say something: is it still he who is in, and not another connection of
 * his? That one may be gone by now, and he told to have left. Returns false when he is shown out.
 */
bool chat_member_may_talk(struct session *session);

ssize_t chat_member_pack(struct session *session, char *buf, size_t size);
int chat_member_unpack(struct session *session, const char *data, size_t len);

#endif
