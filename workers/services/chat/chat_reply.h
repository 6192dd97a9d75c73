#ifndef WORKERS_SERVICES_CHAT_CHAT_REPLY_H
#define WORKERS_SERVICES_CHAT_CHAT_REPLY_H

/*
 * What is said to one member alone, outside the order: to a program as JSON, to a person as a line,
 * to a classic client nothing, for its server said nothing either.
 */

#include "workers/services/chat/chat_member.h"
#include "workers/services/chat/chat_words.h"

struct chat_refusal {
    const char *code; /* for programs */
    uint64_t id;      /* of the message; 0: none */
    const char *hint; /* NULL: none */
};

void chat_reply_info(struct session *session, const char *text);

/* detail: what stands for the %s in the word; NULL: none does. */
void chat_reply_refuse(struct session *session, const struct chat_refusal *refusal,
    enum chat_word word, const char *detail);

void chat_reply_hello(struct session *session);
void chat_reply_new_room(struct session *session); /* what was behind `since` is not to be had */
void chat_reply_again(struct session *session, uint64_t id, uint64_t seq);
void chat_reply_who(struct session *session);
void chat_reply_bye(struct session *session, const char *code, enum chat_word word);
void chat_reply_pong(struct session *session);

#endif
