#ifndef SHARED_SETTINGS_H
#define SHARED_SETTINGS_H

/*
 * The settings table of a module: the only truth about its keys. Parsing, checking, the nearest
 * word, --help and the manual pages all read it. A row says where its value lies in the struct
 * that the module keeps; on the command line the key chunk_timeout is the option --chunk-timeout.
 * Pure but for settings_write_...(); callable anywhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/complaint.h"

enum setting_type {
    SETTING_BOOL,     /* bool; on the command line a bare option */
    SETTING_NUMBER,   /* uint64_t */
    SETTING_BYTES,    /* uint64_t, bytes */
    SETTING_DURATION, /* uint64_t, milliseconds; a unit is required, but for 0 */
    SETTING_PERCENT,  /* double, 0 to 100 */
    SETTING_CHOICE,   /* unsigned: index into choices */
    SETTING_TEXT,     /* const char *, borrowed from whoever gave it */
    SETTING_NUMBERS,  /* struct setting_numbers */
    SETTING_CHOICES,  /* unsigned: a bit for each index into choices; written as a,b,c */
    SETTING_INTEGER,  /* int64_t; min and max are int64_t, too */
    SETTING_MODE,     /* uint64_t; rights of a file, in octal */
    SETTING_PATH,     /* as SETTING_TEXT; in a file relative to that file's folder */
    SETTING_TEXTS,    /* struct setting_texts; one more each time it is set, max at most */
    SETTING_INTERVAL, /* struct interval */
};

#define SETTING_NUMBERS_MAX 16
#define SETTING_TEXTS_MAX   64

struct setting_numbers {
    uint64_t value[SETTING_NUMBERS_MAX];
    unsigned count;
};

struct setting_texts {
    const char *text[SETTING_TEXTS_MAX]; /* borrowed */
    unsigned count;
};

struct setting {
    const char *name; /* a_b_c; NULL ends a table */
    char letter;      /* the option's short form; '\0': none */
    enum setting_type type;
    size_t offset;              /* of the value in the module's struct */
    const char *operand;        /* as --help shows it: "N", "BYTES", "FILE"; NULL for a bool */
    const char *fallback;       /* the default as a user would write it; NULL: zero or none */
    const char *fallback_words; /* said instead of the fallback when it depends on something */
    const char *unset;          /* a word that means UINT64_MAX: not set; NULL: none */
    uint64_t min, max;          /* both 0: no bound */
    const char *const *choices; /* NULL-terminated */
    const char *help;           /* one line, no full stop */
};

/* The row called name; dashes count as underscores. NULL when there is none. */
const struct setting *settings_find(const struct setting *table, const char *name);

/* Fill the struct with the fallbacks of the table; aborts when a fallback does not parse. */
void settings_set_defaults(const struct setting *table, void *values);

/*
 * Check text and store it. SETTING_TEXT keeps the pointer.
 * Returns 0, or -1 with a complaint that names the setting, the value and what is allowed.
 */
int settings_set(
    const struct setting *setting, const char *text, void *values, struct complaint *complaint);

/* As settings_set(), but the complaint does not name the setting. */
int settings_store(
    const struct setting *setting, const char *text, void *values, struct complaint *complaint);

/* Write the value as a user would write it; terminated, cut at size. Returns dst. */
char *settings_format(const struct setting *setting, const void *values, char *dst, size_t size);

/* Write "--chunk-timeout" for the row chunk_timeout; terminated, cut at size. Returns dst. */
char *settings_option_name(const struct setting *setting, char *dst, size_t size);

/* Write the table as the option list of --help. */
void settings_write_help(FILE *out, const struct setting *table);

/* Write the table as the rows of an mdoc(7) list: as options, or as keys of a file. */
void settings_write_mdoc(FILE *out, const struct setting *table);
void settings_write_keys_mdoc(FILE *out, const struct setting *table);

#endif
