/* Events of the server as lines for people, in their language. Pure but for the time zone. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/text_clean.h"
#include "workers/services/chat/chat_buffer.h"
#include "workers/services/chat/chat_client_state.h"
#include "workers/services/chat/chat_words.h"

struct line {
    struct chat_buffer text;
    const json_t *event;
    enum service_lang lang;
};

static const char *string_of(const struct line *line, const char *key) {
    const char *text = json_string_value(json_object_get(line->event, key));

    return text != NULL ? text : "";
}

static uint64_t number_of(const struct line *line, const char *key) {
    const json_int_t number = json_integer_value(json_object_get(line->event, key));

    return number > 0 ? (uint64_t)number : 0;
}

/* "[14:30:15] ", local time of the event. */
static void add_time(struct line *line) {
    struct tm utc = { .tm_isdst = 0 }, local;
    char text[16] = "--:--:--";
    time_t second;

    if (strptime(string_of(line, "ts"), "%Y-%m-%dT%H:%M:%S", &utc) != NULL) {
        second = timegm(&utc);
        if (localtime_r(&second, &local) != NULL)
            strftime(text, sizeof(text), "%H:%M:%S", &local);
    }
    chat_buffer_print(&line->text, "[%s] ", text);
}

static void show_said(struct line *line) {
    const char *type = string_of(line, "t");

    add_time(line);
    if (strcmp(type, "me") == 0)
        chat_buffer_print(
            &line->text, "%s: *%s*", string_of(line, "from"), string_of(line, "text"));
    else if (strcmp(type, "private") == 0)
        chat_buffer_print(&line->text, "%s (%s): %s", string_of(line, "from"),
            chat_word(CHAT_WORD_TO_YOU, line->lang), string_of(line, "text"));
    else
        chat_buffer_print(&line->text, "%s: %s", string_of(line, "from"), string_of(line, "text"));
}

static void show_joined(struct line *line) {
    chat_buffer_print(&line->text, TEXT_MARK_JOINED " %s %s", string_of(line, "name"),
        chat_word(CHAT_WORD_JOINED, line->lang));
}

static void show_left(struct line *line) {
    chat_buffer_print(&line->text, TEXT_MARK_LEFT " %s %s", string_of(line, "name"),
        chat_word(CHAT_WORD_LEFT, line->lang));
}

static void show_nick(struct line *line) {
    chat_buffer_print(&line->text, "%s %s %s", string_of(line, "from"),
        chat_word(CHAT_WORD_RENAMED, line->lang), string_of(line, "name"));
}

static void show_welcome(struct line *line) {
    const bool is_back = json_is_true(json_object_get(line->event, "again"));
    const char *format = chat_word(is_back ? CHAT_WORD_BACK : CHAT_WORD_WELCOME, line->lang);
    const char *name = strstr(format, "%s");

    if (name != NULL)
        chat_buffer_print(&line->text, "%.*s%s%s", (int)(name - format), format,
            string_of(line, "name"), name + 2);
}

/* Of another room it is not known how many there were. */
static void show_gap(struct line *line) {
    const uint64_t from = number_of(line, "from"), to = number_of(line, "to");
    const uint64_t count = to >= from && from > 0 ? to - from + 1 : 0;

    if (count > 0)
        chat_buffer_print(&line->text, "%s %" PRIu64 " %s", chat_word(CHAT_WORD_MISSED, line->lang),
            count, chat_word_messages(count, line->lang));
    else
        chat_buffer_add_text(
            &line->text, line->lang == SERVICE_LANG_RU
                             ? "сервер начат заново: что было сказано между тем, неизвестно"
                             : "the server was started anew: what was said meanwhile is not known");
}

static void show_crowd(struct line *line) {
    chat_buffer_print(&line->text,
        TEXT_MARK_JOINED " %s %" PRIu64 ", " TEXT_MARK_LEFT " %s %" PRIu64 "; %s: %" PRIu64,
        chat_word(CHAT_WORD_CROWD_JOINED, line->lang), number_of(line, "joined"),
        chat_word(CHAT_WORD_CROWD_LEFT, line->lang), number_of(line, "left"),
        chat_word(CHAT_WORD_CROWD_HERE, line->lang), number_of(line, "members"));
}

static void show_text(struct line *line) {
    chat_buffer_add_text(&line->text, string_of(line, "text"));
}

static void show_who(struct line *line) {
    const json_t *names = json_object_get(line->event, "names");
    const uint64_t members = number_of(line, "members");

    chat_buffer_print(
        &line->text, "%s (%" PRIu64 "): ", chat_word(CHAT_WORD_WHO, line->lang), members);
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));

        chat_buffer_print(&line->text, "%s%s", i > 0 ? ", " : "", name != NULL ? name : "?");
    }
    if (members > json_array_size(names)) {
        chat_buffer_add_text(&line->text, " ");
        chat_buffer_print(&line->text, line->lang == SERVICE_LANG_RU ? "и ещё %zu" : "and %zu more",
            (size_t)members - json_array_size(names));
    }
}

static void show_bye(struct line *line) {
    static const struct {
        const char *code;
        enum chat_word word;
    } codes[] = {
        { "slow", CHAT_WORD_BYE_SLOW },
        { "replaced", CHAT_WORD_BYE_REPLACED },
        { "stopping", CHAT_WORD_BYE_STOPPING },
        { "bad_text", CHAT_WORD_BYE_BAD },
        { "full", CHAT_WORD_FULL },
    };
    const char *code = string_of(line, "code");

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(code, codes[i].code) == 0)
            chat_buffer_add_text(&line->text, chat_word(codes[i].word, line->lang));
}

static const struct {
    const char *type;
    void (*show)(struct line *line);
} types[] = {
    { "msg", show_said },
    { "me", show_said },
    { "private", show_said },
    { "joined", show_joined },
    { "left", show_left },
    { "nick", show_nick },
    { "welcome", show_welcome },
    { "gap", show_gap },
    { "crowd", show_crowd },
    { "err", show_text },
    { "info", show_text },
    { "who", show_who },
    { "bye", show_bye },
};

char *chat_client_show(const json_t *event, bool is_russian) {
    struct line line = { .event = event, .lang = is_russian ? SERVICE_LANG_RU : SERVICE_LANG_EN };
    const char *type = string_of(&line, "t");
    char *text = NULL;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(type, types[i].type) == 0)
            types[i].show(&line);
    if (line.text.len > 0 && !line.text.has_failed)
        text = strndup(line.text.data, line.text.len);
    chat_buffer_free(&line.text);
    return text;
}
