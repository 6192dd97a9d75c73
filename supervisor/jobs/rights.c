/* One function for each right, so that what is allowed is read here and nowhere else. */
#include "supervisor/jobs/rights.h"

#include <string.h>
#include <unistd.h>

#include "workers/kernels/kernel.h"

bool rights_is_admin(const struct jobs_config *config, uid_t uid) {
    return uid == 0 || uid == geteuid() || uid == config->admin_uid;
}

bool rights_can_see(const struct asker *asker, const struct entry *entry) {
    return asker->is_admin || asker->uid == entry->uid;
}

static int check(enum jobs_who who, const struct asker *asker, const char *what, const char *key,
    struct complaint *complaint) {
    if (who == JOBS_NOBODY)
        return complaint_set(complaint, "%s is for nobody here (jobs.%s = \"none\")", what, key);
    if (who == JOBS_ADMIN && !asker->is_admin)
        return complaint_set(complaint,
            "%s is for root and for the user that preforkd runs as (jobs.%s = \"admin\")", what,
            key);
    return 0;
}

int rights_check_submit(
    const struct jobs_config *config, const struct asker *asker, struct complaint *complaint) {
    return check(config->submit, asker, "to submit a job", "submit", complaint);
}

int rights_check_commands(
    const struct jobs_config *config, const struct asker *asker, struct complaint *complaint) {
    return check(config->commands, asker, "a job that runs a command", "commands", complaint);
}

bool rights_is_command(const json_t *what) {
    const char *name = json_string_value(json_object_get(what, "kernel"));
    const struct kernel_ops *kernel = name != NULL ? kernels_find(name) : NULL;

    /* Whoever is not known is not trusted. */
    return kernel == NULL || (kernel->flags & KERNEL_SPAWNS) != 0;
}
