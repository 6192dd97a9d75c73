/* The states of a run, one function each; reload_tend() calls the one that is due. */
#include "supervisor/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "supervisor/log_keeper.h"
#include "supervisor/notify.h"
#include "supervisor/reload_end.h"
#include "supervisor/reload_jobs.h"
#include "supervisor/reload_service.h"
#include "supervisor/reload_sweep.h"
#include "supervisor/service_limits.h"
#include "supervisor/service_list.h"
#include "supervisor/supervisor.h"

#define PROOF_NS   60000000000ull /* for pilots without a limit of their own */
#define REPLACE_NS 60000000000ull
#define ERROR_MAX  256

/* ---- READING ---- */

/* They were good a moment ago. What the child warned of, this warns of again. */
static void read_again(struct supervisor *supervisor) {
    struct reload *reload = &supervisor->reload;
    size_t size;
    FILE *complaints;

    free(reload->complaints);
    reload->complaints = NULL;
    complaints = open_memstream(&reload->complaints, &size);
    if (complaints == NULL)
        return;
    reload->config = config_read_again(supervisor->config->file, complaints);
    fclose(complaints);
}

static void was_read(struct loop_watch *watch, uint32_t events) {
    struct supervisor *supervisor = watch->owner;
    struct reload *reload = &supervisor->reload;
    bool is_good;

    (void)events;
    loop_remove(supervisor->loop, watch);
    is_good = reload_read_end(&reload->reading, supervisor->config->file, &reload->complaints);
    if (is_good)
        read_again(supervisor);
    if (reload->config == NULL) {
        reload_end(supervisor, EXIT_CODE_CONFIG,
            reload->complaints != NULL ? reload->complaints : "the configuration cannot be read");
        return;
    }
    reload_diff(&reload->plan, supervisor->config, reload->config);
    if (reload->kind == RELOAD_DRY)
        reload_end(supervisor, EXIT_CODE_OK, NULL);
    else
        reload->state = RELOAD_WAITING;
}

static void start(struct supervisor *supervisor) {
    struct reload *reload = &supervisor->reload;

    reload->kind = reload->asked[RELOAD_REAL] != 0 ? RELOAD_REAL : RELOAD_DRY;
    reload->run = reload->asked[reload->kind];
    reload->asked[reload->kind] = 0;
    reload->started_at_ns = clock_now_ns();
    reload->plan.count = 0;
    if (reload->kind == RELOAD_REAL)
        notify_reloading();
    if (reload_read_start(&reload->reading, supervisor->config->file) < 0) {
        reload_end(supervisor, EXIT_CODE_SYSTEM, "no child to read the configuration");
        return;
    }
    reload->state = RELOAD_READING;
    reload->read_watch = (struct loop_watch){
        .fd = reload->reading.pidfd, .ready = was_read, .owner = supervisor
    };
    loop_add(supervisor->loop, &reload->read_watch, EPOLLIN);
}

/* ---- WAITING ---- */

static bool needs_pilot(struct supervisor *supervisor, const struct reload_change *change) {
    const struct service *old = reload_service_find_old(supervisor, change);

    if (change->action == RELOAD_ADD)
        return change->is->autostart;
    /* One that does not run takes it at its next start. */
    return change->action == RELOAD_REPLACE && old != NULL && old->state != SERVICE_STOPPED;
}

/* May this change begin? If not, the progress says why. */
static bool has_room(struct supervisor *supervisor, const struct reload_change *change) {
    struct reload *reload = &supervisor->reload;
    const struct service *old = reload_service_find_old(supervisor, change);
    unsigned generations;

    if (!needs_pilot(supervisor, change) || old == NULL)
        return true;
    if (old->state == SERVICE_STOPPING) {
        snprintf(reload->progress, sizeof(reload->progress), "waiting until %s is STOPPED",
            change->name);
        return false;
    }
    generations = reload_service_count_generations(old);
    if (generations < supervisor->config->max_generations)
        return true;
    snprintf(reload->progress, sizeof(reload->progress),
        "%s: workers of %u configurations are alive, as many as max_generations allows; waiting "
        "for the oldest to leave",
        change->name, generations);
    return false;
}

static bool check_log(struct supervisor *supervisor) {
    struct complaint complaint;

    if (!supervisor->reload.plan.log_differs ||
        log_keeper_check(supervisor->reload.config, &complaint) == 0)
        return true;
    reload_give_up(supervisor, EXIT_CODE_CONFIG, complaint.text);
    return false;
}

static void prove(struct supervisor *supervisor) {
    struct reload *reload = &supervisor->reload;
    struct complaint complaint;
    struct reload_change *change;

    reload->state = RELOAD_PROVING;
    reload->deadline_ns = supervisor->now_ns + PROOF_NS;
    memset(reload->candidate, 0, sizeof(reload->candidate));
    if (!check_log(supervisor))
        return;
    for (unsigned i = 0; i < reload->plan.count; i++) {
        change = &reload->plan.change[i];
        if (!needs_pilot(supervisor, change))
            continue;
        reload->candidate[i] = reload_service_try(supervisor, reload->config, change,
            reload_service_find_old(supervisor, change), &complaint);
        if (reload->candidate[i] == NULL) {
            reload_give_up(supervisor, EXIT_CODE_FAILED, complaint.text);
            return;
        }
    }
}

static void wait_for_room(struct supervisor *supervisor) {
    struct reload *reload = &supervisor->reload;

    for (unsigned i = 0; i < reload->plan.count; i++)
        if (!has_room(supervisor, &reload->plan.change[i]))
            return;
    reload->progress[0] = '\0';
    prove(supervisor);
}

/* ---- PROVING ---- */

/* Somebody stopped it while it was tried. */
static bool is_on_its_way_out(const struct service *service) {
    return service->state == SERVICE_STOPPING || service->state == SERVICE_STOPPED;
}

static void apply(struct supervisor *supervisor, unsigned i) {
    struct reload *reload = &supervisor->reload;
    const struct reload_change *change = &reload->plan.change[i];
    struct service *old = reload_service_find_old(supervisor, change),
                   *candidate = reload->candidate[i];

    if (change->action == RELOAD_REMOVE && old != NULL) {
        old->is_removed = true;
        service_stop(old, "it is no longer configured");
    } else if (candidate != NULL && old != NULL && is_on_its_way_out(old)) {
        reload_service_give_up(candidate, old);
        reload_service_set_config(old, change->is);
    } else if (candidate != NULL && old != NULL) {
        reload_service_join(old, candidate);
    } else if (candidate != NULL) {
        reload_service_add(candidate);
    } else if (old != NULL && change->is != NULL) {
        reload_service_set_config(old, change->is);
        reload_service_renew_gate(old, change->is);
        for (unsigned k = 0; k < CONFIG_LISTEN_MAX; k++)
            if (change->action != RELOAD_KEEP)
                listen_adjust(&old->listener[k], change->is);
    } else if (change->action == RELOAD_ADD) {
        candidate = service_list_new(supervisor, supervisor->config, change->is, NULL);
        if (candidate != NULL)
            service_list_add(candidate);
    }
    reload->candidate[i] = NULL;
}

static void commit(struct supervisor *supervisor) {
    struct reload *reload = &supervisor->reload;
    const bool log_differs = reload->plan.log_differs;

    supervisor->config->next_retired = reload->retired;
    reload->retired = supervisor->config;
    supervisor->config = reload->config;
    reload->config = NULL;
    if (reload_diff_has_any(&reload->plan))
        supervisor->generation++;
    for (unsigned i = 0; i < reload->plan.count; i++)
        if (reload->candidate[i] != NULL)
            reload_service_take_sockets(reload->candidate[i]);
    /* Before any worker is forked that would log as it was. */
    reload->old_log_writer = 0;
    if (log_differs) {
        if (supervisor->log_writer != NULL)
            reload->old_log_writer = supervisor->log_writer->generation;
        log_keeper_renew(supervisor);
    }
    for (unsigned i = 0; i < reload->plan.count; i++)
        apply(supervisor, i);
    jobs_keeper_configure(supervisor, reload->plan.jobs == RELOAD_JOBS_RESTART);
    reload->state = RELOAD_REPLACING;
    reload->deadline_ns = supervisor->now_ns + REPLACE_NS;
}

static void look_at_pilots(struct supervisor *supervisor) {
    struct reload *reload = &supervisor->reload;
    struct complaint complaint = { .text = "" };
    bool is_proved = true, has_failed = false;

    for (unsigned i = 0; i < reload->plan.count && !has_failed; i++) {
        if (reload->candidate[i] == NULL)
            continue;
        service_limits_look(reload->candidate[i], supervisor->now_ns);
        if (reload_service_is_proved(reload->candidate[i], &has_failed, &complaint))
            continue;
        is_proved = false;
        snprintf(reload->progress, sizeof(reload->progress),
            "%s: waiting until a new worker is ready", reload->plan.change[i].name);
    }
    if (has_failed)
        reload_give_up(supervisor, EXIT_CODE_FAILED, complaint.text);
    else if (is_proved)
        commit(supervisor);
    else if (supervisor->now_ns >= reload->deadline_ns)
        reload_give_up(supervisor, EXIT_CODE_FAILED, "a new worker was not ready after 60 s");
}

/* ---- REPLACING ---- */

/* Leaves the text as it is when all is well. */
static void describe_failure(const struct service *service, char error[ERROR_MAX]) {
    if (!reload_service_is_done(service))
        snprintf(error, ERROR_MAX, "%s: not all of its workers are ready after 60 s",
            service->config->name);
    else if (service->state != SERVICE_RUNNING && service->state != SERVICE_STOPPED)
        snprintf(error, ERROR_MAX, "%s is %s: a worker %.160s", service->config->name,
            service_state_name(service->state), service->last_death);
}

/* What is said from the verdict on is written as the new settings say. */
static bool has_log_writer(const struct supervisor *supervisor) {
    const struct child *child = supervisor->log_writer;

    return supervisor->reload.old_log_writer == 0 ||
           (child != NULL && child->state == CHILD_RUNNING &&
               child->generation != supervisor->reload.old_log_writer);
}

static void look_at_services(struct supervisor *supervisor) {
    struct reload *reload = &supervisor->reload;
    const bool is_late = supervisor->now_ns >= reload->deadline_ns;
    const struct reload_change *change;
    const struct service *service;
    char error[ERROR_MAX] = "";

    if (!has_log_writer(supervisor)) {
        strcpy(reload->progress, "waiting for the new log writer");
        if (!is_late)
            return;
        strcpy(error, "the new log writer is not ready after 60 s");
    }
    for (unsigned i = 0; i < reload->plan.count; i++) {
        change = &reload->plan.change[i];
        service = reload_service_find_old(supervisor, change);
        if (change->action == RELOAD_ADD && service == NULL)
            snprintf(error, sizeof(error), "%s: there is no memory for it", change->name);
        if (change->action < RELOAD_REPLACE || service == NULL)
            continue;
        snprintf(reload->progress, sizeof(reload->progress), "%s: %u workers ready",
            service->config->name, service_count_ready(service));
        if (!is_late && !reload_service_is_done(service))
            return;
        describe_failure(service, error);
    }
    if (!reload_jobs_is_done(
            supervisor, is_late, reload->progress, sizeof(reload->progress), error, sizeof(error)))
        return;
    reload_end(supervisor, error[0] != '\0' ? EXIT_CODE_INCOMPLETE : EXIT_CODE_OK,
        error[0] != '\0' ? error : NULL);
}

/* ---- for others ---- */

uint64_t reload_ask(struct supervisor *supervisor, enum reload_kind kind) {
    struct reload *reload = &supervisor->reload;

    if (reload->asked[kind] == 0)
        reload->asked[kind] = ++reload->last_run;
    return reload->asked[kind];
}

const struct reload_verdict *reload_answer(
    const struct supervisor *supervisor, enum reload_kind kind, uint64_t run) {
    const struct reload_verdict *verdict = &supervisor->reload.verdict[kind];

    return verdict->run >= run ? verdict : NULL;
}

void reload_tend(struct supervisor *supervisor) {
    struct reload *reload = &supervisor->reload;

    if (reload->state == RELOAD_IDLE && !supervisor->is_stopping &&
        (reload->asked[RELOAD_REAL] != 0 || reload->asked[RELOAD_DRY] != 0))
        start(supervisor);
    if (reload->state == RELOAD_WAITING)
        wait_for_room(supervisor);
    if (reload->state == RELOAD_PROVING)
        look_at_pilots(supervisor);
    if (reload->state == RELOAD_REPLACING)
        look_at_services(supervisor);
    reload_sweep(supervisor);
}

uint64_t reload_next_at_ns(const struct supervisor *supervisor) {
    const struct reload *reload = &supervisor->reload;

    if (reload->state == RELOAD_IDLE)
        return reload->asked[RELOAD_REAL] != 0 || reload->asked[RELOAD_DRY] != 0
                   ? supervisor->now_ns
                   : UINT64_MAX;
    return reload->state == RELOAD_PROVING || reload->state == RELOAD_REPLACING
               ? reload->deadline_ns
               : UINT64_MAX;
}

void reload_abort(struct supervisor *supervisor) {
    struct reload *reload = &supervisor->reload;

    if (reload->state == RELOAD_READING) {
        loop_remove(supervisor->loop, &reload->read_watch);
        reload_read_cancel(&reload->reading);
    }
    if (reload->state == RELOAD_REPLACING)
        reload_end(supervisor, EXIT_CODE_INCOMPLETE, "the daemon stops");
    else if (reload->state != RELOAD_IDLE)
        reload_give_up(supervisor, EXIT_CODE_FAILED, "the daemon stops");
}
