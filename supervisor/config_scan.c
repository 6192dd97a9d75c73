/*
 * A first look at the source text, token by token, for what libconfig takes in silence (integers
 * that wrap, NUL) or calls a "syntax error" somewhere behind: open quotes and brackets, words
 * without quotes, keys set twice. Each is told where it stands and mended in the copy that is
 * parsed, so that one run tells all. Includes are put in place here, too.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_internal.h"

#define DEPTH_MAX   32   /* of brackets, and of includes */
#define KEYS_MAX    4096 /* in all: libconfig compares each with each */
#define RUN_MAX     256
#define QUOTE       80
#define KEY_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*-_0123456789"

struct scope {
    char closer; /* what ends it */
    struct config_where opened;
};

struct key {
    const char *name;
    unsigned scope; /* number of the bracket it stands in; 0: the top */
    struct config_where where;
};

/* Of all files together. */
struct scan {
    struct config_reading *reading;
    struct config_source *out;
    struct scope scope[DEPTH_MAX];
    unsigned scope_id[DEPTH_MAX + 1], last_scope_id;
    unsigned depth, includes;
    bool wants_value;
    struct key *key;
    size_t key_count;
};

/* Of one file. */
struct cursor {
    struct scan *scan;
    const char *at, *end;
    struct config_where where;
};

static int scan_file(struct scan *scan, struct config_where from, const char *path);

static void put(struct cursor *c, const char *bytes, size_t len) {
    config_source_put(c->scan->out, c->where, bytes, len);
}

/* Copy n bytes of one line and go on behind them. */
static void copy(struct cursor *c, size_t n) {
    put(c, c->at, n);
    c->at += n;
}

static void copy_newline(struct cursor *c) {
    copy(c, 1);
    c->where.line++;
}

static bool looks_at(const struct cursor *c, const char *text) {
    size_t len = strlen(text);

    return (size_t)(c->end - c->at) >= len && memcmp(c->at, text, len) == 0;
}

static size_t count_until(const struct cursor *c, const char *stops) {
    size_t n = 0;

    while (c->at + n < c->end && strchr(stops, c->at[n]) == NULL)
        n++;
    return n;
}

static void give_up(struct cursor *c, const char *why) {
    if (!c->scan->out->is_hopeless)
        config_complain(c->scan->reading, c->where, "%s", why);
    c->scan->out->is_hopeless = true;
    c->at = c->end;
}

/* In place of a value that was refused. */
static void put_mended(struct cursor *c) {
    static const char mended[] = "\"" CONFIG_MENDED "\"";

    put(c, mended, sizeof(mended) - 1);
}

/* ---- comments, texts ---- */

static void skip_comment(struct cursor *c) {
    struct config_where start = c->where;

    if (!looks_at(c, "/*")) {
        c->at += count_until(c, "\n");
        return;
    }
    for (c->at += 2; c->at < c->end; c->at++) {
        if (looks_at(c, "*/")) {
            c->at += 2;
            put(c, " ", 1);
            return;
        }
        if (*c->at == '\n') {
            put(c, "\n", 1);
            c->where.line++;
        }
    }
    config_complain(c->scan->reading, start, "the comment that begins here has no end");
}

/* A text in quotes, which must end on its line: else the next quote, lines below, would end it. */
static void scan_text(struct cursor *c) {
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
        copy(c, n + 1);
        return;
    }
    put_mended(c);
    c->at += n + (c->at + n < c->end && c->at[n] == '"');
}

/* ---- values ---- */

static bool is_integer(const char *run, bool *out_is_hex, bool *out_is_long) {
    const char *at = run + (*run == '+' || *run == '-');
    size_t n;

    *out_is_hex = at == run && at[0] == '0' && tolower((unsigned char)at[1]) == 'x';
    at += *out_is_hex ? 2 : 0;
    n = strspn(at, *out_is_hex ? "0123456789abcdefABCDEF" : "0123456789");
    *out_is_long = n > 0 && at[n] == 'L';
    return n > 0 && (at[n] == '\0' || strcmp(at + n, "L") == 0 || strcmp(at + n, "LL") == 0);
}

/* How many bits the integer needs beyond what it has: 0, when it fits; 32; 64. */
static int judge_integer(const char *run, bool is_hex, bool is_long) {
    unsigned long long bits;
    long long value;

    errno = 0;
    if (is_hex) {
        bits = strtoull(run, NULL, 16);
        if (errno != 0 || bits > INT64_MAX)
            return 64;
        return is_long || bits <= INT32_MAX ? 0 : 32;
    }
    value = strtoll(run, NULL, 10);
    if (errno != 0)
        return 64;
    return is_long || (value >= INT32_MIN && value <= INT32_MAX) ? 0 : 32;
}

static bool check_integer(struct cursor *c, const char *run, bool is_hex, bool is_long) {
    int missed = judge_integer(run, is_hex, is_long);

    if (missed == 32)
        config_complain(c->scan->reading, c->where, "%.*s does not fit into 32 bits: write %.*sL",
            QUOTE, run, QUOTE, run);
    if (missed == 64)
        config_complain(c->scan->reading, c->where, "%.*s does not fit into 64 bits", QUOTE, run);
    return missed == 0;
}

static bool is_float(const char *run) {
    return strpbrk(run, "0123456789") != NULL && strpbrk(run, ".eE") != NULL &&
           strspn(run, "+-.0123456789eE") == strlen(run) && isalpha((unsigned char)run[0]) == 0;
}

/* Returns true when it stays as it is. */
static bool judge_number(struct cursor *c, const char *run, bool *out_is_number) {
    bool is_hex, is_long;
    double value;
    char *end;

    *out_is_number = true;
    if (is_integer(run, &is_hex, &is_long))
        return check_integer(c, run, is_hex, is_long);
    value = is_float(run) ? strtod(run, &end) : 0;
    *out_is_number = is_float(run) && *end == '\0';
    if (*out_is_number && !isfinite(value))
        config_complain(c->scan->reading, c->where, "%.*s is beyond all numbers", QUOTE, run);
    return *out_is_number && isfinite(value);
}

/* A word where a value stands. */
static void refuse_word(struct cursor *c, const char *run) {
    if (strcasecmp(run, "yes") == 0 || strcasecmp(run, "on") == 0 || strcasecmp(run, "no") == 0 ||
        strcasecmp(run, "off") == 0)
        config_complain(c->scan->reading, c->where,
            "%s is no value: write true or false, or a text in quotes", run);
    else
        config_complain(c->scan->reading, c->where, "%.*s needs quotes: write \"%.*s\"", QUOTE, run,
            QUOTE, run);
}

/* Length of what stands without quotes at the cursor; a comment ends it, "tcp://" goes on. */
static size_t count_run(const struct cursor *c) {
    size_t n = count_until(c, " \t\r\n\f;,])}[({\"#=");

    for (size_t i = 0; i + 1 < n; i++)
        if (c->at[i] == '/' &&
            (c->at[i + 1] == '*' || (c->at[i + 1] == '/' && (i == 0 || c->at[i - 1] != ':'))))
            return i;
    return n;
}

static void scan_value(struct cursor *c) {
    size_t n = count_run(c);
    char run[RUN_MAX];
    bool is_number;

    c->scan->wants_value = false;
    if (n == 0 || n >= sizeof(run)) {
        config_complain(c->scan->reading, c->where, "a value is needed here");
        c->at += n > 0 ? n : 1;
        put_mended(c);
        return;
    }
    memcpy(run, c->at, n);
    run[n] = '\0';
    if (strcasecmp(run, "true") == 0 || strcasecmp(run, "false") == 0 ||
        judge_number(c, run, &is_number)) {
        copy(c, n);
        return;
    }
    if (!is_number)
        refuse_word(c, run);
    put_mended(c);
    c->at += n;
}

/* ---- keys ---- */

/* Copy the key; when it was set before in its bracket, under a name that nobody uses. */
static void copy_key(struct cursor *c, size_t n) {
    struct scan *scan = c->scan;
    unsigned scope = scan->scope_id[scan->depth];
    char other[32];

    for (size_t i = 0; i < scan->key_count; i++) {
        if (scan->key[i].scope != scope || strlen(scan->key[i].name) != n ||
            memcmp(scan->key[i].name, c->at, n) != 0)
            continue;
        config_complain(scan->reading, c->where, "\"%.*s\" is set twice, first in %s:%u",
            n < QUOTE ? (int)n : QUOTE, c->at, scan->key[i].where.file, scan->key[i].where.line);
        snprintf(other, sizeof(other), "*again%zu", scan->reading->mistakes);
        put(c, other, strlen(other));
        c->at += n;
        return;
    }
    if (scan->key_count == KEYS_MAX) {
        give_up(c, "there are too many keys");
        return;
    }
    scan->key[scan->key_count++] = (struct key){
        .name = config_keep_text(scan->reading->memory, c->at, n), .scope = scope, .where = c->where
    };
    copy(c, n);
}

static void scan_key(struct cursor *c) {
    size_t n = 0, blanks = 0;
    const char *name = c->at;

    while (c->at + n < c->end && c->at[n] != '\0' && strchr(KEY_LETTERS, c->at[n]) != NULL)
        n++;
    if (!isalpha((unsigned char)*c->at) && *c->at != '*') {
        copy(c, n > 0 ? n : 1);
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
        n < QUOTE ? (int)n : QUOTE, name);
    put(c, "=", 1);
    c->scan->wants_value = true;
}

/* ---- brackets ---- */

static void open_bracket(struct cursor *c) {
    struct scan *scan = c->scan;

    if (scan->depth == DEPTH_MAX) {
        give_up(c, "the brackets are nested too deeply");
        return;
    }
    scan->scope[scan->depth].closer = *c->at == '{' ? '}' : *c->at == '[' ? ']' : ')';
    scan->scope[scan->depth].opened = c->where;
    scan->scope_id[++scan->depth] = ++scan->last_scope_id;
    scan->wants_value = false;
    copy(c, 1);
}

static void close_bracket(struct cursor *c) {
    struct scan *scan = c->scan;

    scan->wants_value = false;
    if (scan->depth > 0 && scan->scope[scan->depth - 1].closer == *c->at) {
        scan->depth--;
        copy(c, 1);
        return;
    }
    if (scan->depth > 0)
        config_complain(scan->reading, c->where, "\"%c\" cannot close what is open since %s:%u",
            *c->at, scan->scope[scan->depth - 1].opened.file,
            scan->scope[scan->depth - 1].opened.line);
    else
        config_complain(scan->reading, c->where, "\"%c\" closes nothing", *c->at);
    scan->out->has_open_bracket = true;
    c->at++;
}

static bool is_in_list(const struct scan *scan) {
    return scan->depth > 0 && scan->scope[scan->depth - 1].closer != '}';
}

/* ---- files ---- */

static void include(struct cursor *c) {
    const char *name = memchr(c->at, '"', (size_t)(c->end - c->at)), *quote;
    size_t line_len = count_until(c, "\n");
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

static bool is_include(struct cursor *c) {
    size_t blanks = 0;

    while (c->at + blanks < c->end && (c->at[blanks] == ' ' || c->at[blanks] == '\t'))
        blanks++;
    return (size_t)(c->end - c->at) > blanks + 8 && memcmp(c->at + blanks, "@include", 8) == 0;
}

static void scan_token(struct cursor *c) {
    if (strchr(" \t\r\f;,", *c->at) != NULL) {
        if (*c->at == ';' || *c->at == ',')
            c->scan->wants_value = false;
        copy(c, 1);
    } else if (*c->at == '#' || looks_at(c, "//") || looks_at(c, "/*"))
        skip_comment(c);
    else if (*c->at == '"')
        scan_text(c);
    else if (*c->at == '=' || *c->at == ':') {
        c->scan->wants_value = true;
        copy(c, 1);
    } else if (strchr("{[(", *c->at) != NULL)
        open_bracket(c);
    else if (strchr("}])", *c->at) != NULL)
        close_bracket(c);
    else if (c->scan->wants_value || is_in_list(c->scan))
        scan_value(c);
    else
        scan_key(c);
}

/* NUL would end the text, and a mark of byte order is no token. */
static void clean(struct cursor *c, char *buf, size_t len) {
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

static int scan_file(struct scan *scan, struct config_where from, const char *path) {
    struct cursor c = { .scan = scan, .where = { .file = path, .line = 1 } };
    char *buf;
    size_t len;

    if (scan->includes == DEPTH_MAX) {
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
    put(&c, "\n", 1);
    free(buf);
    return 0;
}

int config_scan(struct config_reading *reading, struct config_source *source, const char *path) {
    struct scan scan = { .reading = reading, .out = source };
    struct config_where file = { .file = path };
    int rc;

    scan.key = calloc(KEYS_MAX, sizeof(*scan.key));
    if (scan.key == NULL)
        abort();
    rc = scan_file(&scan, file, path);
    for (unsigned i = 0; i < scan.depth; i++) {
        config_complain(reading, scan.scope[i].opened, "the bracket that opens here is not closed");
        source->has_open_bracket = true;
    }
    free(scan.key);
    return rc < 0 || source->is_hopeless ? -1 : 0;
}
