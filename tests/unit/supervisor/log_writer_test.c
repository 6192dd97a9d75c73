/* The log writer: killed, reopened, asked, orphaned. */
#include "tests/unit/supervisor/log_writer_fixture.h"

#include <dirent.h>

/* ---- killed, reopened ---- */

Test(log_writer, killed_two_hundred_times_it_loses_and_doubles_nothing) {
    unsigned total = 0;

    start_numbers(400);
    for (int i = 0; i < 200; i++) {
        start();
        usleep((useconds_t)(1000 + random() % 4000));
        kill_writer();
    }
    start_ready();
    stop_numbers();
    finish();
    check_file(path);
    for (unsigned lane = 1; lane <= WRITERS; lane++) {
        check_numbers(lane, 0, (unsigned)stop[1 + lane]);
        total += (unsigned)stop[1 + lane];
    }
    cr_assert_gt(total, 1000);
    fprintf(stderr, "%u records, 200 kills, none lost, none twice\n", total);
}

Test(log_writer, reopen_is_a_barrier) {
    char old[160];
    off_t size;

    start_ready();
    for (unsigned i = 0; i < WRITERS; i++) {
        bool is_new;
        int index = log_lanes_get(&lanes, "w", i + 1, &is_new);
        struct log_lane *lane = lanes.lane + index;

        cr_assert_eq(contract_send(order_fd,
                         &(struct contract_record){ .kind = ORDER_LANE, .value = (uint64_t)index },
                         (int[]){ lane->record_read, lane->out_read, lane->err_read }, 3),
            0);
    }
    start_numbers(200);
    for (unsigned i = 0; i < 50; i++) {
        snprintf(old, sizeof(old), "%s.old%u", path, i);
        UNTIL(size_of(path) > 2000);
        cr_assert_eq(rename(path, old), 0);
        put_number(0, i, 100);
        ask(ORDER_REOPEN, i);
        struct contract_record got = await_report(REPORT_REOPENED);
        size = size_of(old);
        cr_assert_eq(got.value, i);
        cr_assert_eq(got.more, 0);
        cr_assert_geq(size_of(path), 0);
        UNTIL(size_of(path) > 2000);
        cr_assert_eq(size_of(old), size, "the old file was written after the answer");
        check_file(old);
        cr_assert_eq(seen[0][i], 1, "a record written before the order is not in the old file");
    }
    stop_numbers();
    finish();
    check_file(path);
    for (unsigned lane = 1; lane <= WRITERS; lane++)
        check_numbers(lane, 0, (unsigned)stop[1 + lane]);
}

#define CROWD 100

/* More lanes than are looked at in one turn, each full to the last slot of its pipe. */
static void fill_crowd(void) {
    bool is_new;

    for (unsigned i = 0; i < CROWD; i++) {
        struct log_origin origin = { .service = "crowd", .slot = i + 1 };
        int index = log_lanes_get(&lanes, "crowd", i + 1, &is_new);
        char line[LOG_LINE_MAX], msg[3000];
        size_t len;

        memset(msg, 'a', sizeof(msg) - 1);
        msg[sizeof(msg) - 1] = '\0';
        len = log_format_line(line, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, &origin, "crowd", msg, NULL);
        while (write(lanes.lane[index].record_write, line, len) > 0)
            stop[1]++;
    }
}

Test(log_writer, crowd_of_full_lanes_goes_to_the_old_file_whole) {
    char old[160];

    fill_crowd();
    start();
    kill(writer_pid, SIGSTOP);
    ask(ORDER_REOPEN, 1);
    snprintf(old, sizeof(old), "%s.old", path);
    kill(writer_pid, SIGCONT);
    await_report(REPORT_READY);
    await_report(REPORT_REOPENED);
    cr_assert_eq(rename(path, old), 0);
    ask(ORDER_REOPEN, 2);
    await_report(REPORT_REOPENED);
    cr_assert_eq(check_file(old), stop[1]);
    cr_assert_eq(stop[1], 16 * CROWD);
    finish();
    cr_assert_eq(size_of(path), 0);
}

Test(log_writer, reopen_that_fails_says_why_and_goes_on) {
    char away[160];

    start_ready();
    put_number(0, 0, 100);
    UNTIL(size_of(path) > 0);
    snprintf(away, sizeof(away), "%s.away", path);
    cr_assert_eq(rename(path, away), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    ask(ORDER_REOPEN, 1);
    cr_assert_eq(await_report(REPORT_REOPENED).more, EISDIR);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(symlink("elsewhere", path), 0);
    ask(ORDER_REOPEN, 2);
    cr_assert_eq(await_report(REPORT_REOPENED).more, ELOOP);
    put_number(0, 1, 100);
    finish();
    check_file(away);
    check_numbers(0, 0, 2);
}

Test(log_writer, answers_pings) {
    start_ready();
    ask(ORDER_PING, 42);
    cr_assert_eq(await_report(REPORT_PONG).value, 42);
    finish();
}

/* ---- its place among processes ---- */

Test(log_writer, supervisor_that_dies_leaves_no_record_behind) {
    uint64_t at_ns;

    start_ready();
    kill(writer_pid, SIGSTOP);
    for (unsigned i = 0; i < 100; i++)
        put_number(0, i, 100);
    print_to(lanes.lane[0].out_write, "half a line", 11);
    close(order_fd);
    kill(writer_pid, SIGCONT);
    log_lanes_close(&lanes);
    at_ns = clock_now_ns();
    cr_assert_eq(await_end(), 0);
    cr_assert_lt(clock_now_ns() - at_ns, 900000000u, "nobody was left to wait for");
    cr_assert(file_holds("half a line"));
    check_file(path);
    check_numbers(0, 0, 100);
}

Test(log_writer, holds_what_it_needs_and_no_more) {
    char name[64];
    unsigned count = 0;
    int more[50];
    struct dirent *entry;
    DIR *fds;

    for (unsigned i = 0; i < 50; i++)
        more[i] = dup(0);
    close(more[10]);
    start_ready();
    snprintf(name, sizeof(name), "/proc/%d/fd", writer_pid);
    fds = opendir(name);
    while ((entry = readdir(fds)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(fds);
    /* 3 standard, order, stage 2, console 2, lane 3, epoll 2, signal, scratch 2, file */
    cr_assert_leq(count, 17);
    for (int signal = 1; signal < SIGRTMAX; signal++)
        if (signal != SIGKILL && signal != SIGSTOP && signal != SIGTERM &&
            (signal < 32 || signal >= SIGRTMIN))
            kill(writer_pid, signal);
    ask(ORDER_PING, 1);
    await_report(REPORT_PONG);
    finish();
}
