#ifndef SUPERVISOR_CLI_TRIAL_H
#define SUPERVISOR_CLI_TRIAL_H

/*
 * Run a job in a process of its own and watch it from outside. Blocks until it is over.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/job/job_spec.h"

enum trial_kind {
    TRIAL_TIMED,  /* undisturbed */
    TRIAL_MEMORY, /* memory is looked at all the time, which slows it down */
    TRIAL_KILL,   /* one worker is killed half way */
};

struct trial {
    int exit_code;
    uint64_t records;
    uint32_t digest;
    uint64_t wall_ns, cpu_ns, switches, crashes, lost;
    uint64_t peak_pss_bytes; /* TRIAL_MEMORY: of all its processes together; 0: not caught */
    bool was_killed;         /* TRIAL_KILL: a worker was caught in time */
};

/*
 * One run. A spec without an engine is computed serially. half_ns: when to kill.
 * Returns 0, or -1 with errno when no process could be started.
 */
int trial_run(
    const struct job_spec *spec, enum trial_kind kind, uint64_t half_ns, struct trial *out);

#endif
