/* The log writer and its file: rotated, deleted, cut short, on a disk without room. */
#include "tests/unit/supervisor/log_writer_fixture.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>

/* ---- what others do to it, and it itself ---- */

Test(log_writer, rotation_keeps_records_whole_and_files_small) {
    const unsigned most = 30000;
    char file[160];
    unsigned first = most;

    config.log.rotate_bytes = 256 * 1024;
    config.log.rotate_keep = 3;
    start_ready();
    for (unsigned i = 0; i < most; i++)
        put_number(0, i, 100);
    finish();
    for (unsigned i = 0; i <= 3; i++) {
        snprintf(file, sizeof(file), i > 0 ? "%s.%u" : "%s", path, i);
        cr_assert(size_of(file) > 0 && size_of(file) <= 256 * 1024, "%s: %ld", file, size_of(file));
        check_file(file);
    }
    snprintf(file, sizeof(file), "%s.4", path);
    cr_assert_eq(size_of(file), -1);
    while (first > 0 && seen[0][first - 1] == 1)
        first--;
    cr_assert(first > 0 && first < most - 5000);
    memset(seen[0], 0, first);
    check_numbers(0, first, most);
}

Test(log_writer, rotation_that_cannot_be_goes_on_in_the_same_file) {
    char in_the_way[160];

    snprintf(in_the_way, sizeof(in_the_way), "%s.1", path);
    cr_assert_eq(mkdir(in_the_way, 0700), 0);
    config.log.rotate_bytes = 10000;
    config.log.rotate_keep = 1;
    start_ready();
    for (unsigned i = 0; i < 2000; i++)
        put_number(0, i, 100);
    finish();
    check_file(path);
    check_numbers(0, 0, 2000);
}

Test(log_writer, rotation_without_a_new_file_goes_on_in_the_old_one) {
    struct rlimit none = { 3, 3 };

    config.log.rotate_bytes = 10000;
    config.log.rotate_keep = 2;
    start_ready();
    cr_assert_eq(prlimit(writer_pid, RLIMIT_NOFILE, &none, NULL), 0);
    for (unsigned i = 0; i < 2000; i++)
        put_number(0, i, 100);
    finish();
    check_file(path);
    check_numbers(0, 0, 2000);
}

Test(log_writer, deleted_file_is_made_anew) {
    start_ready();
    put_number(0, 0, 100);
    UNTIL(size_of(path) > 0);
    cr_assert_eq(unlink(path), 0);
    put_number(0, 1, 100);
    UNTIL(file_holds("event=log_deleted"));
    finish();
    check_file(path);
    check_numbers(0, 1, 2);
    cr_assert_eq(seen[0][0], 0);
}

Test(log_writer, truncated_file_gets_no_hole) {
    start_ready();
    for (unsigned i = 0; i < 100; i++)
        put_number(0, i, 100);
    UNTIL(file_holds(" n=99 "));
    cr_assert_eq(truncate(path, 0), 0);
    put_number(0, 100, 100);
    UNTIL(file_holds("event=log_truncated"));
    finish();
    check_file(path);
    check_numbers(0, 100, 101);
}

Test(log_writer, half_a_line_of_an_earlier_life_is_ended) {
    struct stat st;
    FILE *file = fopen(path, "we");

    cr_assert_not_null(file);
    fputs("ts=2020 event=whole\nts=2020 event=half", file);
    fclose(file);
    start_ready();
    put_number(0, 0, 100);
    finish();
    cr_assert_eq(check_file(path), 3);
    check_numbers(0, 0, 1);
    unlink(path);
    umask(0);
    start_ready();
    finish();
    stat(path, &st);
    cr_assert_eq(st.st_mode & 07777, 0640);
}

Test(log_writer, without_a_file_it_says_so_and_ends) {
    int said[2];
    char text[300] = "";

    cr_assert_eq(pipe(said), 0);
    child_stderr = said[1];
    config.log.file = "/nowhere/log";
    start();
    cr_assert_eq(WEXITSTATUS(await_end()), 74);
    cr_assert_gt(read(said[0], text, sizeof(text) - 1), 0);
    cr_assert_not_null(strstr(text, "/nowhere/log: the log cannot be opened: No such file"));
}

/* ---- a disk without room ---- */

static char filler[96];

/* Our folder becomes a small file system of which about `left` bytes are free. */
static void fill_disk(size_t left) {
    static char block[4096];
    struct statvfs room;
    int fd;

    if (unshare(CLONE_NEWNS) < 0)
        cr_skip_test("mounts of one's own need root");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 && errno != EINVAL)
        cr_skip_test("mounts cannot be made private");
    if (mount("none", folder, "tmpfs", 0, "size=1m") < 0)
        cr_skip_test("no tmpfs here");
    snprintf(filler, sizeof(filler), "%s/filler", folder);
    fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    do {
        cr_assert_eq(write(fd, block, sizeof(block)), (ssize_t)sizeof(block));
        cr_assert_eq(statvfs(folder, &room), 0);
    } while (room.f_bavail * room.f_bsize > left);
    close(fd);
}

static bool disk_is_full(void) {
    struct statvfs room;

    return statvfs(folder, &room) == 0 && room.f_bavail == 0;
}

/* The last byte that could be written is not the end of a line. */
static bool ends_cut(void) {
    char *text = read_all(path);
    bool is_cut = *text != '\0' && text[strlen(text) - 1] != '\n';

    free(text);
    return is_cut;
}

/* 20 records of up to 2 KB for each of three lanes, more than fits. Ends with a cut record. */
static void overfill(void) {
    bool is_new;

    for (unsigned lane = 1; lane <= WRITERS; lane++)
        cr_assert_eq(log_lanes_get(&lanes, "w", lane, &is_new), (int)lane);
    start_ready();
    for (unsigned i = 0; i < 20; i++)
        for (unsigned lane = 1; lane <= WRITERS; lane++)
            put_number(lane, i, 2000);
    UNTIL(disk_is_full() && size_of(path) % 4096 == 0 && ends_cut());
    ask(ORDER_PING, 1);
    await_report(REPORT_PONG);
}

static double cpu_s(void) {
    struct timespec spent;
    clockid_t clock;

    cr_assert_eq(clock_getcpuclockid(writer_pid, &clock), 0);
    cr_assert_eq(clock_gettime(clock, &spent), 0);
    return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static void check_overfill(void) {
    for (unsigned lane = 1; lane <= WRITERS; lane++)
        check_numbers(lane, 0, 20);
}

Test(log_writer, full_disk_cuts_no_line_and_loses_none) {
    double before_s;

    fill_disk(20000);
    overfill();
    put_number(0, 0, 100); /* waits in its lane */
    before_s = cpu_s();
    usleep(200000); /* the span that is measured */
    cr_assert_lt(cpu_s() - before_s, 0.05, "it does not wait, it spins");
    unlink(filler);
    UNTIL(file_holds("event=log_stalled msg=\"for a while the log could not be written\" "
                     "error=\"No space left on device\" for_ms="));
    finish();
    check_file(path);
    check_overfill();
    check_numbers(0, 0, 1);
}

Test(log_writer, killed_at_a_full_disk_the_next_one_ends_the_line) {
    fill_disk(20000);
    overfill();
    for (int i = 0; i < 3; i++) {
        kill_writer();
        start_ready();
    }
    unlink(filler);
    UNTIL(file_holds("event=log_stalled"));
    finish();
    check_file(path);
    check_overfill();
}

Test(log_writer, reopened_at_a_full_disk_the_line_moves_along) {
    char link_to[96], old[96], elsewhere[64] = "/tmp/log_writer_next.XXXXXX", new[128];

    fill_disk(20000);
    cr_assert_not_null(mkdtemp(elsewhere));
    snprintf(old, sizeof(old), "%s/log", folder);
    snprintf(new, sizeof(new), "%s/log", elsewhere);
    snprintf(link_to, sizeof(link_to), "%s.link", elsewhere);
    cr_assert_eq(symlink(folder, link_to), 0);
    snprintf(path, sizeof(path), "%s/log", link_to);
    overfill();
    unlink(link_to);
    cr_assert_eq(symlink(elsewhere, link_to), 0);
    ask(ORDER_REOPEN, 1);
    cr_assert_eq(await_report(REPORT_REOPENED).more, 0);
    finish();
    check_file(old);
    check_file(new);
    check_overfill();
    unlink(new);
    unlink(link_to);
    rmdir(elsewhere);
}

Test(log_writer, file_emptied_at_a_full_disk_loses_only_what_was_in_it) {
    unsigned lost = 0;
    char *before;

    fill_disk(20000);
    overfill();
    before = read_all(path);
    cr_assert_eq(truncate(path, 0), 0);
    unlink(filler);
    UNTIL(file_holds("event=log_stalled") && file_holds(" torn=1"));
    finish();
    check_file(path);
    for (unsigned lane = 1; lane <= WRITERS; lane++)
        for (unsigned i = 0; i < 20; i++)
            lost += seen[lane][i] == 0;
    for (char *at = before; (at = strchr(at, '\n')) != NULL; at++)
        lost--;
    cr_assert_eq(lost, 1);
    free(before);
}
