/*
 * What children report, and how they end. Each kind has its keeper; a worker's is its service.
 * Gossip is believed for as much as it is worth, and no more.
 */
#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "shared/contract.h"
#include "supervisor/log_keeper.h"
#include "supervisor/service_listen.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

static void note_death(struct supervisor *supervisor, struct service *service,
    const struct child *child, const char *why, bool was_told, const struct spawn_death *death) {
    struct log_field fields[7] = { LOG_TEXT("cause", death->words),
        LOG_NUMBER("uptime_ms", death->uptime_ms),
        LOG_TEXT("doing", child_state_name(child->state)),
        LOG_NUMBER("peak_kb", (uint64_t)death->peak_kb) };
    size_t count = 4;

    /* The dead cannot tell it with their next record. */
    if (death->log_dropped > 0)
        fields[count++] = LOG_NUMBER("log_dropped", death->log_dropped);
    if (why != NULL)
        fields[count++] = LOG_TEXT("reason", why);
    supervisor_note(supervisor, service, child,
        was_told && death->is_clean ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "worker_exit", fields,
        "worker %s%s%s", death->words, why != NULL ? ": " : "", why != NULL ? why : "");
}

static void believe_worker(struct child *child, const struct contract_record *report) {
    struct supervisor *supervisor = child->supervisor;
    struct service *service = child->service;

    switch (report->kind) {
    case REPORT_READY:
        if (child->state == CHILD_STARTING)
            service_worker_ready(service, child);
        break;
    case REPORT_SHORT: /* heard when there is an answer, or at the next tick: see service.c */
        break;
    case REPORT_RECYCLE:
        child->wants_recycling = true;
        child->recycle_reason = report->value != 0 ? "it has grown past reload_on_pss"
                                                   : "it has served max_requests";
        break;
    case REPORT_PONG:
        if (report->value == SERVICE_LISTEN_PING_EMPTY)
            child->is_emptying = false;
        child->pinged_at_ns = 0;
        child->ponged_at_ns = supervisor->now_ns;
        break;
    case REPORT_LOOK:
        service_order(service, ORDER_LOOK, 0);
        break;
    default:
        break;
    }
    service_tend(service, supervisor->now_ns);
}

static void believe(struct child *child, const struct contract_record *report) {
    switch (child->kind) {
    case CHILD_WORKER:
        believe_worker(child, report);
        break;
    case CHILD_LOG_WRITER:
        log_keeper_report(child->supervisor, child, report);
        break;
    case CHILD_JOBS:
        jobs_keeper_report(child->supervisor, child, report);
        break;
    }
}

/* The first, the second, the fourth and so on: who sends nothing else does not flood the log. */
static void note_bad_report(struct child *child) {
    const uint64_t count = ++child->bad_reports;

    if ((count & (count - 1)) == 0)
        supervisor_note(child->supervisor, child->service, child, LOG_LEVEL_WARN, "bad_report",
            (const struct log_field[]){ LOG_NUMBER("count", count), { .key = NULL } },
            "a worker sent what is no report; it is dropped");
}

/* Gossip: what is not a record of this life of this child is dropped. */
static void child_reports(struct loop_watch *watch, uint32_t events) {
    struct child *child = watch->owner;
    struct contract_record report;
    int fds[CONTRACT_FDS_MAX], rc;
    unsigned fd_count;

    (void)events;
    for (int i = 0; i < 64; i++) {
        rc = contract_receive(watch->fd, &report, fds, &fd_count);
        for (unsigned k = 0; rc == 1 && k < fd_count; k++)
            close(fds[k]);
        if (rc == 1 && report.pid == child->pid && report.generation == child->generation) {
            believe(child, &report);
            continue;
        }
        if (rc == 1 || (rc < 0 && errno == EPROTO)) {
            note_bad_report(child);
            continue;
        }
        /* At the end of the stream the pidfd tells the rest. */
        if (rc == 0)
            loop_remove(child->supervisor->loop, watch);
        return;
    }
}

static void worker_ended(const struct child *last, const struct spawn_death *death) {
    const bool was_told = child_is_leaving(last);

    /* The replacement first: the log can wait, whoever connects now does not like to. */
    service_worker_ended(last->service, last->ready_at_ns != 0, was_told, death);
    sched_yield(); /* where it shares our CPU it runs now, and the rest of this comes later */
    note_death(last->supervisor, last->service, last, last->leave_reason, was_told, death);
}

static void child_ended(struct loop_watch *watch, uint32_t events) {
    struct child *child = watch->owner, last;
    struct supervisor *supervisor = child->supervisor;
    struct spawn_death death;

    (void)events;
    /* What it reported before its end counts. */
    child_reports(&child->order_watch, EPOLLIN);
    last = *child;
    loop_remove(supervisor->loop, &child->order_watch);
    loop_remove(supervisor->loop, &child->pidfd_watch);
    if (!spawn_reap(child, &death)) {
        supervisor_watch_child(supervisor, child);
        return;
    }
    switch (last.kind) {
    case CHILD_WORKER:
        worker_ended(&last, &death);
        break;
    case CHILD_LOG_WRITER:
        log_keeper_ended(supervisor, &last, &death);
        break;
    case CHILD_JOBS:
        jobs_keeper_ended(supervisor, &last, &death);
        break;
    }
}

void supervisor_watch_child(struct supervisor *supervisor, struct child *child) {
    child->pidfd_watch = (struct loop_watch){
        .fd = child->pidfd, .ready = child_ended, .owner = child
    };
    child->order_watch = (struct loop_watch){
        .fd = child->order_fd, .ready = child_reports, .owner = child
    };
    if (loop_add(supervisor->loop, &child->pidfd_watch, EPOLLIN) < 0 ||
        loop_add(supervisor->loop, &child->order_watch, EPOLLIN) < 0)
        child_kill(child, "it cannot be watched");
}
