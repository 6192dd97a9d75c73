/* One that is not wanted any more may take its time to leave: nothing waits for that. */
#include "supervisor/reload_jobs.h"

#include <stdio.h>

#include "supervisor/supervisor.h"

static bool is_under_way(const struct jobs_keeper *keeper) {
    return !jobs_keeper_is_settled(keeper) || keeper->owes_text;
}

static const char *say_what(const struct jobs_keeper *keeper) {
    if (keeper->state == JOBS_KEEPER_STOPPING)
        return "jobs: waiting until the old job supervisor has finished what is claimed";
    if (keeper->state == JOBS_KEEPER_STARTING)
        return "jobs: waiting until the job supervisor is ready";
    return "jobs: waiting until the job supervisor reads its orders";
}

bool reload_jobs_is_done(const struct supervisor *supervisor, bool is_late, char *progress,
    size_t progress_size, char *error, size_t error_size) {
    const enum reload_jobs jobs = supervisor->reload.plan.jobs;
    const struct jobs_keeper *keeper = &supervisor->jobs;

    if (jobs == RELOAD_JOBS_KEEP || jobs == RELOAD_JOBS_STOP)
        return true;
    if (is_under_way(keeper) && !is_late) {
        snprintf(progress, progress_size, "%s", say_what(keeper));
        return false;
    }
    if (is_under_way(keeper))
        snprintf(error, error_size, "the job supervisor is %s after 60 s",
            jobs_keeper_state_name(keeper->state));
    else if (keeper->state == JOBS_KEEPER_BACKOFF)
        snprintf(error, error_size, "the job supervisor is BACKOFF: it %.160s",
            keeper->last_death[0] != '\0' ? keeper->last_death : "cannot be forked");
    return true;
}
