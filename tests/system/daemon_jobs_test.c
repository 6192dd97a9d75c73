/* Interval jobs in the daemon: what is submitted comes out as `prefork job run` would write it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/expect.h"
#include "tests/system/jobs.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000

static const char *const engines[] = { "process", "thread", "event" };

static bool is_in_state(const char *id, const char *state) {
    return strcmp(jobs_state(id), state) == 0;
}

static void start_with_engine(struct daemon *daemon, size_t e) {
    char more[64];

    snprintf(more, sizeof(more), "engine = \"%s\"; commands = \"admin\";", engines[e]);
    jobs_start(daemon, more);
}

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
}

/* ---- results ---- */

/* The same words behind `job run` and behind `job submit --wait`. */
static void compare_with_run(const char *const *words) {
    const char *run[32] = { "prefork", "job", "run" };
    const char *submit[32] = { "prefork", "--control", "control.sock", "job", "submit", "--wait" };
    struct harness_result here, there;

    for (size_t i = 0; i < 20; i++) {
        run[3 + i] = submit[6 + i] = words[i];
        if (words[i] == NULL)
            break;
    }
    here = harness_run_argv(run);
    there = harness_run_argv(submit);
    CHECK(here.code == there.code, "%s: exit %d here, %d there: %s", words[0], here.code,
        there.code, there.err);
    expect_bytes(words[0], there.out, there.out_len, here.out, here.out_len);
}

static void result_is_that_of_job_run(void) {
    static const char *const jobs[][16] = {
        { "divisible", "3", "345", "212" },
        { "divisible", "3345212", "--json" },
        { "divisible", "1..3345212", "--csv", "--chunk", "1234" },
        { "divisible", "5000..90000", "--by", "7", "--seed-format" },
        { "divisible", "1e6", "--count" },
        { "primes", "1e9..1000200000", "--chunk", "1000" },
        { "primes", "100000", "--count", "--json" },
        { "null", "1000000", "--chunk", "100" },
        { "divisible", "0" },
        { "divisible", "18446744073709000000..18446744073709551615", "--by", "3" },
        { "command", "1..30", "--chunk", "3", "--", "seq", "{lo}", "{hi}" },
        { "command", "1..6", "--chunk", "1", "--on-held", "mark", "--", "sh", "-c",
            "[ {lo} != 4 ] && echo a=b {lo}" },
    };

    for (size_t e = 0; e < 3; e++) {
        struct daemon daemon;

        start_with_engine(&daemon, e);
        for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
            compare_with_run(jobs[i]);
        clear(&daemon);
        CHECK(system("rm -r spool") == 0, "spool");
    }
}

static void submitted_job_is_listed_shown_waited_for_and_read(void) {
    struct daemon daemon;
    struct harness_result r;
    const char *id;
    char *expected;
    size_t len;

    jobs_start(&daemon, "");
    id = jobs_submit("divisible", "3345212", NULL);
    r = PREFORK("job", "wait", id);
    CHECK(r.code == 0 && r.out_len == 0, "wait: exit %d, %s, %s", r.code, r.out, r.err);
    r = PREFORK("job", "result", id);
    expected = expect_multiples(2431, 1, 3345212, &len);
    CHECK(r.code == 0, "result: exit %d: %s", r.code, r.err);
    expect_bytes("result", r.out, r.out_len, expected, len);
    r = PREFORK("job", "list", "--all");
    expect_words("list", r.out, "divisible");
    expect_words("list", r.out, "done");
    CHECK(jobs_number(id, "records") == 1376, "%lld records", jobs_number(id, "records"));
    CHECK(jobs_number(id, "exit") == 0 && is_in_state(id, "done"), "%s", jobs_state(id));
    clear(&daemon);
}

static void result_streams_in_order_while_the_job_runs(void) {
    struct daemon daemon;
    struct harness_proc reader;
    const char *id;
    char first[16] = "";
    uint64_t count;

    jobs_start(&daemon, "");
    id = jobs_submit("divisible", "4e9", "--method", "test", "--chunk", "1e6", NULL);
    {
        const char *const argv[] = { "prefork", "--control", "control.sock", "job", "result", id,
            NULL };

        harness_start(&reader, argv, HARNESS_STDOUT_PIPE);
    }
    CHECK(read(reader.stdout_fd, first, 5) == 5 && strcmp(first, "2431\n") == 0, "%s", first);
    CHECK(is_in_state(id, "running"), "it is %s by then: make it longer", jobs_state(id));
    count = 1 + expect_multiples_on(reader.stdout_fd, 2431, 2432, 4000000000u, 0);
    CHECK(count == 4000000000u / 2431, "%lu numbers", (unsigned long)count);
    CHECK(harness_wait(&reader, PATIENCE_MS) == 0, "exit %d", reader.code);
    clear(&daemon);
}

/* ---- others ---- */

static void reader_that_stalls_stops_nobody(void) {
    struct daemon daemon;
    struct harness_proc reader;
    const char *id, *other;

    jobs_start(&daemon, "");
    id = jobs_submit("divisible", "2e7", "--by", "1", NULL);
    {
        const char *const argv[] = { "prefork", "--control", "control.sock", "job", "result", id,
            NULL };

        harness_start(&reader, argv, HARNESS_STDOUT_PIPE); /* and nobody reads the pipe */
    }
    other = jobs_submit("divisible", "3345212", NULL);
    CHECK(PREFORK("job", "wait", other).code == 0, "the other job");
    CHECK(PREFORK("job", "wait", id).code == 0, "the job itself");
    CHECK(expect_multiples_on(reader.stdout_fd, 1, 1, 20000000, 0) == 20000000, "cut");
    CHECK(harness_wait(&reader, PATIENCE_MS) == 0, "exit %d", reader.code);
    clear(&daemon);
}

static void cancelled_job_is_gone_within_100_ms_and_can_be_retried(void) {
    for (size_t e = 0; e < 3; e++) {
        struct daemon daemon;
        struct harness_result r;
        const char *id;
        char *expected;
        size_t len;

        start_with_engine(&daemon, e);
        id = jobs_submit("divisible", "1e9", "--method", "test", NULL);
        CHECK(harness_until(PATIENCE_MS, jobs_number(id, "chunks_done") > 3), "it does not run");
        r = PREFORK("job", "cancel", id);
        CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
        harness_figure("%s: cancelled in %.1f ms", engines[e], (double)r.wall_ns / 1e6);
        CHECK(harness_is_sanitized() || r.wall_ns < 150000000u, "%.1f ms",
            (double)r.wall_ns / 1e6); /* with the start of prefork */
        CHECK(is_in_state(id, "cancelled"), "%s", jobs_state(id));
        CHECK(PREFORK("job", "wait", id).code == 143, "its exit");
        CHECK(PREFORK("job", "retry", id).code == 0, "retry");
        CHECK(PREFORK("job", "wait", id).code == 0, "after retry");
        expected = expect_multiples(2431, 1, 1000000000, &len);
        r = PREFORK("job", "result", id);
        expect_bytes("result", r.out, r.out_len, expected, len);
        r = PREFORK("job", "retry", id);
        CHECK(r.code == 2, "a done job was retried: exit %d", r.code);
        clear(&daemon);
        CHECK(system("rm -r spool") == 0, "spool");
    }
}

static void cancelled_command_leaves_nothing_behind(void) {
    struct daemon daemon;
    const char *id;

    jobs_start(&daemon, "commands = \"admin\";");
    id = jobs_submit("command", "1..2", "--chunk", "1", "--", "sleep", "86423", NULL);
    CHECK(harness_until(PATIENCE_MS, harness_runs("86423")), "it does not run");
    CHECK(PREFORK("job", "cancel", id).code == 0, "cancel");
    CHECK(harness_until(PATIENCE_MS, !harness_runs("86423")), "it is still there");
    clear(&daemon);
}

/* As nobody, who may open the socket but is not who started the daemon. */
static struct harness_result run_as_nobody(const char *const *argv) {
    struct harness_result r = { .code = -1, .out = calloc(1, 65536) };
    int fds[2], status;
    ssize_t n;
    pid_t pid;

    CHECK(pipe(fds) == 0, "pipe");
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        if (setgid(65534) < 0 || setuid(65534) < 0)
            _exit(99);
        execv(harness_program("prefork"), (char *const *)(uintptr_t)argv);
        _exit(98);
    }
    close(fds[1]);
    while ((n = read(fds[0], r.out + r.out_len, 65535 - r.out_len)) > 0)
        r.out_len += (size_t)n;
    close(fds[0]);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "waitpid");
    r.code = WEXITSTATUS(status);
    return r;
}

#define AS_NOBODY(...) \
    run_as_nobody((const char *const[]){ "prefork", "--control", socket, "job", __VA_ARGS__, NULL })

static void what_is_not_ones_own_is_not_there(void) {
    struct daemon daemon;
    struct harness_result r;
    char socket[512], cwd[400];
    const char *id;

    if (getuid() != 0)
        harness_skip("only root can become somebody else");
    daemon_write_config("");
    jobs_write_config("commands = \"admin\";");
    {
        char *text = harness_read_file("preforkd.conf", NULL), *at;

        at = strstr(text, "\"control.sock\";");
        CHECK(at != NULL, "the configuration of tests has changed");
        memmove(at + 32, at + 15, strlen(at + 15) + 1);
        memcpy(at, "\"control.sock\"; mode = \"0666\";  ", 32);
        harness_write_file("preforkd.conf", text, strlen(text));
    }
    CHECK(chmod(".", 0755) == 0 && getcwd(cwd, sizeof(cwd)) != NULL, "cwd");
    snprintf(socket, sizeof(socket), "%s/control.sock", cwd);
    daemon_start_unsettled(&daemon);
    CHECK(harness_until(PATIENCE_MS, jobs_supervisor_pid() > 0), "no job supervisor");
    id = jobs_submit("divisible", "1e12", "--method", "test", NULL);
    r = AS_NOBODY("list", "--all");
    if (r.code == 98 || r.code == 69)
        harness_skip("nobody cannot reach the programs or the socket: %s", r.out);
    CHECK(r.code == 0 && strstr(r.out, "divisible") == NULL, "exit %d: %s", r.code, r.out);
    for (size_t i = 0; i < 5; i++) {
        static const char *const verbs[] = { "show", "wait", "result", "cancel", "retry" };

        r = AS_NOBODY(verbs[i], id);
        CHECK(r.code == 2, "%s: exit %d: %s", verbs[i], r.code, r.out);
        expect_words(verbs[i], r.out, "there is no job");
    }
    r = AS_NOBODY("submit", "command", "1..2", "--", "true");
    CHECK(r.code == 77, "a command: exit %d: %s", r.code, r.out);
    r = AS_NOBODY("submit", "--wait", "divisible", "3345212", "--count");
    CHECK(r.code == 0, "its own: exit %d: %s", r.code, r.out);
    expect_words("its own", r.out, "1376");
    r = AS_NOBODY("list", "--all");
    CHECK(r.code == 0 && expect_count(r.out, "divisible") == 1, "exit %d: %s", r.code, r.out);
    CHECK(is_in_state(id, "running"), "%s", jobs_state(id));
    CHECK(PREFORK("job", "cancel", id).code == 0, "cancel");
    clear(&daemon);
}

static void commands_run_only_where_the_configuration_allows(void) {
    struct daemon daemon;
    struct harness_result r;

    jobs_start(&daemon, "");
    r = PREFORK("job", "submit", "command", "1..2", "--", "true");
    CHECK(r.code == 77, "exit %d: %s", r.code, r.err);
    expect_words("refusal", r.err, "commands");
    clear(&daemon);
}

static void command_runs_as_the_configured_user(void) {
    struct daemon daemon;
    struct harness_result r;

    if (getuid() != 0)
        harness_skip("only root can become somebody else");
    jobs_start(&daemon, "commands = \"admin\"; command_user = \"nobody\";");
    r = PREFORK("job", "submit", "--wait", "command", "1..2", "--chunk", "1", "--", "id", "-u");
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    CHECK(strcmp(r.out, "65534\n65534\n") == 0, "%s", r.out);
    r = PREFORK("job", "submit", "--wait", "command", "1", "--", "sh", "-c",
        "grep -c ^CapEff:.0000000000000000 /proc/self/status; ls spool 2>/dev/null; true");
    CHECK(strcmp(r.out, "1\n") == 0, "what a command may: %s", r.out);
    clear(&daemon);
}

/* ---- bad input ---- */

static void bad_input_gets_one_line_and_harms_nobody(void) {
    static const struct {
        const char *words[8];
        int code;
        const char *says;
    } bad[] = {
        { { "submit", "divisibel", "100" }, 2, "did you mean \"divisible\"" },
        { { "submit", "divisible", "5..4" }, 2, "" },
        { { "submit", "divisible", "100", "--chunk", "0" }, 2, "--chunk" },
        { { "submit", "nonesuch" }, 2, "nonesuch" },
        { { "show", "999" }, 2, "there is no job 999" },
        { { "show", "x" }, 2, "" },
        { { "wait", "999" }, 2, "there is no job 999" },
        { { "result", "999" }, 2, "there is no job 999" },
        { { "cancel", "999" }, 2, "there is no job 999" },
        { { "retry", "999" }, 2, "there is no job 999" },
        { { "result", "1", "--from", "-5" }, 2, "" },
    };
    struct daemon daemon;
    const char *id;

    jobs_start(&daemon, "");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *argv[16] = { "prefork", "--control", "control.sock", "job" };
        struct harness_result r;

        memcpy(argv + 4, bad[i].words, sizeof(bad[i].words));
        r = harness_run_argv(argv);
        CHECK(r.code == bad[i].code && r.out_len == 0, "%s %s: exit %d: %s%s", bad[i].words[0],
            bad[i].words[1], r.code, r.out, r.err);
        expect_words(bad[i].words[1], r.err, bad[i].says);
        CHECK(expect_count_lines(r.err) == 1, "%s %s: %s", bad[i].words[0], bad[i].words[1], r.err);
    }
    id = jobs_submit("divisible", "100", NULL);
    CHECK(strcmp(id, "1") == 0, "bad input took an id: %s", id);
    clear(&daemon);
}

static void without_a_job_supervisor_it_is_said(void) {
    struct daemon daemon;
    struct harness_result r;

    daemon_start_unsettled(&daemon);
    r = PREFORK("job", "list");
    CHECK(r.code == 78, "exit %d: %s", r.code, r.err);
    expect_words("refusal", r.err, "jobs");
    clear(&daemon);
}

static void limits_refuse_with_a_reason(void) {
    struct daemon daemon;
    struct harness_result r;
    const char *id;

    jobs_start(&daemon, "max_running = 1; max_queued = 2; max_result = \"100k\";");
    id = jobs_submit("divisible", "1e12", "--method", "test", "--count", NULL);
    CHECK(harness_until(PATIENCE_MS, is_in_state(id, "running")), "%s", jobs_state(id));
    CHECK(is_in_state(jobs_submit("divisible", "100", NULL), "queued"), "not queued");
    jobs_submit("divisible", "100", NULL);
    r = PREFORK("job", "submit", "divisible", "100");
    CHECK(r.code == 75, "exit %d: %s", r.code, r.err);
    expect_words("refusal", r.err, "max_queued");
    CHECK(PREFORK("job", "cancel", id).code == 0, "cancel");
    CHECK(PREFORK("job", "wait", "2").code == 0 && PREFORK("job", "wait", "3").code == 0, "queue");
    r = PREFORK("job", "submit", "--wait", "divisible", "1e8", "--by", "3");
    CHECK(r.code == 1, "exit %d", r.code);
    expect_words("cause", r.err, "max_result");
    clear(&daemon);
}

/* The client has what the file has, whole lines, and so does who asks later. */
static void expect_whole(const char *id, const struct harness_result *streamed) {
    struct harness_result r = PREFORK("job", "result", id);
    char *expected;
    size_t len;

    CHECK(streamed->out_len > 0 && streamed->out[streamed->out_len - 1] == '\n', "%zu bytes",
        streamed->out_len);
    expected = expect_multiples(97, 1, (uint64_t)jobs_number(id, "records") * 97, &len);
    expect_bytes("stream", streamed->out, streamed->out_len, expected, len);
    expect_bytes("result", r.out, r.out_len, expected, len);
    CHECK(jobs_number(id, "result_bytes") == (long long)len, "%lld bytes stand in its record",
        jobs_number(id, "result_bytes"));
}

/* What a job released before it was ended is in its file, and its reader hears why it ended. */
static void job_that_is_cut_short_has_what_it_released(void) {
    struct daemon daemon;
    struct harness_result r;

    jobs_start(&daemon, "max_result = \"1M\";");
    for (const char *id = "1"; id != NULL; id = *id == '1' ? "2" : NULL) {
        r = PREFORK("job", "submit", "--wait", "--patience", "5s", "divisible", "1e12", "--by",
            "97", "--method", "test", "--chunk", "100000");
        CHECK(r.code == 1, "exit %d: %s", r.code, r.err);
        expect_words("cause", r.err, "max_result");
        expect_whole(id, &r);
    }
    clear(&daemon);
}

static void result_that_somebody_cut_is_said_to_be_short(void) {
    struct daemon daemon;
    struct harness_result r;

    jobs_start(&daemon, "");
    CHECK(PREFORK("job", "submit", "--wait", "divisible", "1e6").code == 0, "submit");
    CHECK(truncate("spool/job/1/result", 100) == 0, "truncate");
    r = PREFORK("job", "result", "1");
    CHECK(r.code == 74, "exit %d: %s", r.code, r.err);
    expect_words("reason", r.err, "cannot be read");
    clear(&daemon);
}

/* ---- the disk ---- */

/* The child that syncs; it has stopped itself. */
static pid_t find_syncing(void) {
    pid_t children[16], supervisor = jobs_supervisor_pid();
    size_t count = harness_children(supervisor, children, 16);

    for (size_t i = 0; i < count && i < 16; i++)
        if (harness_is_stopped(children[i]))
            return children[i];
    return 0;
}

/* One job whose result is not on the disk yet, over a second long or resumed. */
static const char *submit_long(void) {
    const char *id = jobs_submit("divisible", "2e9", "--method", "test", "--chunk", "1e6", NULL);
    pid_t supervisor = jobs_supervisor_pid();

    CHECK(harness_until(PATIENCE_MS, jobs_number(id, "chunks_done") > 20), "no progress");
    kill(supervisor, SIGKILL);
    CHECK(harness_until(PATIENCE_MS, find_syncing() > 0), "nobody syncs: %s", jobs_state(id));
    return id;
}

static void nobody_waits_while_a_result_goes_to_the_disk(void) {
    struct daemon daemon;
    const char *id;
    pid_t syncing;

    setenv("PREFORK_FAILPOINT", "result-syncing:0:stop", 1);
    jobs_start(&daemon, "");
    unsetenv("PREFORK_FAILPOINT");
    id = submit_long();
    syncing = find_syncing();
    CHECK(is_in_state(id, "running"), "%s before it is safe", jobs_state(id));
    CHECK(PREFORK("job", "submit", "--wait", "divisible", "1000").code == 0, "another job waits");
    CHECK(kill(syncing, SIGCONT) == 0, "cont");
    CHECK(PREFORK("job", "wait", id).code == 0, "%s", daemon_log());
    CHECK(is_in_state(id, "done") && daemon_log_count("could not be synced") == 0, "%s",
        daemon_log());
    clear(&daemon);
    jobs_reap_orphans();
}

static void job_that_is_cancelled_or_stopped_while_it_syncs_is_not_done(void) {
    struct daemon daemon;
    const char *id;

    setenv("PREFORK_FAILPOINT", "result-syncing:0:stop", 1);
    jobs_start(&daemon, "");
    id = submit_long();
    CHECK(PREFORK("job", "cancel", id).code == 0, "cancel");
    CHECK(is_in_state(id, "cancelled") && find_syncing() == 0, "%s", jobs_state(id));
    id = submit_long();
    unsetenv("PREFORK_FAILPOINT");
    daemon_stop(&daemon);
    jobs_start(&daemon, "");
    CHECK(PREFORK("job", "wait", id).code == 0, "%s", daemon_log());
    CHECK(is_in_state(id, "done") && jobs_number(id, "records") == 2000000000 / 2431, "%s, %lld",
        jobs_state(id), jobs_number(id, "records"));
    clear(&daemon);
    jobs_reap_orphans();
}

/* ---- room ---- */

static void full_spool_pauses_the_job_until_there_is_room(void) {
    struct daemon daemon;
    struct harness_result r;
    const char *id;
    char *expected;
    size_t len;

    harness_own_mounts();
    mkdir("spool", 0700);
    if (mount("tmpfs", "spool", "tmpfs", 0, "size=3m,mode=0700") < 0)
        harness_skip("no tmpfs");
    jobs_start(&daemon, "");
    id = jobs_submit("divisible", "3e9", NULL);
    CHECK(harness_until(PATIENCE_MS, is_in_state(id, "paused")), "%s\n%s", jobs_state(id),
        daemon_log());
    CHECK(daemon_log_count("job_paused") == 1, "%s", daemon_log());
    r = PREFORK("status");
    expect_words("status", r.out, "paused");
    expect_words("show", PREFORK("job", "show", id).out, "No space left");
    CHECK(mount("tmpfs", "spool", "tmpfs", MS_REMOUNT, "size=60m,mode=0700") == 0, "remount");
    CHECK(PREFORK("job", "wait", id).code == 0, "%s", daemon_log());
    CHECK(daemon_log_count("job_resumed") == 1, "%s", daemon_log());
    expected = expect_multiples(2431, 1, 3000000000u, &len);
    r = PREFORK("job", "result", id);
    expect_bytes("result", r.out, r.out_len, expected, len);
    clear(&daemon);
    umount2("spool", MNT_DETACH);
}

static const struct harness_test tests[] = {
    { "result_is_that_of_job_run", result_is_that_of_job_run },
    { "submitted_job_is_listed_shown_waited_for_and_read",
        submitted_job_is_listed_shown_waited_for_and_read },
    { "result_streams_in_order_while_the_job_runs", result_streams_in_order_while_the_job_runs },
    { "reader_that_stalls_stops_nobody", reader_that_stalls_stops_nobody },
    { "cancelled_job_is_gone_within_100_ms_and_can_be_retried",
        cancelled_job_is_gone_within_100_ms_and_can_be_retried },
    { "cancelled_command_leaves_nothing_behind", cancelled_command_leaves_nothing_behind },
    { "what_is_not_ones_own_is_not_there", what_is_not_ones_own_is_not_there },
    { "commands_run_only_where_the_configuration_allows",
        commands_run_only_where_the_configuration_allows },
    { "command_runs_as_the_configured_user", command_runs_as_the_configured_user },
    { "bad_input_gets_one_line_and_harms_nobody", bad_input_gets_one_line_and_harms_nobody },
    { "without_a_job_supervisor_it_is_said", without_a_job_supervisor_it_is_said },
    { "limits_refuse_with_a_reason", limits_refuse_with_a_reason },
    { "job_that_is_cut_short_has_what_it_released", job_that_is_cut_short_has_what_it_released },
    { "result_that_somebody_cut_is_said_to_be_short",
        result_that_somebody_cut_is_said_to_be_short },
    { "nobody_waits_while_a_result_goes_to_the_disk",
        nobody_waits_while_a_result_goes_to_the_disk },
    { "job_that_is_cancelled_or_stopped_while_it_syncs_is_not_done",
        job_that_is_cancelled_or_stopped_while_it_syncs_is_not_done },
    { "full_spool_pauses_the_job_until_there_is_room",
        full_spool_pauses_the_job_until_there_is_room },
    { NULL, NULL },
};

const struct harness_suite daemon_jobs_suite = { "daemon_jobs", tests };
