/*
 * The one place where a verdict is made: for who asks, the log and the service manager. What it
 * shows of the plan outlives both configurations, so it points into neither.
 */
#include "supervisor/reload_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/notify.h"
#include "supervisor/reload.h"
#include "supervisor/reload_service.h"
#include "supervisor/supervisor.h"

static void note_verdict(struct supervisor *supervisor, const struct reload_verdict *verdict) {
    const bool is_good = verdict->exit_code == EXIT_CODE_OK;

    supervisor_note(supervisor, NULL, NULL, is_good ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
        is_good ? "reloaded" : "reload_failed",
        (const struct log_field[]){ LOG_NUMBER("generation", supervisor->generation),
            LOG_NUMBER("took_ms", verdict->took_us / 1000),
            { .key = is_good ? NULL : "error", .text = verdict->error }, { .key = NULL } },
        "%s",
        is_good ? "the new configuration is in force"
        : verdict->exit_code == EXIT_CODE_INCOMPLETE
            ? "the new configuration is in force, but not all is up"
            : "the reload failed; all goes on as before");
}

void reload_end(struct supervisor *supervisor, int exit_code, const char *error) {
    struct reload *reload = &supervisor->reload;
    struct reload_verdict *verdict = &reload->verdict[reload->kind];

    free(verdict->complaints);
    *verdict = (struct reload_verdict){ .run = reload->run,
        .exit_code = exit_code,
        .at_unix_s = clock_wall_ns() / 1000000000,
        .took_us = (clock_now_ns() - reload->started_at_ns) / 1000,
        .complaints = reload->complaints,
        .plan = reload->plan };
    if (error != NULL)
        snprintf(verdict->error, sizeof(verdict->error), "%.*s", (int)strcspn(error, "\n"), error);
    for (unsigned i = 0; i < verdict->plan.count; i++)
        verdict->plan.change[i].was = verdict->plan.change[i].is = NULL;
    reload->complaints = NULL;
    config_free(reload->config);
    reload->config = NULL;
    reload->progress[0] = '\0';
    reload->state = RELOAD_IDLE;
    if (reload->kind == RELOAD_DRY)
        return;
    note_verdict(supervisor, verdict);
    notify_ready(exit_code == EXIT_CODE_OK ? NULL : verdict->error);
}

void reload_give_up(struct supervisor *supervisor, int exit_code, const char *error) {
    struct reload *reload = &supervisor->reload;

    for (unsigned i = 0; i < reload->plan.count; i++) {
        if (reload->candidate[i] != NULL)
            reload_service_give_up(
                reload->candidate[i], reload_service_find_old(supervisor, &reload->plan.change[i]));
        reload->candidate[i] = NULL;
    }
    /* What is given up points into it. */
    if (reload->config != NULL) {
        reload->config->next_retired = reload->retired;
        reload->retired = reload->config;
        reload->config = NULL;
    }
    reload_end(supervisor, exit_code, error);
}
