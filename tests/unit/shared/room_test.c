/* Rooms: who lives, and what is kept. */
#include "shared/room.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/bus.h"
#include "shared/bus_seat.h"
#include "shared/crc32c.h"

static const struct bus_settings settings = {
    .rows = 3, .history = 16, .payload_max = 64, .arena_bytes = 4096
};

static void init_crc(void) {
    crc32c_init();
}

TestSuite(room, .init = init_crc, .timeout = 20);

static int fill(void *mem, size_t size, const void *filling) {
    for (size_t i = 0; i < size; i++)
        if (((char *)mem)[i] != 0)
            return -1;
    strcpy(mem, filling);
    return 0;
}

static int refuse(void *mem, size_t size, const void *filling) {
    (void)mem;
    (void)size;
    (void)filling;
    errno = EDOM;
    return -1;
}

Test(room, what_is_kept_outlives_who_wrote_it) {
    struct room *room = room_new(&settings, 100000, fill, "from the parent");
    pid_t pid;

    cr_assert_str_eq(room_shared(room), "from the parent");
    pid = fork();
    if (pid == 0) {
        strcpy((char *)room_shared(room) + 99000, "from a child");
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    cr_assert_str_eq((char *)room_shared(room) + 99000, "from a child");
    room_free(room);
}

Test(room, may_have_no_memory_of_the_services) {
    struct room *room = room_new(&settings, 0, NULL, NULL);

    cr_assert_null(room_shared(room));
    cr_assert_not_null(room_bus(room));
    room_free(room);
}

Test(room, is_not_made_when_the_service_cannot_fill_it) {
    errno = 0;
    cr_assert_null(room_new(&settings, 10, refuse, NULL));
    cr_assert_eq(errno, EDOM);
}

Test(room, lives_tell_one_owner_of_a_row_from_the_next) {
    struct room *room = room_new(&settings, 0, NULL, NULL);
    uint32_t life;
    int row;

    cr_assert_eq(room_count_rows(room), 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(room_life(room, (unsigned)i) % 2, 0);
        row = room_claim_row(room);
        cr_assert_eq(row, i);
        cr_assert_eq(room_life(room, (unsigned)i) % 2, 1);
    }
    cr_assert_eq(room_claim_row(room), -1);
    cr_assert_eq(errno, ENOSPC);
    life = room_life(room, 1);
    cr_assert_eq(room_count_deaths(room), 0);
    room_release_row(room, 1);
    cr_assert_eq(room_count_deaths(room), 1);
    cr_assert_neq(room_life(room, 1), life);
    cr_assert_eq(room_life(room, 1) % 2, 0);
    cr_assert_eq(room_claim_row(room), 1);
    cr_assert_eq(room_life(room, 1) % 2, 1);
    cr_assert_neq(room_life(room, 1), life);
    cr_assert_eq(room_life(room, 3), 0, "there is no such row");
    room_release_row(room, -1);
    cr_assert_eq(room_count_deaths(room), 1);
    room_free(room);
}

/* Whoever sleeps hears of it, and finds the life over. */
Test(room, death_wakes_who_sleeps) {
    struct room *room = room_new(&settings, 0, NULL, NULL);
    struct pollfd watch;
    struct bus_reader reader;
    struct bus_seat *seat;
    int row = room_claim_row(room), dead = room_claim_row(room);

    seat = bus_sit(room_bus(room), row);
    bus_begin(&reader, room_bus(room), bus_next(room_bus(room)));
    cr_assert(bus_sleep(seat, &reader));
    watch = (struct pollfd){ .fd = bus_wake_fd(seat), .events = POLLIN };
    cr_assert_eq(watch.fd, room_wake_fd(room, (unsigned)row));
    cr_assert_eq(poll(&watch, 1, 0), 0);
    room_release_row(room, dead);
    cr_assert_eq(poll(&watch, 1, 0), 1);
    bus_awake(seat);
    bus_leave(seat);
    room_free(room);
}
