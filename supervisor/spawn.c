/*
 * prepare, fork, in_child, in_parent, discard; and reap. Signals are blocked in the supervisor for
 * good, so the child starts with them blocked and unblocks them when its handlers stand. The
 * child closes what it does not need by the gaps between what it keeps: no exec does it for us.
 */
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/console.h"
#include "shared/contract.h"
#include "shared/exit_code.h"
#include "shared/exit_words.h"
#include "shared/failpoint.h"
#include "shared/gate.h"
#include "shared/log.h"
#include "shared/number.h"
#include "supervisor/child_setup.h"
#include "supervisor/hang.h"
#include "supervisor/log_writer.h"
#include "supervisor/service.h"
#include "supervisor/supervisor.h"
#include "workers/worker.h"

/* What has to be there before the fork; -1 and NULL until it is. */
struct prepared {
    struct child *child;
    int child_order_fd;
    int lane;
    bool lane_is_new;
};

/* ---- prepare, discard ---- */

static int join_commons(struct child *child) {
    commons_hold(&child->commons, &child->service->commons);
    if (child->commons.room != NULL)
        child->room_row = room_claim_row(commons_room(&child->commons));
    return child->commons.room == NULL || child->room_row >= 0 ? 0 : -1;
}

/* Whom it has left asleep, and who waits for what it owned, is woken. */
static void leave_commons(struct child *child) {
    if (child->commons.room != NULL)
        room_release_row(commons_room(&child->commons), child->room_row);
    if (child->commons.owner != NULL)
        owner_bereave(commons_owner(&child->commons), child->generation);
    child->room_row = -1;
    commons_release(&child->commons);
}

static void discard(struct prepared *prepared) {
    struct child *child = prepared->child;
    int saved_errno = errno;

    if (prepared->child_order_fd >= 0)
        close(prepared->child_order_fd);
    if (child != NULL) {
        if (child->order_fd >= 0)
            close(child->order_fd);
        if (child->pidfd >= 0)
            close(child->pidfd);
        if (child->row >= 0)
            gate_remove_member(child->service->gate, (unsigned)child->row);
        scoreboard_release_row(child->supervisor->board, child->row);
        hang_free(&child->hang);
        leave_commons(child);
    }
    errno = saved_errno;
}

static unsigned lanes_of(const struct config_service *config) {
    return config->model == MODEL_THREAD ? (unsigned)config->threads_per_child : 1;
}

static int prepare(struct prepared *out, struct supervisor *supervisor, struct service *service,
    unsigned slot, bool is_held) {
    const uint32_t generation = ++supervisor->next_child_generation;
    struct child *child = &supervisor->child[SCOREBOARD_ROWS];
    int row = -1;

    *out = (struct prepared){ .child = NULL, .child_order_fd = -1, .lane = -1 };
    if (service != NULL) {
        row = scoreboard_claim_row(supervisor->board, service->index, slot, generation);
        if (row < 0)
            return -1;
        child = &supervisor->child[row];
    }
    *child = (struct child){ .supervisor = supervisor,
        .service = service,
        .slot = slot,
        .is_held = is_held,
        .pidfd = -1,
        .order_fd = -1,
        .row = row,
        .room_row = -1,
        .deadline_ns = UINT64_MAX,
        .generation = generation,
        .config_generation = supervisor->generation };
    out->child = child;
    if (contract_pair(&child->order_fd, &out->child_order_fd) < 0)
        return -1;
    if (service == NULL)
        return 0;
    out->lane = log_lanes_get(&supervisor->lanes, service->config->name, slot, &out->lane_is_new);
    if (out->lane < 0 || hang_init(&child->hang, lanes_of(service->config)) < 0 ||
        join_commons(child) < 0)
        return -1;
    /* Before the fork: it may accept before we are back. */
    gate_add_member(service->gate, (unsigned)child->row);
    return 0;
}

/* A running log writer does not know the lanes that are made after it was forked. */
static void tell_log_writer(struct supervisor *supervisor, int index) {
    const struct log_lane *lane = &supervisor->lanes.lane[index];
    const int fds[] = { lane->record_read, lane->out_read, lane->err_read };
    struct contract_record order = { .kind = ORDER_LANE, .value = (uint64_t)index };

    if (supervisor->log_writer == NULL)
        return;
    order.pid = supervisor->log_writer->pid;
    order.generation = supervisor->log_writer->generation;
    if (contract_send(supervisor->log_writer->order_fd, &order, fds, 3) < 0)
        /* It does not read its orders; the next one gets all lanes by inheritance. */
        child_kill(supervisor->log_writer, "it does not read its orders");
}

/* ---- in the child ---- */

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

_Noreturn static void run_worker(
    const struct child *child, const struct prepared *prepared, pid_t parent) {
    struct supervisor *supervisor = child->supervisor;
    const struct config *config = supervisor->config;
    const struct log_lane *lane = &supervisor->lanes.lane[prepared->lane];
    struct child_setup setup = { .title = child->service->config->name,
        .slot = child->slot,
        .parent = parent,
        .service = child->service->config,
        .out_fd = lane->out_write,
        .err_fd = lane->err_write };
    struct worker_args *args = worker_new();

    fill_args(args, child, prepared->child_order_fd);
    child_setup_keep(&setup, prepared->child_order_fd);
    child_setup_keep(&setup, lane->record_write);
    child_setup_keep(&setup, supervisor->lanes.console_write);
    child_setup_keep(&setup, gate_wake_fd(args->gate));
    keep_commons(&setup, args);
    commons_forget_others(supervisor, &child->commons);
    for (unsigned i = 0; i < args->listener_count; i++)
        child_setup_keep(&setup, args->listener[i].fd);
    log_use_records(lane->record_write, supervisor->log_format, (enum log_level)config->log.level,
        args->service_name, child->slot, &args->board->row[args->row].counts.log_dropped);
    console_use(supervisor->lanes.console_write);
    child_setup_apply(&setup);
    FAILPOINT_OF("worker-start", args->service_name);
    supervisor_forget(supervisor);
    worker_main(args);
}

_Noreturn static void run_log_writer(
    const struct child *child, const struct prepared *prepared, pid_t parent) {
    const struct supervisor *supervisor = child->supervisor;
    const struct config *config = supervisor->config;
    const struct config_service as_user = { .uid = config->uid,
        .gid = config->gid,
        .user = config->user,
        .rlimit_nofile = UINT64_MAX,
        .rlimit_as_bytes = UINT64_MAX,
        .rlimit_core_bytes = UINT64_MAX };
    const struct log_writer_args args = { .config = config,
        .lanes = &supervisor->lanes,
        .order_fd = prepared->child_order_fd,
        .generation = child->generation,
        .to_terminal = supervisor->log_to_terminal };
    struct child_setup setup = { .title = "log",
        .parent = parent,
        .service = &as_user,
        .out_fd = -1,
        .err_fd = -1,
        .keeps_all = true,
        .death_signal = SIGTERM };

    child_setup_apply(&setup);
    /* Records can wait a little: whoever serves goes first. */
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ .sched_priority = 0 });
    log_writer_main(&args);
}

/* ---- in the parent ---- */

static void keep(struct prepared *prepared, pid_t pid, uint64_t now_ns) {
    struct child *child = prepared->child;

    close(prepared->child_order_fd);
    child->pid = pid;
    child->state = CHILD_STARTING;
    child->started_at_ns = now_ns;
    if (child->service == NULL)
        return;
    child->supervisor->board->row[child->row].pid = pid;
    child->supervisor->board->row[child->row].started_at_ns = now_ns;
    child->lane = prepared->lane;
    log_lanes_hold(&child->supervisor->lanes, child->lane);
    TAILQ_INSERT_TAIL(&child->service->children, child, link);
}

static struct child *spawn(
    struct supervisor *supervisor, struct service *service, unsigned slot, bool is_held) {
    struct prepared prepared;
    const pid_t parent = getpid();
    pid_t pid;

    if (prepare(&prepared, supervisor, service, slot, is_held) < 0) {
        discard(&prepared);
        return NULL;
    }
    if (prepared.lane_is_new)
        tell_log_writer(supervisor, prepared.lane);
    if (failpoint_fails("fork")) {
        errno = EAGAIN;
        pid = -1;
    } else {
        pid = fork();
    }
    if (pid == 0 && service != NULL)
        run_worker(prepared.child, &prepared, parent);
    if (pid == 0)
        run_log_writer(prepared.child, &prepared, parent);
    if (pid > 0)
        prepared.child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pid > 0 && prepared.child->pidfd >= 0) {
        keep(&prepared, pid, clock_now_ns());
        return prepared.child;
    }
    if (pid > 0) { /* without a pidfd it could not be looked after */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        errno = EMFILE;
    }
    discard(&prepared);
    return NULL;
}

struct child *spawn_worker(struct service *service, unsigned slot, bool is_held) {
    return spawn(service->supervisor, service, slot, is_held);
}

struct child *spawn_log_writer(struct supervisor *supervisor) {
    return spawn(supervisor, NULL, 0, false);
}

/* ---- reap ---- */

static void tell_death(struct spawn_death *death, const struct child *child, int status) {
    char how[EXIT_WORDS_MAX], span[NUMBER_TEXT_MAX], peer[NET_TEXT_MAX], serving[160] = "";
    const struct scoreboard_row *row = child->row >= 0 ? &child->supervisor->board->row[child->row]
                                                       : NULL;
    struct net_address address = { .len = sizeof(struct sockaddr_in6) };

    if (WIFSIGNALED(status))
        exit_words_describe(how, CLD_KILLED, WTERMSIG(status));
    else
        exit_words_describe(how, CLD_EXITED, WEXITSTATUS(status));
    if (row != NULL && row->sessions > 0) {
        memcpy(&address.sa, row->last_peer, sizeof(row->last_peer));
        snprintf(serving, sizeof(serving), ", with %u session%s, the last from %s", row->sessions,
            row->sessions == 1 ? "" : "s",
            address.sa.any.sa_family == AF_UNSPEC ? "a local socket" : net_format(peer, &address));
    }
    death->is_clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    snprintf(death->words, sizeof(death->words), "%.60s after %s%.80s", how,
        number_format_span(span, death->uptime_ms * 1000000ull), serving);
}

static void release(struct child *child) {
    struct service *service = child->service;
    struct child *other;

    close(child->pidfd);
    close(child->order_fd);
    if (service != NULL) {
        scoreboard_add_counts(&service->gone, &child->supervisor->board->row[child->row].counts);
        gate_remove_member(service->gate, (unsigned)child->row);
        scoreboard_release_row(child->supervisor->board, child->row);
        leave_commons(child);
        log_lanes_release(&child->supervisor->lanes, child->lane);
        TAILQ_REMOVE(&service->children, child, link);
        TAILQ_FOREACH (other, &service->children, link)
            if (other->replaces == child)
                other->replaces = NULL;
    }
    hang_free(&child->hang);
}

bool spawn_reap(struct child *child, struct spawn_death *out_death) {
    struct rusage usage;
    int status;

    if (wait4(child->pid, &status, WNOHANG, &usage) != child->pid)
        return false;
    out_death->uptime_ms = (clock_now_ns() - child->started_at_ns) / 1000000;
    out_death->peak_kb = usage.ru_maxrss;
    out_death->log_dropped = child->row >= 0
                                 ? child->supervisor->board->row[child->row].counts.log_dropped
                                 : 0;
    tell_death(out_death, child, status);
    release(child);
    return true;
}
