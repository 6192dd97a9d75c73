#ifndef SUPERVISOR_CONFIG_SCAN_H
#define SUPERVISOR_CONFIG_SCAN_H

/* The state of the scan, for its files: config_scan.c, config_token.c and config_value.c. */

#include "supervisor/config_internal.h"

#define CONFIG_DEPTH_MAX 32   /* of brackets, and of includes */
#define CONFIG_QUOTE     80   /* of what was typed, in a complaint */
#define CONFIG_KEYS_MAX  4096 /* in all: libconfig compares each with each */

struct config_bracket {
    char closer; /* what ends it */
    struct config_where opened;
};

struct config_key {
    const char *name;
    unsigned scope; /* number of the bracket it stands in; 0: the top */
    struct config_where where;
};

/* What was seen last. In a group: ; key = value. In a list: ( value , value. */
enum config_seen { SEEN_START, SEEN_COMMA, SEEN_KEY, SEEN_EQUALS, SEEN_VALUE, SEEN_TEXT };

/* Of all files together. */
struct config_scan {
    struct config_reading *reading;
    struct config_source *out;
    struct config_bracket scope[CONFIG_DEPTH_MAX];
    unsigned scope_id[CONFIG_DEPTH_MAX + 1], last_scope_id;
    unsigned depth, includes;
    enum config_seen seen;
    struct config_key last; /* the key that was seen last */
    unsigned held;          /* newlines to be put behind what ends a value */
    struct config_key *key;
    size_t key_count, key_room;
};

/* Of one file. */
struct config_cursor {
    struct config_scan *scan;
    const char *at, *end;
    struct config_where where;
};

/* ---- config_scan.c ---- */

/* Say why nothing can be made of the files, and look at no more. */
void config_scan_give_up(struct config_cursor *c, const char *why);

/* Put bytes of one line into the text that is parsed. */
void config_scan_put(struct config_cursor *c, const char *bytes, size_t len);

/* Copy n bytes of one line and go on behind them. */
void config_scan_copy(struct config_cursor *c, size_t n);

/* How many bytes there are until one of stops, or the end. */
size_t config_scan_count(const struct config_cursor *c, const char *stops);

bool config_scan_looks_at(const struct config_cursor *c, const char *text);

/* ---- config_token.c ---- */

/* Take the next token; at a newline see whether the line may end here. */
void config_token_take(struct config_cursor *c);
void config_token_end_line(struct config_cursor *c);

/* At the end of all: close what is open. */
void config_token_end(struct config_cursor *c);

/* ---- config_value.c ---- */

/* Take a text in quotes; a value without. */
void config_value_text(struct config_cursor *c);
void config_value_literal(struct config_cursor *c);

/* Put something in the place of a value, and say that there is none. */
void config_value_miss(struct config_cursor *c);

/* Put something in the place of a value of which all is said. */
void config_value_mend(struct config_cursor *c);

/*
 * Length of what stands without quotes at the cursor, up to one of stops. A comment ends it,
 * "tcp://" does not.
 */
size_t config_value_count(const struct config_cursor *c, const char *stops);

#endif
