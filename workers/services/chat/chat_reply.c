#include "workers/services/chat/chat_reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MOST 500

static bool is_json(const struct session *session) {
    const struct chat_member *member = session_state(session);

    return (member->flags & CHAT_IS_JSON) != 0;
}

static struct chat_buffer *begin(struct session *session) {
    struct chat_buffer *line = &chat_member_post(session_post(session))->scene.line;

    chat_buffer_clear(line);
    return line;
}

/* A peer that has no room for it is about to be cut anyway. */
static void send_line(struct session *session, struct chat_buffer *line) {
    if (!line->has_failed && (is_json(session) || session_form(session) != WIRE_FORM_RAW))
        (void)session_send(session, line->data, line->len);
    chat_buffer_clear(line);
}

static void add_json(struct chat_buffer *line, const char *key, const char *text) {
    chat_buffer_print(line, ",\"%s\":\"", key);
    chat_buffer_add_json(line, text, strlen(text));
    chat_buffer_add_text(line, "\"");
}

void chat_reply_info(struct session *session, const char *text) {
    struct chat_buffer *line = begin(session);

    if (is_json(session)) {
        chat_buffer_add_text(line, "{\"t\":\"info\"");
        add_json(line, "text", text);
        chat_buffer_add_text(line, "}");
    } else {
        chat_buffer_add_text(line, text);
    }
    send_line(session, line);
}

void chat_reply_refuse(struct session *session, const struct chat_refusal *refusal,
    enum chat_word word, const char *detail) {
    struct chat_buffer *line = begin(session);
    char text[512];

    snprintf(text, sizeof(text), chat_word(word, chat_member_lang(session)),
        detail != NULL ? detail : "");
    if (!is_json(session)) {
        chat_buffer_add_text(line, text);
        send_line(session, line);
        return;
    }
    chat_buffer_print(line, "{\"t\":\"err\",\"code\":\"%s\"", refusal->code);
    if (refusal->id != 0)
        chat_buffer_print(line, ",\"id\":%" PRIu64, refusal->id);
    if (refusal->hint != NULL)
        add_json(line, "hint", refusal->hint);
    add_json(line, "text", text);
    chat_buffer_add_text(line, "}");
    send_line(session, line);
}

void chat_reply_hello(struct session *session) {
    struct post *post = session_post(session);
    struct chat_buffer *line = begin(session);

    chat_buffer_print(line, "{\"t\":\"hello\",\"v\":1,\"room\":\"%s\",\"seq\":%" PRIu64 "}",
        chat_member_post(post)->scene.room, bus_next(post_bus(post)) - 1);
    send_line(session, line);
}

void chat_reply_new_room(struct session *session) {
    struct chat_buffer *line = begin(session);

    chat_buffer_print(line, "{\"t\":\"gap\",\"room\":\"%s\"}",
        chat_member_post(session_post(session))->scene.room);
    send_line(session, line);
}

void chat_reply_again(struct session *session, uint64_t id, uint64_t seq) {
    struct chat_buffer *line = begin(session);

    chat_buffer_print(
        line, "{\"t\":\"ok\",\"seq\":%" PRIu64 ",\"id\":%" PRIu64 ",\"again\":true}", seq, id);
    send_line(session, line);
}

void chat_reply_pong(struct session *session) {
    struct chat_buffer *line = begin(session);

    chat_buffer_add_text(line, "{\"t\":\"pong\"}");
    send_line(session, line);
}

void chat_reply_bye(struct session *session, const char *code, enum chat_word word) {
    struct chat_buffer *line = begin(session);

    if (is_json(session))
        chat_buffer_print(line, "{\"t\":\"bye\",\"code\":\"%s\"}", code);
    else
        chat_buffer_add_text(line, chat_word(word, chat_member_lang(session)));
    send_line(session, line);
}

/* ---- who is here ---- */

static void add_name(
    struct chat_buffer *line, const struct chat_seen *seen, bool json, bool first) {
    if (!first)
        chat_buffer_add_text(line, json ? "," : ", ");
    if (json) {
        chat_buffer_add_text(line, "\"");
        chat_buffer_add_json(line, seen->name, seen->name_len);
        chat_buffer_add_text(line, "\"");
    } else {
        chat_buffer_add(line, seen->name, seen->name_len);
    }
}

static unsigned add_names(struct chat_buffer *line, struct post *post, bool json) {
    const struct chat_room *room = chat_guest_room(post);
    const uint32_t top = chat_room_top(room);
    struct chat_seen seen;
    unsigned n = 0;

    for (uint32_t i = 0; i < top && n < NAMES_MOST; i++)
        if (chat_room_see(room, i, &seen) &&
            (chat_room_state(seen.word) == CHAT_TOLD || chat_room_state(seen.word) == CHAT_HELD))
            add_name(line, &seen, json, n++ == 0);
    return n;
}

void chat_reply_who(struct session *session) {
    struct post *post = session_post(session);
    struct chat_buffer *line = begin(session);
    const unsigned members = chat_room_count(chat_guest_room(post));
    const bool json = is_json(session);
    unsigned n;

    if (json)
        chat_buffer_print(line, "{\"t\":\"who\",\"members\":%u,\"names\":[", members);
    else
        chat_buffer_print(
            line, "%s (%u): ", chat_word(CHAT_WORD_WHO, chat_member_lang(session)), members);
    n = add_names(line, post, json);
    if (json) {
        chat_buffer_add_text(line, "]}");
    } else if (n < members) {
        chat_buffer_add_text(line, " ");
        chat_buffer_print(
            line, chat_word(CHAT_WORD_WHO_MORE, chat_member_lang(session)), members - n);
    }
    send_line(session, line);
}
