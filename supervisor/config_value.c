/* Values as they stand in the source: texts in quotes, and what has none. */
#include <string.h>

#include "supervisor/config_scan.h"

#define RUN_MAX 256

void config_value_mend(struct config_cursor *c) {
    static const char mended[] = "\"" CONFIG_MENDED "\"";

    config_scan_put(c, mended, sizeof(mended) - 1);
    c->scan->seen = SEEN_VALUE;
}

void config_value_miss(struct config_cursor *c) {
    config_complain(c->scan->reading, c->scan->last.where, "\"%.*s\" needs a value behind \"=\"",
        CONFIG_QUOTE, c->scan->last.name);
    config_value_mend(c);
}

/* A text in quotes, which must end on its line: else the next quote, lines below, would end it. */
void config_value_text(struct config_cursor *c) {
    size_t n = 1, left;
    bool has_nul = false;

    for (; c->at + n < c->end && c->at[n] != '"' && c->at[n] != '\n'; n++) {
        if (c->at[n] != '\\' || c->at + n + 1 >= c->end || c->at[n + 1] == '\n')
            continue;
        n++;
        left = (size_t)(c->end - c->at) - n;
        has_nul = has_nul || (left >= 3 && strncasecmp(c->at + n, "x00", 3) == 0);
    }
    if (c->at + n == c->end || c->at[n] == '\n')
        config_complain(
            c->scan->reading, c->where, "the text that begins here has no closing quote");
    else if (has_nul)
        config_complain(c->scan->reading, c->where, "a text must not hold a NUL byte, \\x00");
    else {
        config_scan_copy(c, n + 1);
        c->scan->seen = SEEN_TEXT;
        return;
    }
    config_value_mend(c);
    c->at += n + (c->at + n < c->end && c->at[n] == '"');
}

static void refuse_word(struct config_cursor *c, const char *run) {
    static const char *const others[] = { "yes", "no", "on", "off" };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcasecmp(run, others[i]) == 0) {
            config_complain(c->scan->reading, c->where,
                "%s is no value: write true or false, or a text in quotes", run);
            return;
        }
    config_complain(c->scan->reading, c->where, "%.*s needs quotes: write \"%.*s\"", CONFIG_QUOTE,
        run, CONFIG_QUOTE, run);
}

static void refuse_literal(struct config_cursor *c, const char *run, enum config_literal kind) {
    struct config_reading *reading = c->scan->reading;

    if (kind == CONFIG_LITERAL_LONG)
        config_complain(reading, c->where, "%.*s does not fit into 32 bits: write %.*sL",
            CONFIG_QUOTE, run, CONFIG_QUOTE, run);
    else if (kind == CONFIG_LITERAL_HUGE)
        config_complain(reading, c->where, "%.*s does not fit into 64 bits", CONFIG_QUOTE, run);
    else if (kind == CONFIG_LITERAL_INFINITE)
        config_complain(reading, c->where, "%.*s is beyond all numbers", CONFIG_QUOTE, run);
    else
        refuse_word(c, run);
}

size_t config_value_count(const struct config_cursor *c, const char *stops) {
    size_t n = config_scan_count(c, stops);

    for (size_t i = 0; i + 1 < n; i++)
        if (c->at[i] == '/' &&
            (c->at[i + 1] == '*' || (c->at[i + 1] == '/' && (i == 0 || c->at[i - 1] != ':'))))
            return i;
    return n;
}

/* A word behind which "=" stands, on a line below the last key: the value of that is missing. */
static bool is_next_key(const struct config_cursor *c, size_t n) {
    while (c->at + n < c->end && (c->at[n] == ' ' || c->at[n] == '\t'))
        n++;
    return c->scan->seen == SEEN_EQUALS && c->where.line != c->scan->last.where.line &&
           c->at + n < c->end && c->at[n] == '=';
}

void config_value_literal(struct config_cursor *c) {
    size_t n = config_value_count(c, " \t\r\n\f;,])}[({\"#=");
    enum config_literal kind = CONFIG_LITERAL_WORD;
    char run[RUN_MAX];

    n = n == 0 ? 1 : n;
    if (is_next_key(c, n)) {
        config_value_miss(c);
        return;
    }
    snprintf(run, sizeof(run), "%.*s", n < sizeof(run) ? (int)n : RUN_MAX - 1, c->at);
    if (n < sizeof(run))
        kind = config_literal_judge(run);
    if (kind == CONFIG_LITERAL_GOOD) {
        config_scan_copy(c, n);
        c->scan->seen = SEEN_VALUE;
        return;
    }
    refuse_literal(c, run, kind);
    config_value_mend(c);
    c->at += n;
}
