#ifndef SUPERVISOR_JOB_BLAME_H
#define SUPERVISOR_JOB_BLAME_H

/*
 * Who is to blame when a worker dies: the chunk it was computing, nobody, or it is not known yet.
 * Pure; callable anywhere.
 */

#include <stdbool.h>
#include <stdint.h>

enum blame_cause {
    BLAME_CAUSE_EXITED,   /* left by itself; status is its exit code */
    BLAME_CAUSE_SIGNALED, /* status is the signal */
    BLAME_CAUSE_TIMEOUT,  /* ended by us: a chunk took longer than it may */
    BLAME_CAUSE_HUNG,     /* ended by us: no sign of life, though it was not stopped */
    BLAME_CAUSE_STOPPED,  /* ended by us: somebody had stopped it */
    BLAME_CAUSE_LIED,     /* ended by us: what it reported was not a frame */
};

enum blame_verdict {
    BLAME_NOBODY,  /* the chunks are lost, and tried again */
    BLAME_GUILTY,  /* the one chunk in hand did it */
    BLAME_SUSPECT, /* one of several did it: each is tried again alone */
};

/* A lost chunk is set aside after so many losses without blame: something kills it every time. */
#define BLAME_LOST_MAX 1000u

/* executing: how many chunks were being computed in the process when it died. */
enum blame_verdict blame_judge(enum blame_cause cause, int status, uint32_t executing);

/* True when a chunk that was blamed so often, with so many retries allowed, is to be held. */
bool blame_must_hold(uint32_t blamed, uint64_t retries, uint32_t lost);

#endif
