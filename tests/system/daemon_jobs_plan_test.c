/* Jobs that files define: they run when they are due, and what is wrong in one harms no other. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/expect.h"
#include "tests/system/jobs.h"
#include "tests/system/reloads.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 15000

/* How many jobs of this name there are, in one of the states (NULL: any). */
static unsigned count_jobs(const char *name, const char *state) {
    json_t *lines = daemon_ask("{\"verb\":\"job.list\",\"args\":{\"all\":true}}"), *line, *job;
    unsigned count = 0;
    size_t i;

    json_array_foreach(lines, i, line) {
        const char *there;

        job = json_object_get(line, "job");
        there = json_string_value(json_object_get(job, "name"));
        if (there == NULL || strcmp(there, name) != 0)
            continue;
        there = json_string_value(json_object_get(job, "state"));
        count += state == NULL || strcmp(there, state) == 0;
    }
    return count;
}

/* No two of them were wanted for the same moment. Returns how many there are. */
static unsigned check_each_once(const char *name) {
    json_t *lines = daemon_ask("{\"verb\":\"job.list\",\"args\":{\"all\":true}}"), *line, *job;
    long long at[256];
    unsigned count = 0;
    size_t i;

    json_array_foreach(lines, i, line) {
        const char *there;

        job = json_object_get(line, "job");
        there = json_string_value(json_object_get(job, "name"));
        if (there == NULL || strcmp(there, name) != 0 || count == 256)
            continue;
        at[count] = json_integer_value(json_object_get(job, "wanted_at_unix_s"));
        for (unsigned k = 0; k < count; k++)
            CHECK(at[k] != at[count], "two runs for %lld", at[count]);
        count++;
    }
    return count;
}

#define SHEET "kernel = \"divisible\"; interval = \"3345212\";"

static void start_runs_once_and_puts_its_result_where_it_is_wanted(void) {
    struct daemon daemon;
    char *expected, *got;
    size_t len, got_len;

    mkdir("jobs.d", 0755);
    jobs_write_definition("sheet", SHEET " run = \"start\"; output = \"found.txt\";");
    jobs_start(&daemon, "");
    CHECK(harness_until(PATIENCE_MS, count_jobs("sheet", "done") == 1), "%s", daemon_log());
    expected = expect_multiples(2431, 1, 3345212, &len);
    /* Relative to the file that says so. */
    got = harness_read_file("jobs.d/found.txt", &got_len);
    expect_bytes("output", got, got_len, expected, len);
    kill(jobs_supervisor_pid(), SIGKILL);
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("jobs_exit") == 1), "%s", daemon_log());
    CHECK(harness_until(PATIENCE_MS, jobs_supervisor_pid() > 0), "%s", daemon_log());
    CHECK(PREFORK("job", "list").code == 0, "list");
    CHECK(count_jobs("sheet", NULL) == 1, "a new job supervisor is no new start");
    daemon_stop(&daemon);
    jobs_start(&daemon, "");
    CHECK(harness_until(PATIENCE_MS, count_jobs("sheet", "done") == 2), "%s", daemon_log());
    daemon_stop(&daemon);
    jobs_reap_orphans();
}

static void every_second_runs_each_second_once_under_kills(void) {
    struct daemon daemon;
    unsigned runs;

    mkdir("jobs.d", 0755);
    jobs_write_definition("tick", SHEET " run = \"every 1s\"; count = true;");
    jobs_start(&daemon, "");
    for (unsigned i = 0; i < 10; i++) {
        pid_t pid = jobs_supervisor_pid();

        harness_pause_us((unsigned)harness_random(100000, 500000));
        if (pid > 0)
            kill(pid, SIGKILL);
        /* Whoever asks the one that dies gets no answer. */
        CHECK(harness_until(PATIENCE_MS, jobs_supervisor_pid() > 0 && jobs_supervisor_pid() != pid),
            "%s", daemon_log());
    }
    CHECK(harness_until(PATIENCE_MS, count_jobs("tick", "done") >= 5), "%s", daemon_log());
    runs = check_each_once("tick");
    harness_figure("%u runs, none twice", runs);
    daemon_stop(&daemon);
    jobs_reap_orphans();
}

static void overlap_skips_or_queues(void) {
    struct daemon daemon;

    mkdir("jobs.d", 0755);
    jobs_write_definition("skips",
        "kernel = \"divisible\"; interval = \"1e13\"; method = \"test\"; count = true;"
        "run = \"every 1s\"; overlap = \"skip\";");
    jobs_write_definition("queues",
        "kernel = \"divisible\"; interval = \"1e13\"; method = \"test\"; count = true;"
        "run = \"every 1s\"; overlap = \"queue\";");
    jobs_start(&daemon, "");
    CHECK(harness_until(PATIENCE_MS, count_jobs("queues", NULL) >= 2), "%s", daemon_log());
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("job_skipped") >= 1), "%s", daemon_log());
    CHECK(count_jobs("skips", NULL) == 1, "%u", count_jobs("skips", NULL));
    CHECK(count_jobs("queues", "running") == 1, "%u run at once", count_jobs("queues", "running"));
    daemon_stop(&daemon);
}

static void deadline_ends_a_job(void) {
    struct daemon daemon;

    mkdir("jobs.d", 0755);
    jobs_write_definition("late",
        "kernel = \"divisible\"; interval = \"1e13\"; method = \"test\"; count = true;"
        "run = \"start\"; deadline = \"300ms\";");
    jobs_start(&daemon, "");
    CHECK(harness_until(PATIENCE_MS, count_jobs("late", "failed") == 1), "%s", daemon_log());
    CHECK(PREFORK("job", "wait", "1").code == 124, "its exit");
    expect_words("show", PREFORK("job", "show", "late").out, "time limit");
    daemon_stop(&daemon);
}

static void manual_job_runs_by_its_name(void) {
    struct daemon daemon;
    struct harness_result r;

    mkdir("jobs.d", 0755);
    jobs_write_definition("sheet", SHEET " count = true;");
    jobs_start(&daemon, "");
    CHECK(count_jobs("sheet", NULL) == 0, "it ran by itself");
    r = PREFORK("job", "submit", "--wait", "sheet");
    CHECK(r.code == 0 && strcmp(r.out, "1376\n") == 0, "exit %d: %s%s", r.code, r.out, r.err);
    r = PREFORK("job", "list", "--definitions");
    expect_words("definitions", r.out, "sheet");
    expect_words("definitions", r.out, "manual");
    daemon_stop(&daemon);
}

static void reload_adds_changes_and_removes_jobs(void) {
    struct daemon daemon;
    struct reloads_verdict verdict;
    pid_t pid;

    jobs_start(&daemon, "");
    pid = jobs_supervisor_pid();
    jobs_write_definition("one", SHEET " count = true;");
    reloads_do();
    CHECK(PREFORK("job", "submit", "--wait", "one").code == 0, "one is not there");
    jobs_write_definition("one", "kernel = \"divisible\"; interval = \"10000\"; count = true;");
    jobs_write_definition("two", SHEET " run = \"start\";");
    reloads_do();
    CHECK(strcmp(PREFORK("job", "submit", "--wait", "one").out, "4\n") == 0, "the old interval");
    jobs_write_definition("three", "kernel = \"divisibel\"; interval = \"10\";");
    unlink("jobs.d/one.conf");
    verdict = reloads_ask();
    CHECK(verdict.exit_code == 78, "exit %d", verdict.exit_code);
    expect_words("verdict", verdict.error, "three.conf:1");
    CHECK(PREFORK("job", "submit", "--wait", "one").code == 0, "a bad file took another away");
    unlink("jobs.d/three.conf");
    reloads_do();
    CHECK(PREFORK("job", "submit", "one").code == 2, "one is still there");
    CHECK(jobs_supervisor_pid() == pid, "a reload replaced the job supervisor");
    daemon_stop(&daemon);
}

static void output_that_cannot_be_put_is_said(void) {
    struct daemon daemon;

    mkdir("jobs.d", 0755);
    mkdir("wall", 0755);
    jobs_write_definition("sheet", SHEET " run = \"start\"; output = \"../wall/there/found.txt\";");
    jobs_start(&daemon, "");
    CHECK(harness_until(PATIENCE_MS, count_jobs("sheet", "failed") == 1), "%s", daemon_log());
    expect_words("show", PREFORK("job", "show", "sheet").out, "found.txt");
    mkdir("wall/there", 0755);
    CHECK(PREFORK("job", "retry", "1").code == 0, "retry");
    CHECK(PREFORK("job", "wait", "1").code == 0, "after retry: %s", daemon_log());
    CHECK(harness_exists("wall/there/found.txt"), "no file");
    daemon_stop(&daemon);
}

static const struct harness_test tests[] = {
    { "start_runs_once_and_puts_its_result_where_it_is_wanted",
        start_runs_once_and_puts_its_result_where_it_is_wanted },
    { "every_second_runs_each_second_once_under_kills",
        every_second_runs_each_second_once_under_kills },
    { "overlap_skips_or_queues", overlap_skips_or_queues },
    { "deadline_ends_a_job", deadline_ends_a_job },
    { "manual_job_runs_by_its_name", manual_job_runs_by_its_name },
    { "reload_adds_changes_and_removes_jobs", reload_adds_changes_and_removes_jobs },
    { "output_that_cannot_be_put_is_said", output_that_cannot_be_put_is_said },
    { NULL, NULL },
};

const struct harness_suite daemon_jobs_plan_suite = { "daemon_jobs_plan", tests };
