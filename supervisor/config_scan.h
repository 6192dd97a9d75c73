#ifndef SUPERVISOR_CONFIG_SCAN_H
#define SUPERVISOR_CONFIG_SCAN_H

/* The state of the scan, for its two files: config_scan.c and config_scan_value.c. */

#include "supervisor/config_internal.h"

#define CONFIG_DEPTH_MAX 32 /* of brackets, and of includes */
#define CONFIG_QUOTE     80 /* of what was typed, in a complaint */

struct config_bracket {
    char closer; /* what ends it */
    struct config_where opened;
};

struct config_key {
    const char *name;
    unsigned scope; /* number of the bracket it stands in; 0: the top */
    struct config_where where;
};

/* Of all files together. */
struct config_scan {
    struct config_reading *reading;
    struct config_source *out;
    struct config_bracket scope[CONFIG_DEPTH_MAX];
    unsigned scope_id[CONFIG_DEPTH_MAX + 1], last_scope_id;
    unsigned depth, includes;
    bool wants_value;
    struct config_key *key;
    size_t key_count;
};

/* Of one file. */
struct config_cursor {
    struct config_scan *scan;
    const char *at, *end;
    struct config_where where;
};

/* Put bytes of one line into the text that is parsed. */
void config_scan_put(struct config_cursor *c, const char *bytes, size_t len);

/* Copy n bytes of one line and go on behind them. */
void config_scan_copy(struct config_cursor *c, size_t n);

/* How many bytes there are until one of stops, or the end. */
size_t config_scan_count(const struct config_cursor *c, const char *stops);

/* Take a text in quotes; a value without. */
void config_scan_text(struct config_cursor *c);
void config_scan_value(struct config_cursor *c);

#endif
