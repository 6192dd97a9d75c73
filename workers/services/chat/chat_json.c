#include "workers/services/chat/chat_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "workers/services/chat/chat_hello.h"

/* ---- out ---- */

static void add_text(struct chat_buffer *out, const char *key, struct chat_text text) {
    chat_buffer_print(out, ",\"%s\":\"", key);
    chat_buffer_add_json(out, text.data, text.len);
    chat_buffer_add_text(out, "\"");
}

static void begin(struct chat_buffer *out, const char *type, const struct chat_event *event) {
    const time_t second = (time_t)(event->wall_ns / 1000000000);
    char when[32] = "";
    struct tm tm;

    if (gmtime_r(&second, &tm) != NULL)
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
    chat_buffer_print(out, "{\"t\":\"%s\",\"seq\":%" PRIu64 ",\"ts\":\"%s.%03uZ\"", type,
        event->seq, when, (unsigned)(event->wall_ns / 1000000 % 1000));
}

static void add_said(struct chat_buffer *out, const struct chat_event *event) {
    static const char *const types[CHAT_KINDS] = {
        [CHAT_SAID] = "msg", [CHAT_DID] = "me", [CHAT_PRIVATE] = "private"
    };

    begin(out, types[event->kind], event);
    add_text(out, "from", event->name);
    if (event->kind == CHAT_PRIVATE)
        add_text(out, "to", event->other);
    add_text(out, "text", event->text);
}

static void add_ok(struct chat_buffer *out, const struct chat_event *event) {
    begin(out, "ok", event);
    if (event->client_id != 0)
        chat_buffer_print(out, ",\"id\":%" PRIu64, event->client_id);
    chat_buffer_add_text(out, "}");
}

static void add_welcome(struct chat_buffer *out, const struct chat_scene *scene,
    const struct chat_event *event, const struct chat_ear *ear) {
    begin(out, "welcome", event);
    add_text(out, "name", event->name);
    chat_buffer_print(out, ",\"room\":\"%s\",\"key\":\"%s\",\"members\":%u,\"again\":%s}",
        scene->room, ear->key, scene->members, event->kind == CHAT_BACK ? "true" : "false");
}

static void add_gap(struct chat_buffer *out, const struct chat_event *event) {
    chat_buffer_print(out, "{\"t\":\"gap\",\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}",
        event->seq + 1 - event->number, event->seq);
}

static void add_named(struct chat_buffer *out, const char *type, const struct chat_event *event) {
    begin(out, type, event);
    if (event->kind == CHAT_RENAMED)
        add_text(out, "from", event->other);
    add_text(out, "name", event->name);
    chat_buffer_add_text(out, "}");
}

/* What somebody says: the others hear it, and he that it is said. */
static void add_words(
    struct chat_buffer *out, const struct chat_event *event, const struct chat_ear *ear) {
    const bool is_own = ear != NULL && event->member == ear->id;

    if (is_own) {
        add_ok(out, event);
    } else if (event->kind != CHAT_PRIVATE || (ear != NULL && event->number == ear->id)) {
        add_said(out, event);
        chat_buffer_add_text(out, "}");
    }
}

void chat_json_event(struct chat_buffer *out, const struct chat_scene *scene,
    const struct chat_event *event, const struct chat_ear *ear) {
    const bool is_own = ear != NULL && event->member == ear->id;

    switch (event->kind) {
    case CHAT_GAP:
        add_gap(out, event);
        break;
    case CHAT_JOINED:
    case CHAT_BACK:
        if (is_own && event->number == ear->number)
            add_welcome(out, scene, event, ear);
        else if (event->kind == CHAT_JOINED && !is_own)
            add_named(out, "joined", event);
        break;
    case CHAT_LEFT: /* his own earlier end is none of his business */
        if (!is_own)
            add_named(out, "left", event);
        break;
    case CHAT_RENAMED:
        add_named(out, "nick", event);
        break;
    default:
        add_words(out, event, ear);
    }
}

void chat_json_history(struct chat_buffer *out, const struct chat_event *event) {
    add_said(out, event);
    chat_buffer_add_text(out, ",\"history\":true}");
}

/* ---- in ---- */

static const char *const verbs[CHAT_VERBS] = {
    [CHAT_VERB_JOIN] = "join",
    [CHAT_VERB_SAY] = "say",
    [CHAT_VERB_ME] = "me",
    [CHAT_VERB_PRIVATE] = "private",
    [CHAT_VERB_NICK] = "nick",
    [CHAT_VERB_WHO] = "who",
    [CHAT_VERB_HISTORY] = "history",
    [CHAT_VERB_QUIET] = "quiet",
    [CHAT_VERB_HELP] = "help",
    [CHAT_VERB_PING] = "ping",
    [CHAT_VERB_QUIT] = "quit",
};

static bool read_text(const json_t *object, const char *key, struct chat_text *out) {
    const json_t *value = json_object_get(object, key);

    if (!json_is_string(value))
        return false;
    *out = (struct chat_text){ json_string_value(value), json_string_length(value) };
    return true;
}

static const char *read_id(const json_t *object, uint64_t *out) {
    const json_t *value = json_object_get(object, "id");
    const json_int_t id = json_integer_value(value);

    if (value == NULL)
        return NULL;
    if (!json_is_integer(value) || id < 1 || (uint64_t)id > CHAT_CLIENT_ID_MOST)
        return "id: a number from 1 to 2^53 - 1";
    *out = (uint64_t)id;
    return NULL;
}

static const char *read_verb(const json_t *object, enum chat_verb *out) {
    struct chat_text type;

    if (!read_text(object, "t", &type))
        return "t: what is wanted is missing";
    for (unsigned i = 0; i < CHAT_VERBS; i++)
        if (strcmp(type.data, verbs[i]) == 0) {
            *out = (enum chat_verb)i;
            return NULL;
        }
    return "t: this is not known here";
}

static const char *read_rest(const json_t *object, struct chat_request *out) {
    const json_t *on = json_object_get(object, "on"), *n = json_object_get(object, "n");
    const bool says = out->verb == CHAT_VERB_SAY || out->verb == CHAT_VERB_ME ||
                      out->verb == CHAT_VERB_PRIVATE,
               is_named = out->verb == CHAT_VERB_JOIN || out->verb == CHAT_VERB_NICK;

    if (says && !read_text(object, "text", &out->text))
        return "text: a string is needed";
    if (is_named && !read_text(object, "name", &out->name))
        return "name: a string is needed";
    if (out->verb == CHAT_VERB_PRIVATE && !read_text(object, "to", &out->name))
        return "to: a name is needed";
    if (json_is_boolean(on))
        out->on = json_is_true(on);
    if (json_is_integer(n) && json_integer_value(n) > 0)
        out->number = (uint64_t)json_integer_value(n);
    return NULL;
}

const char *chat_json_read(struct chat_request *out, const char *text, size_t len) {
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const char *why = NULL;

    *out = (struct chat_request){ .on = -1, .memory = object };
    if (!json_is_object(object))
        return "this is no JSON object";
    why = read_id(object, &out->id);
    if (why == NULL)
        why = read_verb(object, &out->verb);
    return why != NULL ? why : read_rest(object, out);
}

void chat_json_free(struct chat_request *request) {
    json_decref(request->memory);
    request->memory = NULL;
}
