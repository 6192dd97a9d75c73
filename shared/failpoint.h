#ifndef SHARED_FAILPOINT_H
#define SHARED_FAILPOINT_H

/*
 * Named steps at which a test may kill the process that takes them, on the shipped binary:
 * PREFORK_FAILPOINT="NAME[:N]" kills by SIGKILL whoever takes the step NAME for the N-th time
 * (default 1), counted over all processes of the job, and only once.
 * Without the variable a step costs one load and a branch that is never taken. With it, frames are
 * written in steps that take a while, so that a killer from outside meets a worker between them.
 */

#include <stdbool.h>

extern bool failpoint_is_armed;

/* Read the environment. Once, at the start of main, before any fork or thread. */
void failpoint_init(void);

/* Count the step; does not return when it is the one. Any process, any thread. */
void failpoint_hit(const char *name);

/* Stay at this step for a moment. Only called when armed. */
void failpoint_linger(void);

#define FAILPOINT(name)                              \
    do {                                             \
        if (__builtin_expect(failpoint_is_armed, 0)) \
            failpoint_hit(name);                     \
    } while (0)

#endif
