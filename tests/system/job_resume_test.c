/* The job supervisor dies, the disk is full, people interrupt: what is done is not lost. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

static void check_output(const char *what, const char *path, const char *wanted, size_t len) {
    size_t got_len;
    char *got = harness_read_file(path, &got_len), name[64];

    expect_bytes(what, got, got_len, wanted, len);
    snprintf(name, sizeof(name), "%s.journal", path);
    CHECK(!harness_exists(name), "%s: %s is left", what, name);
    snprintf(name, sizeof(name), "%s.spool", path);
    CHECK(!harness_exists(name), "%s: %s is left", what, name);
}

/* Orphans of a killed supervisor come to us: they must end by themselves, and soon. */
static void check_no_orphans(void) {
    pid_t pid;

    CHECK(harness_until(3000, ({
        do
            pid = waitpid(-1, NULL, WNOHANG);
        while (pid > 0);
        pid < 0;
    })),
        "a child of the killed supervisor lives on");
}

/* ---- kill -9 of the supervisor ---- */

/*
 * Start the job again and again; kill it after a random time, sometimes a worker before that.
 * Returns how many supervisors were killed.
 */
static unsigned run_until_done(const char *const *argv, uint64_t most_ms, unsigned least_kills) {
    struct harness_proc job;
    pid_t children[16];
    unsigned kills = 0;
    size_t count;
    int status;

    for (;;) {
        harness_start(&job, argv, 0);
        if (kills >= 4 * least_kills) {
            CHECK(harness_wait(&job, 60000) == 0, "exit %d: %s", job.code,
                harness_read_file(job.err, NULL));
            return kills;
        }
        harness_pause_us((unsigned)harness_random(0, most_ms * 1000));
        count = harness_children(job.pid, children, 16);
        if (count > 0 && harness_random(0, 2) == 0)
            kill(children[harness_random(0, count - 1)], SIGKILL);
        kill(job.pid, SIGKILL);
        CHECK(waitpid(job.pid, &status, 0) == job.pid, "waitpid");
        check_no_orphans();
        if (WIFEXITED(status)) {
            CHECK(WEXITSTATUS(status) == 0, "exit %d: %s", WEXITSTATUS(status),
                harness_read_file(job.err, NULL));
            if (kills >= least_kills)
                return kills;
            continue; /* it was over too soon: once more from the beginning */
        }
        kills++;
    }
}

static void supervisor_killed_again_and_again_resumes(void) {
    static const char *const engines[] = { "process", "thread", "event" };
    const unsigned least = harness_scale(8, 40);
    size_t len;
    const char *wanted = expect_multiples(3, 1, 30000000, &len);

    for (size_t e = 0; e < 3; e++) {
        const char *const argv[] = { "prefork", "job", "run", "divisible", "30000000", "--by", "3",
            "--method", "test", "--chunk", "50000", "--buffer", "256k", "--engine", engines[e],
            "--output", "out", "--resume", "--quiet", NULL };
        unsigned kills = run_until_done(argv, harness_scale(60, 300), least);
        harness_figure("%s: supervisors killed=%u", engines[e], kills);
        check_output(engines[e], "out", wanted, len);
    }
}

static void supervisor_killed_at_each_step_resumes(void) {
    static const char *const steps[] = { "journal-header", "before-record", "mid-record",
        "after-record", "released", "spooled", "end-noted", "spool-removed", "claimed",
        "mid-payload" };
    size_t len;
    const char *wanted = expect_multiples(2, 1, 400000, &len);
    char step[64];
    unsigned killed = 0;
    struct harness_result r;

    for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
        for (unsigned n = 1; n <= 4; n++) {
            snprintf(step, sizeof(step), "%s:%u", steps[s], n);
            setenv("PREFORK_FAILPOINT", step, 1);
            r = harness_run("prefork", "job", "run", "divisible", "400000", "--by", "2", "--chunk",
                "10000", "--buffer", "20k", "--window", "16", "--output", "out", "--quiet", NULL);
            unsetenv("PREFORK_FAILPOINT");
            CHECK(r.code == 0 || r.code == 128 + SIGKILL, "%s: exit %d: %s", step, r.code, r.err);
            check_no_orphans();
            killed += r.code != 0;
            r = harness_run("prefork", "job", "run", "divisible", "400000", "--by", "2", "--chunk",
                "10000", "--buffer", "20k", "--window", "16", "--output", "out", "--resume",
                "--quiet", NULL);
            CHECK(r.code == 0, "%s: exit %d: %s", step, r.code, r.err);
            check_output(step, "out", wanted, len);
        }
    harness_figure("supervisors killed=%u", killed);
    CHECK(killed >= 16, "only %u steps were taken", killed);
}

static void gap_kept_by_a_killed_supervisor_resumes(void) {
    size_t len;
    const char *wanted = expect_multiples(1, 1, 300, &len);
    char step[32];

    for (unsigned n = 1; n <= 150; n += 7) {
        snprintf(step, sizeof(step), "mid-rest:%u", n);
        setenv("PREFORK_FAILPOINT", step, 1);
        struct harness_result r = harness_run("prefork", "job", "run", "null", "1..300", "--emit",
            "1", "--fault", "fail", "--fault-at", "100", "--fault-times", "3", "--window", "16",
            "--output", "out", NULL);
        unsetenv("PREFORK_FAILPOINT");
        CHECK(r.code == 128 + SIGKILL, "%s: exit %d: %s", step, r.code, r.err);
        check_no_orphans();
        for (int i = 0; i < 2; i++)
            r = harness_run("prefork", "job", "run", "null", "1..300", "--emit", "1", "--fault",
                "fail", "--fault-at", "100", "--fault-times", "3", "--window", "16", "--retries",
                i == 0 ? "2" : "5", "--output", "out", "--resume", NULL);
        CHECK(r.code == 0, "%s: exit %d: %s", step, r.code, r.err);
        check_output(step, "out", wanted, len);
    }
}

/* ---- damage ---- */

static void copy_file(const char *from, const char *to) {
    size_t len;
    char *data = harness_read_file(from, &len);

    harness_write_file(to, data, len);
    free(data);
}

/* A job that was killed after six records of the journal, kept under other names. */
static void make_half_done(const char *const *argv) {
    struct harness_result r = { .code = 0 };

    /* How many records there are depends on who is first: a run may end with fewer. */
    setenv("PREFORK_FAILPOINT", "after-record:6", 1);
    for (int i = 0; i < 100 && r.code == 0; i++)
        r = harness_run_argv(argv);
    unsetenv("PREFORK_FAILPOINT");
    CHECK(r.code == 128 + SIGKILL, "exit %d: %s", r.code, r.err);
    check_no_orphans();
    copy_file("out", "was");
    copy_file("out.journal", "was.journal");
    if (harness_exists("out.spool/results"))
        copy_file("out.spool/results", "was.results");
}

static void restore_half_done(void) {
    mkdir("out.spool", 0700);
    copy_file("was", "out");
    copy_file("was.journal", "out.journal");
    if (harness_exists("was.results"))
        copy_file("was.results", "out.spool/results");
}

/* Two workers leave results in the spool first, one worker releases as it goes. */
#define HALF_DONE(workers)                                                                         \
    {                                                                                              \
        "prefork", "job", "run", "divisible", "20000", "--by", "2", "--chunk", "500", "--buffer",  \
            "0", "--window", "16", "--output", "out", "--resume", "--quiet", "--workers", workers, \
            NULL                                                                                   \
    }
static const char *const spooled[] = HALF_DONE("2");
static const char *const released[] = HALF_DONE("1");

/* Resume with a journal that is damaged at every place in turn. */
static size_t resume_damaged(const char *const *argv, const char *wanted, size_t len) {
    size_t journal_len, runs = 0;
    char *journal, *copy, what[64];
    struct harness_result r;

    make_half_done(argv);
    journal = harness_read_file("was.journal", &journal_len);
    copy = malloc(journal_len);
    for (size_t at = 0; at <= journal_len; at++)
        for (int flip = 0; flip < 2; flip++) {
            memcpy(copy, journal, journal_len);
            if (flip && at < journal_len)
                copy[at] ^= (char)(1 << harness_random(0, 7));
            restore_half_done();
            harness_write_file("out.journal", copy, flip ? journal_len : at);
            r = harness_run_argv(argv);
            snprintf(what, sizeof(what), "%s at byte %zu", flip ? "flipped" : "cut", at);
            /* The first eight bytes say what the file is: without them it is somebody else's. */
            if (flip && at < 8) {
                CHECK(r.code == 65, "%s: exit %d: %s", what, r.code, r.err);
                unlink("out.journal");
                continue;
            }
            CHECK(r.code == 0, "%s: exit %d: %s", what, r.code, r.err);
            check_output(what, "out", wanted, len);
            runs++;
        }
    return runs;
}

static void journal_cut_anywhere_or_flipped_resumes(void) {
    size_t len, runs;
    const char *wanted = expect_multiples(2, 1, 20000, &len);

    runs = resume_damaged(spooled, wanted, len);
    unlink("was.results");
    runs += resume_damaged(released, wanted, len);
    harness_figure("resumed %zu times", runs);
}

static void output_changed_behind_our_back_is_noticed(void) {
    size_t len, was_len;
    const char *wanted = expect_multiples(2, 1, 20000, &len);
    char *was;
    struct harness_result r;

    make_half_done(released);
    was = harness_read_file("was", &was_len);
    CHECK(was_len > 1000, "only %zu bytes were released", was_len);
    for (int i = 0; i < 5; i++) {
        if (i == 4) {
            unlink("out");
            make_half_done(spooled);
        }
        restore_half_done();
        if (i == 0)
            harness_write_file("out", was, was_len / 2); /* shorter */
        if (i == 1)
            harness_write_file("out", wanted, len); /* longer */
        if (i == 2) {
            was[was_len / 3] ^= 1; /* changed */
            harness_write_file("out", was, was_len);
        }
        if (i == 3)
            unlink("out");
        if (i == 4)
            harness_write_file("out.spool/results", "damaged", 7);
        r = harness_run_argv(released);
        CHECK(r.code == 0, "case %d: exit %d: %s", i, r.code, r.err);
        check_output("changed output", "out", wanted, len);
    }
}

static void finished_results_behind_a_slow_head_are_kept(void) {
    const char *const argv[] = { "prefork", "job", "run", "null", "1..60", "--emit", "1",
        "--slow-at", "1", "--slow-for", "1h", "--buffer", "0", "--window", "64", "--output", "out",
        "--progress", "json", NULL };
    struct harness_proc job;
    struct harness_result r;

    harness_start(&job, argv, 0);
    /* All but the head are done, in the spool, and noted in the journal. */
    CHECK(harness_until(
              10000, strstr(harness_read_file(job.err, NULL), "\"chunks_done\":59,") != NULL),
        "they are not done");
    kill(job.pid, SIGKILL);
    harness_wait(&job, 5000);
    check_no_orphans();
    r = harness_run("prefork", "job", "run", "null", "1..60", "--emit", "1", "--slow-at", "1",
        "--slow-for", "1h", "--buffer", "0", "--window", "64", "--output", "out", "--resume",
        "--chunk-timeout", "50ms", "--retries", "0", "--on-held", "skip", NULL);
    CHECK(r.code == 3, "exit %d: %s", r.code, r.err);
    expect_words("kept", r.err, "59 of 60 chunks (0 computed now)");
}

/* ---- interrupted ---- */

static void interrupted_once_drains_and_resumes(void) {
    const char *const argv[] = { "prefork", "job", "run", "null", "1..2000", "--emit", "1",
        "--slow-for", "20ms", "--output", "out", "--batch", "1", NULL };
    static const int signals[] = { SIGINT, SIGTERM };
    static const int codes[] = { 130, 143 };
    struct harness_proc job;
    struct harness_result r;
    struct stat st;
    size_t lines;

    for (size_t i = 0; i < 2; i++) {
        harness_start(&job, argv, 0);
        CHECK(harness_until(5000, stat("out", &st) == 0 && st.st_size > 10), "no output");
        kill(job.pid, signals[i]);
        CHECK(harness_wait(&job, 5000) == codes[i], "exit %d", job.code);
        expect_words(
            "told", harness_read_file(job.err, NULL), "run the same command with --resume");
        lines = expect_count_lines(harness_read_file("out", NULL));
        r = harness_run("prefork", "job", "run", "null", "1..2000", "--emit", "1", "--slow-for",
            "20ms", "--output", "out", "--timeout", "100ms", "--resume", NULL);
        CHECK(r.code == 124, "exit %d: %s", r.code, r.err);
        CHECK(expect_count_lines(harness_read_file("out", NULL)) > lines, "no progress");
        unlink("out.journal");
        unlink("out");
    }
}

static void interrupted_twice_stops_within_100_ms(void) {
    const char *const argv[] = { "prefork", "job", "run", "divisible", "1e15", "--method", "test",
        "--chunk", "1e14", "--quiet", "--engine", "process", NULL };
    static const char *const engines[] = { "process", "thread", "event" };
    const char *copy[16];
    struct harness_proc job;
    pid_t children[8];
    uint64_t started_ns, took_ns, best_ns;

    memcpy(copy, argv, sizeof(argv));
    for (size_t e = 0; e < 3; e++) {
        copy[11] = engines[e];
        best_ns = UINT64_MAX;
        for (int i = 0; i < 5; i++) {
            harness_start(&job, copy, 0);
            CHECK(harness_until(5000, harness_children(job.pid, children, 8) > 0), "no workers");
            harness_pause_us(20000);
            kill(job.pid, SIGINT);
            CHECK(harness_until(5000, strstr(harness_read_file(job.err, NULL), "ending:") != NULL),
                "it does not hear");
            started_ns = harness_now_ns();
            kill(job.pid, SIGINT);
            CHECK(harness_wait(&job, 5000) == 130, "exit %d", job.code);
            took_ns = harness_now_ns() - started_ns;
            best_ns = took_ns < best_ns ? took_ns : best_ns;
        }
        harness_figure("%s: cancelled after %.1f ms", engines[e], (double)best_ns / 1e6);
        CHECK(best_ns < 100000000 || harness_is_sanitized(), "%.1f ms", (double)best_ns / 1e6);
    }
}

static void time_limit_of_the_job_is_124(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "divisible", "1e15", "--method",
        "test", "--chunk", "1e14", "--timeout", "100ms", NULL);

    CHECK(r.code == 124, "exit %d: %s", r.code, r.err);
    CHECK(r.out_len == 0, "stdout has %zu bytes", r.out_len);
}

static void two_supervisors_do_not_share_a_job(void) {
    const char *const argv[] = { "prefork", "job", "run", "null", "1..1000", "--slow-for", "1h",
        "--output", "out", "--resume", NULL };
    struct harness_proc job;
    struct harness_result r;

    harness_start(&job, argv, 0);
    CHECK(harness_until(5000, harness_exists("out")), "no output");
    r = harness_run_argv(argv);
    CHECK(r.code == 75, "exit %d: %s", r.code, r.err);
    kill(job.pid, SIGKILL);
    harness_wait(&job, 5000);
    check_no_orphans();
}

/* ---- full disks ---- */

/* A file system of so many bytes at "small"; skips where that is not allowed. */
static void mount_small(const char *size) {
    char options[32];

    harness_own_mounts();
    CHECK(mkdir("small", 0755) == 0, "mkdir");
    snprintf(options, sizeof(options), "size=%s", size);
    if (mount("tmpfs", "small", "tmpfs", 0, options) < 0)
        harness_skip("tmpfs cannot be mounted: %s", strerror(errno));
}

static void full_disk_ends_the_job_and_room_resumes_it(void) {
    size_t len;
    const char *wanted = expect_multiples(1, 1, 400000, &len);
    const char *const argv[] = { "prefork", "job", "run", "divisible", "400000", "--by", "1",
        "--chunk", "1000", "--output", "small/out", "--resume", NULL };
    struct harness_result r;

    mount_small("1m");
    r = harness_run_argv(argv);
    CHECK(r.code == 74, "exit %d: %s", r.code, r.err);
    expect_words("told", r.err, "small/out: cannot be written: No space left on device");
    expect_words("told", r.err, "--resume");
    CHECK(mount(NULL, "small", NULL, MS_REMOUNT, "size=16m") == 0, "remount");
    r = harness_run_argv(argv);
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    check_output("after room was made", "small/out", wanted, len);
    umount("small");
}

static void full_spool_goes_on_with_one_chunk_at_a_time(void) {
    size_t len, got_len;
    const char *wanted = expect_multiples(1, 1, 400000, &len), *got;
    const char *const argv[] = { "prefork", "job", "run", "divisible", "400000", "--by", "1",
        "--method", "test", "--chunk", "10000", "--buffer", "0", "--workers", "4", NULL };
    struct harness_proc job;

    mount_small("64k");
    setenv("TMPDIR", "small", 1);
    harness_start(&job, argv, 0);
    CHECK(
        harness_wait(&job, 60000) == 0, "exit %d: %s", job.code, harness_read_file(job.err, NULL));
    got = harness_read_file(job.out, &got_len);
    expect_bytes("stdout", got, got_len, wanted, len);
    umount("small");
}

static const struct harness_test tests[] = {
    { "supervisor_killed_again_and_again_resumes", supervisor_killed_again_and_again_resumes },
    { "supervisor_killed_at_each_step_resumes", supervisor_killed_at_each_step_resumes },
    { "gap_kept_by_a_killed_supervisor_resumes", gap_kept_by_a_killed_supervisor_resumes },
    { "journal_cut_anywhere_or_flipped_resumes", journal_cut_anywhere_or_flipped_resumes },
    { "output_changed_behind_our_back_is_noticed", output_changed_behind_our_back_is_noticed },
    { "finished_results_behind_a_slow_head_are_kept",
        finished_results_behind_a_slow_head_are_kept },
    { "interrupted_once_drains_and_resumes", interrupted_once_drains_and_resumes },
    { "interrupted_twice_stops_within_100_ms", interrupted_twice_stops_within_100_ms },
    { "time_limit_of_the_job_is_124", time_limit_of_the_job_is_124 },
    { "two_supervisors_do_not_share_a_job", two_supervisors_do_not_share_a_job },
    { "full_disk_ends_the_job_and_room_resumes_it", full_disk_ends_the_job_and_room_resumes_it },
    { "full_spool_goes_on_with_one_chunk_at_a_time", full_spool_goes_on_with_one_chunk_at_a_time },
    { NULL, NULL },
};

const struct harness_suite job_resume_suite = { "job_resume", tests };
