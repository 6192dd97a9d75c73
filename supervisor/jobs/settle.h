#ifndef SUPERVISOR_JOBS_SETTLE_H
#define SUPERVISOR_JOBS_SETTLE_H

/*
 * A complete result is made safe on the disk by a child: fdatasync(2) of a big one takes seconds,
 * in which the loop would answer nobody and look as if it hung.
 *
 *   settle_start --> true, and is_over some turns later
 *                --> false: there was no child, and it is done
 *
 * Job supervisor only.
 */

#include <stdbool.h>

#include "shared/loop.h"
#include "supervisor/jobs/errand.h"

struct settle {
    struct errand errand;
    struct loop *loop;
    struct loop_watch watch;
    bool is_over; /* safe, or a warning has said why not */
};

/* path is borrowed for the call. */
bool settle_start(struct settle *settle, struct loop *loop, const char *path);

/* Give it up before it is over. */
void settle_stop(struct settle *settle);

#endif
