#ifndef SUPERVISOR_CONFIG_JOBS_H
#define SUPERVISOR_CONFIG_JOBS_H

/* The configuration as the job supervisor is told of it. Parent only; pure. */

#include <stdbool.h>

#include "supervisor/config.h"

/*
 * The text of supervisor/jobs/jobs_config.h; equal texts when nothing differs that the job
 * supervisor has to know. To be freed. NULL when the configuration wants no job supervisor. Ends
 * the process when there is no memory.
 */
char *config_jobs_write(const struct config *config);

/* Do commands run as another user than the job supervisor, which is not root and has to do it? */
bool config_jobs_becomes_another(const struct config *config);

/*
 * Has the job supervisor to be replaced, because a new text does not suffice? So it is when it is
 * to run as somebody else, has another spool, or needs rights that it did not keep. Both
 * configurations want one.
 */
bool config_jobs_needs_restart(const struct config *was, const struct config *is);

#endif
