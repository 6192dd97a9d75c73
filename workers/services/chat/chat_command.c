#include "workers/services/chat/chat_command.h"

#include <string.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static struct chat_text skip_blanks(struct chat_text text) {
    while (text.len > 0 && is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    return text;
}

static struct chat_text trim(struct chat_text text) {
    text = skip_blanks(text);
    while (text.len > 0 && is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

static struct chat_text take_word(struct chat_text *rest) {
    struct chat_text word = { rest->data, 0 };

    while (word.len < rest->len && !is_blank(rest->data[word.len]))
        word.len++;
    *rest = skip_blanks((struct chat_text){ rest->data + word.len, rest->len - word.len });
    return word;
}

static bool is_text(struct chat_text text, const char *other) {
    return text.len == strlen(other) && memcmp(text.data, other, text.len) == 0;
}

/* One word, or what stands in quotes. */
static struct chat_text take_name(struct chat_text *rest) {
    struct chat_text name;
    const char *end;

    if (rest->len < 2 || rest->data[0] != '"' ||
        (end = memchr(rest->data + 1, '"', rest->len - 1)) == NULL)
        return take_word(rest);
    name = (struct chat_text){ rest->data + 1, (size_t)(end - rest->data) - 1 };
    *rest = skip_blanks((struct chat_text){ end + 1, rest->len - (size_t)(end + 1 - rest->data) });
    return name;
}

static bool read_number(struct chat_text text, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i >= 9)
            return false;
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

/* ---- what stands behind each; false: it cannot be */

static bool take_nothing(struct chat_request *out, struct chat_text rest) {
    (void)out;
    (void)rest;
    return true;
}

static bool take_nick(struct chat_request *out, struct chat_text rest) {
    out->name = rest;
    return rest.len > 0;
}

static bool take_private(struct chat_request *out, struct chat_text rest) {
    out->name = take_name(&rest);
    out->text = rest;
    return out->name.len > 0 && rest.len > 0;
}

static bool take_me(struct chat_request *out, struct chat_text rest) {
    out->text = rest;
    return rest.len > 0;
}

static bool take_history(struct chat_request *out, struct chat_text rest) {
    return read_number(rest, &out->number);
}

static bool take_quiet(struct chat_request *out, struct chat_text rest) {
    out->on = is_text(rest, "on") ? 1 : is_text(rest, "off") ? 0 : -1;
    return out->on >= 0 || rest.len == 0;
}

static const struct {
    const char *word;
    enum chat_verb verb;
    bool (*take)(struct chat_request *out, struct chat_text rest);
} commands[] = {
    { "/quit", CHAT_VERB_QUIT, take_nothing },
    { "/nick", CHAT_VERB_NICK, take_nick },
    { "/who", CHAT_VERB_WHO, take_nothing },
    { "/msg", CHAT_VERB_PRIVATE, take_private },
    { "/me", CHAT_VERB_ME, take_me },
    { "/history", CHAT_VERB_HISTORY, take_history },
    { "/quiet", CHAT_VERB_QUIET, take_quiet },
    { "/help", CHAT_VERB_HELP, take_nothing },
};

static enum chat_command_result read_command(struct chat_request *out, struct chat_text rest) {
    const struct chat_text word = take_word(&rest);

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (is_text(word, commands[i].word)) {
            out->verb = commands[i].verb;
            return commands[i].take(out, rest) ? CHAT_COMMAND_OK : CHAT_COMMAND_USAGE;
        }
    out->name = word;
    return CHAT_COMMAND_UNKNOWN;
}

enum chat_command_result chat_command_read(struct chat_request *out, const char *line, size_t len) {
    const struct chat_text trimmed = trim((struct chat_text){ line, len });

    *out = (struct chat_request){ .verb = CHAT_VERB_SAY, .text = { line, len }, .on = -1 };
    if (is_text(trimmed, "end")) {
        out->verb = CHAT_VERB_QUIT;
        return CHAT_COMMAND_OK;
    }
    if (len == 0 || line[0] != '/')
        return CHAT_COMMAND_OK;
    if (len > 1 && line[1] == '/') {
        out->text = (struct chat_text){ line + 1, len - 1 };
        return CHAT_COMMAND_OK;
    }
    return read_command(out, trimmed);
}
