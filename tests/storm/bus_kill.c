/*
 * Writers on a bus are killed at any instruction, thousands of times: all readers see one order,
 * without a hole or a double, and every record that was acknowledged is in it.
 * bus_kill KILLS SEED
 *
 * Each member publishes its numbers 1, 2, 3 … A new writer goes on behind the last number that was
 * acknowledged to the killed one, which may have published one more: so the bus must know it. No
 * member runs ahead of another by more than the history, as that is how long the bus knows it.
 * Bystanders sleep on the bus and are killed, too.
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
#include "shared/crc32c.h"

enum {
    WRITERS = 4,
    BYSTANDERS = 2,
    READERS = 2,
    VICTIMS = WRITERS + BYSTANDERS,
    HISTORY = 512,
    PAYLOAD_MAX = 600,
    PAUSE_MAX_US = 500,
    LATE_MS = 2000,
};

struct reader_view {
    _Atomic uint64_t cursor;
    uint64_t last[WRITERS]; /* number of each member */
    uint32_t digest;
    uint64_t late; /* slept through a record */
    char why[160];
};

/* In memory that all share; not the bus's. */
struct stage {
    _Atomic bool is_over, is_done, is_failed;
    _Atomic uint64_t acknowledged[WRITERS]; /* writer: the member */
    _Atomic uint64_t at[WRITERS];           /* where in the order that is; likewise */
    _Atomic uint64_t doubles;               /* that were known */
    _Atomic uint64_t sleeps;
    struct reader_view reader[READERS];
};

static struct bus *bus;
static struct stage *stage;

static void check(bool ok, const char *what) {
    if (ok)
        return;
    printf("failed: %s\n", what);
    exit(1);
}

static uint64_t mix(uint64_t value) {
    value = (value ^ value >> 31) * 0x9e3779b97f4a7c15ull;
    value = (value ^ value >> 29) * 0xbf58476d1ce4e5b9ull;
    return value ^ value >> 32;
}

static uint32_t fill(char *payload, uint64_t member, uint64_t id) {
    uint64_t hash = mix(member << 48 ^ id);
    uint32_t len = (uint32_t)(hash >> 40) % PAYLOAD_MAX;

    memset(payload, (int)hash, len);
    return len;
}

/* ---- writers ---- */

static bool must_wait(uint64_t member) {
    uint64_t next = bus_next(bus);

    for (int i = 0; i < READERS; i++)
        if (next - stage->reader[i].cursor > HISTORY / 2)
            return true;
    for (uint64_t i = 0; i < WRITERS; i++)
        if (stage->at[i] < stage->at[member] && next - stage->at[i] > HISTORY)
            return true;
    return false;
}

_Noreturn static void write_numbers(int row, uint64_t member) {
    struct bus_seat *seat = bus_sit(bus, row);
    char payload[PAYLOAD_MAX];
    struct bus_record record = { .member = member, .payload = payload };
    uint64_t seq;
    int result;

    for (uint64_t id = stage->acknowledged[member] + 1; !stage->is_over; id++) {
        while (must_wait(member) && !stage->is_over)
            sched_yield();
        record.client_id = id;
        record.len = fill(payload, member, id);
        result = bus_publish(seat, &record, &seq);
        if (result < 0)
            stage->is_failed = true;
        if (result == 0)
            stage->doubles++;
        stage->acknowledged[member] = id;
        stage->at[member] = seq;
    }
    _exit(0);
}

/* ---- readers ---- */

/* A seat, and its descriptor in an epoll of its own. */
static struct bus_seat *sit(int row, int *out_epoll) {
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    struct bus_seat *seat = bus_sit(bus, row);

    *out_epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(*out_epoll, EPOLL_CTL_ADD, bus_wake_fd(seat), &event);
    return seat;
}

/* Returns false when the time was up. */
static bool sleep_on(struct bus_seat *seat, int epoll, const struct bus_reader *reader) {
    struct epoll_event event;
    bool is_woken = true;

    if (!bus_sleep(seat, reader))
        return true;
    stage->sleeps++;
    if (!stage->is_done)
        is_woken = epoll_wait(epoll, &event, 1, LATE_MS) > 0;
    bus_awake(seat);
    return is_woken;
}

_Noreturn static void fail(struct reader_view *view, const char *what, uint64_t seq) {
    snprintf(view->why, sizeof(view->why), "%s at %" PRIu64, what, seq);
    stage->is_failed = true;
    _exit(1);
}

static void check_record(struct reader_view *view, const struct bus_record *record) {
    static char payload[PAYLOAD_MAX];
    uint64_t names[2] = { record->member, record->client_id };

    if (record->member >= WRITERS || record->client_id != ++view->last[record->member])
        fail(view, "a number is missing or doubled", record->seq);
    if (record->len != fill(payload, record->member, record->client_id) ||
        memcmp(payload, record->payload, record->len) != 0)
        fail(view, "another payload", record->seq);
    view->digest = crc32c(view->digest, names, sizeof(names));
}

_Noreturn static void read_all(int row, struct reader_view *view) {
    struct bus_record record;
    struct bus_reader reader;
    char buf[PAYLOAD_MAX];
    bool is_done, is_woken = true;
    int epoll;
    struct bus_seat *seat = sit(row, &epoll);

    bus_begin(&reader, bus, 1);
    for (;;) {
        is_done = stage->is_done;
        switch (bus_read(&reader, buf, &record)) {
        case BUS_RECORD:
            if (record.seq != view->cursor + 1)
                fail(view, "a hole", record.seq);
            check_record(view, &record);
            view->cursor = record.seq;
            view->late += !is_woken;
            is_woken = true;
            break;
        case BUS_EMPTY:
            if (is_done)
                _exit(0);
            is_woken = sleep_on(seat, epoll, &reader);
            break;
        default:
            fail(view, "missed", reader.cursor);
        }
    }
}

_Noreturn static void stand_by(int row) {
    struct bus_reader reader;
    struct bus_record record;
    char buf[PAYLOAD_MAX];
    int epoll;
    struct bus_seat *seat = sit(row, &epoll);

    bus_begin(&reader, bus, bus_next(bus));
    while (!stage->is_over)
        if (bus_read(&reader, buf, &record) == BUS_EMPTY)
            sleep_on(seat, epoll, &reader);
    _exit(0);
}

/* ---- the parent ---- */

struct child {
    pid_t pid;
    int row;
};

static void start(struct child *child, int number) {
    child->row = bus_claim_row(bus);
    check(child->row >= 0, "a row");
    child->pid = fork();
    check(child->pid >= 0, "fork");
    if (child->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (number < WRITERS)
        write_numbers(child->row, (uint64_t)number);
    if (number < VICTIMS)
        stand_by(child->row);
    read_all(child->row, &stage->reader[number - VICTIMS]);
}

static int end(struct child *child) {
    int status = -1;

    waitpid(child->pid, &status, 0);
    bus_release_row(bus, child->row);
    return status;
}

static void storm(struct child *children, unsigned long kills, uint64_t random) {
    int victim;

    for (unsigned long i = 0; i < kills && !stage->is_failed; i++) {
        random = mix(random + i);
        usleep((useconds_t)(random % PAUSE_MAX_US));
        victim = (int)(random >> 32) & 7; /* two times in eight a bystander */
        victim = victim < VICTIMS ? victim : victim - WRITERS;
        kill(children[victim].pid, SIGKILL);
        end(&children[victim]);
        start(&children[victim], victim);
    }
}

/* Writers stop by themselves, then readers when they have read all. */
static void finish(struct child *children) {
    stage->is_over = true;
    for (int i = 0; i < VICTIMS; i++) {
        if (i >= WRITERS)
            kill(children[i].pid, SIGKILL);
        check(end(&children[i]) == 0 || i >= WRITERS, "a writer ends well");
    }
    stage->is_done = true;
    bus_release_row(bus, bus_claim_row(bus)); /* wakes */
    for (int i = VICTIMS; i < VICTIMS + READERS; i++)
        end(&children[i]);
}

static void judge(void) {
    const struct reader_view *first = &stage->reader[0], *view;

    for (int i = 0; i < READERS; i++) {
        view = &stage->reader[i];
        if (view->why[0] != '\0')
            printf("reader %d: %s\n", i, view->why);
        check(view->why[0] == '\0', "what a reader saw");
        check(view->cursor + 1 == bus_next(bus), "a reader has seen all");
        check(view->digest == first->digest, "all readers saw one order");
        check(view->late == 0, "nobody slept through a record");
        for (int m = 0; m < WRITERS; m++)
            check(view->last[m] >= stage->acknowledged[m], "every acknowledged record is there");
    }
    check(!stage->is_failed, "publishing");
}

int main(int argc, char **argv) {
    const struct bus_settings settings = { VICTIMS + READERS + 1, HISTORY, PAYLOAD_MAX,
        8 * HISTORY * PAYLOAD_MAX };
    unsigned long kills = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct child children[VICTIMS + READERS];

    crc32c_init();
    bus = bus_new(&settings);
    stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(bus != NULL && stage != MAP_FAILED, "memory");
    for (int i = 0; i < VICTIMS + READERS; i++)
        start(&children[i], i);
    storm(children, kills, seed);
    finish(children);
    judge();
    printf("kills=%lu records=%" PRIu64 " doubles_known=%" PRIu64 " sleeps=%" PRIu64 "\n", kills,
        bus_next(bus) - 1, (uint64_t)stage->doubles, (uint64_t)stage->sleeps);
    return 0;
}
