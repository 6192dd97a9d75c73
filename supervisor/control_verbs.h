#ifndef SUPERVISOR_CONTROL_VERBS_H
#define SUPERVISOR_CONTROL_VERBS_H

/* What may be asked over the control socket: one table. Parent only. */

#include <stdbool.h>

#include "shared/question.h"
#include "supervisor/control_request.h"

enum control_right { CONTROL_READ, CONTROL_ADMIN };

struct control_verb {
    struct question question;
    enum control_right right;
    /* Answer, or leave the question in hand. args are checked. */
    void (*ask)(struct control_request *request);
    /* Once a turn while it is in hand; NULL when something else finishes it. */
    void (*look)(struct control_request *request);
};

/* Ends with a NULL name. */
extern const struct control_verb control_verbs_table[];

#endif
