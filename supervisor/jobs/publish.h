#ifndef SUPERVISOR_JOBS_PUBLISH_H
#define SUPERVISOR_JOBS_PUBLISH_H

/*
 * Put a copy of a finished result where its job wants it. Whoever looks there finds what was there
 * before, or the whole result: it gets its name by rename(2). On the file system of the spool it is
 * the same file under a second name; elsewhere a child copies it, so that nobody waits.
 *
 *   publish_start --> put | failed | COPYING --pidfd readable--> publish_finish --> put | failed
 *                                    COPYING --> publish_stop --> as if nothing had been
 *
 * Publish before the end is noted (store.h): killed between the two, it is published once more.
 * Job supervisor only.
 */

#include "shared/complaint.h"
#include "supervisor/jobs/errand.h"

struct publish {
    struct errand errand; /* the child that copies, if there is one */
    char *unfinished;     /* what the child writes; NULL: none */
};

#define PUBLISH_NONE ((struct publish){ .errand = ERRAND_NONE })

enum publish_state { PUBLISH_FAILED = -1, PUBLISH_PUT, PUBLISH_COPYING };

/*
 * Begin. result and output are paths; what stands at output is replaced if it is a file or a
 * symbolic link, and nothing else is. Does not wait for the copy. FAILED comes with the complaint.
 */
enum publish_state publish_start(
    struct publish *publish, const char *result, const char *output, struct complaint *complaint);

/* The pidfd is readable: the copy is over. PUT, or FAILED with the complaint. */
enum publish_state publish_finish(struct publish *publish, struct complaint *complaint);

/* Give the copy up, if there is one and it is not over: what it has written goes. */
void publish_stop(struct publish *publish);

#endif
