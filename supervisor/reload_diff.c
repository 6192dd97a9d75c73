/*
 * The tables of settings are walked twice side by side, and values are compared as they would be
 * written. Keys that workers never see are listed; any other key costs new workers.
 */
#include "supervisor/reload_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_jobs.h"
#include "workers/kernels/kernel.h"

#define VALUE_MAX 4096

static const char *const action_names[] = {
    [RELOAD_KEEP] = "kept",
    [RELOAD_ADJUST] = "adjusted",
    [RELOAD_REPLACE] = "replaced",
    [RELOAD_ADD] = "added",
    [RELOAD_REMOVE] = "removed",
};

/* Keys of a service that are the supervisor's alone. */
static const char *const own_keys[] = { "autostart", "max_children", "start_servers",
    "max_spare_servers", "process_idle_timeout", "max_spawn_rate", "max_worker_lifetime",
    "max_recycling", "worker_timeout", "worker_boot_timeout", "graceful_timeout", "restart_delay",
    "restart_max_delay", "start_retries", "idle_stop", "port_policy", "backlog", "watchdog", NULL };

/* Keys of the daemon that count at once, the workers' apart; all others from the next start on. */
static const char *const live_keys[] = { "services_dir", "jobs_dir", "process_max",
    "max_generations", NULL };

const char *reload_action_name(enum reload_action action) {
    return action_names[action];
}

const char *reload_jobs_name(enum reload_jobs jobs) {
    static const char *const names[] = {
        [RELOAD_JOBS_KEEP] = "kept",
        [RELOAD_JOBS_TELL] = "told",
        [RELOAD_JOBS_RESTART] = "replaced",
        [RELOAD_JOBS_START] = "started",
        [RELOAD_JOBS_STOP] = "stopped",
    };

    return names[jobs];
}

const char *reload_job_action_name(enum reload_action action) {
    return action == RELOAD_ADJUST ? "changed" : action_names[action];
}

static bool is_listed(const char *const *list, const char *key) {
    for (; *list != NULL; list++)
        if (strcmp(*list, key) == 0)
            return true;
    return false;
}

static void add_words(
    char *words, const char *format, const char *a, const char *b, const char *c) {
    const size_t len = strlen(words);
    int n = snprintf(words + len, RELOAD_WORDS_MAX - len, format, len > 0 ? "; " : "", a, b, c);

    if (n >= 0 && len + (size_t)n >= RELOAD_WORDS_MAX)
        memcpy(words + RELOAD_WORDS_MAX - 4, "...", 4);
}

/* Does the row differ? Then in words. prefix: of its name, as "log.". */
static bool differs(
    const struct setting *row, const void *was, const void *is, const char *prefix, char *words) {
    static char old_text[VALUE_MAX], new_text[VALUE_MAX]; /* not on the stack; one thread */
    char name[64];

    settings_format(row, was, old_text, sizeof(old_text));
    settings_format(row, is, new_text, sizeof(new_text));
    if (strcmp(old_text, new_text) == 0)
        return false;
    snprintf(name, sizeof(name), "%s%s", prefix, row->name);
    add_words(words, "%s%s: %.60s -> %.60s", name, old_text[0] != '\0' ? old_text : "none",
        new_text[0] != '\0' ? new_text : "none");
    return true;
}

/* ---- services ---- */

static enum reload_action compare_service(
    const struct config_service *was, const struct config_service *is, char *words) {
    enum reload_action action = RELOAD_KEEP;
    const struct setting *row;

    for (row = config_service_settings; row->name != NULL; row++)
        if (differs(row, was, is, "", words) && action != RELOAD_REPLACE)
            action = is_listed(own_keys, row->name) ? RELOAD_ADJUST : RELOAD_REPLACE;
    if (was->type != is->type)
        return RELOAD_REPLACE;
    for (row = is->type->settings; row != NULL && row->name != NULL; row++)
        if (differs(row, was->settings, is->settings, "", words))
            action = RELOAD_REPLACE;
    if ((was->uid != is->uid || was->gid != is->gid) && action != RELOAD_REPLACE) {
        add_words(words, "%s%s%s%s", "the user's number differs", "", "");
        action = RELOAD_REPLACE;
    }
    return action;
}

static struct reload_change *add_change(struct reload_plan *plan, enum reload_action action,
    const struct config_service *was, const struct config_service *is) {
    struct reload_change *change = &plan->change[plan->count++];

    *change = (struct reload_change){ .action = action, .was = was, .is = is };
    strcpy(change->name, action == RELOAD_ADD ? is->name : was->name);
    return change;
}

static void add_both(struct reload_plan *plan, const struct config_service *was,
    const struct config_service *is, const char *workers_words) {
    struct reload_change *change = add_change(plan, RELOAD_KEEP, was, is);

    change->action = compare_service(was, is, change->words);
    if (workers_words[0] == '\0')
        return;
    change->action = RELOAD_REPLACE;
    add_words(change->words, "%s%s%s%s", workers_words, "", "");
}

/* ---- the daemon ---- */

static void compare_daemon(struct reload_plan *plan, const struct config *was,
    const struct config *is, char *workers_words) {
    const struct setting *row;
    char *words;

    for (row = config_daemon_settings; row->name != NULL; row++) {
        words = strcmp(row->name, "lang") == 0    ? workers_words
                : is_listed(live_keys, row->name) ? plan->daemon_words
                                                  : plan->later_words;
        differs(row, was, is, "", words);
    }
    for (row = config_control_settings; row->name != NULL; row++)
        differs(row, was, is, "control.", plan->later_words);
    for (row = config_jobs_settings; row->name != NULL; row++)
        differs(row, was, is, "jobs.", plan->daemon_words);
    for (row = config_log_settings; row->name != NULL; row++) {
        plan->log_differs |= differs(row, was, is, "log.", plan->daemon_words);
        if (strcmp(row->name, "format") == 0 || strcmp(row->name, "level") == 0)
            differs(row, was, is, "log.", workers_words);
    }
}

/* ---- jobs ---- */

static struct reload_job_change *add_job(
    struct reload_plan *plan, enum reload_action action, const char *name) {
    struct reload_job_change *change = &plan->job[plan->job_count++];

    *change = (struct reload_job_change){ .action = action };
    strcpy(change->name, name);
    return change;
}

static void compare_job(
    struct reload_plan *plan, const struct config_job *was, const struct config_job *is) {
    struct reload_job_change *change = add_job(plan, RELOAD_KEEP, is->name);
    const struct setting *row;

    for (row = config_job_settings; row->name != NULL; row++)
        differs(row, was, is, "", change->words);
    for (row = is->kernel->params; was->kernel == is->kernel && row->name != NULL; row++)
        differs(row, was->params, is->params, "", change->words);
    if (change->words[0] != '\0')
        change->action = RELOAD_ADJUST;
}

/* Both lists are sorted by name. */
static void compare_jobs(
    struct reload_plan *plan, const struct config *was, const struct config *is) {
    unsigned a = 0, b = 0;
    int order;

    while (a < was->job_count || b < is->job_count) {
        order = a == was->job_count  ? 1
                : b == is->job_count ? -1
                                     : strcmp(was->job[a].name, is->job[b].name);
        if (order == 0)
            compare_job(plan, &was->job[a++], &is->job[b++]);
        else if (order < 0)
            add_job(plan, RELOAD_REMOVE, was->job[a++].name);
        else
            add_job(plan, RELOAD_ADD, is->job[b++].name);
    }
}

/* What a process logs is settled when it is forked. */
static bool logs_otherwise(const struct config *was, const struct config *is) {
    return was->log.format != is->log.format || was->log.level != is->log.level;
}

static void compare_supervisor(
    struct reload_plan *plan, const struct config *was, const struct config *is) {
    char *old_text = config_jobs_write(was), *new_text = config_jobs_write(is);

    plan->has_jobs = old_text != NULL || new_text != NULL;
    plan->jobs = RELOAD_JOBS_KEEP;
    if (old_text == NULL && new_text != NULL)
        plan->jobs = RELOAD_JOBS_START;
    else if (old_text != NULL && new_text == NULL)
        plan->jobs = RELOAD_JOBS_STOP;
    else if (plan->has_jobs && (config_jobs_needs_restart(was, is) || logs_otherwise(was, is)))
        plan->jobs = RELOAD_JOBS_RESTART;
    else if (plan->has_jobs && strcmp(old_text, new_text) != 0)
        plan->jobs = RELOAD_JOBS_TELL;
    plan->jobs_differs = plan->jobs != RELOAD_JOBS_KEEP;
    free(old_text);
    free(new_text);
}

/* ---- */

/* Both lists are sorted by name. */
void reload_diff(
    struct reload_plan *plan, const struct config *running, const struct config *wanted) {
    char workers_words[RELOAD_WORDS_MAX] = "";
    unsigned a = 0, b = 0;
    int order;

    *plan = (struct reload_plan){ .count = 0 };
    compare_daemon(plan, running, wanted, workers_words);
    compare_jobs(plan, running, wanted);
    compare_supervisor(plan, running, wanted);
    while (a < running->service_count || b < wanted->service_count) {
        order = a == running->service_count ? 1
                : b == wanted->service_count
                    ? -1
                    : strcmp(running->service[a].name, wanted->service[b].name);
        if (order == 0)
            add_both(plan, &running->service[a++], &wanted->service[b++], workers_words);
        else if (order < 0)
            add_change(plan, RELOAD_REMOVE, &running->service[a++], NULL);
        else
            add_change(plan, RELOAD_ADD, NULL, &wanted->service[b++]);
    }
}

bool reload_diff_has_any(const struct reload_plan *plan) {
    for (unsigned i = 0; i < plan->count; i++)
        if (plan->change[i].action != RELOAD_KEEP)
            return true;
    for (unsigned i = 0; i < plan->job_count; i++)
        if (plan->job[i].action != RELOAD_KEEP)
            return true;
    return plan->jobs_differs || plan->daemon_words[0] != '\0';
}
