#ifndef SUPERVISOR_CONTROL_VERBS_H
#define SUPERVISOR_CONTROL_VERBS_H

/* What may be asked over the control socket: one table. Parent only. */

#include <stdbool.h>

#include "supervisor/control_request.h"

enum control_right { CONTROL_READ, CONTROL_ADMIN };
enum control_arg_type {
    CONTROL_SERVICE,
    CONTROL_SUBJECT, /* a service, or "jobs" */
    CONTROL_NUMBER,
    CONTROL_BOOL,
};

#define CONTROL_ARGS_MAX 5 /* the end included */

struct control_arg {
    const char *name; /* NULL ends the list */
    enum control_arg_type type;
    bool is_needed;
};

struct control_verb {
    const char *name;
    enum control_right right;
    struct control_arg args[CONTROL_ARGS_MAX];
    /* Answer, or leave the question in hand. args are checked. */
    void (*ask)(struct control_request *request);
    /* Once a turn while it is in hand; NULL when something else finishes it. */
    void (*look)(struct control_request *request);
};

/* Ends with a NULL name. */
extern const struct control_verb control_verbs_table[];

#endif
