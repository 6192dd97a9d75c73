#ifndef SUPERVISOR_JOB_REPORT_H
#define SUPERVISOR_JOB_REPORT_H

/* What a job says to people before, while and after it runs. Job supervisor only. */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/job/commit.h"
#include "supervisor/job/job.h"

/* Say on stderr what is going to be done; on resume, from where. */
void report_plan(const struct job_spec *spec, uint64_t resumed_at);

/* True when each chunk gets a line. */
bool report_has_lines(const struct job_spec *spec);

/* Say on stderr which interval went to which worker, and how many results it had. */
void report_chunk(const struct job_spec *spec, uint64_t chunk, const struct slot *slot);

/* Say on stderr what became of the job, as text or JSON. */
void report_summary(const struct job_spec *spec, const struct job_summary *summary);

/* Say what a run would do: chunks, memory, files. To stdout, as text or JSON. */
void report_dry_run(const struct job_spec *spec);

#endif
