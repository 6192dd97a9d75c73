#ifndef TESTS_UNIT_SHARED_BUS_FIXTURE_H
#define TESTS_UNIT_SHARED_BUS_FIXTURE_H

/* A small bus, a seat on it and a reader, for tests. Each test is a process of its own. */

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/bus.h"
#include "shared/bus_seat.h"
#include "shared/crc32c.h"

enum { HISTORY = 16, PAYLOAD_MAX = 200, ROWS = 4 };

static struct bus *bus;
static struct bus_seat *seat;
static struct bus_reader reader;
static struct bus_record record;
static char buf[PAYLOAD_MAX];
static uint64_t seq;

static inline struct bus_seat *take_seat(void) {
    struct bus_seat *taken = bus_sit(bus, bus_claim_row(bus));

    cr_assert_not_null(taken);
    return taken;
}

static const struct bus_settings small = {
    .rows = ROWS, .history = HISTORY, .payload_max = PAYLOAD_MAX, .arena_bytes = 4096
};

static inline void make_on(struct bus *made) {
    bus = made;
    cr_assert_not_null(bus);
    seat = take_seat();
    bus_begin(&reader, bus, 1);
}

static inline void make(void) {
    crc32c_init();
    make_on(bus_new(&small));
}

static inline int say_from(struct bus_seat *from, const char *text, uint64_t client_id) {
    const struct bus_record said = { .kind = 7,
        .member = 42,
        .client_id = client_id,
        .payload = text,
        .len = (uint32_t)strlen(text) };

    return bus_publish(from, &said, &seq);
}

static inline void say(const char *text) {
    cr_assert_eq(say_from(seat, text, 0), 1);
}

static inline void say_number(unsigned number) {
    char text[16];

    snprintf(text, sizeof(text), "%u", number);
    say(text);
}

static inline bool reads(const char *text) {
    return bus_read(&reader, buf, &record) == BUS_RECORD && record.len == strlen(text) &&
           memcmp(record.payload, text, record.len) == 0;
}

static inline enum bus_result reads_result(void) {
    return bus_read(&reader, buf, &record);
}

/* Its descriptor in an epoll of its own. */
static inline int watch(struct bus_seat *of) {
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    cr_assert_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, bus_wake_fd(of), &event), 0);
    epoll_wait(epoll, &event, 1, 0);
    return epoll;
}

static inline bool is_woken(int epoll) {
    struct epoll_event event;

    return epoll_wait(epoll, &event, 1, 0) == 1;
}

#endif
