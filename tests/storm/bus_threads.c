/*
 * Threads on a bus: pairs of them publish the same numbers from two seats at the same time, and
 * each number is published once; all readers, asleep now and then, see one order. A last one
 * dawdles where records are just being overwritten: what it gets is whole all the same. bus_threads
 * NUMBERS
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "shared/bus.h"
#include "shared/bus_seat.h"
#include "shared/crc32c.h"

enum { SEATS = 2, MEMBERS = 3, READERS = 3, HISTORY = 256, PAYLOAD_MAX = 100, APART = 8 };

static struct bus *bus;
static struct bus_seat *seats[SEATS];
static unsigned long numbers;
static _Atomic uint64_t reached[MEMBERS][SEATS]; /* number of each thread */
static _Atomic uint64_t published[MEMBERS];
static _Atomic uint64_t cursor[READERS];
static _Atomic unsigned writers_left = MEMBERS * SEATS;

static void check(bool ok, const char *what) {
    if (ok)
        return;
    printf("failed: %s\n", what);
    exit(1);
}

/* Neither lap a reader nor leave a thread behind the history, where its number is forgotten. */
static bool must_wait(uint64_t id) {
    for (int i = 0; i < READERS; i++)
        if (bus_next(bus) - cursor[i] > HISTORY)
            return true;
    for (int i = 0; i < MEMBERS * SEATS; i++)
        if (id > reached[i / SEATS][i % SEATS] + APART)
            return true;
    return false;
}

static void *publish_numbers(void *arg) {
    uint64_t member = (uintptr_t)arg / SEATS, seq, found;
    int seat = (int)((uintptr_t)arg % SEATS), result;
    char payload[PAYLOAD_MAX];
    struct bus_record record = { .member = member, .payload = payload };

    for (uint64_t id = 1; id <= numbers; id++) {
        while (must_wait(id))
            sched_yield();
        record.client_id = id;
        record.len = (uint32_t)(id % PAYLOAD_MAX);
        memset(payload, (int)(id + member), record.len);
        result = bus_publish(seats[seat], &record, &seq);
        check(result >= 0, "publishing");
        published[member] += (unsigned)result;
        check(bus_find(seats[seat], member, id, &found) && found == seq, "the number is found");
        reached[member][seat] = id;
    }
    writers_left--;
    return NULL;
}

struct view {
    int number;
    uint64_t last[MEMBERS];
    uint32_t digest;
    uint64_t sleeps;
};

static void check_whole(const struct bus_record *record) {
    check(record->len == record->client_id % PAYLOAD_MAX, "length");
    for (uint32_t i = 0; i < record->len; i++)
        check(((const unsigned char *)record->payload)[i] ==
                  (unsigned char)(record->client_id + record->member),
            "payload");
}

static void check_record(struct view *view, const struct bus_record *record) {
    check(record->seq == cursor[view->number], "a hole");
    check(record->member < MEMBERS && record->client_id == ++view->last[record->member],
        "a number is missing or doubled");
    check_whole(record);
    view->digest = crc32c(view->digest, &record->member, sizeof(record->member));
}

/* Two readers share a seat: each waits on an epoll of its own. */
static void *read_numbers(void *arg) {
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    struct view *view = arg;
    struct bus_seat *seat = seats[view->number % SEATS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct bus_reader reader;
    struct bus_record record;
    char buf[PAYLOAD_MAX];
    bool is_over;

    epoll_ctl(epoll, EPOLL_CTL_ADD, bus_wake_fd(seat), &event);
    bus_begin(&reader, bus, 1);
    for (;;) {
        is_over = writers_left == 0;
        switch (bus_read(&reader, buf, &record)) {
        case BUS_RECORD:
            check_record(view, &record);
            cursor[view->number] = reader.cursor;
            break;
        case BUS_EMPTY:
            if (is_over)
                return NULL;
            if (bus_sleep(seat, &reader)) {
                view->sleeps++;
                epoll_wait(epoll, &event, 1, BUS_TICK_MS);
                bus_awake(seat);
            }
            break;
        default:
            check(false, "missed");
        }
    }
}

static void *dawdle(void *arg) {
    uint64_t *lapped = arg;
    struct bus_reader reader;
    struct bus_record record;
    char buf[PAYLOAD_MAX];
    enum bus_result result;

    bus_begin(&reader, bus, 1);
    while (writers_left > 0) {
        result = bus_read(&reader, buf, &record);
        check(result != BUS_DAMAGED, "whole or gone");
        if (result == BUS_RECORD)
            check_whole(&record);
        if (result != BUS_LAPPED)
            sched_yield();
    }
    *lapped = reader.lapped;
    return NULL;
}

int main(int argc, char **argv) {
    const struct bus_settings settings = { SEATS, HISTORY, PAYLOAD_MAX, 64 * 1024 };
    pthread_t writers[MEMBERS * SEATS], readers[READERS], dawdler;
    static struct view view[READERS];
    uint64_t sleeps = 0, lapped;

    numbers = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    crc32c_init();
    bus = bus_new(&settings);
    check(bus != NULL, "memory");
    for (int i = 0; i < SEATS; i++)
        seats[i] = bus_sit(bus, bus_claim_row(bus));
    for (int i = 0; i < READERS; i++) {
        cursor[i] = 1;
        view[i].number = i;
        check(pthread_create(&readers[i], NULL, read_numbers, &view[i]) == 0, "a thread");
    }
    check(pthread_create(&dawdler, NULL, dawdle, &lapped) == 0, "a thread");
    for (uintptr_t i = 0; i < MEMBERS * SEATS; i++)
        check(pthread_create(&writers[i], NULL, publish_numbers, (void *)i) == 0, "a thread");
    for (int i = 0; i < MEMBERS * SEATS; i++)
        pthread_join(writers[i], NULL);
    pthread_join(dawdler, NULL);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
        sleeps += view[i].sleeps;
        check(view[i].digest == view[0].digest, "all readers saw one order");
    }
    for (int i = 0; i < MEMBERS; i++)
        check(published[i] == numbers, "each number is published once");
    check(bus_next(bus) == MEMBERS * numbers + 1, "nothing else is there");
    for (int i = 0; i < SEATS; i++)
        bus_leave(seats[i]);
    bus_free(bus);
    printf(
        "records=%lu sleeps=%" PRIu64 " lapped=%" PRIu64 "\n", MEMBERS * numbers, sleeps, lapped);
    return 0;
}
