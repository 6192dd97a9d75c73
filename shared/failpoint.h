#ifndef SHARED_FAILPOINT_H
#define SHARED_FAILPOINT_H

/*
 * Named steps at which a test may strike, on the shipped binary: PREFORK_FAILPOINT="NAME[:N[:HOW]]"
 * strikes whoever takes the step NAME for the N-th time (default 1), counted over all processes,
 * and only once; with N 0, each time. HOW is kill (SIGKILL, the default), stop (SIGSTOP), or fail,
 * where the step is one that may fail by itself. Without the variable a step costs one load and a
 * branch that is never taken. With it, frames are written in steps that take a while, so that a
 * killer from outside meets a worker between them.
 */

#include <stdbool.h>

extern bool failpoint_is_armed;

/* Read the environment. Once, at the start of main, before any fork or thread. */
void failpoint_init(void);

/* Count the step; does not return when it is the one. Any process, any thread. */
void failpoint_hit(const char *name);

/* A step NAME that each service has of its own: NAME@SERVICE. */
void failpoint_hit_of(const char *name, const char *service);

/* The same for a step that may fail: true when this one has to. Any process, any thread. */
bool failpoint_fails(const char *name);

/* Stay at this step for a moment. Only called when armed. */
void failpoint_linger(void);

#define FAILPOINT(name)                              \
    do {                                             \
        if (__builtin_expect(failpoint_is_armed, 0)) \
            failpoint_hit(name);                     \
    } while (0)

#define FAILPOINT_OF(name, service)                  \
    do {                                             \
        if (__builtin_expect(failpoint_is_armed, 0)) \
            failpoint_hit_of(name, service);         \
    } while (0)

#endif
