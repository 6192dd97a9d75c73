#ifndef SUPERVISOR_JOB_JOB_SERIAL_H
#define SUPERVISOR_JOB_JOB_SERIAL_H

/* The reference that engines are compared with. */

#include "supervisor/job/job.h"

/*
 * Compute the job in this process, chunk after chunk, without any of the machinery. Nothing is
 * written anywhere. Blocks.
 */
void job_serial_run(const struct job_spec *spec, struct job_summary *out);

#endif
