/*
 * Two processes on a bus wake each other in turn, without a tick: one wake-up that is lost, and
 * they wait for ever. Then what publishing and reading cost. bus_wake ROUNDS
 */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/bus.h"
#include "shared/bus_seat.h"
#include "shared/clock.h"
#include "shared/crc32c.h"

enum { HISTORY = 2048, PAYLOAD = 100, COSTS = 1000000, BURST = 1000 };

static struct bus *bus;
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

/* Publish every second record, beginning with the first; times by twos in out_ns. */
static void take_turns(int row, bool is_first, unsigned long rounds, uint64_t *out_ns) {
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    struct bus_seat *seat = bus_sit(bus, row);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct bus_reader reader;
    uint64_t began;

    epoll_ctl(epoll, EPOLL_CTL_ADD, bus_wake_fd(seat), &event);
    bus_begin(&reader, bus, 1);
    for (uint64_t i = 0; i < rounds; i++) {
        began = clock_now_ns();
        if (is_first)
            publish(seat, 2 * i + 1);
        wait_for(seat, epoll, &reader, 2 * i + 1 + is_first);
        if (!is_first)
            publish(seat, 2 * i + 2);
        if (out_ns != NULL)
            out_ns[i] = clock_now_ns() - began;
    }
    bus_leave(seat);
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void ping_pong(unsigned long rounds) {
    uint64_t *ns = calloc(rounds, sizeof(*ns));
    int mine = bus_claim_row(bus), other = bus_claim_row(bus), status = -1;
    pid_t pid = fork();

    check(pid >= 0 && ns != NULL, "memory");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        take_turns(other, false, rounds, NULL);
        _exit(0);
    }
    take_turns(mine, true, rounds, ns);
    waitpid(pid, &status, 0);
    check(status == 0, "the other one ends well");
    bus_release_row(bus, mine);
    bus_release_row(bus, other);
    qsort(ns, rounds, sizeof(*ns), by_size);
    printf("wakes=%lu one_way_p50_us=%.1f one_way_p99_us=%.1f", 2 * rounds,
        (double)ns[rounds / 2] / 2000, (double)ns[rounds * 99 / 100] / 2000);
    free(ns);
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
    check(bus != NULL && rounds > 0, "memory");
    ping_pong(rounds);
    measure_costs(false);
    measure_costs(true);
    printf("\n");
    bus_free(bus);
    return 0;
}
