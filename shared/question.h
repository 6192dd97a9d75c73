#ifndef SHARED_QUESTION_H
#define SHARED_QUESTION_H

/*
 * A question in a line of JSON, {"verb": "NAME", "args": {...}}, checked against the table of what
 * may be asked. Any process; memory only. Complaints name what is allowed, or what is nearest.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "shared/complaint.h"

enum question_type {
    QUESTION_NUMBER,  /* whole, from 0 */
    QUESTION_INTEGER, /* whole, also negative */
    QUESTION_BOOL,
    QUESTION_TEXT,
    QUESTION_OBJECT,
    QUESTION_SERVICE, /* a text: whether there is one is the caller's to see */
    QUESTION_SUBJECT, /* likewise: a service, or "jobs" */
    QUESTION_JOB,     /* likewise: a number, or the name of a definition */
};

#define QUESTION_ARGS_MAX 5 /* the end included */

struct question_arg {
    const char *name; /* NULL ends the list */
    enum question_type type;
    bool is_needed;
};

/* Stands first in each row of a table, whose last row has a NULL name. */
struct question {
    const char *name;
    struct question_arg args[QUESTION_ARGS_MAX];
};

/* The object of a line, its "verb" a text and its "args" an object or none; the caller's. NULL. */
json_t *question_read(const char *line, size_t len, struct complaint *complaint);

/*
 * The row of that name in rows of row_size bytes; NULL: `others` stands before the list of all when
 * none is near.
 */
const void *question_find(const void *table, size_t row_size, const char *name, const char *others,
    struct complaint *complaint);

/* args may be NULL. Returns 0, or -1. */
int question_check(const struct question *question, json_t *args, struct complaint *complaint);

#endif
