#ifndef WORKERS_JOB_WORKER_PRIVATE_H
#define WORKERS_JOB_WORKER_PRIVATE_H

/* What a child of one job and a warm child share. Child only; nobody else includes this. */

#include "workers/job_worker.h"

/* Die with the parent, be quiet about its progress bar, leave Ctrl-C to it. After fork. */
void job_worker_settle(int parent_pid);

/* Compute for the job until nothing is left to do here. Blocks. */
void job_worker_serve(const struct job_worker_args *args);

#endif
