#include "workers/services/chat/chat_show.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/text_clean.h"
#include "workers/services/chat/chat_json.h"
#include "workers/services/chat/chat_words.h"

#define NAMES_MOST 20 /* in one message */

const char *chat_show_time(struct chat_clock *clock, uint64_t wall_ns) {
    const time_t second = (time_t)(wall_ns / 1000000000);
    struct tm tm;

    if (clock->text[0] == '\0' || clock->second != (uint64_t)second) {
        clock->second = (uint64_t)second;
        if (localtime_r(&second, &tm) == NULL ||
            strftime(clock->text, sizeof(clock->text), "%H:%M:%S", &tm) == 0)
            strcpy(clock->text, "--:--:--");
    }
    return clock->text;
}

void chat_show_line(struct chat_buffer *out, struct chat_scene *scene, enum wire_form form) {
    struct chat_buffer *line = &scene->line;
    char *dst;

    if (line->has_failed)
        out->has_failed = true;
    else if (line->len > 0 && (dst = chat_buffer_reserve(
                                   out, WIRE_ENCODE_MOST(line->len) + WIRE_RAW_SEND_MAX)) != NULL)
        out->len += wire_encode(form, dst, line->data, line->len);
    chat_buffer_clear(line);
}

/* ---- for people ---- */

static void add(struct chat_buffer *line, struct chat_text text) {
    chat_buffer_add(line, text.data, text.len);
}

static void add_time(struct chat_scene *scene, const struct chat_event *event) {
    chat_buffer_add_text(&scene->line, "[");
    chat_buffer_add_text(&scene->line, chat_show_time(&scene->clock, event->wall_ns));
    chat_buffer_add_text(&scene->line, "] ");
}

/* A member's words always stand behind his name, and that behind the time. */
static void write_said(struct chat_scene *scene, const struct chat_event *event) {
    const char *star = event->kind == CHAT_DID ? "*" : "";

    add_time(scene, event);
    add(&scene->line, event->name);
    chat_buffer_add_text(&scene->line, ": ");
    chat_buffer_add_text(&scene->line, star);
    add(&scene->line, event->text);
    chat_buffer_add_text(&scene->line, star);
}

/* Behind the server's mark, which nobody can write: so nobody can make it look so. */
static void write_private(struct chat_scene *scene, struct chat_voice voice,
    const struct chat_event *event, bool is_own) {
    chat_buffer_add_text(&scene->line, TEXT_MARK_JOINED " ");
    add_time(scene, event);
    if (is_own) {
        chat_buffer_add_text(&scene->line, "→ ");
        add(&scene->line, event->other);
    } else {
        add(&scene->line, event->name);
        chat_buffer_print(&scene->line, " (%s)", chat_word(CHAT_WORD_TO_YOU, voice.lang));
    }
    chat_buffer_add_text(&scene->line, ": ");
    add(&scene->line, event->text);
}

static void write_gap(
    struct chat_scene *scene, struct chat_voice voice, const struct chat_event *event) {
    add_time(scene, event);
    chat_buffer_print(&scene->line, "%s %llu %s", chat_word(CHAT_WORD_MISSED, voice.lang),
        (unsigned long long)event->number, chat_word_messages(event->number, voice.lang));
}

static void write_renamed(struct chat_scene *scene, struct chat_voice voice,
    const struct chat_event *event, bool is_own) {
    chat_buffer_add_text(&scene->line, TEXT_MARK_JOINED " ");
    if (!is_own) {
        add(&scene->line, event->other);
        chat_buffer_add_text(&scene->line, " ");
    }
    chat_buffer_add_text(
        &scene->line, chat_word(is_own ? CHAT_WORD_YOU_ARE : CHAT_WORD_RENAMED, voice.lang));
    chat_buffer_add_text(&scene->line, " ");
    add(&scene->line, event->name);
}

static void write_welcome(struct chat_scene *scene, struct chat_voice voice,
    const struct chat_event *event, const struct chat_ear *ear) {
    char name[TEXT_NAME_MAX + 1];
    enum chat_word word = ear->is_suffixed ? CHAT_WORD_WELCOME_OTHER : CHAT_WORD_WELCOME;

    snprintf(name, sizeof(name), "%.*s", (int)event->name.len, event->name.data);
    if (event->kind == CHAT_BACK)
        word = CHAT_WORD_BACK;
    chat_buffer_print(&scene->line, chat_word(word, voice.lang), name);
}

/* What one event is to one person; nothing when it is nothing. */
static void write_event(struct chat_scene *scene, struct chat_voice voice,
    const struct chat_event *event, const struct chat_ear *ear) {
    const bool is_own = ear != NULL && event->member == ear->id && event->kind != CHAT_GAP,
               is_raw = voice.form == WIRE_FORM_RAW;

    switch (event->kind) {
    case CHAT_SAID:
    case CHAT_DID:
        if (!is_own)
            write_said(scene, event);
        break;
    case CHAT_PRIVATE:
        if (ear != NULL && (event->number == ear->id || (is_own && !is_raw)))
            write_private(scene, voice, event, event->number != ear->id);
        break;
    case CHAT_GAP:
        write_gap(scene, voice, event);
        break;
    case CHAT_RENAMED:
        if (is_own || !voice.is_quiet)
            write_renamed(scene, voice, event, is_own);
        break;
    case CHAT_JOINED:
    case CHAT_BACK:
        if (is_own && !is_raw && event->number == ear->number)
            write_welcome(scene, voice, event, ear);
        break;
    default:
        break;
    }
}

/* ---- who joins and leaves ---- */

static bool is_coming_or_going(const struct chat_event *event, const struct chat_ear *ear) {
    return (event->kind == CHAT_JOINED || event->kind == CHAT_LEFT) &&
           (ear == NULL || event->member != ear->id);
}

static void write_names(struct chat_scene *scene, struct chat_voice voice,
    const struct chat_event *events, unsigned n) {
    const bool is_joined = events->kind == CHAT_JOINED, is_one = n == 1;
    const enum chat_word one = is_joined ? CHAT_WORD_JOINED : CHAT_WORD_LEFT,
                         many = is_joined ? CHAT_WORD_JOINED_MANY : CHAT_WORD_LEFT_MANY;

    if (scene->line.len > 0)
        chat_buffer_add_text(&scene->line, " ");
    chat_buffer_add_text(&scene->line, is_joined ? TEXT_MARK_JOINED : TEXT_MARK_LEFT);
    for (unsigned i = 0; i < n && i < NAMES_MOST; i++) {
        chat_buffer_add_text(&scene->line, i == 0 ? " " : ", ");
        add(&scene->line, events[i].name);
    }
    chat_buffer_add_text(&scene->line, " ");
    if (n > NAMES_MOST) {
        chat_buffer_print(&scene->line, chat_word(CHAT_WORD_AND_MORE, voice.lang), n - NAMES_MOST);
        chat_buffer_add_text(&scene->line, " ");
    }
    chat_buffer_add_text(&scene->line, chat_word(is_one ? one : many, voice.lang));
}

/* Those at the beginning that did the same. */
static unsigned count_same(
    const struct chat_event *events, unsigned count, const struct chat_ear *ear) {
    unsigned n = 1;

    while (n < count && events[n].kind == events->kind && is_coming_or_going(&events[n], ear))
        n++;
    return n;
}

/* One message of all that come and go here; for a raw peer, one for each. Returns how many. */
static unsigned show_comings(struct chat_buffer *out, struct chat_scene *scene,
    struct chat_voice voice, const struct chat_event *events, unsigned count,
    const struct chat_ear *ear) {
    unsigned done = 0, n;

    while (done < count && is_coming_or_going(&events[done], ear)) {
        n = voice.form == WIRE_FORM_RAW ? 1 : count_same(events + done, count - done, ear);
        if (!voice.is_quiet && !scene->is_crowd)
            write_names(scene, voice, events + done, n);
        if (voice.form == WIRE_FORM_RAW)
            chat_show_line(out, scene, voice.form);
        done += n;
    }
    chat_show_line(out, scene, voice.form);
    return done;
}

/* ---- all of it ---- */

void chat_show_events(struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice,
    const struct chat_event *events, unsigned count, const struct chat_ear *ear) {
    unsigned i = 0;

    while (i < count && ear != NULL && events[i].seq < ear->next)
        i++;
    while (i < count) {
        if (is_coming_or_going(&events[i], ear) &&
            (!voice.is_json || voice.is_quiet || scene->is_crowd)) {
            i += show_comings(out, scene, voice, events + i, count - i, ear);
            continue;
        }
        if (voice.is_json)
            chat_json_event(&scene->line, scene, &events[i], ear);
        else
            write_event(scene, voice, &events[i], ear);
        chat_show_line(out, scene, voice.form);
        i++;
    }
}

/* A program is told by each of them. */
static void show_mark(
    struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice, const char *text) {
    if (voice.is_json)
        return;
    chat_buffer_print(&scene->line, "— %s —", text);
    chat_show_line(out, scene, voice.form);
}

void chat_show_history_begin(
    struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice) {
    show_mark(out, scene, voice, chat_word(CHAT_WORD_HISTORY, voice.lang));
}

void chat_show_history(struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice,
    const struct chat_event *events, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (voice.is_json)
            chat_json_history(&scene->line, &events[i]);
        else
            write_said(scene, &events[i]);
        chat_show_line(out, scene, voice.form);
    }
}

void chat_show_history_end(
    struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice) {
    show_mark(out, scene, voice, chat_word(CHAT_WORD_HISTORY_END, voice.lang));
}

void chat_show_crowd(struct chat_buffer *out, struct chat_scene *scene, struct chat_voice voice,
    unsigned joined, unsigned left) {
    struct chat_buffer *line = &scene->line;

    if (voice.is_json) {
        chat_buffer_print(line, "{\"t\":\"crowd\",\"joined\":%u,\"left\":%u,\"members\":%u}",
            joined, left, scene->members);
        chat_show_line(out, scene, voice.form);
        return;
    }
    if (joined > 0)
        chat_buffer_print(line, TEXT_MARK_JOINED " %s: %u ",
            chat_word(CHAT_WORD_CROWD_JOINED, voice.lang), joined);
    if (left > 0)
        chat_buffer_print(
            line, TEXT_MARK_LEFT " %s: %u ", chat_word(CHAT_WORD_CROWD_LEFT, voice.lang), left);
    chat_buffer_print(
        line, "(%s: %u)", chat_word(CHAT_WORD_CROWD_HERE, voice.lang), scene->members);
    chat_show_line(out, scene, voice.form);
}
