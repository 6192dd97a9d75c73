/* Values as they stand in the source: texts in quotes, and what has none. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_scan.h"

#define RUN_MAX 256

/* In place of a value that was refused. */
static void put_mended(struct config_cursor *c) {
    static const char mended[] = "\"" CONFIG_MENDED "\"";

    config_scan_put(c, mended, sizeof(mended) - 1);
}

/* A text in quotes, which must end on its line: else the next quote, lines below, would end it. */
void config_scan_text(struct config_cursor *c) {
    size_t n = 1, left;
    bool has_nul = false;

    for (; c->at + n < c->end && c->at[n] != '"' && c->at[n] != '\n'; n++) {
        if (c->at[n] != '\\' || c->at + n + 1 >= c->end || c->at[n + 1] == '\n')
            continue;
        n++;
        left = (size_t)(c->end - c->at) - n;
        has_nul = has_nul || (left >= 3 && strncasecmp(c->at + n, "x00", 3) == 0);
    }
    c->scan->wants_value = false;
    if (c->at + n == c->end || c->at[n] == '\n')
        config_complain(
            c->scan->reading, c->where, "the text that begins here has no closing quote");
    else if (has_nul)
        config_complain(c->scan->reading, c->where, "a text must not hold a NUL byte, \\x00");
    else {
        config_scan_copy(c, n + 1);
        return;
    }
    put_mended(c);
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

/* Length of what stands without quotes at the cursor; a comment ends it, "tcp://" goes on. */
static size_t count_run(const struct config_cursor *c) {
    size_t n = config_scan_count(c, " \t\r\n\f;,])}[({\"#=");

    for (size_t i = 0; i + 1 < n; i++)
        if (c->at[i] == '/' &&
            (c->at[i + 1] == '*' || (c->at[i + 1] == '/' && (i == 0 || c->at[i - 1] != ':'))))
            return i;
    return n;
}

void config_scan_value(struct config_cursor *c) {
    size_t n = count_run(c);
    enum config_literal kind;
    char run[RUN_MAX];

    c->scan->wants_value = false;
    if (n == 0 || n >= sizeof(run)) {
        config_complain(c->scan->reading, c->where, "a value is needed here");
        put_mended(c);
        c->at += n > 0 || strchr(";,}])", *c->at) != NULL ? n : 1;
        return;
    }
    memcpy(run, c->at, n);
    run[n] = '\0';
    kind = config_literal_judge(run);
    if (kind == CONFIG_LITERAL_GOOD) {
        config_scan_copy(c, n);
        return;
    }
    refuse_literal(c, run, kind);
    put_mended(c);
    c->at += n;
}
