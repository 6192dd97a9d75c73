#ifndef SUPERVISOR_JOBS_FAIR_H
#define SUPERVISOR_JOBS_FAIR_H

/*
 * Who gets a worker next, and who has to give one up. Pure: numbers in, a number out.
 *
 * Each job pays for the time that workers spend on it. A free worker goes to the job that has paid
 * least; so that two equal jobs advance alike, whatever their chunks cost, and a new one does not
 * wait behind a long one. A worker is taken away only at the end of a chunk, and only when somebody
 * who wants one is clearly behind.
 */

#include <stdbool.h>
#include <stdint.h>

#define FAIR_QUANTUM_NS 50000000u

/* A job as it is now. */
struct fair_job {
    bool wants;       /* could use one more worker */
    unsigned has;     /* workers that work for it, those that were asked to leave it apart */
    uint64_t paid_ns; /* the workers' time so far */
};

#define FAIR_NOBODY UINT32_MAX

/* The job that gets a free worker; FAIR_NOBODY: nobody wants one. */
unsigned fair_pick(const struct fair_job *jobs, unsigned count);

/* When no worker is free: the job that gives one up, for fair_pick()'s; FAIR_NOBODY: nobody. */
unsigned fair_yield(const struct fair_job *jobs, unsigned count);

/*
 * What a job that begins, or wants something again after a while, has paid: as much as the one that
 * has paid least of those in work, so that it neither starves the others nor is starved.
 */
uint64_t fair_enter(const struct fair_job *jobs, unsigned count, uint64_t paid_ns);

#endif
