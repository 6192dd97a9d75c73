#ifndef SUPERVISOR_JOB_GUARD_H
#define SUPERVISOR_JOB_GUARD_H

/*
 * A process that outlives a killed job supervisor by a moment, to end the commands that its
 * workers had running: the workers die with the supervisor and the commands with their worker,
 * but not what the commands started. Only for kernels that spawn.
 *
 * It waits for the end of a pipe that the supervisor and all workers hold open: at its end nobody
 * is left who could start one more command, and the groups are those that run.
 * Job supervisor only.
 */

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

struct guard {
    pid_t pid;
    int fd; /* the write end, which workers inherit; -1: no guard */
};

/* Fork the guard. groups is shared memory, 0 where nothing runs. Returns 0, or -1 with errno. */
int guard_start(struct guard *guard, _Atomic int32_t *groups, uint32_t count);

/* Tell the guard that all is well, and wait for its end. */
void guard_stop(struct guard *guard);

#endif
