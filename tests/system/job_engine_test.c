/* The engines are what they say, and none of them needs more than its share. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

/* How many commands the busiest child has now; *out_threads: its threads. */
static size_t count_commands(pid_t job, size_t *out_threads) {
    pid_t children[8], commands[80];
    size_t workers = harness_children(job, children, 8), most = 0, n;

    for (size_t k = 0; k < workers; k++) {
        n = harness_children(children[k], commands, 80);
        if (n <= most)
            continue;
        most = n;
        *out_threads = harness_threads(children[k]);
    }
    return most;
}

static void event_engine_runs_64_sleeps_in_one_thread(void) {
    const char *argv[] = { "prefork", "job", "run", "command", "1..64", "--engine", "event",
        "--progress", "none", "--", "sleep", "0.1", NULL };
    uint64_t best_ns = UINT64_MAX;
    size_t threads = 0, most = 0, now;
    struct harness_proc job;

    for (int i = 0; i < 5; i++) {
        struct harness_result r = harness_run_argv(argv);

        CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
        best_ns = r.wall_ns < best_ns ? r.wall_ns : best_ns;
    }
    CHECK(best_ns < 500000000 || harness_is_sanitized(), "%.0f ms", (double)best_ns / 1e6);
    /* Longer ones, so that all of them can be seen at once on a busy machine too. */
    argv[11] = "1.5";
    harness_start(&job, argv, 0);
    CHECK(harness_until(5000,
              (now = count_commands(job.pid, &threads), most = now > most ? now : most) == 64),
        "only %zu commands at once", most);
    CHECK(threads == 1, "%zu threads", threads);
    /* The guard of the commands, and the one child that has them all. */
    CHECK(harness_children(job.pid, (pid_t[8]){ 0 }, 8) == 2, "not two children");
    CHECK(harness_wait(&job, 10000) == 0, "exit %d", job.code);
    harness_figure(
        "64 sleeps of 100 ms: %.0f ms, %zu at once, 1 thread", (double)best_ns / 1e6, most);
}

static void thread_engine_has_as_many_threads_as_lanes_all_claiming(void) {
    const char *const argv[] = { "prefork", "job", "run", "null", "1..18", "--engine", "thread",
        "--threads", "6", "--slow-for", "100ms", "--json", NULL };
    struct harness_proc job;
    pid_t child = 0;
    char pattern[32];
    char *err;

    harness_start(&job, argv, 0);
    CHECK(harness_until(
              5000, harness_children(job.pid, &child, 1) == 1 && harness_threads(child) == 6),
        "%zu threads in the child", harness_threads(child));
    CHECK(harness_threads(job.pid) == 1, "threads in the supervisor");
    CHECK(harness_wait(&job, 10000) == 0, "exit %d", job.code);
    err = harness_read_file(job.err, NULL);
    for (int i = 1; i <= 6; i++) {
        snprintf(pattern, sizeof(pattern), "\"thread\":%d,", i);
        CHECK(strstr(err, pattern) != NULL, "thread %d claimed nothing:\n%s", i, err);
    }
}

static void process_engine_has_a_child_for_each_worker(void) {
    const char *const argv[] = { "prefork", "job", "run", "null", "1..40", "--workers", "5",
        "--slow-for", "50ms", NULL };
    struct harness_proc job;
    pid_t children[16];

    harness_start(&job, argv, 0);
    CHECK(harness_until(5000, harness_children(job.pid, children, 16) == 5), "not five children");
    for (int i = 0; i < 5; i++)
        CHECK(harness_threads(children[i]) == 1, "threads in a worker");
    CHECK(harness_wait(&job, 10000) == 0, "exit %d", job.code);
}

/* Every system call of a whole job is counted: claims, chunk by chunk, are not among them. */
static void claim_costs_no_system_call(void) {
    static const char *const engines[] = { "process", "thread", "event" };
    struct harness_result r;
    uint64_t calls;
    char *last;

    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot look under a tracer */
    if (system("strace -o /dev/null true 2>/dev/null") != 0)
        harness_skip("strace is not there, or may not trace");
    for (size_t e = 0; e < 3; e++) {
        r = harness_run("/usr/bin/strace", "-f", "-c", "-o", "calls", "-S", "calls", "-U",
            "calls,name", harness_program("prefork"), "job", "run", "null", "1..100000", "--batch",
            "1", "--engine", engines[e], "--quiet", NULL);
        CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
        r.out = harness_read_file("calls", NULL);
        last = strstr(r.out, "total");
        CHECK(last != NULL, "%s", r.out);
        while (last > r.out && last[-1] != '\n')
            last--;
        calls = strtoull(last, NULL, 10);
        harness_figure("%s: 100000 chunks claimed one by one, %" PRIu64 " system calls in all",
            engines[e], calls);
        CHECK(calls < 20000, "%" PRIu64 " system calls:\n%s", calls, r.out);
    }
}

/* ---- memory ---- */

static void memory_does_not_grow_with_the_number_of_chunks(void) {
    struct harness_proc job;
    const char *const few[] = { "prefork", "job", "run", "null", "1..10000", "--quiet", NULL };
    const char *const many[] = { "prefork", "job", "run", "null", "1..10000000000000", "--chunk",
        "1", "--timeout", "1500ms", "--quiet", NULL };

    harness_start(&job, few, 0);
    CHECK(harness_wait(&job, 10000) == 0, "exit %d", job.code);
    long few_kb = job.peak_kb;
    harness_start(&job, many, 0);
    CHECK(harness_wait(&job, 10000) == 124, "exit %d", job.code);
    harness_figure("peak: 10^4 chunks %ld kB, 10^13 chunks %ld kB", few_kb, job.peak_kb);
    CHECK(job.peak_kb < few_kb + 1024 || harness_is_sanitized(), "%ld kB", job.peak_kb);
}

static void slow_head_keeps_order_and_memory_flat(void) {
    const char *const argv[] = { "prefork", "job", "run", "null", "1..20000000", "--chunk", "10000",
        "--emit", "10000", "--slow-at", "1", "--slow-for", "1s", "--buffer", "1MiB", "--json",
        "--progress", "none", NULL };
    size_t len;
    struct harness_result r;
    struct harness_proc job;
    uint64_t spooled;

    harness_start(&job, argv, 0);
    CHECK(harness_wait(&job, 60000) == 0, "exit %d", job.code);
    spooled = expect_number(harness_read_file(job.err, NULL), "spooled");
    harness_figure("%" PRIu64 " results waited on disk, peak %ld kB", spooled, job.peak_kb);
    CHECK(spooled > 100, "only %" PRIu64 " results were spooled", spooled);
    CHECK(job.peak_kb < 12 * 1024 || harness_is_sanitized(), "%ld kB", job.peak_kb);
    r.out = harness_read_file(job.out, &len);
    CHECK(expect_count_lines(r.out) == 2000, "%zu lines", expect_count_lines(r.out));
    for (size_t i = 0; i < 2000; i++) {
        char head[32];
        snprintf(head, sizeof(head), "{\"chunk\":%zu,", i + 1);
        CHECK(strncmp(r.out, head, strlen(head)) == 0, "%.40s is not chunk %zu", r.out, i + 1);
        r.out = strchr(r.out, '\n') + 1;
    }
}

/* ---- stdout ---- */

static void closed_stdout_ends_the_job(void) {
    const char *const argv[] = { "prefork", "job", "run", "divisible", "1e12", "--by", "3",
        "--progress", "none", NULL };
    struct harness_proc job;
    char some[1000];

    harness_start(&job, argv, HARNESS_STDOUT_PIPE);
    CHECK(read(job.stdout_fd, some, sizeof(some)) > 0, "nothing came");
    close(job.stdout_fd);
    CHECK(harness_wait(&job, 5000) == 74, "exit %d", job.code);
    expect_words("told", harness_read_file(job.err, NULL), "stdout was closed by its reader");
}

static void stalled_stdout_stalls_the_job_and_nothing_else(void) {
    const char *const argv[] = { "prefork", "job", "run", "divisible", "60000000", "--by", "3",
        "--progress", "json", "--buffer", "1MiB", "--window", "64", NULL };
    struct harness_proc job;
    pid_t children[8];
    long kb;

    harness_start(&job, argv, HARNESS_STDOUT_PIPE);
    CHECK(harness_until(
              5000, strstr(harness_read_file(job.err, NULL), "\"output_blocked\":true") != NULL),
        "it does not say that it is blocked");
    /* It still reaps and replaces its workers. */
    CHECK(harness_until(5000, harness_children(job.pid, children, 8) == 2), "not two workers");
    kill(children[0], SIGKILL);
    CHECK(harness_until(
              5000, strstr(harness_read_file(job.err, NULL), "was killed by SIGKILL") != NULL),
        "the death was not seen");
    kb = harness_status_kb(job.pid, "VmHWM");
    CHECK(kb < 12 * 1024 || harness_is_sanitized(), "%ld kB", kb);
    CHECK(expect_multiples_on(job.stdout_fd, 3, 1, 60000000, 0) == 20000000, "numbers are missing");
    CHECK(harness_wait(&job, 5000) == 0, "exit %d", job.code);
}

static void slow_reader_gets_everything(void) {
    const char *const argv[] = { "prefork", "job", "run", "divisible", "2000000", "--by", "1",
        "--quiet", "--buffer", "64k", NULL };
    struct harness_proc job;

    harness_start(&job, argv, HARNESS_STDOUT_PIPE);
    CHECK(expect_multiples_on(job.stdout_fd, 1, 1, 2000000, 2000) == 2000000, "numbers");
    CHECK(harness_wait(&job, 5000) == 0, "exit %d", job.code);
}

static void socket_as_stdout_stalls_nothing(void) {
    const char *const argv[] = { "prefork", "job", "run", "divisible", "9000000", "--by", "3",
        "--progress", "json", NULL };
    struct harness_proc job;

    harness_start(&job, argv, HARNESS_STDOUT_SOCKET);
    CHECK(harness_until(
              5000, strstr(harness_read_file(job.err, NULL), "\"output_blocked\":true") != NULL),
        "it does not say that it is blocked");
    CHECK(expect_multiples_on(job.stdout_fd, 3, 1, 9000000, 0) == 3000000, "numbers are missing");
    CHECK(harness_wait(&job, 5000) == 0, "exit %d", job.code);
}

/* Without /proc stdout cannot be opened a second time: small writes must do. */
static void stdout_is_not_waited_for_without_proc(void) {
    const char *const argv[] = { "prefork", "job", "run", "divisible", "9000000", "--by", "3",
        "--progress", "json", NULL };
    struct harness_proc job;

    harness_own_mounts();
    harness_program("prefork"); /* found while /proc is there */
    CHECK(mount("tmpfs", "/proc", "tmpfs", 0, NULL) == 0, "mount: %s", strerror(errno));
    harness_start(&job, argv, HARNESS_STDOUT_PIPE);
    CHECK(harness_until(
              5000, strstr(harness_read_file(job.err, NULL), "\"output_blocked\":true") != NULL),
        "it does not say that it is blocked");
    CHECK(expect_multiples_on(job.stdout_fd, 3, 1, 9000000, 0) == 3000000, "numbers are missing");
    harness_wait(&job, 5000);
    /* The search for leaks at the end needs /proc, and has no other way to say so. */
    CHECK(job.code == 0 || harness_is_sanitized(), "exit %d: %s", job.code,
        harness_read_file(job.err, NULL));
    umount("/proc");
}

static void closed_streams_are_noticed(void) {
    struct harness_result r = harness_run(
        "/bin/sh", "-c", "\"$0\" job run divisible 10000 >&-", harness_program("prefork"), NULL);

    CHECK(r.code == 74, "exit %d: %s", r.code, r.err);
    expect_words("told", r.err, "stdout is closed");
    r = harness_run("/bin/sh", "-c", "\"$0\" job run divisible 10000 <&- 2>&-",
        harness_program("prefork"), NULL);
    CHECK(r.code == 0 && strcmp(r.out, "2431\n4862\n7293\n9724\n") == 0, "exit %d: %s", r.code,
        r.out);
}

/* A terminal of 60 columns as stderr; returns all that was drawn on it. */
static char *watch_on_terminal(const char *const *argv, int *out_code) {
    struct winsize size = { .ws_col = 60, .ws_row = 24 };
    static char screen[1 << 20];
    size_t len = 0;
    int master, slave, status, null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ssize_t n;
    pid_t pid;

    CHECK(openpty(&master, &slave, NULL, NULL, &size) == 0, "openpty");
    pid = fork();
    if (pid == 0) {
        dup2(null_fd, STDOUT_FILENO);
        dup2(slave, STDERR_FILENO);
        close(master);
        execv(harness_program("prefork"), (char *const *)argv);
        _exit(127);
    }
    close(slave);
    while ((n = read(master, screen + len, sizeof(screen) - 1 - len)) > 0)
        len += (size_t)n;
    screen[len] = '\0';
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "waitpid");
    *out_code = WEXITSTATUS(status);
    return screen;
}

static void bar_is_drawn_on_a_terminal_and_taken_away(void) {
    const char *const argv[] = { "prefork", "job", "run", "null", "1..200", "--slow-for", "10ms",
        "--fault", "fail", "--fault-at", "100", "--fault-times", "1", NULL };
    const char *const quiet[] = { "prefork", "job", "run", "null", "1..20", "--slow-for", "20ms",
        "--quiet", NULL };
    char *screen, *last, *line;
    int code;

    screen = watch_on_terminal(argv, &code);
    CHECK(code == 0, "exit %d: %s", code, screen);
    CHECK(expect_count(screen, "\r[") > 5, "no bar: %s", screen);
    expect_words("bar", screen, " of 200 chunks");
    expect_words("rate", screen, "/s");
    expect_words("time left", screen, " left");
    /* No drawing is wider than the terminal, so none is broken into lines. */
    for (line = strstr(screen, "\r["); line != NULL; line = strstr(line + 1, "\r["))
        CHECK(strcspn(line + 1, "\033") < 60, "too wide: %.80s", line + 1);
    /* Every line of talk begins on a clean line, and the last drawing is gone at the end. */
    last = strstr(screen, "prefork: chunk 100 failed");
    CHECK(last != NULL && memcmp(last - 4, "\r\033[K", 4) == 0, "talk in the bar");
    last = strstr(screen, "prefork: 0 numbers");
    CHECK(last != NULL && strstr(last, "\r[") == NULL && memcmp(last - 4, "\r\033[K", 4) == 0,
        "the bar is left");
    CHECK(watch_on_terminal(quiet, &code)[0] == '\0' && code == 0, "quiet is not");
}

static void progress_is_lines_elsewhere(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "null", "1..400", "--slow-for",
        "10ms", "--progress", "json", NULL);

    CHECK(r.code == 0 && expect_count(r.err, "\"event\":\"progress\"") >= 1, "%s", r.err);
    CHECK(strchr(r.err, '\r') == NULL && strchr(r.err, '\033') == NULL, "drawn: %s", r.err);
    expect_words("time left", r.err, "\"left_s\":");
}

static void interrupt_is_heard_while_stdout_is_stalled(void) {
    const char *const argv[] = { "prefork", "job", "run", "divisible", "1e12", "--by", "3",
        "--progress", "json", NULL };
    struct harness_proc job;

    harness_start(&job, argv, HARNESS_STDOUT_PIPE);
    CHECK(harness_until(
              5000, strstr(harness_read_file(job.err, NULL), "\"output_blocked\":true") != NULL),
        "it does not block");
    kill(job.pid, SIGINT);
    CHECK(harness_until(5000, strstr(harness_read_file(job.err, NULL), "ending:") != NULL),
        "it does not hear");
    kill(job.pid, SIGINT);
    CHECK(harness_wait(&job, 5000) == 130, "exit %d", job.code);
}

/* ---- shortage ---- */

static void too_few_descriptors_are_told_and_survived(void) {
    const struct rlimit limit = { .rlim_cur = 30, .rlim_max = 30 };
    struct harness_result r;
    size_t len;
    const char *wanted = expect_multiples(1, 1, 500, &len);

    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    r = harness_run("prefork", "job", "run", "null", "1..500", "--emit", "1", "--workers", "100",
        "--slow-for", "1ms", NULL);
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    expect_words("told", r.err, "cannot start worker");
    CHECK(expect_count(r.err, "cannot start worker") < 5, "told too often: %s", r.err);
    expect_bytes("stdout", r.out, r.out_len, wanted, len);
}

static void job_leaves_no_descriptor_and_no_file(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "divisible", "3000000", "--by",
        "1", "--buffer", "0", "--output", "out", NULL);

    CHECK(r.code == 0, "exit %d", r.code);
    CHECK(system("test \"$(ls)\" = out") == 0, "more than the output is left");
}

static void compare_agrees_and_draws(void) {
    struct harness_result r = harness_run("prefork", "compare", "job", "divisible", "3 345 212",
        "--method", "test", "--workers", "1,2", "--repeat", "2", "--plot", "plot.svg", NULL);
    char *svg;

    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    CHECK(expect_count(r.out, "1376:ddb0e873") == 6, "%s", r.out);
    CHECK(expect_count(r.out, "fastest") == 1, "%s", r.out);
    expect_words("rows", r.out, "process, 2 workers");
    svg = harness_read_file("plot.svg", NULL);
    CHECK(strncmp(svg, "<svg ", 5) == 0 && expect_count(svg, "<rect x=") == 6, "%s", svg);
    r = harness_run("prefork", "compare", "job", "primes", "100000", "--count", "--engines",
        "event,thread", "--repeat", "1", "--json", "--quiet", NULL);
    CHECK(r.code == 0 && r.err[0] == '\0', "exit %d: %s", r.code, r.err);
    CHECK(expect_count(r.out, "\"same\":true") == 3, "%s", r.out);
    expect_words("lost", r.out, "\"lost_on_kill\"");
    r = harness_run("prefork", "compare", "job", "null", "1..50", "--fault", "fail", "--engines",
        "process", "--repeat", "1", "--quiet", NULL);
    CHECK(r.code == 1, "exit %d: %s", r.code, r.err);
}

static const struct harness_test tests[] = {
    { "event_engine_runs_64_sleeps_in_one_thread", event_engine_runs_64_sleeps_in_one_thread },
    { "thread_engine_has_as_many_threads_as_lanes_all_claiming",
        thread_engine_has_as_many_threads_as_lanes_all_claiming },
    { "process_engine_has_a_child_for_each_worker", process_engine_has_a_child_for_each_worker },
    { "claim_costs_no_system_call", claim_costs_no_system_call },
    { "memory_does_not_grow_with_the_number_of_chunks",
        memory_does_not_grow_with_the_number_of_chunks },
    { "slow_head_keeps_order_and_memory_flat", slow_head_keeps_order_and_memory_flat },
    { "closed_stdout_ends_the_job", closed_stdout_ends_the_job },
    { "stalled_stdout_stalls_the_job_and_nothing_else",
        stalled_stdout_stalls_the_job_and_nothing_else },
    { "slow_reader_gets_everything", slow_reader_gets_everything },
    { "socket_as_stdout_stalls_nothing", socket_as_stdout_stalls_nothing },
    { "stdout_is_not_waited_for_without_proc", stdout_is_not_waited_for_without_proc },
    { "closed_streams_are_noticed", closed_streams_are_noticed },
    { "bar_is_drawn_on_a_terminal_and_taken_away", bar_is_drawn_on_a_terminal_and_taken_away },
    { "progress_is_lines_elsewhere", progress_is_lines_elsewhere },
    { "interrupt_is_heard_while_stdout_is_stalled", interrupt_is_heard_while_stdout_is_stalled },
    { "too_few_descriptors_are_told_and_survived", too_few_descriptors_are_told_and_survived },
    { "job_leaves_no_descriptor_and_no_file", job_leaves_no_descriptor_and_no_file },
    { "compare_agrees_and_draws", compare_agrees_and_draws },
    { NULL, NULL },
};

const struct harness_suite job_engine_suite = { "job_engine", tests };
