/*
 * The grammar of a configuration, token by token: key = value; with groups { } and lists [ ] or
 * ( ). Each rule that is broken is told once, and what is put into the copy keeps to the rules.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_scan.h"

#define KEY_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*-_0123456789"

static bool is_in_list(const struct config_scan *scan) {
    return scan->depth > 0 && scan->scope[scan->depth - 1].closer != '}';
}

/*
 * libconfig notes the line of a list's element only when it has seen what comes behind. So a
 * newline there is held until the comma or the bracket is put.
 */
static void put_held(struct config_cursor *c) {
    for (; c->scan->held > 0; c->scan->held--)
        config_scan_put(c, "\n", 1);
}

static void end_line(struct config_cursor *c) {
    if (is_in_list(c->scan) && c->scan->seen != SEEN_START)
        c->scan->held++;
    else
        config_scan_put(c, "\n", 1);
    c->where.line++;
}

static void skip_comment(struct config_cursor *c) {
    struct config_where start = c->where;

    if (!config_scan_looks_at(c, "/*")) {
        c->at += config_scan_count(c, "\n");
        return;
    }
    for (c->at += 2; c->at < c->end; c->at++) {
        if (config_scan_looks_at(c, "*/")) {
            c->at += 2;
            config_scan_put(c, " ", 1);
            return;
        }
        if (*c->at == '\n')
            end_line(c);
    }
    config_complain(c->scan->reading, start, "the comment that begins here has no end");
}

/* What cannot stand here. In a group the rest of its line goes with it. */
static void refuse_token(struct config_cursor *c) {
    size_t n = config_value_count(c, " \t\r\n\f;,])}[({\"#=:");
    bool is_list = is_in_list(c->scan);

    n = n == 0 ? 1 : n;
    config_complain(c->scan->reading, c->where, "a %s is needed here, not \"%.*s\"",
        is_list || c->scan->seen == SEEN_EQUALS ? "value" : "key",
        n < CONFIG_QUOTE ? (int)n : CONFIG_QUOTE, c->at);
    if (c->scan->seen == SEEN_EQUALS)
        config_value_mend(c);
    c->at += is_list ? n : config_scan_count(c, "\n");
}

/* ---- keys ---- */

/* Put a name that nobody uses in place of a key of which all is said. */
static void rename_key(struct config_cursor *c, size_t n) {
    char other[32];

    snprintf(other, sizeof(other), CONFIG_RENAMED "%zu", c->scan->reading->mistakes);
    config_scan_put(c, other, strlen(other));
    c->at += n;
}

/* Copy the key, but when it was set before in its bracket. */
static void copy_key(struct config_cursor *c, size_t n) {
    struct config_scan *scan = c->scan;

    for (size_t i = 0; i < scan->key_count; i++) {
        if (scan->key[i].scope != scan->last.scope ||
            strcmp(scan->key[i].name, scan->last.name) != 0)
            continue;
        config_complain(scan->reading, c->where, "\"%.*s\" is set twice, first in %s:%u",
            CONFIG_QUOTE, scan->last.name, scan->key[i].where.file, scan->key[i].where.line);
        rename_key(c, n);
        return;
    }
    if (scan->key_count == CONFIG_KEYS_MAX) {
        config_scan_give_up(c, "there are too many keys");
        return;
    }
    if (scan->key_count == scan->key_room) {
        scan->key_room = scan->key_room * 2 + 32;
        scan->key = reallocarray(scan->key, scan->key_room, sizeof(*scan->key));
        if (scan->key == NULL)
            abort();
    }
    scan->key[scan->key_count++] = scan->last;
    config_scan_copy(c, n);
}

static bool is_key(const char *name, size_t n) {
    if (!isalpha((unsigned char)name[0]) && name[0] != '*')
        return false;
    for (size_t i = 0; i < n; i++)
        if (strchr(KEY_LETTERS, name[i]) == NULL)
            return false;
    return !(n == 4 && strncasecmp(name, "true", n) == 0) &&
           !(n == 5 && strncasecmp(name, "false", n) == 0);
}

/* The next byte that is no blank, n bytes on; newlines are blanks, too. 0 at the end. */
static char look_ahead(const struct config_cursor *c, size_t n) {
    while (c->at + n < c->end && strchr(" \t\r\f\n", c->at[n]) != NULL)
        n++;
    return c->at + n < c->end ? c->at[n] : '\0';
}

static void take_key(struct config_cursor *c) {
    size_t n = config_value_count(c, " \t\r\n\f;,])}[({\"#=:");
    char next = look_ahead(c, n);

    if (n == 0 || (!is_key(c->at, n) && next != '=' && next != ':')) {
        refuse_token(c);
        return;
    }
    c->scan->seen = SEEN_KEY;
    c->scan->last = (struct config_key){ .name = config_keep_text(
                                             c->scan->reading->memory, c->at, n),
        .scope = c->scan->scope_id[c->scan->depth],
        .where = c->where };
    if (is_key(c->at, n)) {
        copy_key(c, n);
        return;
    }
    config_complain(
        c->scan->reading, c->where, "\"%.*s\" cannot be a key", CONFIG_QUOTE, c->scan->last.name);
    rename_key(c, n);
}

/* "=" is missing: go on as if it were there. */
static void mend_equals(struct config_cursor *c) {
    config_complain(c->scan->reading, c->scan->last.where, "\"%.*s\" needs \"=\" behind it",
        CONFIG_QUOTE, c->scan->last.name);
    config_scan_put(c, "=", 1);
    c->scan->seen = SEEN_EQUALS;
}

/* ---- brackets ---- */

/*
 * A list of libconfig may hold anything, its array not: with "(" for "[" what does not belong into
 * a list is told by its key, and not by a syntax error.
 */
static void open_bracket(struct config_cursor *c) {
    struct config_scan *scan = c->scan;

    if (scan->depth == CONFIG_DEPTH_MAX) {
        config_scan_give_up(c, "the brackets are nested too deeply");
        return;
    }
    scan->scope[scan->depth].closer = *c->at == '{' ? '}' : *c->at == '[' ? ']' : ')';
    scan->scope[scan->depth].opened = c->where;
    scan->scope_id[++scan->depth] = ++scan->last_scope_id;
    scan->seen = SEEN_START;
    config_scan_put(c, *c->at == '{' ? "{" : "(", 1);
    c->at++;
}

static void refuse_open(struct config_scan *scan) {
    config_complain(scan->reading, scan->scope[scan->depth - 1].opened,
        "the bracket that opens here is not closed");
}

/* Close the innermost bracket, whatever stands at the cursor. */
static void pop(struct config_cursor *c) {
    config_scan_put(c, c->scan->scope[--c->scan->depth].closer == '}' ? "}" : ")", 1);
    put_held(c);
    c->scan->seen = SEEN_VALUE;
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

/* ---- what parts ---- */

static void take_comma(struct config_cursor *c) {
    if (!is_in_list(c->scan)) {
        if (c->scan->seen == SEEN_VALUE || c->scan->seen == SEEN_TEXT)
            config_scan_put(c, ";", 1);
        c->scan->seen = SEEN_START;
    } else if (c->scan->seen == SEEN_VALUE || c->scan->seen == SEEN_TEXT)
        c->scan->seen = SEEN_COMMA; /* put with the next value: none may follow the last */
    else
        config_complain(c->scan->reading, c->where, "a value is needed before this comma");
    c->at++;
}

/* Nothing in a list ends in ";": its bracket was forgotten. */
static void take_semicolon(struct config_cursor *c) {
    while (is_in_list(c->scan)) {
        refuse_open(c->scan);
        pop(c);
    }
    take_comma(c);
}

static void take_equals(struct config_cursor *c) {
    if (c->scan->seen != SEEN_KEY) {
        refuse_token(c);
        return;
    }
    c->scan->seen = SEEN_EQUALS;
    config_scan_put(c, "=", 1);
    c->at++;
}

/* Before a value. Returns false, and says so, when none can stand here. */
static bool begin_value(struct config_cursor *c) {
    struct config_scan *scan = c->scan;

    if (scan->seen == SEEN_EQUALS || (scan->seen == SEEN_TEXT && *c->at == '"'))
        return true;
    if (!is_in_list(scan)) {
        refuse_token(c);
        return false;
    }
    if (scan->seen != SEEN_START && scan->seen != SEEN_COMMA)
        config_complain(scan->reading, c->where, "a comma is missing before this value");
    if (scan->seen != SEEN_START)
        config_scan_put(c, ",", 1);
    put_held(c);
    return true;
}

static void take_value(struct config_cursor *c) {
    if (!begin_value(c))
        return;
    if (*c->at == '"')
        config_value_text(c);
    else if (strchr("{[(", *c->at) != NULL)
        open_bracket(c);
    else
        config_value_literal(c);
}

/* ---- all ---- */

void config_token_take(struct config_cursor *c) {
    bool is_word = strchr("\"{[(", *c->at) == NULL;

    if (strchr(" \t\r\f", *c->at) != NULL) {
        config_scan_copy(c, 1);
        return;
    }
    if (*c->at == '#' || config_scan_looks_at(c, "//") || config_scan_looks_at(c, "/*")) {
        skip_comment(c);
        return;
    }
    if (*c->at == '=' || *c->at == ':') {
        take_equals(c);
        return;
    }
    if (c->scan->seen == SEEN_KEY)
        mend_equals(c);
    if (c->scan->seen == SEEN_EQUALS && strchr(";,}])", *c->at) != NULL)
        config_value_miss(c);
    if (*c->at == ';')
        take_semicolon(c);
    else if (*c->at == ',')
        take_comma(c);
    else if (strchr("}])", *c->at) != NULL)
        close_bracket(c);
    else if (is_word && !is_in_list(c->scan) && c->scan->seen != SEEN_EQUALS)
        take_key(c);
    else
        take_value(c);
}

void config_token_end_line(struct config_cursor *c) {
    if (c->scan->seen == SEEN_KEY && memchr("=:{[(#/", look_ahead(c, 0), 7) == NULL) {
        mend_equals(c);
        config_value_mend(c);
    }
    end_line(c);
    c->at++;
}

void config_token_end(struct config_cursor *c) {
    if (c->scan->seen == SEEN_KEY) {
        mend_equals(c);
        config_value_mend(c);
    }
    if (c->scan->seen == SEEN_EQUALS)
        config_value_miss(c);
    while (c->scan->depth > 0) {
        refuse_open(c->scan);
        pop(c);
    }
    config_scan_put(c, "\n", 1);
}
