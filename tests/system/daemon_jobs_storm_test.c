/* Whatever of the daemon dies, a job goes on where it was, and its result is as if nobody had. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/expect.h"
#include "tests/system/jobs.h"
#include "tests/system/reloads.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 60000

static const char *const engines[] = { "process", "thread", "event" };

static void start(struct daemon *daemon, const char *engine) {
    char more[64];

    snprintf(more, sizeof(more), "engine = \"%s\";", engine);
    jobs_start(daemon, more);
}

/* A client that waits for the whole result, over every interruption. */
static void start_client(struct harness_proc *client, const char *last, const char *chunk) {
    const char *const argv[] = { "prefork", "--control", "control.sock", "job", "submit", "--wait",
        "divisible", last, "--by", "97", "--method", "test", "--chunk", chunk, "--progress", "none",
        NULL };

    harness_start(client, argv, HARNESS_STDOUT_PIPE);
}

/* Strike again and again, in a process of its own, until it is stopped. */
struct striker {
    pid_t pid;
};

/*
 * A slow machine needs longer to start again than the blows are apart: now and then it is given
 * the time to come on by a few results.
 */
#define BLOWS_BETWEEN_RESTS 40

static off_t result_size(void) {
    struct stat result;

    return stat("spool/job/1/result", &result) == 0 ? result.st_size : 0;
}

static void rest(off_t *size) {
    harness_until(PATIENCE_MS, result_size() != *size);
    *size = result_size();
}

static void strike_at(
    struct striker *striker, void (*strike)(unsigned n), unsigned least_us, unsigned most_us) {
    off_t size = 0;

    striker->pid = fork();
    CHECK(striker->pid >= 0, "fork");
    if (striker->pid > 0)
        return;
    for (unsigned n = 0;; n++) {
        harness_pause_us((unsigned)harness_random(least_us, most_us));
        strike(n);
        if (n % BLOWS_BETWEEN_RESTS == BLOWS_BETWEEN_RESTS - 1)
            rest(&size);
    }
}

static void stop_striking(const struct striker *striker) {
    kill(striker->pid, SIGKILL);
    CHECK(waitpid(striker->pid, NULL, 0) == striker->pid, "waitpid");
}

static void kill_a_worker(unsigned n) {
    pid_t pids[8];
    size_t count = jobs_worker_pids(pids, 8);

    if (count > 0)
        kill(pids[n % count], SIGKILL);
}

static void kill_the_job_supervisor(unsigned n) {
    pid_t pid = jobs_supervisor_pid();

    (void)n;
    if (pid > 0)
        kill(pid, SIGKILL);
}

static void kill_either(unsigned n) {
    if (n % 8 == 7)
        kill_the_job_supervisor(n);
    else
        kill_a_worker(n);
}

/* One job under fire; its stream is checked while it comes. */
static void storm(const char *engine, void (*strike)(unsigned n), unsigned least_us,
    unsigned most_us, uint64_t last, const char *event, unsigned least_strikes) {
    struct daemon daemon;
    struct harness_proc client;
    struct striker striker;
    char interval[32];
    uint64_t count;
    unsigned strikes;

    snprintf(interval, sizeof(interval), "%lu", (unsigned long)last);
    start(&daemon, engine);
    start_client(&client, interval, "100000");
    strike_at(&striker, strike, least_us, most_us);
    count = expect_multiples_on(client.stdout_fd, 97, 1, last, 0);
    stop_striking(&striker);
    CHECK(harness_wait(&client, PATIENCE_MS) == 0, "exit %d: %s\n%s", client.code,
        harness_read_file(client.err, NULL), daemon_log());
    CHECK(count == last / 97, "%lu numbers", (unsigned long)count);
    strikes = daemon_log_count(event);
    harness_figure("%s: %s %u times", engine, event, strikes);
    CHECK(strikes >= least_strikes, "%s only %u times", event, strikes);
    CHECK(harness_until(PATIENCE_MS, jobs_supervisor_pid() > 0), "%s", daemon_log());
    CHECK(jobs_number("1", "records") == (long long)last / 97, "%lld", jobs_number("1", "records"));
    daemon_stop(&daemon);
    jobs_reap_orphans();
    unlink("preforkd.log");
    CHECK(system("rm -r spool") == 0, "spool");
}

static void workers_killed_at_random_lose_nothing(void) {
    const unsigned kills = harness_scale(30, 1000);

    for (size_t e = 0; e < 3; e++)
        storm(engines[e], kill_a_worker, 2000, 8000, kills * 20000000ull, " killed by SIGKILL",
            kills / 4);
}

static void job_supervisor_killed_at_random_loses_nothing(void) {
    const unsigned kills = harness_scale(10, 300);

    for (size_t e = 0; e < 3; e++)
        storm(engines[e], kill_the_job_supervisor, 20000, 120000, kills * 40000000ull, "jobs_exit",
            kills / 4);
}

static void both_killed_at_random_lose_nothing(void) {
    const unsigned kills = harness_scale(40, 1000);

    storm("process", kill_either, 2000, 15000, kills * 15000000ull, "jobs_exit", kills / 40);
}

/* The daemon itself, over and over, with its job supervisor and all. */
static void supervisor_killed_at_random_loses_nothing(void) {
    const unsigned kills = harness_scale(6, 100);
    struct daemon daemon;
    struct harness_result r;
    const char *id;
    char *expected;
    size_t len;

    jobs_start(&daemon, "");
    id = jobs_submit("divisible", "2e9", "--method", "test", NULL);
    for (unsigned i = 0; i < kills; i++) {
        pid_t jobs = jobs_supervisor_pid();

        harness_pause_us((unsigned)harness_random(0, 60000));
        kill(daemon.proc.pid, SIGKILL);
        CHECK(harness_wait(&daemon.proc, PATIENCE_MS) == 128 + SIGKILL, "exit");
        CHECK(harness_until(PATIENCE_MS, waitpid(jobs, NULL, WNOHANG) == jobs),
            "the job supervisor outlives it");
        daemon_start_unsettled(&daemon);
        CHECK(harness_until(PATIENCE_MS, jobs_supervisor_pid() > 0), "%s", daemon_log());
    }
    r = PREFORK("job", "wait", id);
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    expected = expect_multiples(2431, 1, 2000000000, &len);
    r = PREFORK("job", "result", id);
    expect_bytes("result", r.out, r.out_len, expected, len);
    daemon_stop(&daemon);
    jobs_reap_orphans();
}

static void job_goes_on_over_a_restart_of_the_daemon(void) {
    struct daemon daemon;
    struct harness_result r;
    const char *id;
    long long done;
    char *expected;
    size_t len;

    jobs_start(&daemon, "");
    id = jobs_submit("divisible", "2e9", "--method", "test", NULL);
    CHECK(harness_until(PATIENCE_MS, (done = jobs_number(id, "chunks_done")) > 50), "no progress");
    daemon_stop(&daemon);
    jobs_start(&daemon, "max_running = 3;");
    CHECK(jobs_number(id, "chunks_done") >= done, "it began anew: %lld after %lld",
        jobs_number(id, "chunks_done"), done);
    r = PREFORK("job", "wait", id);
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    expected = expect_multiples(2431, 1, 2000000000, &len);
    r = PREFORK("job", "result", id);
    expect_bytes("result", r.out, r.out_len, expected, len);
    CHECK(jobs_number(id, "runs") == 2, "%lld runs", jobs_number(id, "runs"));
    daemon_stop(&daemon);
}

/* Reloads: of a service, of the number of workers, of the spool's neighbours. */
static void job_does_not_notice_reloads(void) {
    const unsigned count = harness_scale(10, 100);
    struct daemon daemon;
    struct harness_proc client;
    char more[64];
    pid_t pid;
    uint64_t numbers;

    jobs_start(&daemon, "");
    pid = jobs_supervisor_pid();
    start_client(&client, "600000000", "100000");
    for (unsigned i = 0; i < count; i++) {
        snprintf(more, sizeof(more), "max_running = %u;", 3 + i);
        jobs_write_config(more);
        daemon_write_service("echo", "max_children = %u;", 1 + i % 3);
        jobs_write_definition("other", "kernel = \"divisible\"; interval = \"%u\";", 1000 + i);
        reloads_do();
    }
    CHECK(jobs_supervisor_pid() == pid, "a reload replaced the job supervisor: %s", daemon_log());
    numbers = expect_multiples_on(client.stdout_fd, 97, 1, 600000000, 0);
    CHECK(harness_wait(&client, PATIENCE_MS) == 0, "exit %d: %s\n%s", client.code,
        harness_read_file(client.err, NULL), daemon_log());
    CHECK(numbers == 600000000 / 97, "%lu numbers", (unsigned long)numbers);
    CHECK(jobs_number("1", "runs") == 1, "it was interrupted");
    daemon_stop(&daemon);
}

/* Commands: what runs when somebody dies is ended, and no output stands twice. */
static void commands_under_a_killed_job_supervisor_end_and_stand_once(void) {
    const unsigned kills = harness_scale(5, 60);
    struct daemon daemon;
    struct harness_result r;
    const char *id;
    char expected[4096] = "";
    size_t used = 0;

    jobs_start(&daemon, "commands = \"admin\";");
    id = jobs_submit(
        "command", "1..40", "--chunk", "1", "--", "sh", "-c", "sleep 0.02; echo 7{lo}7", NULL);
    for (unsigned i = 0; i < kills; i++) {
        harness_pause_us((unsigned)harness_random(1000, 90000));
        kill_the_job_supervisor(i);
        CHECK(harness_until(PATIENCE_MS, jobs_supervisor_pid() > 0), "%s", daemon_log());
    }
    r = PREFORK("job", "wait", id);
    CHECK(r.code == 0, "exit %d: %s\n%s", r.code, r.err, daemon_log());
    for (unsigned i = 1; i <= 40; i++)
        used += (size_t)snprintf(expected + used, sizeof(expected) - used, "7%u7\n", i);
    r = PREFORK("job", "result", id);
    expect_bytes("result", r.out, r.out_len, expected, used);
    daemon_stop(&daemon);
    jobs_reap_orphans();
}

static const struct harness_test tests[] = {
    { "workers_killed_at_random_lose_nothing", workers_killed_at_random_lose_nothing },
    { "job_supervisor_killed_at_random_loses_nothing",
        job_supervisor_killed_at_random_loses_nothing },
    { "both_killed_at_random_lose_nothing", both_killed_at_random_lose_nothing },
    { "supervisor_killed_at_random_loses_nothing", supervisor_killed_at_random_loses_nothing },
    { "job_goes_on_over_a_restart_of_the_daemon", job_goes_on_over_a_restart_of_the_daemon },
    { "job_does_not_notice_reloads", job_does_not_notice_reloads },
    { "commands_under_a_killed_job_supervisor_end_and_stand_once",
        commands_under_a_killed_job_supervisor_end_and_stand_once },
    { NULL, NULL },
};

const struct harness_suite daemon_jobs_storm_suite = { "daemon_jobs_storm", tests };
