#ifndef SUPERVISOR_JOBS_ERRAND_H
#define SUPERVISOR_JOBS_ERRAND_H

/*
 * What would make the loop wait for the disk, done by a child. It has nothing of the job
 * supervisor's open, dies with it, and brings back one complaint or none.
 *
 *   errand_start --pidfd readable--> errand_finish
 *                --> errand_stop
 *
 * Job supervisor only.
 */

#include "shared/complaint.h"

struct errand {
    int pidfd; /* of the child; -1: none */
    int words_fd;
};

#define ERRAND_NONE ((struct errand){ .pidfd = -1, .words_fd = -1 })

/*
 * Start it. do_it runs in the child, which ends after it; it returns 0, or -1 with its complaint.
 * Returns 0, or -1 with errno: then there is no child.
 */
int errand_start(
    struct errand *errand, int (*do_it)(void *arg, struct complaint *complaint), void *arg);

/* Wait for its end, which is near when the pidfd is readable. Returns what do_it returned; a child
 * that died is a complaint, too. */
int errand_finish(struct errand *errand, struct complaint *complaint);

/* Kill the child, if there is one, and forget it. */
void errand_stop(struct errand *errand);

#endif
