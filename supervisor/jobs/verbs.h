#ifndef SUPERVISOR_JOBS_VERBS_H
#define SUPERVISOR_JOBS_VERBS_H

/* What may be asked about jobs: one table. Job supervisor only. */

#include <stdbool.h>

#include "supervisor/jobs/request.h"

enum verb_right {
    VERB_OWN,    /* whoever may open the control socket, about his own jobs; admin about all */
    VERB_SUBMIT, /* whoever may make work: jobs.submit */
};

enum verb_arg_type {
    VERB_NUMBER, /* from 0 */
    VERB_BOOL,
    VERB_TEXT,
    VERB_OBJECT,
    VERB_JOB, /* a number, or the name of a definition */
};

#define VERB_ARGS_MAX 5 /* the end included */

struct verb_arg {
    const char *name; /* NULL ends the list */
    enum verb_arg_type type;
    bool is_needed;
};

struct verb {
    const char *name;
    enum verb_right right;
    struct verb_arg args[VERB_ARGS_MAX];
    /* Answer, or leave the question in hand. args are checked. */
    void (*ask)(struct request *request);
    /* After ask, and each time that something moved: NULL when ask answers all. */
    void (*go_on)(struct request *request);
};

/* Ends with a NULL name. */
extern const struct verb verbs_table[];

#endif
