/*
 * A first look at the source text, for what libconfig takes in silence (integers that wrap, NUL)
 * or calls a "syntax error" somewhere behind: open quotes and brackets, words without quotes, keys
 * set twice. Each is told where it stands and mended in the copy that is parsed, so that one run
 * tells all, and libconfig, which leaks when it finds a syntax error, finds none. Here: the files,
 * with what they include in place. config_token.c knows the grammar.
 */
#include "supervisor/config_scan.h"

#include <stdlib.h>
#include <string.h>

static int scan_file(struct config_scan *scan, struct config_where from, const char *path);

void config_scan_put(struct config_cursor *c, const char *bytes, size_t len) {
    config_source_put(c->scan->out, c->where, bytes, len);
}

void config_scan_copy(struct config_cursor *c, size_t n) {
    config_scan_put(c, c->at, n);
    c->at += n;
}

bool config_scan_looks_at(const struct config_cursor *c, const char *text) {
    size_t len = strlen(text);

    return (size_t)(c->end - c->at) >= len && memcmp(c->at, text, len) == 0;
}

size_t config_scan_count(const struct config_cursor *c, const char *stops) {
    size_t n = 0;

    while (c->at + n < c->end && strchr(stops, c->at[n]) == NULL)
        n++;
    return n;
}

void config_scan_give_up(struct config_cursor *c, const char *why) {
    if (!c->scan->out->is_hopeless)
        config_complain(c->scan->reading, c->where, "%s", why);
    c->scan->out->is_hopeless = true;
    c->at = c->end;
}

static void include(struct config_cursor *c) {
    const char *name = memchr(c->at, '"', (size_t)(c->end - c->at)), *quote;
    size_t line_len = config_scan_count(c, "\n");
    const char *line_end = c->at + line_len;
    char *path;

    quote = name != NULL && name < line_end ? memchr(name + 1, '"', (size_t)(line_end - name - 1))
                                            : NULL;
    c->at = line_end;
    if (quote == NULL) {
        config_complain(c->scan->reading, c->where, "@include needs a file: @include \"FILE\"");
        return;
    }
    for (const char *rest = quote + 1; rest < line_end && *rest != '#'; rest++)
        if (strchr(" \t\r", *rest) == NULL) {
            config_complain(c->scan->reading, c->where, "nothing may follow @include on its line");
            return;
        }
    path = config_keep_text(c->scan->reading->memory, name + 1, (size_t)(quote - name - 1));
    scan_file(c->scan, c->where, config_keep_path(c->scan->reading->memory, c->where.file, path));
}

static bool is_include(struct config_cursor *c) {
    size_t blanks = 0;

    while (c->at + blanks < c->end && (c->at[blanks] == ' ' || c->at[blanks] == '\t'))
        blanks++;
    return (size_t)(c->end - c->at) > blanks + 8 && memcmp(c->at + blanks, "@include", 8) == 0;
}

/* NUL would end the text, and a mark of byte order is no token. */
static void clean(struct config_cursor *c, char *buf, size_t len) {
    struct config_where where = c->where;
    char *nul;

    if (len >= 3 && memcmp(buf, "\xef\xbb\xbf", 3) == 0) {
        config_complain(c->scan->reading, where,
            "the file begins with a byte order mark: save it as UTF-8 without BOM");
        memset(buf, ' ', 3);
    }
    for (char *at = buf; (nul = memchr(at, '\0', len - (size_t)(at - buf))) != NULL; at = nul) {
        for (; at < nul; at++)
            where.line += *at == '\n';
        if (!config_is_blamed(c->scan->reading, where))
            config_complain(c->scan->reading, where, "there is a NUL byte: this is no text file");
        *nul = ' ';
    }
}

static int scan_file(struct config_scan *scan, struct config_where from, const char *path) {
    struct config_cursor c = { .scan = scan, .where = { .file = path, .line = 1 } };
    char *buf;
    size_t len;

    if (scan->includes == CONFIG_DEPTH_MAX) {
        config_complain(scan->reading, from, "@include is nested too deeply");
        scan->out->is_hopeless = true;
    }
    if (scan->out->is_hopeless ||
        (buf = config_source_load(scan->reading, from, path, &len)) == NULL)
        return -1;
    clean(&c, buf, len);
    c.at = buf;
    c.end = buf + len;
    scan->includes++;
    while (c.at < c.end) {
        if (c.at == buf || c.at[-1] == '\n')
            if (is_include(&c)) {
                include(&c);
                continue;
            }
        if (*c.at == '\n')
            config_token_end_line(&c);
        else
            config_token_take(&c);
        if (scan->out->len > CONFIG_FILE_MAX)
            config_scan_give_up(&c, "with what is included the file is too long");
    }
    scan->includes--;
    config_scan_put(&c, "\n", 1);
    free(buf);
    return 0;
}

int config_scan(struct config_reading *reading, struct config_source *source, const char *path) {
    struct config_scan scan = { .reading = reading, .out = source };
    struct config_cursor end = { .scan = &scan, .where = { .file = path, .line = 1 } };
    struct config_where file = { .file = path };
    int rc;

    rc = scan_file(&scan, file, path);
    if (rc == 0 && !source->is_hopeless)
        config_token_end(&end);
    free(scan.key);
    return rc < 0 || source->is_hopeless ? -1 : 0;
}
