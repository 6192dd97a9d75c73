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

/*
 * So many blows in a process of its own; then there is peace. A slow machine needs longer to start
 * again than the blows are apart: now and then it is given the time to come on by a few results.
 */
struct striker {
    pid_t pid;
};

#define BLOWS_BETWEEN_RESTS 40

/* Of the job that runs, or ran last. */
static off_t result_size(unsigned job) {
    struct stat result;
    char path[64];

    snprintf(path, sizeof(path), "spool/job/%u/result", job);
    return stat(path, &result) == 0 ? result.st_size : 0;
}

static void rest(off_t *size, unsigned *job) {
    CHECK(harness_until(
              PATIENCE_MS, result_size(*job) != *size || (result_size(*job + 1) > 0 && ++*job > 0)),
        "nothing comes on any more");
    *size = result_size(*job);
}

/* strike() returns false where there was nothing to hit. */
static void strike_at(struct striker *striker, bool (*strike)(unsigned n), unsigned blows,
    unsigned least_us, unsigned most_us) {
    off_t size = 0;
    unsigned job = 1;

    striker->pid = fork();
    CHECK(striker->pid >= 0, "fork");
    if (striker->pid > 0)
        return;
    for (unsigned n = 0; n < blows;) {
        harness_pause_us((unsigned)harness_random(least_us, most_us));
        if (!strike(n))
            continue;
        n++;
        if (n % BLOWS_BETWEEN_RESTS == 0)
            rest(&size, &job);
    }
    _exit(0);
}

/* Has it ended? It must have ended well. */
static bool is_peace(struct striker *striker) {
    int status;
    pid_t pid = waitpid(striker->pid, &status, WNOHANG);

    CHECK(pid == 0 || (pid == striker->pid && status == 0), "the striker: %x", (unsigned)status);
    return pid != 0;
}

static bool kill_a_worker(unsigned n) {
    pid_t pids[8];
    size_t count = jobs_worker_pids(pids, 8);

    return count > 0 && kill(pids[n % count], SIGKILL) == 0;
}

static bool kill_the_job_supervisor(unsigned n) {
    pid_t pid = jobs_supervisor_pid();

    (void)n;
    return pid > 0 && kill(pid, SIGKILL) == 0;
}

static bool kill_either(unsigned n) {
    return n % 8 == 7 ? kill_the_job_supervisor(n) : kill_a_worker(n);
}

/* One job, its stream checked while it comes. */
static void run_one(uint64_t last) {
    struct harness_proc client;
    char interval[32];
    uint64_t count;

    snprintf(interval, sizeof(interval), "%lu", (unsigned long)last);
    start_client(&client, interval, "100000");
    count = expect_multiples_on(client.stdout_fd, 97, 1, last, 0);
    CHECK(harness_wait(&client, PATIENCE_MS) == 0, "exit %d: %s\n%s", client.code,
        harness_read_file(client.err, NULL), daemon_log());
    CHECK(count == last / 97, "%lu numbers", (unsigned long)count);
}

/*
 * Jobs under fire, one after the other, as many as it takes until the last blow has fallen: how
 * fast the machine is decides how many, never how many blows.
 */
static void storm(const char *engine, bool (*strike)(unsigned n), unsigned blows, unsigned least_us,
    unsigned most_us) {
    const uint64_t last = harness_scale(30, 800) * 10000000ull;
    struct daemon daemon;
    struct striker striker;
    unsigned jobs = 0;
    char id[16];

    start(&daemon, engine);
    strike_at(&striker, strike, blows, least_us, most_us);
    do {
        run_one(last);
        jobs++;
    } while (!is_peace(&striker));
    CHECK(harness_until(PATIENCE_MS, jobs_supervisor_pid() > 0), "%s", daemon_log());
    for (unsigned job = 1; job <= jobs; job++) {
        snprintf(id, sizeof(id), "%u", job);
        CHECK(jobs_number(id, "records") == (long long)last / 97, "job %s: %lld", id,
            jobs_number(id, "records"));
    }
    harness_figure("%s: %u blows over %u jobs, jobs_exit %u times", engine, blows, jobs,
        daemon_log_count("jobs_exit"));
    daemon_stop(&daemon);
    jobs_reap_orphans();
    unlink("preforkd.log");
    CHECK(system("rm -r spool") == 0, "spool");
}

static void workers_killed_at_random_lose_nothing(void) {
    for (size_t e = 0; e < 3; e++)
        storm(engines[e], kill_a_worker, harness_scale(30, 1000), 2000, 8000);
}

static void job_supervisor_killed_at_random_loses_nothing(void) {
    for (size_t e = 0; e < 3; e++)
        storm(engines[e], kill_the_job_supervisor, harness_scale(8, 300), 20000, 120000);
}

static void both_killed_at_random_lose_nothing(void) {
    storm("process", kill_either, harness_scale(40, 1000), 2000, 15000);
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
