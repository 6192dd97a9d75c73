/*
 * Taking from the lanes. A pipe that holds only the beginning of a line would be ready all the
 * time; it is put aside, out of the epoll set, until the line is whole or old enough.
 */
#include "supervisor/log_intake.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BATCH   64
#define RECORDS LOG_INTAKE_RECORDS
#define STREAMS LOG_INTAKE_STREAMS

int log_intake_open(struct log_intake *intake, struct log_stage *stage) {
    for (unsigned i = 0; i < LOG_LANES_MAX; i++)
        intake->lane[i].record_fd = intake->lane[i].capture[0].fd = intake->lane[i].capture[1].fd =
            -1;
    intake->stage = stage;
    intake->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return intake->epoll_fd < 0 ? -1 : 0;
}

static void watch(struct log_intake *intake, int fd, uint32_t tag) {
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = tag };

    epoll_ctl(intake->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void unwatch(struct log_intake *intake, int fd) {
    epoll_ctl(intake->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

bool log_intake_has(const struct log_intake *intake, unsigned index) {
    return intake->lane[index].record_fd >= 0;
}

void log_intake_add(struct log_intake *intake, unsigned index, const struct log_lane_name *name,
    const int fds[STREAMS]) {
    struct log_intake_lane *lane = intake->lane + index;

    lane->name = name;
    lane->record_fd = fds[RECORDS];
    for (int i = 0; i < 2; i++)
        lane->capture[i] = (struct log_capture){ .fd = fds[LOG_INTAKE_OUT + i],
            .is_stderr = i == 1,
            .origin = { .service = name->service } };
    for (uint32_t i = 0; i < STREAMS; i++)
        watch(intake, fds[i], index * STREAMS + i);
    intake->open_count += STREAMS;
    if (index >= intake->lane_count)
        intake->lane_count = index + 1;
}

/* All writers are gone, and with them whoever could write to it again; what they wrote, too. */
static bool is_over(int fd, uint32_t events) {
    int bytes = 0;

    return (events & EPOLLHUP) && ioctl(fd, FIONREAD, &bytes) == 0 && bytes == 0;
}

static void close_stream(struct log_intake *intake, int *fd) {
    unwatch(intake, *fd);
    close(*fd);
    *fd = -1;
    intake->open_count--;
}

static void set_aside(
    struct log_intake *intake, struct log_intake_lane *lane, int i, bool aside, uint32_t tag) {
    if (lane->is_aside[i] == aside)
        return;
    lane->is_aside[i] = aside;
    intake->aside_count += aside ? 1u : -1u;
    if (aside)
        unwatch(intake, lane->capture[i].fd);
    else
        watch(intake, lane->capture[i].fd, tag);
}

static void take_output(struct log_intake *intake, uint32_t tag, uint32_t events) {
    struct log_intake_lane *lane = intake->lane + tag / STREAMS;
    int i = (int)(tag % STREAMS) - LOG_INTAKE_OUT;
    struct log_capture *capture = lane->capture + i;

    if (capture->fd < 0)
        return;
    capture->origin.slot = lane->name->slot;
    if (!log_capture_take(capture, intake->stage, intake->takes_all || (events & EPOLLHUP)))
        return;
    set_aside(intake, lane, i, capture->partial_at_ns != 0, tag);
    if (is_over(capture->fd, events))
        close_stream(intake, &capture->fd);
}

static void take(struct log_intake *intake, uint32_t tag, uint32_t events) {
    int *fd = &intake->lane[tag / STREAMS].record_fd;

    if (tag % STREAMS != RECORDS)
        take_output(intake, tag, events);
    else if (*fd >= 0 && log_stage_take(intake->stage, *fd) && is_over(*fd, events))
        close_stream(intake, fd);
}

static void flush(struct log_intake *intake) {
    if (!intake->stage->is_blocked)
        log_stage_flush(intake->stage);
}

void log_intake_take_ready(struct log_intake *intake, int timeout_ms) {
    struct epoll_event ready[BATCH];
    int count = epoll_wait(intake->epoll_fd, ready, BATCH, timeout_ms);

    for (int i = 0; i < count && !intake->stage->is_blocked; i++)
        take(intake, ready[i].data.u32, ready[i].events);
    flush(intake);
}

void log_intake_take_aside(struct log_intake *intake) {
    for (uint32_t tag = 0; tag < intake->lane_count * STREAMS && !intake->stage->is_blocked; tag++)
        if (tag % STREAMS != RECORDS &&
            intake->lane[tag / STREAMS].is_aside[tag % STREAMS - LOG_INTAKE_OUT])
            take_output(intake, tag, EPOLLIN);
    flush(intake);
}

void log_intake_take_all(struct log_intake *intake) {
    for (uint32_t tag = 0; tag < intake->lane_count * STREAMS && !intake->stage->is_blocked; tag++)
        take(intake, tag, EPOLLIN);
    flush(intake);
}
