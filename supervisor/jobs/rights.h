#ifndef SUPERVISOR_JOBS_RIGHTS_H
#define SUPERVISOR_JOBS_RIGHTS_H

/*
 * Who may do what with jobs. Whoever may open the control socket may ask; what he gets to see are
 * his own jobs. root, the daemon's user and the job supervisor's own are admin: they see all.
 * Pure but for geteuid(2); job supervisor only.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "shared/complaint.h"
#include "supervisor/jobs/entry.h"
#include "supervisor/jobs/jobs_config.h"

/* Who asks, as the kernel says. */
struct asker {
    uid_t uid;
    bool is_admin;
};

bool rights_is_admin(const struct jobs_config *config, uid_t uid);

/* May he see it, and so cancel it, and read its result? */
bool rights_can_see(const struct asker *asker, const struct entry *entry);

/* May he make work, and work that runs commands? Returns 0, or -1 with the complaint. */
int rights_check_submit(
    const struct jobs_config *config, const struct asker *asker, struct complaint *complaint);
int rights_check_commands(
    const struct jobs_config *config, const struct asker *asker, struct complaint *complaint);

/* True for a job whose kernel starts processes. */
bool rights_is_command(const json_t *what);

#endif
