/*
 * Arguments are copied before the supervisor's memory is given back, and descriptors are closed by
 * the gaps between those that are kept: no exec does either for us.
 */
#include "supervisor/spawn_child.h"

#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/console.h"
#include "shared/failpoint.h"
#include "shared/gate.h"
#include "shared/log.h"
#include "supervisor/capabilities.h"
#include "supervisor/child_setup.h"
#include "supervisor/config_jobs.h"
#include "supervisor/jobs/jobs.h"
#include "supervisor/log_writer.h"
#include "supervisor/service.h"
#include "supervisor/supervisor.h"
#include "workers/worker.h"

/* To fork workers that run commands as another user, and to end them. */
#define BECOME_ANOTHER \
    (CAPABILITIES_OF(CAP_SETUID) | CAPABILITIES_OF(CAP_SETGID) | CAPABILITIES_OF(CAP_KILL))

/* ---- a worker ---- */

static unsigned spare_wanted(const struct config_service *config) {
    if (config->pm == PM_DYNAMIC)
        return (unsigned)config->min_spare_servers;
    return config->pm == PM_ONDEMAND ? 1 : 0;
}

static unsigned sessions_max(const struct config_service *config) {
    if (config->model == MODEL_PROCESS)
        return 1;
    return (unsigned)(config->model == MODEL_THREAD ? config->threads_per_child
                                                    : config->worker_connections);
}

/* Over all workers, as configured. */
static uint64_t capacity(const struct config_service *config) {
    const uint64_t sessions = config->max_children * sessions_max(config);

    return config->max_connections > 0 && config->max_connections < sessions
               ? config->max_connections
               : sessions;
}

static void keep_commons(struct child_setup *setup, const struct worker_args *args) {
    for (unsigned i = 0; args->room != NULL && i < room_count_rows(args->room); i++)
        child_setup_keep(setup, room_wake_fd(args->room, i));
    if (args->owner != NULL)
        child_setup_keep(setup, owner_wake_fd(args->owner));
}

static void fill_args(struct worker_args *args, const struct child *child, int order_fd) {
    const struct service *service = child->service;
    const struct config_service *config = service->config;

    *args = (struct worker_args){
        .ops = config->type,
        .settings = config->settings,
        .service_name = config->name,
        .model = (enum worker_model)config->model,
        .lang = child->supervisor->config->lang == LANG_RU ? SERVICE_LANG_RU : SERVICE_LANG_EN,
        .listener_count = config->listen_count,
        .gate = service->gate,
        .board = child->supervisor->board,
        .row = child->row,
        .generation = child->generation,
        .order_fd = order_fd,
        .is_held = child->is_held,
        .room = commons_room(&child->commons),
        .room_row = child->room_row,
        .owner = commons_owner(&child->commons),
        .wire_mode = config->wire,
        .sessions_max = sessions_max(config),
        .refuses_when_full = config->when_full == FULL_REFUSE,
        .full_line = config->full_line,
        .capacity = capacity(config),
        .idle_timeout_ms = config->idle_timeout_ms,
        .first_message_timeout_ms = config->first_message_timeout_ms,
        .message_timeout_ms = config->message_timeout_ms,
        .write_timeout_ms = config->write_timeout_ms,
        .write_buffer_bytes = config->write_buffer_bytes,
        .spare_wanted = spare_wanted(config),
        .max_requests = config->max_requests,
        .reload_on_pss_bytes = config->reload_on_pss_bytes,
        .max_rate = config->max_rate,
        .max_rate_per_source = config->max_rate_per_source,
    };
    if (config->max_requests > 0 && config->max_requests_jitter > 0)
        args->max_requests += arc4random_uniform((uint32_t)config->max_requests_jitter + 1);
    for (unsigned i = 0; i < config->listen_count; i++)
        args->listener[i] = (struct worker_listener){ .proto = service->listener[i].proto,
            .fd = service->listener[i].fd,
            .address = service->listener[i].address };
}

/* Who names nobody is as the daemon is to be; the numbers are right already. */
static const char *user_of(const struct supervisor *supervisor, const char *named) {
    return named != NULL ? named : supervisor->config->user;
}

_Noreturn static void run_worker(const struct child *child, int order_fd, pid_t parent) {
    struct supervisor *supervisor = child->supervisor;
    const struct log_lane *lane = &supervisor->lanes.lane[child->lane];
    struct child_setup setup = { .title = child->service->config->name,
        .slot = child->slot,
        .parent = parent,
        .service = child->service->config,
        .user = user_of(supervisor, child->service->config->user),
        .out_fd = lane->out_write,
        .err_fd = lane->err_write };
    struct worker_args *args = worker_new();

    fill_args(args, child, order_fd);
    child_setup_keep(&setup, order_fd);
    child_setup_keep(&setup, lane->record_write);
    child_setup_keep(&setup, supervisor->lanes.console_write);
    child_setup_keep(&setup, gate_wake_fd(args->gate));
    keep_commons(&setup, args);
    commons_forget_others(supervisor, &child->commons);
    for (unsigned i = 0; i < args->listener_count; i++)
        child_setup_keep(&setup, args->listener[i].fd);
    log_use_records(lane->record_write, supervisor->log_format,
        (enum log_level)supervisor->config->log.level, args->service_name, child->slot,
        &args->board->row[args->row].counts.log_dropped);
    console_use(supervisor->lanes.console_write);
    child_setup_apply(&setup);
    FAILPOINT_OF("worker-start", args->service_name);
    supervisor_forget(supervisor);
    worker_main(args);
}

/* ---- those that serve nobody ---- */

/* Limits as they are inherited, and this user. */
static struct config_service as_user(uid_t uid, gid_t gid) {
    return (struct config_service){ .uid = uid,
        .gid = gid,
        .rlimit_nofile = UINT64_MAX,
        .rlimit_as_bytes = UINT64_MAX,
        .rlimit_core_bytes = UINT64_MAX };
}

_Noreturn static void run_log_writer(const struct child *child, int order_fd, pid_t parent) {
    const struct supervisor *supervisor = child->supervisor;
    const struct config *config = supervisor->config;
    const struct config_service service = as_user(config->uid, config->gid);
    const struct log_writer_args args = { .config = config,
        .lanes = &supervisor->lanes,
        .order_fd = order_fd,
        .generation = child->generation,
        .to_terminal = supervisor->log_to_terminal };
    struct child_setup setup = { .title = "log",
        .parent = parent,
        .service = &service,
        .user = config->user,
        .out_fd = -1,
        .err_fd = -1,
        .keeps_all = true,
        .death_signal = SIGTERM };

    child_setup_apply(&setup);
    /* Records can wait a little: whoever serves goes first. */
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ .sched_priority = 0 });
    log_writer_main(&args);
}

_Noreturn static void run_jobs(const struct child *child, int order_fd, pid_t parent) {
    struct supervisor *supervisor = child->supervisor;
    const struct config *config = supervisor->config;
    const struct log_lane *lane = &supervisor->lanes.lane[child->lane];
    const struct config_service service = as_user(config->jobs.uid, config->jobs.gid);
    const struct jobs_args args = { .config_text = supervisor->jobs.text,
        .board = supervisor->jobs.board,
        .order_fd = order_fd,
        .generation = child->generation,
        .life = supervisor->started_at_ns };
    struct child_setup setup = { .title = "jobs",
        .parent = parent,
        .service = &service,
        .user = user_of(supervisor, config->jobs.user),
        .out_fd = lane->out_write,
        .err_fd = lane->err_write,
        .capabilities = config_jobs_becomes_another(config) ? BECOME_ANOTHER : 0 };

    child_setup_keep(&setup, order_fd);
    child_setup_keep(&setup, lane->record_write);
    log_use_records(lane->record_write, supervisor->log_format, (enum log_level)config->log.level,
        CHILD_JOBS_NAME, 0, NULL);
    console_use(-1);
    commons_forget_others(supervisor, &child->commons);
    child_setup_apply(&setup);
    FAILPOINT("jobs-start");
    supervisor_forget(supervisor);
    jobs_main(&args);
}

void spawn_child_run(const struct child *child, int order_fd, pid_t parent) {
    switch (child->kind) {
    case CHILD_WORKER:
        run_worker(child, order_fd, parent);
    case CHILD_LOG_WRITER:
        run_log_writer(child, order_fd, parent);
    case CHILD_JOBS:
        run_jobs(child, order_fd, parent);
    }
    abort();
}
