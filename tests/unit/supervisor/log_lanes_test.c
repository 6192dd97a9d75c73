/* Lanes: one for each slot, found again, all ends non-blocking and closed on exec. */
#include "supervisor/log_lanes.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct log_lanes lanes;

static unsigned count_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

Test(log_lanes, slot_has_one_lane_and_keeps_it) {
    bool is_new;

    cr_assert_eq(log_lanes_open(&lanes, false), 0);
    cr_assert_eq(lanes.count, 1);
    cr_assert_eq(lanes.console_read, -1);
    cr_assert_eq(log_lanes_get(&lanes, "", 0, &is_new), 0);
    cr_assert_not(is_new);
    cr_assert_eq(log_lanes_get(&lanes, "echo", 1, &is_new), 1);
    cr_assert(is_new);
    cr_assert_eq(log_lanes_get(&lanes, "echo", 2, &is_new), 2);
    cr_assert_eq(log_lanes_get(&lanes, "chat", 1, &is_new), 3);
    cr_assert_eq(log_lanes_get(&lanes, "echo", 1, &is_new), 1);
    cr_assert_not(is_new);
    cr_assert_str_eq(lanes.names[3].service, "chat");
    cr_assert_eq(lanes.names[2].slot, 2);
}

Test(log_lanes, ends_block_nobody_and_are_closed_on_exec) {
    struct log_lane *lane;

    cr_assert_eq(log_lanes_open(&lanes, true), 0);
    lane = lanes.lane;
    int fds[] = { lane->record_read, lane->record_write, lane->out_read, lane->out_write,
        lane->err_read, lane->err_write, lanes.console_read, lanes.console_write, lanes.stage_read,
        lanes.stage_write };
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        cr_assert(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
        cr_assert(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
    }
    cr_assert_geq(fcntl(lanes.stage_write, F_GETPIPE_SZ), fcntl(fds[0], F_GETPIPE_SZ));
}

Test(log_lanes, close_leaves_nothing_open) {
    unsigned before = count_descriptors();
    char name[CONFIG_NAME_MAX];
    bool is_new;

    cr_assert_eq(log_lanes_open(&lanes, true), 0);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "service%u", i);
        cr_assert_geq(log_lanes_get(&lanes, name, i, &is_new), 0);
    }
    log_lanes_close(&lanes);
    cr_assert_eq(count_descriptors(), before);
}

Test(log_lanes, without_descriptors_there_is_no_lane_and_no_leak) {
    struct rlimit few = { 64, 64 };
    unsigned before, got = 0;
    bool is_new;

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    cr_assert_eq(log_lanes_open(&lanes, true), 0);
    while (log_lanes_get(&lanes, "echo", got + 1, &is_new) >= 0)
        got++;
    cr_assert_eq(errno, EMFILE);
    cr_assert_gt(got, 2);
    cr_assert_eq(lanes.count, got + 1);
    close(lanes.console_read); /* one to count with */
    before = count_descriptors();
    cr_assert_eq(log_lanes_get(&lanes, "echo", got + 1, &is_new), -1);
    cr_assert_eq(count_descriptors(), before);
}

/* Services come and go by other names, and there is a lane for each that is there. */
Test(log_lanes, lanes_of_who_is_gone_are_used_again) {
    struct rlimit many = { 8192, 8192 };
    bool is_new;
    int index;

    if (setrlimit(RLIMIT_NOFILE, &many) < 0)
        cr_skip_test("so many descriptors are not allowed here");
    cr_assert_eq(log_lanes_open(&lanes, true), 0);
    for (unsigned i = 1; i < LOG_LANES_MAX; i++) {
        cr_assert_eq(log_lanes_get(&lanes, "old", i, &is_new), (int)i);
        log_lanes_hold(&lanes, (int)i);
    }
    cr_assert_eq(log_lanes_get(&lanes, "new", 1, &is_new), -1);
    cr_assert_eq(errno, ENOSPC);
    log_lanes_release(&lanes, 77);
    index = log_lanes_get(&lanes, "new", 1, &is_new);
    cr_assert_eq(index, 77);
    cr_assert_not(is_new, "the log writer has it already");
    cr_assert_str_eq(lanes.names[77].service, "new");
    cr_assert_eq(lanes.names[77].slot, 1);
    cr_assert_eq(log_lanes_get(&lanes, "new", 1, &is_new), 77, "found by its new name");
    log_lanes_hold(&lanes, index);
    cr_assert_eq(log_lanes_get(&lanes, "old", 77, &is_new), -1, "nor by its old one");
}
