/*
 * A first look at the source text, token by token, for what libconfig takes in silence (integers
 * that wrap, NUL) or calls a "syntax error" somewhere behind: open quotes and brackets, words
 * without quotes, keys set twice. Each is told where it stands and mended in the copy that is
 * parsed, so that one run tells all. Includes are put in place here, too.
 */
#include "supervisor/config_scan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX    4096 /* in all: libconfig compares each with each */
#define KEY_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*-_0123456789"

static int scan_file(struct config_scan *scan, struct config_where from, const char *path);

void config_scan_put(struct config_cursor *c, const char *bytes, size_t len) {
    config_source_put(c->scan->out, c->where, bytes, len);
}

void config_scan_copy(struct config_cursor *c, size_t n) {
    config_scan_put(c, c->at, n);
    c->at += n;
}

static void copy_newline(struct config_cursor *c) {
    config_scan_copy(c, 1);
    c->where.line++;
}

static bool looks_at(const struct config_cursor *c, const char *text) {
    size_t len = strlen(text);

    return (size_t)(c->end - c->at) >= len && memcmp(c->at, text, len) == 0;
}

size_t config_scan_count(const struct config_cursor *c, const char *stops) {
    size_t n = 0;

    while (c->at + n < c->end && strchr(stops, c->at[n]) == NULL)
        n++;
    return n;
}

static void give_up(struct config_cursor *c, const char *why) {
    if (!c->scan->out->is_hopeless)
        config_complain(c->scan->reading, c->where, "%s", why);
    c->scan->out->is_hopeless = true;
    c->at = c->end;
}

static void skip_comment(struct config_cursor *c) {
    struct config_where start = c->where;

    if (!looks_at(c, "/*")) {
        c->at += config_scan_count(c, "\n");
        return;
    }
    for (c->at += 2; c->at < c->end; c->at++) {
        if (looks_at(c, "*/")) {
            c->at += 2;
            config_scan_put(c, " ", 1);
            return;
        }
        if (*c->at == '\n') {
            config_scan_put(c, "\n", 1);
            c->where.line++;
        }
    }
    config_complain(c->scan->reading, start, "the comment that begins here has no end");
}

/* ---- keys ---- */

/* Copy the key; when it was set before in its bracket, under a name that nobody uses. */
static void copy_key(struct config_cursor *c, size_t n) {
    struct config_scan *scan = c->scan;
    unsigned scope = scan->scope_id[scan->depth];
    char other[32];

    for (size_t i = 0; i < scan->key_count; i++) {
        if (scan->key[i].scope != scope || strlen(scan->key[i].name) != n ||
            memcmp(scan->key[i].name, c->at, n) != 0)
            continue;
        config_complain(scan->reading, c->where, "\"%.*s\" is set twice, first in %s:%u",
            n < CONFIG_QUOTE ? (int)n : CONFIG_QUOTE, c->at, scan->key[i].where.file,
            scan->key[i].where.line);
        snprintf(other, sizeof(other), "*again%zu", scan->reading->mistakes);
        config_scan_put(c, other, strlen(other));
        c->at += n;
        return;
    }
    if (scan->key_count == KEYS_MAX) {
        give_up(c, "there are too many keys");
        return;
    }
    scan->key[scan->key_count++] = (struct config_key){
        .name = config_keep_text(scan->reading->memory, c->at, n), .scope = scope, .where = c->where
    };
    config_scan_copy(c, n);
}

static void scan_key(struct config_cursor *c) {
    size_t n = 0, blanks = 0;
    const char *name = c->at;

    while (c->at + n < c->end && c->at[n] != '\0' && strchr(KEY_LETTERS, c->at[n]) != NULL)
        n++;
    if (!isalpha((unsigned char)*c->at) && *c->at != '*') {
        config_scan_copy(c, n > 0 ? n : 1);
        return;
    }
    copy_key(c, n);
    while (c->at + blanks < c->end && strchr(" \t\r\f\n", c->at[blanks]) != NULL)
        blanks++;
    if (c->at == c->end || c->scan->out->is_hopeless)
        return;
    if (c->at + blanks < c->end && strchr("=:/#", c->at[blanks]) != NULL)
        return;
    config_complain(c->scan->reading, c->where, "\"%.*s\" needs \"=\" behind it",
        n < CONFIG_QUOTE ? (int)n : CONFIG_QUOTE, name);
    config_scan_put(c, "=", 1);
    c->scan->wants_value = true;
}

/* ---- brackets ---- */

static void open_bracket(struct config_cursor *c) {
    struct config_scan *scan = c->scan;

    if (scan->depth == CONFIG_DEPTH_MAX) {
        give_up(c, "the brackets are nested too deeply");
        return;
    }
    scan->scope[scan->depth].closer = *c->at == '{' ? '}' : *c->at == '[' ? ']' : ')';
    scan->scope[scan->depth].opened = c->where;
    scan->scope_id[++scan->depth] = ++scan->last_scope_id;
    scan->wants_value = false;
    config_scan_copy(c, 1);
}

static void refuse_open(struct config_scan *scan) {
    config_complain(scan->reading, scan->scope[scan->depth - 1].opened,
        "the bracket that opens here is not closed");
}

/* Close the innermost bracket, whatever stands at the cursor. */
static void pop(struct config_cursor *c) {
    config_scan_put(c, &c->scan->scope[--c->scan->depth].closer, 1);
}

static bool is_open(const struct config_scan *scan, char closer) {
    for (unsigned i = 0; i < scan->depth; i++)
        if (scan->scope[i].closer == closer)
            return true;
    return false;
}

/* What it cannot close was forgotten, when an outer bracket waits for it; else it is mistyped. */
static void close_bracket(struct config_cursor *c) {
    struct config_scan *scan = c->scan;
    char closer = *c->at++;

    if (scan->depth == 0) {
        config_complain(scan->reading, c->where, "\"%c\" closes nothing", closer);
        return;
    }
    if (!is_open(scan, closer))
        config_complain(scan->reading, c->where, "\"%c\" cannot close what is open since %s:%u",
            closer, scan->scope[scan->depth - 1].opened.file,
            scan->scope[scan->depth - 1].opened.line);
    else
        for (; scan->scope[scan->depth - 1].closer != closer; pop(c))
            refuse_open(scan);
    pop(c);
}

static bool is_in_list(const struct config_scan *scan) {
    return scan->depth > 0 && scan->scope[scan->depth - 1].closer != '}';
}

/* Nothing in a list ends in ";": its bracket was forgotten. */
static void end_setting(struct config_cursor *c) {
    while (is_in_list(c->scan)) {
        refuse_open(c->scan);
        pop(c);
    }
    config_scan_copy(c, 1);
}

/* ---- files ---- */

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

static void scan_token(struct config_cursor *c) {
    bool is_free = !c->scan->wants_value;

    if (strchr(" \t\r\f", *c->at) != NULL || (*c->at == ',' && is_free))
        config_scan_copy(c, 1);
    else if (*c->at == ';' && is_free)
        end_setting(c);
    else if (*c->at == '#' || looks_at(c, "//") || looks_at(c, "/*"))
        skip_comment(c);
    else if (*c->at == '"')
        config_scan_text(c);
    else if (*c->at == '=' || *c->at == ':') {
        c->scan->wants_value = true;
        config_scan_copy(c, 1);
    } else if (strchr("{[(", *c->at) != NULL)
        open_bracket(c);
    else if (strchr("}])", *c->at) != NULL && is_free)
        close_bracket(c);
    else if (!is_free || is_in_list(c->scan))
        config_scan_value(c);
    else
        scan_key(c);
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
            copy_newline(&c);
        else
            scan_token(&c);
        if (scan->out->len > CONFIG_FILE_MAX)
            give_up(&c, "with what is included the file is too long");
    }
    scan->includes--;
    config_scan_put(&c, "\n", 1);
    free(buf);
    return 0;
}

int config_scan(struct config_reading *reading, struct config_source *source, const char *path) {
    struct config_scan scan = { .reading = reading, .out = source };
    struct config_where file = { .file = path };
    int rc;

    scan.key = calloc(KEYS_MAX, sizeof(*scan.key));
    if (scan.key == NULL)
        abort();
    rc = scan_file(&scan, file, path);
    for (; rc == 0 && !source->is_hopeless && scan.depth > 0; scan.depth--) {
        refuse_open(&scan);
        config_source_put(
            source, scan.scope[scan.depth - 1].opened, &scan.scope[scan.depth - 1].closer, 1);
    }
    if (rc == 0)
        config_source_put(source, file, "\n", 1);
    free(scan.key);
    return rc < 0 || source->is_hopeless ? -1 : 0;
}
