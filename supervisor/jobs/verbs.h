#ifndef SUPERVISOR_JOBS_VERBS_H
#define SUPERVISOR_JOBS_VERBS_H

/* What may be asked about jobs: one table. Job supervisor only. */

#include <stdbool.h>

#include "shared/question.h"
#include "supervisor/jobs/request.h"

enum verb_right {
    VERB_OWN,    /* whoever may open the control socket, about his own jobs; admin about all */
    VERB_SUBMIT, /* whoever may make work: jobs.submit */
};

struct verb {
    struct question question;
    enum verb_right right;
    /* Answer, or leave the question in hand. args are checked. */
    void (*ask)(struct request *request);
    /* After ask, and each time that something moved: NULL when ask answers all. */
    void (*go_on)(struct request *request);
};

/* Ends with a NULL name. */
extern const struct verb verbs_table[];

#endif
