#ifndef WORKERS_SERVICES_CHAT_CHAT_CLIENT_STATE_H
#define WORKERS_SERVICES_CHAT_CHAT_CLIENT_STATE_H

/* What the parts of the client share: chat_client.h tells of its life. */

#include <jansson.h>

#include "workers/services/chat/chat_client.h"

enum chat_client_phase {
    CHAT_CLIENT_LOST,
    CHAT_CLIENT_GREETING,
    CHAT_CLIENT_IN,
    CHAT_CLIENT_LEAVING,
    CHAT_CLIENT_OVER,
};

/* What was said and is not acknowledged yet, in order; each has the next id. */
struct chat_client_pending {
    uint64_t first_id; /* of the oldest; ids begin with 1 */
    uint64_t next_id;
    char *text[CHAT_CLIENT_PENDING]; /* JSON, by id; NULL: acknowledged out of turn */
};

struct chat_client {
    const struct chat_client_settings *settings;
    struct complaint *complaint;
    struct talk talk;
    enum chat_client_phase phase;
    enum wire_mode wire; /* that is spoken; AUTO: frames, for a try */

    char key[33];  /* whoever has it is this member */
    char room[33]; /* hexadecimal; "": never was in one */
    char name[4 * TEXT_NAME_MAX];
    uint64_t seq; /* the last record that was seen */
    struct chat_client_pending pending;

    uint64_t phase_at_ms; /* since when */
    uint64_t lost_at_ms, retry_at_ms, retry_ms;
    uint64_t heard_at_ms; /* the last sign of life */
    bool was_in, has_heard, has_pinged, input_ended, is_interrupted;
    bool shows_earlier; /* the last line was one of before */
    int send_error;     /* errno; the connection is no good any more */
    int exit_code;
};

static inline bool chat_client_is_json(const struct chat_client *client) {
    return client->wire == WIRE_FRAMED || client->wire == WIRE_AUTO;
}

/* ---- chat_client.c ---- */

void chat_client_set_phase(struct chat_client *client, enum chat_client_phase phase);

/* The connection is of no use any more; why: for the person. */
void chat_client_lose(struct chat_client *client, const char *why);

/* Over, with this exit code; the complaint is set unless it is 0. */
void chat_client_end(struct chat_client *client, int exit_code);

/* ---- chat_client_hear.c ---- */

/* One message of the server's. */
void chat_client_hear(void *owner, const char *text, size_t len);

/* What the client has to say of itself. json: with what more stands in its object, is stolen. */
void chat_client_tell(struct chat_client *client, const char *event, json_t *more,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A server's event as a line for people; NULL: it is not for them. To be freed. */
char *chat_client_show(const json_t *event, bool is_russian);

/* ---- chat_client_say.c ---- */

/* How it introduces itself. */
void chat_client_greet(struct chat_client *client);

/* What was typed: lines. */
void chat_client_say(struct chat_client *client, const char *text, size_t len);

/* More may be said now. */
bool chat_client_may_say(const struct chat_client *client);

/* The server has it, or does not want it. */
void chat_client_settle(struct chat_client *client, uint64_t id);
unsigned chat_client_count_pending(const struct chat_client *client);

/* All that is not acknowledged, once more. */
void chat_client_say_again(struct chat_client *client);

void chat_client_send(struct chat_client *client, const char *text, size_t len);
void chat_client_send_json(struct chat_client *client, json_t *object); /* steals it */

/* Goodbye. */
void chat_client_leave(struct chat_client *client);

void chat_client_forget(struct chat_client *client);

#endif
