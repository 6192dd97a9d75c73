/*
 * prepare, fork, in_child, in_parent, discard; and reap. Signals are blocked in the supervisor for
 * good, so the child starts with them blocked and unblocks them when its handlers stand.
 */
#include "supervisor/spawn.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "shared/exit_code.h"
#include "shared/exit_words.h"
#include "shared/failpoint.h"
#include "shared/gate.h"
#include "shared/jobs_board.h"
#include "shared/number.h"
#include "shared/owner.h"
#include "shared/room.h"
#include "supervisor/hang.h"
#include "supervisor/service.h"
#include "supervisor/spawn_child.h"
#include "supervisor/supervisor.h"

/* What has to be there before the fork; -1 and NULL until it is. */
struct prepared {
    struct child *child;
    int child_order_fd;
    bool lane_is_new;
};

struct wanted {
    enum child_kind kind;
    struct service *service; /* a worker's */
    unsigned slot;
    bool is_held;
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

/* Where its struct lies: a worker's by its row, which has to be claimed. Returns NULL with errno.
 */
static struct child *find_place(
    struct supervisor *supervisor, const struct wanted *wanted, uint32_t generation, int *out_row) {
    *out_row = -1;
    if (wanted->kind == CHILD_LOG_WRITER)
        return &supervisor->child[SCOREBOARD_ROWS];
    if (wanted->kind == CHILD_JOBS)
        return &supervisor->child[SCOREBOARD_ROWS + 1];
    *out_row = scoreboard_claim_row(
        supervisor->board, wanted->service->index, wanted->slot, generation);
    return *out_row < 0 ? NULL : &supervisor->child[*out_row];
}

static int prepare(
    struct prepared *out, struct supervisor *supervisor, const struct wanted *wanted) {
    const uint32_t generation = ++supervisor->next_child_generation;
    struct service *service = wanted->service;
    struct child *child;
    int row;

    *out = (struct prepared){ .child = NULL, .child_order_fd = -1 };
    child = find_place(supervisor, wanted, generation, &row);
    if (child == NULL)
        return -1;
    *child = (struct child){ .supervisor = supervisor,
        .kind = wanted->kind,
        .service = service,
        .slot = wanted->slot,
        .is_held = wanted->is_held,
        .pidfd = -1,
        .order_fd = -1,
        .row = row,
        .lane = -1,
        .room_row = -1,
        .deadline_ns = UINT64_MAX,
        .generation = generation,
        .config_generation = supervisor->generation };
    out->child = child;
    if (contract_pair(&child->order_fd, &out->child_order_fd) < 0)
        return -1;
    if (child->kind == CHILD_LOG_WRITER) /* it reads them all */
        return 0;
    child->lane = log_lanes_get(
        &supervisor->lanes, child_log_name(child), child->slot, &out->lane_is_new);
    if (child->lane < 0)
        return -1;
    if (child->kind != CHILD_WORKER)
        return 0;
    assert(service != NULL);
    if (hang_init(&child->hang, lanes_of(service->config)) < 0 || join_commons(child) < 0)
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

/* ---- in the parent ---- */

static void keep(struct prepared *prepared, pid_t pid, uint64_t now_ns) {
    struct child *child = prepared->child;

    close(prepared->child_order_fd);
    child->pid = pid;
    child->state = CHILD_STARTING;
    child->started_at_ns = now_ns;
    if (child->lane >= 0)
        log_lanes_hold(&child->supervisor->lanes, child->lane);
    if (child->kind != CHILD_WORKER)
        return;
    child->supervisor->board->row[child->row].pid = pid;
    child->supervisor->board->row[child->row].started_at_ns = now_ns;
    TAILQ_INSERT_TAIL(&child->service->children, child, link);
}

static struct child *spawn(struct supervisor *supervisor, const struct wanted *wanted) {
    struct prepared prepared;
    const pid_t parent = getpid();
    pid_t pid;

    if (prepare(&prepared, supervisor, wanted) < 0) {
        discard(&prepared);
        return NULL;
    }
    if (prepared.lane_is_new)
        tell_log_writer(supervisor, prepared.child->lane);
    if (failpoint_fails("fork")) {
        errno = EAGAIN;
        pid = -1;
    } else {
        pid = fork();
    }
    if (pid == 0)
        spawn_child_run(prepared.child, prepared.child_order_fd, parent);
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
    return spawn(service->supervisor,
        &(struct wanted){
            .kind = CHILD_WORKER, .service = service, .slot = slot, .is_held = is_held });
}

struct child *spawn_log_writer(struct supervisor *supervisor) {
    return spawn(supervisor, &(struct wanted){ .kind = CHILD_LOG_WRITER });
}

struct child *spawn_jobs(struct supervisor *supervisor) {
    struct jobs_board *board = supervisor->jobs.board;
    struct child *child;
    int saved_errno;

    jobs_board_set_inherited(board, true);
    child = spawn(supervisor, &(struct wanted){ .kind = CHILD_JOBS });
    saved_errno = errno;
    jobs_board_set_inherited(board, false);
    errno = saved_errno;
    return child;
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
    if (child->lane >= 0)
        log_lanes_release(&child->supervisor->lanes, child->lane);
    if (child->kind == CHILD_WORKER) {
        scoreboard_add_counts(&service->gone, &child->supervisor->board->row[child->row].counts);
        gate_remove_member(service->gate, (unsigned)child->row);
        scoreboard_release_row(child->supervisor->board, child->row);
        leave_commons(child);
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
