#include "workers/services/chat/chat_talk.h"

#include <stdio.h>
#include <string.h>

#include "shared/text_clean.h"
#include "shared/text_utf8.h"
#include "workers/services/chat/chat_command.h"
#include "workers/services/chat/chat_count.h"
#include "workers/services/chat/chat_fan.h"
#include "workers/services/chat/chat_reply.h"
#include "workers/services/chat/chat_say.h"

#define BAD_MOST  3  /* messages that are no text, in a minute */
#define WORD_MOST 40 /* of a command that is none */

static void refuse(struct session *session, const char *code, uint64_t id, enum chat_word word,
    const char *detail) {
    const struct chat_refusal refusal = { .code = code, .id = id };

    chat_reply_refuse(session, &refusal, word, detail);
}

/* Tell what came of it, if he is not told by the record itself. */
static void tell_said(struct session *session, enum chat_said result, uint64_t id, uint64_t seq) {
    switch (result) {
    case CHAT_SAY_CUT:
    case CHAT_SAY_LONG:
        refuse(session, "too_long", id, CHAT_WORD_TOO_LONG, NULL);
        break;
    case CHAT_SAY_AGAIN:
        chat_reply_again(session, id, seq);
        break;
    case CHAT_SAY_FAILED:
        refuse(session, "not_sent", id, CHAT_WORD_NOT_SENT, NULL);
        break;
    case CHAT_SAY_NOTHING:
        if (id != 0)
            refuse(session, "empty", id, CHAT_WORD_EMPTY, NULL);
        break;
    case CHAT_SAY_OK:
        break;
    }
}

/* ---- what can be wanted ---- */

static void say_one(struct session *session, const struct chat_saying *saying) {
    struct chat_member *member = session_state(session);
    uint64_t seq = 0;
    const enum chat_said result = chat_say_one(session, &member->guest, saying, &seq);

    tell_said(session, result, saying->client_id, seq);
}

static unsigned do_say(struct session *session, const struct chat_request *request) {
    struct chat_member *member = session_state(session);
    const struct chat_saying saying = {
        .kind = CHAT_SAID, .client_id = request->id, .text = request->text
    };
    unsigned lines = 1;

    if (request->id != 0)
        say_one(session, &saying);
    else
        tell_said(session,
            chat_say_lines(session, &member->guest, request->text.data, request->text.len, &lines),
            0, 0);
    return lines;
}

static unsigned do_me(struct session *session, const struct chat_request *request) {
    say_one(session,
        &(struct chat_saying){ .kind = CHAT_DID, .client_id = request->id, .text = request->text });
    return 1;
}

static unsigned do_private(struct session *session, const struct chat_request *request) {
    const struct chat_room *room = chat_guest_room(session_post(session));
    char name[TEXT_NAME_MAX + 1];
    const size_t len = text_name(name, request->name.data, request->name.len);
    const int64_t index = chat_room_find_look(
        room, chat_guest_look(session_post(session), name, len));
    struct chat_seen seen;

    if (index < 0 || !chat_room_see(room, (uint32_t)index, &seen))
        refuse(session, "nobody", request->id, CHAT_WORD_NOBODY, name);
    else
        say_one(session, &(struct chat_saying){ .kind = CHAT_PRIVATE,
                             .client_id = request->id,
                             .to = seen.member,
                             .other = { seen.name, seen.name_len },
                             .text = request->text });
    return 1;
}

static unsigned do_nick(struct session *session, const struct chat_request *request) {
    chat_member_rename(session, request->name.data, request->name.len, request->id);
    return 1;
}

static unsigned do_who(struct session *session, const struct chat_request *request) {
    (void)request;
    chat_reply_who(session);
    return 5;
}

static unsigned do_history(struct session *session, const struct chat_request *request) {
    const struct chat_settings *settings = session_settings(session);
    struct post *post = session_post(session);
    uint64_t n = request->number > 0 ? request->number : settings->replay;

    if (n > CHAT_REPLAY_MOST || n == 0)
        n = CHAT_REPLAY_MOST;
    if (chat_fan_replay(session, (unsigned)n, post_reader(post)->cursor) == 0)
        chat_reply_info(session, chat_word(CHAT_WORD_NO_HISTORY, chat_member_lang(session)));
    return 5;
}

static unsigned do_quiet(struct session *session, const struct chat_request *request) {
    struct chat_member *member = session_state(session);
    const bool was = (member->flags & CHAT_IS_QUIET) != 0,
               is = request->on >= 0 ? request->on : !was;

    member->flags = (member->flags & ~(uint32_t)CHAT_IS_QUIET) | (is ? CHAT_IS_QUIET : 0);
    chat_reply_info(session,
        chat_word(is ? CHAT_WORD_QUIET_ON : CHAT_WORD_QUIET_OFF, chat_member_lang(session)));
    return 1;
}

static unsigned do_help(struct session *session, const struct chat_request *request) {
    (void)request;
    chat_reply_info(session, chat_word(CHAT_WORD_HELP, chat_member_lang(session)));
    return 1;
}

static unsigned do_ping(struct session *session, const struct chat_request *request) {
    (void)request;
    chat_reply_pong(session);
    return 1;
}

static unsigned do_quit(struct session *session, const struct chat_request *request) {
    (void)request;
    chat_member_leave(session);
    session_close(session);
    return 1;
}

static unsigned do_join(struct session *session, const struct chat_request *request) {
    struct chat_member *member = session_state(session);

    if ((member->flags & CHAT_IS_IN) != 0)
        return do_nick(session, request);
    chat_member_join(session, request->name.data, request->name.len);
    return 1;
}

/* Each returns for how many messages it counts. */
static unsigned (*const verbs[CHAT_VERBS])(
    struct session *session, const struct chat_request *request) = {
    [CHAT_VERB_JOIN] = do_join,
    [CHAT_VERB_SAY] = do_say,
    [CHAT_VERB_ME] = do_me,
    [CHAT_VERB_PRIVATE] = do_private,
    [CHAT_VERB_NICK] = do_nick,
    [CHAT_VERB_WHO] = do_who,
    [CHAT_VERB_HISTORY] = do_history,
    [CHAT_VERB_QUIET] = do_quiet,
    [CHAT_VERB_HELP] = do_help,
    [CHAT_VERB_PING] = do_ping,
    [CHAT_VERB_QUIT] = do_quit,
};

/* ---- what was sent ---- */

static bool needs_to_be_in(enum chat_verb verb) {
    return verb != CHAT_VERB_JOIN && verb != CHAT_VERB_PING && verb != CHAT_VERB_QUIT;
}

static unsigned take_json(struct session *session, const char *data, size_t len) {
    const struct chat_member *member = session_state(session);
    struct chat_request request;
    const char *why = chat_json_read(&request, data, len);
    unsigned n = 1;

    if (why != NULL)
        refuse(session, "bad_request", request.id, CHAT_WORD_BAD_REQUEST, why);
    else if (needs_to_be_in(request.verb) && (member->flags & CHAT_IS_IN) == 0)
        refuse(session, "no_name", request.id, CHAT_WORD_NO_NAME, NULL);
    else
        n = verbs[request.verb](session, &request);
    chat_json_free(&request);
    return n;
}

/* A command of a classic client is a text, but for the one it has. */
static unsigned take_raw(struct session *session, const char *data, size_t len) {
    const struct chat_request request = { .verb = CHAT_VERB_SAY, .text = { data, len } };

    if (len == 5 && memcmp(data, "/quit", 5) == 0)
        return do_quit(session, &request);
    return do_say(session, &request);
}

static unsigned take_text(struct session *session, const char *data, size_t len) {
    struct chat_request request;
    char word[TEXT_CLEAN_GROWTH * WORD_MOST + 1];
    struct text_found found;
    size_t shown;

    if (session_form(session) == WIRE_FORM_RAW)
        return take_raw(session, data, len);
    switch (chat_command_read(&request, data, len)) {
    case CHAT_COMMAND_OK:
        return verbs[request.verb](session, &request);
    case CHAT_COMMAND_USAGE:
        refuse(session, "usage", 0,
            request.verb == CHAT_VERB_PRIVATE ? CHAT_WORD_USAGE_PRIVATE
            : request.verb == CHAT_VERB_NICK  ? CHAT_WORD_NO_NAME
                                              : CHAT_WORD_HELP,
            NULL);
        break;
    case CHAT_COMMAND_UNKNOWN:
        shown = text_utf8_cut(request.name.data, request.name.len, WORD_MOST);
        word[text_clean(word, request.name.data, shown, &found)] = '\0';
        refuse(session, "unknown", 0, CHAT_WORD_UNKNOWN, word);
    }
    return 1;
}

static unsigned take_hello(struct session *session, const char *data, size_t len) {
    struct chat_member *member = session_state(session);
    struct chat_hello hello;
    const char *why;

    if ((member->flags & CHAT_HAS_HELLO) == 0 && session_form(session) != WIRE_FORM_RAW) {
        switch (chat_hello_read(&hello, data, len, &why)) {
        case CHAT_HELLO_OK:
            chat_member_introduce(session, &hello);
            if (hello.name != NULL)
                chat_member_join(session, hello.name, hello.name_len);
            return 1;
        case CHAT_HELLO_BAD:
            refuse(session, "bad_hello", 0, CHAT_WORD_BAD_REQUEST, why);
            return 1;
        case CHAT_HELLO_NONE:
            break;
        }
    }
    if (len == 5 && memcmp(data, "/quit", 5) == 0)
        session_close(session);
    else
        chat_member_join(session, data, len);
    return 1;
}

void chat_talk_message(struct session *session, const char *data, size_t len) {
    const struct chat_settings *settings = session_settings(session);
    struct chat_member *member = session_state(session);
    struct post *post = session_post(session);
    uint64_t wait_ms;
    unsigned n;

    if ((member->flags & CHAT_IS_OVER) != 0 ||
        ((member->flags & CHAT_IS_IN) != 0 && !chat_member_may_talk(session)))
        return;
    if ((member->flags & CHAT_IS_JSON) != 0 && len > 0 && data[0] == '{')
        n = take_json(session, data, len);
    else if ((member->flags & CHAT_IS_IN) == 0)
        n = take_hello(session, data, len);
    else
        n = take_text(session, data, len);
    wait_ms = chat_flood_take(&member->flood, &settings->flood, n, post_now_ms(post));
    if (wait_ms > 0) {
        session_add_count(session, CHAT_COUNT_DELAYED, 1);
        session_pause(session, wait_ms);
    }
    if (chat_say_count_bad(session) >= BAD_MOST)
        chat_member_end(session, "bad_text", CHAT_WORD_BYE_BAD);
    chat_member_settle(post);
}
