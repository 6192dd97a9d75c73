#ifndef SUPERVISOR_CLI_STATUS_JOBS_H
#define SUPERVISOR_CLI_STATUS_JOBS_H

/* The job supervisor in prefork status: a line among the services, or all about it. Pure. */

#include <jansson.h>

#include "supervisor/cli/cmd_status.h"

/* One line of what it does, or why it does not; nothing when jobs is null. */
void status_jobs_write_line(const struct cmd_status_place *place, const json_t *jobs);

/* It and its workers. */
void status_jobs_write(const struct cmd_status_place *place, const json_t *jobs);

#endif
