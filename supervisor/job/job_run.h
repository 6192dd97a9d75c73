#ifndef SUPERVISOR_JOB_JOB_RUN_H
#define SUPERVISOR_JOB_JOB_RUN_H

/* One job, here and now: what `prefork job run` does. */

#include "supervisor/job/job.h"

/*
 * Run it. Blocks until it ends; talks to stderr, writes the result to stdout or the output file;
 * SIGINT, SIGTERM and SIGHUP are taken over meanwhile. All children are gone when it returns.
 */
void job_run(const struct job_spec *spec, struct job_summary *out);

#endif
