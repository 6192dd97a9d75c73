/*
 * What comes in: events of a server that speaks JSON, and texts of others. All of it is hostile:
 * what a terminal would obey is escaped, and of JSON only what has the right type is believed.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/escape.h"
#include "shared/json_text.h"
#include "shared/line_editor.h"
#include "shared/text_clean.h"
#include "workers/services/chat/chat_client_state.h"
#include "workers/services/chat/chat_words.h"

/* ---- out to the person or program ---- */

static void print_json(json_t *object) {
    char *text = object != NULL ? json_text_dump(object, isatty(STDOUT_FILENO) != 0) : NULL;

    if (text != NULL)
        line_editor_print(text);
    free(text);
    json_decref(object);
}

/* Each line of a text by itself, escaped. */
static void print_text(const char *text, size_t len, void (*print)(const char *line)) {
    const char *line;
    size_t line_len;
    char *shown;

    while (text_next_line(&text, &len, &line, &line_len)) {
        if (line_len == 0)
            continue;
        shown = malloc(ESCAPE_LINE_GROWTH * line_len + 1);
        if (shown == NULL)
            return;
        escape_line(shown, ESCAPE_LINE_GROWTH * line_len + 1, line, line_len);
        print(shown);
        free(shown);
    }
}

void chat_client_tell(
    struct chat_client *client, const char *event, json_t *more, const char *format, ...) {
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (client->settings->is_json) {
        more = more != NULL ? more : json_object();
        json_object_set_new(more, "t", json_string(event));
        print_json(more);
        return;
    }
    json_decref(more);
    print_text(text, strlen(text), line_editor_say);
}

/* ---- texts ---- */

/* Returns true when it was about the conversation itself. */
static bool take_sign(struct chat_client *client, const char *text, size_t len) {
    char answer[64 + sizeof(client->name)];

    if (!client->talk.is_datagram)
        return false;
    if (len > 8 && len < 64 && memcmp(text, "/cookie ", 8) == 0) {
        snprintf(answer, sizeof(answer), "%.*s %s", (int)len, text, client->name);
        chat_client_send(client, answer, strlen(answer));
        return true;
    }
    if (len == 0)
        chat_client_send(client, "", 0); /* are you still there? */
    return len == 0;
}

static void print_line_json(const char *line, size_t len) {
    char *clean = malloc(TEXT_UTF8_GROWTH * len + 1);
    size_t bad;

    if (clean != NULL)
        print_json(json_pack("{s:s,s:o}", "t", "text", "text",
            json_stringn(clean, text_utf8_replace(clean, line, len, &bad))));
    free(clean);
}

/* Several texts that were read at once have a newline between them. */
static void hear_text(struct chat_client *client, const char *text, size_t len) {
    const char *line;
    size_t line_len;

    if (take_sign(client, text, len))
        return;
    if (!client->settings->is_json) {
        print_text(text, len, line_editor_print);
        return;
    }
    while (text_next_line(&text, &len, &line, &line_len))
        if (line_len > 0)
            print_line_json(line, line_len);
}

/* ---- events ---- */

static const char *string_of(const json_t *event, const char *key) {
    const char *text = json_string_value(json_object_get(event, key));

    return text != NULL ? text : "";
}

static uint64_t number_of(const json_t *event, const char *key) {
    const json_int_t number = json_integer_value(json_object_get(event, key));

    return number > 0 ? (uint64_t)number : 0;
}

static void take_room(struct chat_client *client, const json_t *event) {
    const char *room = string_of(event, "room");

    if (strlen(room) >= sizeof(client->room) || strcmp(room, client->room) == 0 || room[0] == '\0')
        return;
    strcpy(client->room, room);
    client->seq = 0;
}

static void hear_welcome(struct chat_client *client, const json_t *event) {
    const char *name = string_of(event, "name");

    if (strlen(name) < sizeof(client->name) && name[0] != '\0')
        strcpy(client->name, name);
    client->was_in = true;
    client->wire = WIRE_FRAMED;
    chat_client_set_phase(client, CHAT_CLIENT_IN);
    chat_client_say_again(client);
}

/* Somebody else is called so: take what is free. */
static void hear_error(struct chat_client *client, const json_t *event) {
    const char *hint = string_of(event, "hint");

    chat_client_settle(client, number_of(event, "id"));
    if (client->phase == CHAT_CLIENT_GREETING && hint[0] != '\0' &&
        strcmp(string_of(event, "code"), "name_taken") == 0)
        chat_client_send_json(client, json_pack("{s:s,s:s}", "t", "join", "name", hint));
}

/* Whoever is called away by another connection of his own must not come back and do the same. */
static void hear_bye(struct chat_client *client, const json_t *event) {
    const char *code = string_of(event, "code");

    if (strcmp(code, "replaced") == 0 || strcmp(code, "bad_text") == 0) {
        complaint_set(client->complaint, "the server ended it: %.40s", code);
        chat_client_end(client, 69);
    }
}

static void hear_ok(struct chat_client *client, const json_t *event) {
    chat_client_settle(client, number_of(event, "id"));
}

static void hear_gap(struct chat_client *client, const json_t *event) {
    take_room(client, event);
    if (number_of(event, "to") > client->seq)
        client->seq = number_of(event, "to");
}

static const struct {
    const char *type;
    void (*hear)(struct chat_client *client, const json_t *event);
} types[] = {
    { "welcome", hear_welcome },
    { "hello", take_room },
    { "ok", hear_ok },
    { "err", hear_error },
    { "gap", hear_gap },
    { "bye", hear_bye },
};

/* Numbers of records rise, but for those of earlier messages and of what is acknowledged again. */
static void take_place(struct chat_client *client, const json_t *event) {
    const uint64_t seq = number_of(event, "seq");

    if (seq > client->seq && strcmp(string_of(event, "t"), "hello") != 0)
        client->seq = seq;
}

/* Earlier messages stand between two lines. */
static void mark_earlier(struct chat_client *client, const json_t *event) {
    const bool is_earlier = json_is_true(json_object_get(event, "history"));
    const enum service_lang lang = client->settings->is_russian ? SERVICE_LANG_RU : SERVICE_LANG_EN;
    char line[128];

    if (is_earlier == client->shows_earlier)
        return;
    client->shows_earlier = is_earlier;
    snprintf(line, sizeof(line), "— %s —",
        chat_word(is_earlier ? CHAT_WORD_HISTORY : CHAT_WORD_HISTORY_END, lang));
    line_editor_print(line);
}

static void hear_event(struct chat_client *client, json_t *event) {
    const char *type = string_of(event, "t");
    char *line;

    take_place(client, event);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(type, types[i].type) == 0)
            types[i].hear(client, event);
    if (client->settings->is_json) {
        print_json(json_incref(event));
        return;
    }
    line = chat_client_show(event, client->settings->is_russian);
    if (line != NULL) {
        mark_earlier(client, event);
        print_text(line, strlen(line), line_editor_print);
    }
    free(line);
}

void chat_client_hear(void *owner, const char *text, size_t len) {
    struct chat_client *client = owner;
    json_t *event;

    client->heard_at_ms = clock_now_ms();
    client->has_heard = true;
    client->has_pinged = false;
    if (client->phase == CHAT_CLIENT_OVER)
        return;
    if (!chat_client_is_json(client)) {
        hear_text(client, text, len);
        return;
    }
    event = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    if (json_is_object(event))
        hear_event(client, event);
    else
        hear_text(client, text, len);
    json_decref(event);
}
