#include "workers/services/chat/chat_say.h"

#include <stdlib.h>
#include <string.h>

#include "shared/byte_run.h"
#include "shared/clock.h"
#include "shared/text_clean.h"
#include "shared/text_utf8.h"
#include "workers/services/chat/chat_count.h"
#include "workers/services/chat/chat_member.h"

static bool is_blank(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (text[i] != ' ' && text[i] != '\t')
            return false;
    return true;
}

/* Into dst, if it stands in several lines. */
static struct chat_text join_lines(char dst[CHAT_TEXT_MAX], struct chat_text text) {
    size_t i = byte_run_without(text.data, text.len, '\n', '\r', '\r');

    if (i == text.len)
        return text;
    memcpy(dst, text.data, text.len);
    for (; i < text.len; i++)
        if (dst[i] == '\n' || dst[i] == '\r')
            dst[i] = ' ';
    return (struct chat_text){ dst, text.len };
}

static void log_said(
    struct session *session, const struct chat_guest *guest, const struct chat_event *event) {
    const struct chat_settings *settings = session_settings(session);
    struct chat_post *own = chat_member_post(session_post(session));
    const char *star = event->kind == CHAT_DID ? "*" : "";

    session_add_count(session, CHAT_COUNT_SAID, 1);
    if (!settings->log_messages || event->kind == CHAT_PRIVATE || !session_is_heard(session))
        return;
    session_say(session, "said", "[%s] %s: %s%.*s%s",
        chat_show_time(&own->scene.clock, clock_wall_ns()), guest->name, star, (int)event->text.len,
        event->text.data, star);
}

/* text is clean. */
static enum chat_said publish(struct session *session, const struct chat_guest *guest,
    const struct chat_saying *saying, struct chat_text text, uint64_t *out_seq) {
    const struct chat_event event = { .kind = saying->kind,
        .member = guest->id,
        .client_id = saying->client_id,
        .number = saying->to,
        .name = { guest->name, guest->name_len },
        .other = saying->other,
        .text = text };
    int rc = chat_guest_publish(session_post(session), &event, out_seq);

    if (rc > 0)
        log_said(session, guest, &event);
    return rc > 0 ? CHAT_SAY_OK : rc == 0 ? CHAT_SAY_AGAIN : CHAT_SAY_FAILED;
}

static void note_bad(struct session *session, const struct text_found *found) {
    struct chat_member *member = session_state(session);
    const uint64_t now_ms = post_now_ms(session_post(session));

    if (found->bad == 0)
        return;
    session_add_count(session, CHAT_COUNT_BAD_TEXT, 1);
    if (member == NULL)
        return;
    if (now_ms - member->bad_since_ms > 60000) {
        member->bad_since_ms = now_ms;
        member->bad_count = 0;
    }
    member->bad_count++;
}

unsigned chat_say_count_bad(const struct session *session) {
    const struct chat_member *member = session_state(session);

    return member != NULL ? member->bad_count : 0;
}

enum chat_said chat_say_one(struct session *session, const struct chat_guest *guest,
    const struct chat_saying *saying, uint64_t *out_seq) {
    char clean[TEXT_CLEAN_GROWTH * CHAT_TEXT_MAX], joined[CHAT_TEXT_MAX];
    struct chat_text text = saying->text;
    struct text_found found;
    bool is_cut = text.len > CHAT_TEXT_MAX;
    enum chat_said result;
    size_t n;

    text.len = text_utf8_cut(text.data, text.len, CHAT_TEXT_MAX);
    text = join_lines(joined, text);
    n = text_clean(clean, text.data, text.len, &found);
    note_bad(session, &found);
    if (is_blank(clean, n))
        return CHAT_SAY_NOTHING;
    is_cut |= n > CHAT_TEXT_MAX;
    if (is_cut && saying->client_id != 0)
        return CHAT_SAY_LONG;
    text = (struct chat_text){ clean, text_utf8_cut(clean, n, CHAT_TEXT_MAX) };
    result = publish(session, guest, saying, text, out_seq);
    return result == CHAT_SAY_OK && is_cut ? CHAT_SAY_CUT : result;
}

enum chat_said chat_say_lines(struct session *session, const struct chat_guest *guest,
    const char *text, size_t len, unsigned *out_count) {
    struct chat_saying saying = { .kind = CHAT_SAID };
    enum chat_said result, worst = CHAT_SAY_OK;
    uint64_t seq;

    *out_count = 0;
    while (text_next_line(&text, &len, &saying.text.data, &saying.text.len)) {
        ++*out_count;
        result = chat_say_one(session, guest, &saying, &seq);
        if (result > worst && result != CHAT_SAY_NOTHING)
            worst = result;
    }
    return worst;
}
