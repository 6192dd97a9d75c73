/* The log writer between those who print and those who do not read. */
#include "tests/unit/supervisor/log_writer_fixture.h"

#include <sys/ioctl.h>

#include "shared/console.h"

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

/* Reads on; when nothing comes, one more record asks whether there is room by now. */
static bool is_all_told(int fd, char *text, size_t size, unsigned *sent) {
    size_t len = strlen(text);
    ssize_t n = read(fd, text + len, size - 1 - len);

    if (n > 0)
        text[len + (size_t)n] = '\0';
    if (count_told(text) == *sent)
        return true;
    if (n <= 0)
        log_write(LOG_LEVEL_INFO | LOG_EVERY, "flood", NULL, "%u", (*sent)++);
    return false;
}

Test(log_writer, fifo_that_nobody_reads_stalls_nobody) {
    static char text[1 << 22];
    uint64_t longest_ns = 0, at_ns;
    _Atomic uint64_t dropped = 0;
    unsigned sent = 0;
    int fd;

    cr_assert_eq(mkfifo(path, 0600), 0);
    start_ready();
    log_use_records(lanes.lane[0].record_write, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, "", 0, &dropped);
    for (; atomic_load(&dropped) < 100; sent++) {
        at_ns = clock_now_ns();
        log_write(LOG_LEVEL_INFO | LOG_EVERY, "flood", NULL, "%01000u", sent);
        at_ns = clock_now_ns() - at_ns;
        longest_ns = at_ns > longest_ns ? at_ns : longest_ns;
    }
    cr_assert_lt(longest_ns, 1000000000u);
    ask(ORDER_PING, 1);
    await_report(REPORT_PONG);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    UNTIL(is_all_told(fd, text, sizeof(text), &sent));
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
                     "msg=\"\\x1b[31m\\x00\\xff\\\"\" stream=stderr\n"));
    print_to(lane->out_write, "ee\n", 3);
    UNTIL(file_holds(" msg=three stream=stdout\n"));
    print_to(lane->out_write, "no end", 6);
    UNTIL(file_holds(" msg=\"no end\" stream=stdout\n"));
    memset(longer, 'z', 5000);
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
        sum += *at == 'z';
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
