/* The log writer's life from outside. Records wait in their lanes while there is none. */
#include "supervisor/log_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/console.h"
#include "shared/contract.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#define STOP_MS        5000
#define AGAIN_FIRST_MS 50
#define AGAIN_MOST_MS  5000

static const char RENEWED[] = "the log's settings differ";

/* Somebody who waits for the log file to be reopened. */
struct supervisor_reopen {
    struct supervisor_reopen *next;
    uint64_t id;
    void (*done)(void *owner, int error);
    void *owner;
};

int log_keeper_check(const struct config *config, struct complaint *complaint) {
    const char *path = config->log.file;
    int fd;

    if (path == NULL)
        return 0;
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
    /* A pipe that nobody reads yet is no mistake. */
    if (fd < 0 && errno != ENXIO && errno != ENOSPC)
        return complaint_set(complaint, "log file %s: %s", path, strerror(errno));
    if (fd >= 0 && config->uid != (uid_t)-1 && fchown(fd, config->uid, config->gid) < 0) {
        close(fd);
        return complaint_set(complaint, "log file %s: %s", path, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return 0;
}

static void choose_format(struct supervisor *supervisor) {
    const struct config *config = supervisor->config;

    supervisor->log_to_terminal = config->log.file == NULL;
    supervisor->log_format = (enum log_format)config->log.format;
    if (supervisor->log_to_terminal && isatty(STDERR_FILENO))
        supervisor->log_format = LOG_FORMAT_HUMAN;
}

static void use_own_lane(struct supervisor *supervisor) {
    choose_format(supervisor);
    log_use_records(supervisor->lanes.lane[0].record_write, supervisor->log_format,
        (enum log_level)supervisor->config->log.level, "", 0, NULL);
}

void log_keeper_renew(struct supervisor *supervisor) {
    use_own_lane(supervisor);
    if (supervisor->log_writer != NULL)
        child_cut(supervisor->log_writer, supervisor->now_ns, RENEWED);
}

static void order_reopen(struct supervisor *supervisor, const struct supervisor_reopen *reopen) {
    struct contract_record order = { .kind = ORDER_REOPEN, .value = reopen->id };

    if (supervisor->log_writer == NULL)
        return;
    order.pid = supervisor->log_writer->pid;
    order.generation = supervisor->log_writer->generation;
    if (contract_send(supervisor->log_writer->order_fd, &order, NULL, 0) < 0)
        child_kill(supervisor->log_writer, "it does not read its orders");
}

static void start(struct supervisor *supervisor) {
    supervisor->log_writer = spawn_log_writer(supervisor);
    if (supervisor->log_writer != NULL) {
        supervisor_watch_child(supervisor, supervisor->log_writer);
        return;
    }
    backoff_add_death(
        &supervisor->log_backoff, supervisor->now_ns, AGAIN_FIRST_MS, AGAIN_MOST_MS, 0);
}

int log_keeper_start(struct supervisor *supervisor, struct complaint *complaint) {
    if (log_keeper_check(supervisor->config, complaint) < 0)
        return -1;
    use_own_lane(supervisor);
    console_use(supervisor->lanes.console_write);
    start(supervisor);
    return 0;
}

void log_keeper_ended(
    struct supervisor *supervisor, const struct child *last, const struct spawn_death *death) {
    supervisor->log_writer = NULL;
    if (supervisor->is_stopping)
        return;
    supervisor_note(supervisor, NULL, last,
        last->leave_reason == RENEWED ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "log_writer_exit",
        (const struct log_field[]){ LOG_TEXT("cause", death->words),
            LOG_NUMBER("uptime_ms", death->uptime_ms), { .key = NULL } },
        "the log writer %s; records wait until the next one", death->words);
    if (last->ready_at_ns == 0)
        backoff_add_death(
            &supervisor->log_backoff, supervisor->now_ns, AGAIN_FIRST_MS, AGAIN_MOST_MS, 0);
    log_keeper_tend(supervisor);
}

static void answer_reopen(struct supervisor *supervisor, const struct contract_record *report) {
    struct supervisor_reopen **at = &supervisor->reopens, *reopen;

    while ((reopen = *at) != NULL && reopen->id != report->value)
        at = &reopen->next;
    if (reopen == NULL)
        return;
    *at = reopen->next;
    if (report->more == 0)
        supervisor_note(
            supervisor, NULL, NULL, LOG_LEVEL_INFO, "log_reopened", NULL, "log file reopened");
    else
        supervisor_note(supervisor, NULL, NULL, LOG_LEVEL_WARN, "log_reopen_failed", NULL,
            "the log file cannot be reopened: %s", strerror((int)report->more));
    if (reopen->done != NULL)
        reopen->done(reopen->owner, (int)report->more);
    free(reopen);
}

void log_keeper_report(
    struct supervisor *supervisor, struct child *child, const struct contract_record *report) {
    if (report->kind == REPORT_REOPENED)
        answer_reopen(supervisor, report);
    if (report->kind == REPORT_PONG)
        child->ponged_at_ns = supervisor->now_ns;
    if (report->kind != REPORT_READY || child->state != CHILD_STARTING)
        return;
    child->state = CHILD_RUNNING;
    child->ready_at_ns = supervisor->now_ns;
    backoff_reset(&supervisor->log_backoff);
    /* A new one has opened the file anew, but the order is answered all the same. */
    for (struct supervisor_reopen *reopen = supervisor->reopens; reopen != NULL;
         reopen = reopen->next)
        order_reopen(supervisor, reopen);
}

void log_keeper_reopen(
    struct supervisor *supervisor, void (*done)(void *owner, int error), void *owner) {
    struct supervisor_reopen *reopen = calloc(1, sizeof(*reopen));

    if (reopen == NULL) {
        if (done != NULL)
            done(owner, ENOMEM);
        return;
    }
    *reopen = (struct supervisor_reopen){
        .next = supervisor->reopens, .id = ++supervisor->next_reopen, .done = done, .owner = owner
    };
    supervisor->reopens = reopen;
    if (supervisor->log_writer != NULL && supervisor->log_writer->state == CHILD_RUNNING)
        order_reopen(supervisor, reopen);
}

void log_keeper_tend(struct supervisor *supervisor) {
    if (supervisor->log_writer == NULL && supervisor->now_ns >= supervisor->log_backoff.until_ns)
        start(supervisor);
}

uint64_t log_keeper_next_at_ns(const struct supervisor *supervisor) {
    return supervisor->log_writer == NULL ? supervisor->log_backoff.until_ns : UINT64_MAX;
}

void log_keeper_stop(struct supervisor *supervisor) {
    struct child *child = supervisor->log_writer;
    struct pollfd end;
    struct spawn_death death;

    if (child == NULL)
        return;
    end = (struct pollfd){ .fd = child->pidfd, .events = POLLIN };
    child_cut(child, supervisor->now_ns, "the daemon stops");
    while (poll(&end, 1, STOP_MS) < 0 && errno == EINTR)
        ;
    child_kill(child, "the daemon stops");
    while (poll(&end, 1, -1) < 0 && errno == EINTR)
        ;
    loop_remove(supervisor->loop, &child->order_watch);
    loop_remove(supervisor->loop, &child->pidfd_watch);
    spawn_reap(child, &death);
    supervisor->log_writer = NULL;
}
