/*
 * One process publishes at the very moment when another one falls asleep, without a tick: one
 * wake-up that is lost, and they wait for ever. Then how long waking takes, both ways in turn, and
 * what publishing and reading cost. bus_wake ROUNDS
 */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/bus.h"
#include "shared/bus_seat.h"
#include "shared/clock.h"
#include "shared/crc32c.h"

enum { HISTORY = 2048, PAYLOAD = 100, COSTS = 1000000, BURST = 1000, TURNS = 5000, SPINS = 1024 };

static struct bus *bus;
static _Atomic uint64_t *seen; /* the last record that the sleeper has read */
static char buf[PAYLOAD];

static void check(bool ok, const char *what) {
    if (ok)
        return;
    printf("failed: %s\n", what);
    exit(1);
}

static void publish(struct bus_seat *seat, uint64_t client_id) {
    static const char text[PAYLOAD];
    const struct bus_record record = {
        .member = 1, .client_id = client_id, .payload = text, .len = sizeof(text)
    };
    uint64_t seq;

    check(bus_publish(seat, &record, &seq) == 1, "publishing");
}

/* Wait for the record with this number, however long that takes. */
static void wait_for(struct bus_seat *seat, int epoll, struct bus_reader *reader, uint64_t seq) {
    struct epoll_event event;
    struct bus_record record;
    enum bus_result result;

    while ((result = bus_read(reader, buf, &record)) == BUS_EMPTY || record.seq != seq) {
        check(result == BUS_EMPTY || result == BUS_RECORD, "missed");
        if (result == BUS_RECORD || !bus_sleep(seat, reader))
            continue;
        epoll_wait(epoll, &event, 1, -1);
        bus_awake(seat);
    }
}

struct place {
    struct bus_seat *seat;
    struct bus_reader reader;
    int epoll;
};

static struct place take_place(int row) {
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    struct place place = { .seat = bus_sit(bus, row), .epoll = epoll_create1(EPOLL_CLOEXEC) };

    epoll_ctl(place.epoll, EPOLL_CTL_ADD, bus_wake_fd(place.seat), &event);
    bus_begin(&place.reader, bus, bus_next(bus));
    return place;
}

/* Some nanoseconds up to some thousands, others each time. */
static void spin(unsigned *random) {
    *random = *random * 1103515245u + 12345u;
    for (volatile unsigned left = *random >> 16 & (SPINS - 1); left > 0; left--)
        continue;
}

/* Read all and fall asleep after each, a little later. */
_Noreturn static void read_and_sleep(int row, unsigned long rounds) {
    struct place place = take_place(row);
    unsigned random = 2;

    bus_begin(&place.reader, bus, 1);
    for (uint64_t i = 1; i <= rounds; i++) {
        wait_for(place.seat, place.epoll, &place.reader, i);
        *seen = i;
        spin(&random);
    }
    _exit(0);
}

/* Publish the next one a little after the last one was read. */
static void hunt(int row, unsigned long rounds) {
    struct bus_seat *seat = bus_sit(bus, row);
    unsigned random = 1;

    for (uint64_t i = 1; i <= rounds; i++) {
        spin(&random);
        publish(seat, i);
        for (unsigned looks = 0; *seen != i; looks++)
            if (looks > 2000)
                sched_yield(); /* perhaps it wants this processor */
    }
    bus_leave(seat);
}

/* Publish every second record, beginning with the first; times of both ways in out_ns. */
static void take_turns(int row, bool is_first, uint64_t first_seq, uint64_t out_ns[TURNS]) {
    struct place place = take_place(row);
    uint64_t began;

    bus_begin(&place.reader, bus, first_seq);
    for (uint64_t i = 0; i < TURNS; i++) {
        began = clock_now_ns();
        if (is_first)
            publish(place.seat, 0);
        wait_for(place.seat, place.epoll, &place.reader, first_seq + 2 * i + is_first);
        if (!is_first)
            publish(place.seat, 0);
        out_ns[i] = clock_now_ns() - began;
    }
    bus_leave(place.seat);
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void await(pid_t pid, int row) {
    int status = -1;

    waitpid(pid, &status, 0);
    check(status == 0, "the other one ends well");
    bus_release_row(bus, row);
}

/* On the first processor that we may use, or on the last: else they take turns on one. */
static void stay_on(bool is_first) {
    cpu_set_t all, one;
    int cpu = is_first ? 0 : CPU_SETSIZE - 1;

    sched_getaffinity(0, sizeof(all), &all);
    while (!CPU_ISSET(cpu, &all))
        cpu += is_first ? 1 : -1;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one);
}

static pid_t fork_or_fail(void) {
    pid_t pid = fork();

    check(pid >= 0, "fork");
    stay_on(pid > 0);
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

static void wake_and_sleep(unsigned long rounds) {
    int mine = bus_claim_row(bus), other = bus_claim_row(bus);
    pid_t pid = fork_or_fail();

    if (pid == 0)
        read_and_sleep(other, rounds);
    hunt(mine, rounds);
    await(pid, other);
    bus_release_row(bus, mine);
    printf("wakes=%lu", rounds);
}

static void ping_pong(void) {
    static uint64_t ns[TURNS];
    int mine = bus_claim_row(bus), other = bus_claim_row(bus);
    uint64_t first = bus_next(bus);
    pid_t pid = fork_or_fail();

    if (pid == 0) {
        take_turns(other, false, first, ns);
        _exit(0);
    }
    take_turns(mine, true, first, ns);
    await(pid, other);
    bus_release_row(bus, mine);
    qsort(ns, TURNS, sizeof(ns[0]), by_size);
    printf(" one_way_p50_us=%.1f p99_us=%.1f", (double)ns[TURNS / 2] / 2000,
        (double)ns[TURNS * 99 / 100] / 2000);
}

/* In one process, in bursts, so that what is read is warm. */
static void measure_costs(bool has_ids) {
    struct bus_seat *seat = bus_sit(bus, bus_claim_row(bus));
    uint64_t publish_ns = 0, read_ns = 0, began, id = 1u << 30;
    struct bus_reader reader;
    struct bus_record record;

    bus_begin(&reader, bus, bus_next(bus));
    for (int i = 0; i < COSTS; i += BURST) {
        began = clock_now_ns();
        for (int j = 0; j < BURST; j++)
            publish(seat, has_ids ? id++ : 0);
        publish_ns += clock_now_ns() - began;
        began = clock_now_ns();
        for (int j = 0; j < BURST; j++)
            check(bus_read(&reader, buf, &record) == BUS_RECORD, "reading");
        read_ns += clock_now_ns() - began;
    }
    printf(" publish%s_ns=%.0f read_ns=%.0f", has_ids ? "_id" : "", (double)publish_ns / COSTS,
        (double)read_ns / COSTS);
    bus_leave(seat);
}

int main(int argc, char **argv) {
    const struct bus_settings settings = { 4, HISTORY, 4096, 1024 * 1024 };
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;

    crc32c_init();
    bus = bus_new(&settings);
    seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(bus != NULL && seen != MAP_FAILED && rounds > 0, "memory");
    wake_and_sleep(rounds);
    ping_pong();
    measure_costs(false);
    measure_costs(true);
    printf("\n");
    bus_free(bus);
    return 0;
}
