#ifndef WORKERS_SERVICES_RELAY_PRIVATE_H
#define WORKERS_SERVICES_RELAY_PRIVATE_H

/* What the two halves of the relay share: people in sessions, and those who send datagrams. */

#include "workers/services/post.h"

#define RELAY_TEXT_MAX 1024u
#define RELAY_LINE_MAX (RELAY_TEXT_MAX + 96)
#define RELAY_BATCH    64 /* records for one member, before others have their turn */

/* In the order of `counters`. */
enum relay_counter { RELAY_PUBLISHED, RELAY_REPEATED, RELAY_MISSED };

struct relay_settings {
    uint64_t history;
};

/* What a member said: "hello MEMBER [ROOM:SEQ]", or "ID TEXT". */
struct relay_words {
    bool is_hello;
    uint64_t number; /* MEMBER, or ID */
    uint64_t since;  /* of a hello; 0: from now on */
    const char *text;
    size_t text_len;
};

/* Read it. Returns false when it is neither. A ROOM that is another counts as none. */
bool relay_read(const struct post *post, const char *data, size_t len, struct relay_words *out);

/*
 * Publish a member's text, and tell it when that is not new, or did not work. (Whom it reaches is
 * told by the record alone, the member included.)
 */
void relay_publish(struct session *session, uint64_t member, const struct relay_words *words);

/* Tell a member which room it is in, and where it stands. */
void relay_welcome(struct session *session, uint64_t seq);

/* Read the next record and write it as members get it. Returns the length; 0: there is none. */
size_t relay_write_next(struct post *post, struct bus_reader *reader, char line[RELAY_LINE_MAX]);

/* ---- relay_datagrams.c ---- */

size_t relay_datagrams_size(const void *settings);
void relay_datagrams_take(struct session *session, const char *data, size_t len);

/* Send its members what they have not got. Returns true when there is more. */
bool relay_datagrams_mail(struct post *post);

#endif
