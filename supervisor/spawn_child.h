#ifndef SUPERVISOR_SPAWN_CHILD_H
#define SUPERVISOR_SPAWN_CHILD_H

/*
 * What a fork becomes: a worker, the log writer or the job supervisor, with what it may keep of the
 * supervisor's and nothing else.
 */

#include <sys/types.h>

struct child;

/*
 * Become the child of this kind, which reads its orders from order_fd. parent: who forked it.
 * Child only, right after fork; never returns.
 */
_Noreturn void spawn_child_run(const struct child *child, int order_fd, pid_t parent);

#endif
