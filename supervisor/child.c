/* The names of a child's states, and the steps towards its end: each harder than the last. */
#include "supervisor/child.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/contract.h"
#include "supervisor/supervisor.h"

#define AFTER_CUT_NS 3000000000ull

static const char *const names[] = {
    [CHILD_STARTING] = "starting",
    [CHILD_RUNNING] = "running",
    [CHILD_DRAINING] = "draining",
    [CHILD_CUT] = "cut",
    [CHILD_KILLED] = "killed",
};

const char *child_state_name(enum child_state state) {
    return names[state];
}

const char *child_log_name(const struct child *child) {
    switch (child->kind) {
    case CHILD_WORKER:
        return child->service->config->name;
    case CHILD_LOG_WRITER:
        return "";
    case CHILD_JOBS:
        return CHILD_JOBS_NAME;
    }
    abort();
}

static void send_signal(const struct child *child, int signal_number) {
    syscall(SYS_pidfd_send_signal, child->pidfd, signal_number, NULL, 0);
}

/* The first reason counts, and the first moment. */
static void begin_to_leave(struct child *child, const char *reason) {
    if (child->leave_reason != NULL)
        return;
    child->leave_reason = reason;
    child->leaving_since_ns = child->supervisor->now_ns;
}

int child_order(const struct child *child, uint32_t kind, int fd) {
    const struct contract_record order = {
        .kind = kind, .pid = child->pid, .generation = child->generation
    };

    return contract_send(child->order_fd, &order, &fd, fd >= 0);
}

static void drain(
    struct child *child, uint64_t now_ns, uint64_t grace_ms, const char *reason, int how) {
    if (child->state < CHILD_DRAINING) {
        begin_to_leave(child, reason);
        child->state = CHILD_DRAINING;
        child->deadline_ns = now_ns + grace_ms * 1000000ull;
    }
    send_signal(child, how);
}

void child_drain(struct child *child, uint64_t now_ns, uint64_t grace_ms, const char *reason) {
    if (child->state < CHILD_DRAINING)
        drain(child, now_ns, grace_ms, reason, SIGTERM);
}

void child_give(struct child *child, uint64_t now_ns, uint64_t grace_ms, const char *reason) {
    drain(child, now_ns, grace_ms, reason, CONTRACT_SIGNAL_GIVE);
}

void child_cut(struct child *child, uint64_t now_ns, const char *reason) {
    if (child->state >= CHILD_CUT)
        return;
    begin_to_leave(child, reason);
    child->state = CHILD_CUT;
    child->deadline_ns = now_ns + AFTER_CUT_NS;
    send_signal(child, child->kind == CHILD_WORKER ? CONTRACT_SIGNAL_CUT : SIGTERM);
}

void child_kill(struct child *child, const char *reason) {
    begin_to_leave(child, reason);
    child->state = CHILD_KILLED;
    child->deadline_ns = UINT64_MAX;
    send_signal(child, SIGKILL);
    /* A stopped process dies of SIGKILL, but not of what came before. */
    send_signal(child, SIGCONT);
}

bool child_is_leaving(const struct child *child) {
    return child->state >= CHILD_DRAINING;
}
