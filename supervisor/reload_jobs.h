#ifndef SUPERVISOR_RELOAD_JOBS_H
#define SUPERVISOR_RELOAD_JOBS_H

/*
 * What a reload means for the job supervisor. It cannot be tried beside the one that runs, for two
 * cannot share the spool: when it has to be replaced, the old one drains and the new one goes on
 * where its jobs were. Parent only; does not block.
 */

#include <stdbool.h>
#include <stddef.h>

struct supervisor;

/*
 * Has what the plan says been done? If not, progress says what is waited for. is_late: it is waited
 * for no longer. error is written to when it did not go well.
 */
bool reload_jobs_is_done(const struct supervisor *supervisor, bool is_late, char *progress,
    size_t progress_size, char *error, size_t error_size);

#endif
