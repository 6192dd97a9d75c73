#ifndef WORKERS_SERVICES_CHAT_CHAT_SAY_H
#define WORKERS_SERVICES_CHAT_CHAT_SAY_H

/*
 * What somebody says, made fit for the others and published.
 */

#include "workers/services/chat/chat_guest.h"
#include "workers/services/session.h"

struct chat_saying {
    enum chat_kind kind; /* CHAT_SAID, CHAT_DID, CHAT_PRIVATE */
    uint64_t client_id;  /* 0: none */
    uint64_t to;         /* CHAT_PRIVATE: whose id */
    struct chat_text other, text;
};

enum chat_said {
    CHAT_SAY_OK,
    CHAT_SAY_CUT,     /* only the beginning was said */
    CHAT_SAY_AGAIN,   /* it was said before, as *out_seq */
    CHAT_SAY_NOTHING, /* nothing is left of it */
    CHAT_SAY_LONG,    /* has a client_id, and is too long to be said */
    CHAT_SAY_FAILED,
};

/* One message; what stands in several lines stands in one. Counts and logs it. */
enum chat_said chat_say_one(struct session *session, const struct chat_guest *guest,
    const struct chat_saying *saying, uint64_t *out_seq);

/*
 * Each line as a message of its own: nobody can make a line look as if another had said it. Returns
 * the worst that came of any of them. *out_count: of the lines.
 */
enum chat_said chat_say_lines(struct session *session, const struct chat_guest *guest,
    const char *text, size_t len, unsigned *out_count);

/* How many messages of this session's were no text so far. */
unsigned chat_say_count_bad(const struct session *session);

#endif
