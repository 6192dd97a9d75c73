/*
 * The log writer as a process of its own, with lanes held by the test as the supervisor holds
 * them: killed, starved of disk, reopened, rotated, left alone.
 */
#include "supervisor/log_writer.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/console.h"
#include "shared/contract.h"
#include "shared/log.h"

#define WRITERS     3
#define NUMBERS_MAX 4000000u

static char folder[64], path[128];
static struct config config;
static struct log_lanes lanes;
static int order_fd = -1;
static pid_t writer_pid;
static bool to_terminal;
static int child_stdout = -1, child_stderr = -1;
static uint8_t *seen[WRITERS + 1]; /* how often each number of each lane stands in the files */
static _Atomic int *stop;

static void prepare(void) {
    snprintf(folder, sizeof(folder), "/tmp/log_writer_test.XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/log", folder);
    config.log.file = path;
    config.log.level = CONFIG_INFO;
    cr_assert_eq(log_lanes_open(&lanes, true), 0);
    stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i <= WRITERS; i++)
        seen[i] = calloc(NUMBERS_MAX, 1);
}

static void clean(void) {
    char command[128];

    if (writer_pid > 0)
        kill(writer_pid, SIGKILL);
    umount2(folder, MNT_DETACH);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(log_writer, .init = prepare, .fini = clean, .timeout = 60);

/* ---- the supervisor's part ---- */

static void start(void) {
    int child_fd;

    cr_assert_eq(contract_pair(&order_fd, &child_fd), 0);
    writer_pid = fork();
    if (writer_pid != 0) {
        close(child_fd);
        return;
    }
    if (child_stdout >= 0)
        dup2(child_stdout, STDOUT_FILENO);
    if (child_stderr >= 0)
        dup2(child_stderr, STDERR_FILENO);
    log_writer_main(&(struct log_writer_args){ .config = &config,
        .lanes = &lanes,
        .order_fd = child_fd,
        .generation = 7,
        .to_terminal = to_terminal });
}

static struct contract_record await_report(uint32_t kind) {
    struct pollfd ready = { .fd = order_fd, .events = POLLIN };
    struct contract_record got = { 0 };
    int fds[CONTRACT_FDS_MAX];
    unsigned count;

    cr_assert_eq(poll(&ready, 1, 10000), 1, "no report %u", kind);
    cr_assert_eq(contract_receive(order_fd, &got, fds, &count), 1);
    cr_assert_eq(got.kind, kind);
    cr_assert_eq(got.pid, writer_pid);
    cr_assert_eq(got.generation, 7);
    return got;
}

static void start_ready(void) {
    start();
    await_report(REPORT_READY);
}

static int await_end(void) {
    int status;

    cr_assert_eq(waitpid(writer_pid, &status, 0), writer_pid);
    writer_pid = 0;
    return status;
}

static void finish(void) {
    kill(writer_pid, SIGTERM);
    cr_assert_eq(await_end(), 0);
    close(order_fd);
}

static void kill_writer(void) {
    kill(writer_pid, SIGKILL);
    cr_assert_eq(await_end(), SIGKILL);
    close(order_fd);
}

static void ask(uint32_t kind, uint64_t value) {
    cr_assert_eq(
        contract_send(order_fd, &(struct contract_record){ .kind = kind, .value = value }, NULL, 0),
        0);
}

#define UNTIL(condition)                                        \
    do {                                                        \
        uint64_t until_ns = clock_now_ns() + 10000000000u;      \
        while (!(condition)) {                                  \
            cr_assert_lt(clock_now_ns(), until_ns, #condition); \
            usleep(500);                                        \
        }                                                       \
    } while (0)

static off_t size_of(const char *file) {
    struct stat st;

    return stat(file, &st) == 0 ? st.st_size : -1;
}

static char *read_all(const char *file) {
    off_t size = size_of(file);
    char *text;
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    cr_assert(fd >= 0 && size >= 0, "%s", file);
    text = malloc((size_t)size + 1);
    cr_assert_eq(read(fd, text, (size_t)size), size);
    text[size] = '\0';
    cr_assert_eq(strlen(text), (size_t)size, "%s has a hole", file);
    close(fd);
    return text;
}

static bool file_holds(const char *text) {
    char *all = size_of(path) > 0 ? read_all(path) : NULL;
    bool holds = all != NULL && strstr(all, text) != NULL;

    free(all);
    return holds;
}

/* ---- numbered records ---- */

/* The text of a number: its length differs, its bytes are known. */
static size_t fill(char *dst, unsigned lane, unsigned number, unsigned longest) {
    size_t len = number * 2654435761u % longest;

    memset(dst, 'a' + (int)(lane + number) % 26, len);
    dst[len] = '\0';
    return len;
}

/* Write number `number` into a lane, and wait for room as often as it takes. */
static void put_number(unsigned lane, unsigned number, unsigned longest) {
    struct log_origin origin = { .service = "w", .slot = lane };
    struct log_field fields[] = { LOG_NUMBER("n", number), LOG_NUMBER("of", longest), { 0 } };
    struct pollfd room = { .fd = lanes.lane[lane].record_write, .events = POLLOUT };
    char line[LOG_LINE_MAX], msg[LOG_LINE_MAX];
    size_t len;

    fill(msg, lane, number, longest);
    len = log_format_line(line, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, &origin, "number", msg, fields);
    while (write(room.fd, line, len) < 0)
        poll(&room, 1, -1);
}

/* A record of ours is checked byte by byte and counted; of another only its syntax, roughly. */
static void check_line(const char *line) {
    unsigned lane = 0, number = 0, longest = 0;
    char wanted[2 * LOG_LINE_MAX], msg[LOG_LINE_MAX];
    const char *event = strstr(line, " event=number ");

    cr_assert_eq(strncmp(line, "ts=2", 4), 0, "broken line: %.200s", line);
    if (event == NULL) {
        cr_assert_not_null(strstr(line, " event="), "broken line: %.200s", line);
        return;
    }
    if (strstr(line, " slot=") != NULL)
        sscanf(strstr(line, " slot="), " slot=%u", &lane);
    cr_assert_not_null(strstr(event, " n="), "broken line: %.200s", line);
    cr_assert_eq(sscanf(strstr(event, " n="), " n=%u of=%u", &number, &longest), 2);
    cr_assert(lane <= WRITERS && number < NUMBERS_MAX && longest > 0 && longest < LOG_LINE_MAX);
    snprintf(wanted, sizeof(wanted), " event=number msg=%s n=%u of=%u",
        fill(msg, lane, number, longest) > 0 ? msg : "\"\"", number, longest);
    cr_assert_str_eq(event, wanted, "broken line");
    seen[lane][number]++;
}

/* Returns how many lines there are. */
static unsigned check_file(const char *file) {
    char *text = read_all(file), *end;
    unsigned lines = 0;

    for (char *line = text; *line != '\0'; line = end + 1, lines++) {
        end = strchr(line, '\n');
        cr_assert_not_null(end, "%s ends within a line", file);
        *end = '\0';
        check_line(line);
    }
    free(text);
    return lines;
}

static void check_numbers(unsigned lane, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++)
        cr_assert_eq(
            seen[lane][i], 1, "number %u of lane %u stands there %u times", i, lane, seen[lane][i]);
    for (unsigned i = to; i < NUMBERS_MAX; i++)
        cr_assert_eq(seen[lane][i], 0);
}

static pid_t children[WRITERS + 1];

/* One process a lane, which writes numbers until *stop; stop[1 + lane] is how many. */
static void start_numbers(unsigned longest) {
    bool is_new;

    for (unsigned lane = 1; lane <= WRITERS; lane++) {
        cr_assert_eq(log_lanes_get(&lanes, "w", lane, &is_new), (int)lane);
        children[lane] = fork();
        if (children[lane] != 0)
            continue;
        for (int n = 0; !*stop && n < (int)NUMBERS_MAX; n++) {
            put_number(lane, (unsigned)n, longest);
            stop[1 + lane] = n + 1;
            if (n % 16 == 0)
                usleep(1);
        }
        _exit(0);
    }
}

static void stop_numbers(void) {
    *stop = 1;
    for (unsigned lane = 1; lane <= WRITERS; lane++)
        cr_assert_eq(waitpid(children[lane], NULL, 0), children[lane]);
}

/* ---- the tests ---- */

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

/* 20 records of up to 2 KB for each of three lanes, more than fits. Ends with a cut record. */
static void overfill(void) {
    bool is_new;
    char *text;

    for (unsigned lane = 1; lane <= WRITERS; lane++)
        cr_assert_eq(log_lanes_get(&lanes, "w", lane, &is_new), (int)lane);
    start_ready();
    for (unsigned i = 0; i < 20; i++)
        for (unsigned lane = 1; lane <= WRITERS; lane++)
            put_number(lane, i, 2000);
    UNTIL(disk_is_full() && size_of(path) % 4096 == 0);
    text = read_all(path);
    cr_assert_neq(text[strlen(text) - 1], '\n', "no record was cut: nothing is tested");
    free(text);
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

/* ---- who does not read ---- */

/* Numbers of flood and the counts of what was dropped make up the sum of all that was said. */
static unsigned count_told(const char *text) {
    unsigned told = 0, count;

    for (const char *at = text; (at = strstr(at, " event=flood ")) != NULL; at++)
        told += strchr(at, '\n') != NULL;
    for (const char *at = text; (at = strstr(at, " event=log_dropped ")) != NULL; at++)
        if (sscanf(strstr(at, "count="), "count=%u\n", &count) == 1)
            told += count;
    return told;
}

Test(log_writer, fifo_that_nobody_reads_stalls_nobody) {
    static char text[1 << 21];
    uint64_t longest_ns = 0, at_ns;
    _Atomic uint64_t dropped = 0;
    unsigned sent = 0;
    size_t len = 0;
    ssize_t n;
    int fd;

    cr_assert_eq(mkfifo(path, 0600), 0);
    start_ready();
    log_use_records(lanes.lane[0].record_write, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, "", 0, &dropped);
    for (; dropped < 100; sent++) {
        at_ns = clock_now_ns();
        log_write(LOG_LEVEL_INFO | LOG_EVERY, "flood", NULL, "%01000u", sent);
        at_ns = clock_now_ns() - at_ns;
        longest_ns = at_ns > longest_ns ? at_ns : longest_ns;
    }
    cr_assert_lt(longest_ns, 1000000000u);
    ask(ORDER_PING, 1);
    await_report(REPORT_PONG);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    UNTIL((n = read(fd, text + len, sizeof(text) - 1 - len), len += n > 0 ? (size_t)n : 0,
        count_told(text) == sent || (log_info("is there room?"), false)));
    finish();
}

static int stuck[2];

/* A pipe whose reader is the test, full. */
static void make_stuck(void) {
    static char block[4096];

    memset(block, '\n', sizeof(block));
    cr_assert_eq(pipe2(stuck, O_CLOEXEC), 0);
    cr_assert_eq(fcntl(stuck[1], F_SETFL, O_NONBLOCK), 0);
    while (write(stuck[1], block, sizeof(block)) > 0)
        continue;
    cr_assert_eq(fcntl(stuck[1], F_SETFL, 0), 0);
}

static const char *drain(int fd) {
    static char text[1 << 18];
    size_t len = 0;
    ssize_t n;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    return text;
}

Test(log_writer, terminal_that_is_stuck_stalls_nobody) {
    make_stuck();
    child_stderr = child_stdout = stuck[1];
    to_terminal = true;
    start_ready();
    console_use(lanes.console_write);
    for (unsigned i = 0; i < 2000; i++)
        console_say("line %u", i);
    log_use_records(lanes.lane[0].record_write, LOG_FORMAT_HUMAN, LOG_LEVEL_INFO, "", 0, NULL);
    log_info("a sentence");
    ask(ORDER_PING, 1);
    await_report(REPORT_PONG);
    ask(ORDER_REOPEN, 2);
    cr_assert_eq(await_report(REPORT_REOPENED).more, 0);
    cr_assert_eq(fcntl(stuck[1], F_GETFL) & O_NONBLOCK, 0, "others share this descriptor");
    UNTIL(strstr(drain(stuck[0]), " a sentence\n") != NULL);
    finish();
}

Test(log_writer, console_goes_to_stdout_and_records_to_stderr) {
    int out[2], err[2];

    cr_assert(pipe(out) == 0 && pipe(err) == 0);
    child_stdout = out[1];
    child_stderr = err[1];
    to_terminal = true;
    start_ready();
    console_use(lanes.console_write);
    console_say("listening on %d", 7);
    log_use_records(lanes.lane[0].record_write, LOG_FORMAT_HUMAN, LOG_LEVEL_INFO, "", 0, NULL);
    log_info("a sentence");
    finish();
    cr_assert_str_eq(drain(out[0]), "listening on 7\n");
    cr_assert_str_eq(drain(err[0]) + 8, " a sentence\n");
}

Test(log_writer, console_that_is_gone_harms_nothing) {
    int out[2], left;

    cr_assert_eq(pipe(out), 0);
    child_stdout = out[1];
    start_ready();
    close(out[0]);
    close(out[1]);
    console_use(lanes.console_write);
    console_say("nobody");
    UNTIL(ioctl(lanes.console_read, FIONREAD, &left) == 0 && left == 0);
    put_number(0, 0, 100);
    UNTIL(size_of(path) > 0);
    finish();
    check_file(path);
}

/* ---- captured output ---- */

static void print_to(int fd, const char *text, size_t len) {
    cr_assert_eq(write(fd, text, len), (ssize_t)len);
}

Test(log_writer, what_a_worker_prints_becomes_records) {
    static char longer[5001];
    bool is_new;
    struct log_lane *lane;
    char *text;
    size_t sum = 0;

    cr_assert_eq(log_lanes_get(&lanes, "echo", 3, &is_new), 1);
    lane = lanes.lane + 1;
    start_ready();
    print_to(lane->out_write, "one two\nthr", 11);
    print_to(lane->err_write, "\033[31m\0\xff\"\n", 9);
    UNTIL(file_holds(" level=info service=echo slot=3 event=output msg=\"one two\" "
                     "stream=stdout\n"));
    UNTIL(file_holds(" level=warn service=echo slot=3 event=output "
                     "msg=\"\\033[31m\\000\\377\\\"\" stream=stderr\n"));
    print_to(lane->out_write, "ee\n", 3);
    UNTIL(file_holds(" msg=three stream=stdout\n"));
    print_to(lane->out_write, "no end", 6);
    UNTIL(file_holds(" msg=\"no end\" stream=stdout\n"));
    memset(longer, 'x', 5000);
    print_to(lane->out_write, longer, 5000);
    print_to(lane->out_write, "\nafter\n", 7);
    UNTIL(file_holds(" msg=after stream=stdout\n"));
    text = read_all(path);
    for (int i = 1; i <= 3; i++) {
        char tail[40];

        snprintf(tail, sizeof(tail), " stream=stdout part=%d\n", i);
        cr_assert_not_null(strstr(text, tail));
    }
    cr_assert_null(strstr(text, "part=4"));
    for (char *at = text; *at != '\0'; at++)
        sum += *at == 'x';
    cr_assert_eq(sum, 5000);
    free(text);
    print_to(lane->err_write, "last words", 10);
    finish();
    cr_assert(file_holds(" msg=\"last words\" stream=stderr\n"));
    check_file(path);
}

Test(log_writer, flood_of_output_comes_through_whole) {
    struct pollfd room = { .fd = lanes.lane[0].out_write, .events = POLLOUT };
    char line[300], *text;
    unsigned next = 0;
    int len;

    start_ready();
    for (unsigned i = 0; i < 20000; i++) {
        len = snprintf(line, sizeof(line), "%u %.*s\n", i, (int)(i % 200),
            "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
            "yyyyyyyy");
        while (write(room.fd, line, (size_t)len) < 0)
            poll(&room, 1, -1);
    }
    finish();
    check_file(path);
    text = read_all(path);
    for (char *at = text; (at = strstr(at, " msg=\"")) != NULL; at++)
        cr_assert_eq((unsigned)atoi(at + 6), next++);
    cr_assert_eq(next, 20000);
}

Test(log_writer, json_has_json_only) {
    config.log.format = CONFIG_JSON;
    start_ready();
    print_to(lanes.lane[0].out_write, "a \"b\"\n", 6);
    finish();
    cr_assert(file_holds(",\"event\":\"output\",\"msg\":\"a \\\"b\\\"\",\"stream\":\"stdout\"}\n"));
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
