/* What goes out: the greeting, what is typed, and once more what nobody has acknowledged. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/text_clean.h"
#include "shared/text_utf8.h"
#include "workers/services/chat/chat_client_state.h"
#include "workers/services/chat/chat_command.h"

#define UNSENT_MOST  65536u
#define COOKIE_WORTH 6 /* bytes: a stranger is not sent three times as many as he has sent */

/* ---- sending ---- */

void chat_client_send(struct chat_client *client, const char *text, size_t len) {
    if (client->talk.fd < 0)
        return;
    dial_wait(-1, 0, talk_send_due_ms(&client->talk));
    if (talk_send(&client->talk, text, len, clock_now_ms()) < 0)
        client->send_error = errno; /* the connection may be in use: it is closed by the loop */
}

void chat_client_send_json(struct chat_client *client, json_t *object) {
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

    json_decref(object);
    if (text != NULL)
        chat_client_send(client, text, strlen(text));
    free(text);
}

void chat_client_greet(struct chat_client *client) {
    char text[sizeof(client->name) + 256];
    int len;

    if (!chat_client_is_json(client)) {
        len = snprintf(
            text, sizeof(text), "%-*s", client->talk.is_datagram ? COOKIE_WORTH : 0, client->name);
        chat_client_send(client, text, (size_t)len);
        return;
    }
    len = snprintf(text, sizeof(text), "HELLO 1 lang=%s caps=json,history key=%s ",
        client->settings->is_russian ? "ru" : "en", client->key);
    if (client->room[0] != '\0')
        len += snprintf(text + len, sizeof(text) - (size_t)len, "since=%s:%" PRIu64 " ",
            client->room, client->seq);
    len += snprintf(text + len, sizeof(text) - (size_t)len, "name=%s", client->name);
    chat_client_send(client, text, (size_t)len);
}

/* ---- until it is acknowledged ---- */

static char **place(struct chat_client_pending *pending, uint64_t id) {
    return &pending->text[id % CHAT_CLIENT_PENDING];
}

unsigned chat_client_count_pending(const struct chat_client *client) {
    return (unsigned)(client->pending.next_id - client->pending.first_id);
}

bool chat_client_may_say(const struct chat_client *client) {
    if (client->phase != CHAT_CLIENT_IN || client->input_ended)
        return false;
    if (chat_client_is_json(client))
        return chat_client_count_pending(client) < CHAT_CLIENT_PENDING;
    return client->talk.unsent_len < UNSENT_MOST &&
           talk_send_due_ms(&client->talk) <= clock_now_ms();
}

void chat_client_settle(struct chat_client *client, uint64_t id) {
    struct chat_client_pending *pending = &client->pending;

    if (id < pending->first_id || id >= pending->next_id)
        return;
    free(*place(pending, id));
    *place(pending, id) = NULL;
    while (pending->first_id < pending->next_id && *place(pending, pending->first_id) == NULL)
        pending->first_id++;
}

void chat_client_say_again(struct chat_client *client) {
    struct chat_client_pending *pending = &client->pending;

    for (uint64_t id = pending->first_id; id < pending->next_id; id++)
        if (*place(pending, id) != NULL)
            chat_client_send(client, *place(pending, id), strlen(*place(pending, id)));
}

void chat_client_forget(struct chat_client *client) {
    for (unsigned i = 0; i < CHAT_CLIENT_PENDING; i++)
        free(client->pending.text[i]);
}

/* ---- what is typed ---- */

static json_t *string_of(struct chat_text text) {
    char *clean = malloc(TEXT_UTF8_GROWTH * text.len + 1);
    json_t *string = NULL;
    size_t bad;

    if (clean != NULL)
        string = json_stringn(clean, text_utf8_replace(clean, text.data, text.len, &bad));
    free(clean);
    return string;
}

/* With a number of ours, kept until that is acknowledged. */
static void say_for_certain(struct chat_client *client, const struct chat_request *request) {
    static const char *const types[CHAT_VERBS] = {
        [CHAT_VERB_SAY] = "say", [CHAT_VERB_ME] = "me", [CHAT_VERB_PRIVATE] = "private"
    };
    struct chat_client_pending *pending = &client->pending;
    json_t *object = json_pack("{s:s,s:I,s:o}", "t", types[request->verb], "id",
        (json_int_t)pending->next_id, "text", string_of(request->text));
    char *text;

    if (object != NULL && request->verb == CHAT_VERB_PRIVATE)
        json_object_set_new(object, "to", string_of(request->name));
    text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text == NULL)
        return;
    *place(pending, pending->next_id++) = text;
    chat_client_send(client, text, strlen(text));
}

/*
 * Where nothing but text is spoken the server knows no command: what was meant as one would be said
 * to all. A script says what it says.
 */
static void say_plainly(struct chat_client *client, enum chat_command_result result,
    const struct chat_request *request, const char *line, size_t len) {
    const bool is_person = !client->settings->is_json && client->wire == WIRE_RAW;

    if (is_person && (result != CHAT_COMMAND_OK || request->verb != CHAT_VERB_SAY))
        chat_client_tell(client, "no_command", NULL, "%s",
            client->settings->is_russian
                ? "Здесь из команд есть только /quit; строка, которая начинается с косой черты, "
                  "говорится с двумя"
                : "There is no command here but /quit; to say a line that begins with a slash, "
                  "write two");
    else if (is_person)
        chat_client_send(client, request->text.data, request->text.len);
    else
        chat_client_send(client, line, len);
}

static void say_line(struct chat_client *client, const char *line, size_t len) {
    struct chat_request request;
    const enum chat_command_result result = chat_command_read(&request, line, len);

    if (result == CHAT_COMMAND_OK && request.verb == CHAT_VERB_QUIT)
        chat_client_leave(client);
    else if (!chat_client_is_json(client))
        say_plainly(client, result, &request, line, len);
    else if (result == CHAT_COMMAND_OK &&
             (request.verb == CHAT_VERB_SAY || request.verb == CHAT_VERB_ME ||
                 request.verb == CHAT_VERB_PRIVATE))
        say_for_certain(client, &request);
    else
        chat_client_send(client, line, len);
}

static bool is_blank(const char *line, size_t len) {
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    return len == 0;
}

void chat_client_say(struct chat_client *client, const char *text, size_t len) {
    const char *line;
    size_t line_len;

    while (client->phase == CHAT_CLIENT_IN && text_next_line(&text, &len, &line, &line_len))
        if (!is_blank(line, line_len))
            say_line(client, line, line_len);
}

void chat_client_leave(struct chat_client *client) {
    if (client->phase == CHAT_CLIENT_OVER || client->phase == CHAT_CLIENT_LEAVING)
        return;
    if (client->phase == CHAT_CLIENT_LOST) {
        chat_client_set_phase(client, CHAT_CLIENT_OVER);
        return;
    }
    chat_client_set_phase(client, CHAT_CLIENT_LEAVING);
    if (chat_client_is_json(client))
        chat_client_send_json(client, json_pack("{s:s}", "t", "quit"));
    else
        chat_client_send(client, "/quit", 5);
}
