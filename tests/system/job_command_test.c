/* Commands as kernels: what they are given, what they give, and that they do not outlive the job.
 */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

static const char *const engines[] = { "process", "thread", "event" };

static void command_gets_its_chunk_in_arguments_and_environment(void) {
    for (size_t e = 0; e < 3; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "command", "11..30",
            "--chunk", "7", "--engine", engines[e], "--quiet", "--", "sh", "-c",
            "echo {lo}-{hi} {i} {attempt} $PREFORK_LO $PREFORK_HI $PREFORK_CHUNK "
            "$PREFORK_ATTEMPT \"$0\"",
            "a b{i}", NULL);
        CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
        CHECK(strcmp(r.out, "11-17 1 1 11 17 1 1 a b1\n18-24 2 1 18 24 2 1 a b2\n"
                            "25-30 3 1 25 30 3 1 a b3\n") == 0,
            "%s: %s", engines[e], r.out);
    }
}

static void no_shell_stands_between(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "command", "1", "--quiet", "--",
        "printf", "%s\\n", "$HOME; `id` {lo} {} {nothing} *", NULL);

    CHECK(r.code == 0 && strcmp(r.out, "$HOME; `id` 1 {} {nothing} *\n") == 0, "%s", r.out);
}

static void output_keeps_the_order_of_the_chunks(void) {
    char wanted[2048] = "";

    for (int i = 1; i <= 40; i++)
        snprintf(wanted + strlen(wanted), 16, "%d\n", i);
    for (size_t e = 0; e < 3; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "command", "1..40",
            "--engine", engines[e], "--quiet", "--", "sh", "-c",
            "sleep 0.0$((({i} * 7) % 5)); echo {i}", NULL);
        CHECK(r.code == 0 && strcmp(r.out, wanted) == 0, "%s: exit %d: %s", engines[e], r.code,
            r.out);
    }
}

static void shipped_example_runs(void) {
    struct harness_result whole, parts;
    char script[4096];
    unsigned lines = 0;

    snprintf(script, sizeof(script), "%s/etc/examples/palindromes.sh", harness_root());
    whole = harness_run(script, "1", "20000", NULL);
    parts = harness_run("prefork", "job", "run", "command", "20000", "--chunk", "777", "--quiet",
        "--", script, "{lo}", "{hi}", NULL);
    CHECK(
        parts.code == 0 && strcmp(parts.out, whole.out) == 0, "exit %d: %s", parts.code, parts.err);
    /* 9 of one digit, 9 of two, 90 of three, 90 of four, 100 of five from 10001 to 19991. */
    for (const char *at = parts.out; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    CHECK(lines == 298, "%u lines", lines);
}

static void failing_command_is_tried_again_then_held(void) {
    for (size_t e = 0; e < 3; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "command", "1..5",
            "--engine", engines[e], "--on-held", "skip", "--", "sh", "-c",
            "echo part; test {i} != 3 || exit $((4 + {attempt})); echo {i}", NULL);
        CHECK(r.code == 3, "%s: exit %d: %s", engines[e], r.code, r.err);
        CHECK(strcmp(r.out, "part\n1\npart\n2\npart\n4\npart\n5\n") == 0, "%s", r.out);
        expect_words("told", r.err, "chunk 3 failed in attempt 1: the command exited with 5");
        expect_words("told", r.err, "chunk 3 failed in attempt 3: the command exited with 7");
        r = harness_run("prefork", "job", "run", "command", "1..5", "--engine", engines[e],
            "--quiet", "--", "sh", "-c", "echo part; test {attempt} = 3 || kill -TERM $$; echo {i}",
            NULL);
        CHECK(r.code == 0, "%s: exit %d: %s", engines[e], r.code, r.err);
        CHECK(strcmp(r.out, "part\n1\npart\n2\npart\n3\npart\n4\npart\n5\n") == 0, "%s", r.out);
    }
}

static void large_and_binary_output_is_kept_as_it_is(void) {
    for (size_t e = 0; e < 3; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "command", "1..6",
            "--engine", engines[e], "--buffer", "100k", "--quiet", "--", "sh", "-c",
            "head -c 300000 /dev/zero | tr '\\0' {i}; printf '\\000\\377\\n'", NULL);
        CHECK(r.code == 0 && r.out_len == 6 * 300003, "exit %d, %zu bytes", r.code, r.out_len);
        for (size_t i = 0; i < 6; i++)
            for (size_t k = 0; k < 300003; k++) {
                char wanted = k < 300000 ? (char)('1' + i) : "\0\377\n"[k - 300000];
                CHECK(r.out[i * 300003 + k] == wanted, "byte %zu of chunk %zu", k, i + 1);
            }
    }
}

static void json_output_is_valid_whatever_the_bytes(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "command", "1..2", "--json",
        "--progress", "none", "--", "sh", "-c",
        "printf 'a\"\\\\\\n\\001\\303'; sleep 0.05; printf '\\251\\377\\342\\202'", NULL);
    json_error_t error;
    json_t *chunk;
    char *line;

    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    for (line = strtok(r.out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        chunk = json_loads(line, 0, &error);
        CHECK(chunk != NULL, "%s: %s", error.text, line);
        CHECK(strcmp(json_string_value(json_object_get(chunk, "output")),
                  "a\"\\\n\001\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") == 0 ||
                  strcmp(json_string_value(json_object_get(chunk, "output")),
                      "a\"\\\n\001\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd") == 0,
            "%s", line);
    }
}

static void program_that_vanishes_is_told(void) {
    struct harness_result r;

    harness_write_file("prog", "#!/bin/sh\nrm -f prog\necho {i}\n", 29);
    CHECK(system("chmod +x prog") == 0, "chmod");
    r = harness_run("prefork", "job", "run", "command", "1..2", "--workers", "1", "--retries", "0",
        "--", "./prog", NULL);
    CHECK(r.code == 3, "exit %d: %s", r.code, r.err);
    expect_words("told", r.err, "the command could not be started: No such file or directory");
}

/* ---- nothing is left ---- */

/* A sleep of an odd length, that no other run has: "100.PID00N". */
static const char *odd_sleep(unsigned n) {
    static char text[32];

    snprintf(text, sizeof(text), "100.%d%03u", getpid(), n);
    return text;
}

/* No process has this sleep among its arguments. */
static bool is_gone(const char *sleep) {
    return !harness_runs(sleep);
}

static void start_sleepers(struct harness_proc *job, const char *engine, const char *sleep) {
    char script[64];
    const char *const argv[] = { "prefork", "job", "run", "command", "1..4", "--engine", engine,
        "--progress", "none", "--", "sh", "-c", script, NULL };

    /* The shell waits for a child of its own: the whole group has to go. */
    snprintf(script, sizeof(script), "sleep %s; true", sleep);
    harness_start(job, argv, 0);
    CHECK(harness_until(5000, !is_gone(sleep)), "nothing runs");
}

static void commands_die_with_a_killed_worker(void) {
    const char *sleep = odd_sleep(0);
    struct harness_proc job;
    pid_t children[8];
    size_t count;

    start_sleepers(&job, "process", sleep);
    /* The guard and two workers, the second of which may come after the first has begun. */
    CHECK(harness_until(5000, (count = harness_children(job.pid, children, 8)) == 3),
        "%zu children", count);
    kill(children[count - 1], SIGKILL);
    CHECK(harness_until(
              5000, strstr(harness_read_file(job.err, NULL), "was killed by SIGKILL") != NULL),
        "the death was not seen");
    kill(job.pid, SIGINT);
    CHECK(harness_until(5000, strstr(harness_read_file(job.err, NULL), "ending:") != NULL),
        "it does not hear");
    kill(job.pid, SIGINT);
    CHECK(harness_wait(&job, 5000) == 130, "exit %d", job.code);
    CHECK(is_gone(sleep), "a command lives on");
}

static void commands_die_with_a_killed_supervisor(void) {
    struct harness_proc job;
    const char *sleep;

    for (unsigned i = 0; i < harness_scale(12, 120); i++) {
        sleep = odd_sleep(i);
        start_sleepers(&job, engines[i % 3], sleep);
        kill(job.pid, SIGKILL);
        harness_wait(&job, 5000);
        CHECK(harness_until(3000, is_gone(sleep)), "%s: a command lives on", engines[i % 3]);
        while (waitpid(-1, NULL, 0) > 0)
            continue;
    }
}

static void commands_die_when_the_job_is_cancelled(void) {
    struct harness_proc job;
    const char *sleep;

    for (unsigned e = 0; e < 3; e++) {
        sleep = odd_sleep(e);
        start_sleepers(&job, engines[e], sleep);
        kill(job.pid, SIGINT);
        CHECK(harness_until(5000, strstr(harness_read_file(job.err, NULL), "ending:") != NULL),
            "it does not hear");
        kill(job.pid, SIGINT);
        CHECK(harness_wait(&job, 5000) == 130, "exit %d", job.code);
        CHECK(is_gone(sleep), "%s: a command lives on", engines[e]);
    }
}

static void command_over_its_time_dies_with_its_children(void) {
    const char *sleep = odd_sleep(0);
    char script[128];

    snprintf(script, sizeof(script), "test {i} != 2 || { sleep %s; true; }; echo {i}", sleep);
    for (size_t e = 0; e < 3; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "command", "1..3",
            "--engine", engines[e], "--chunk-timeout", "200ms", "--retries", "0", "--on-held",
            "skip", "--", "sh", "-c", script, NULL);
        CHECK(r.code == 3 && strcmp(r.out, "1\n3\n") == 0, "%s: exit %d: %s%s", engines[e], r.code,
            r.out, r.err);
        CHECK(is_gone(sleep), "%s: a command lives on", engines[e]);
    }
}

static void what_a_command_leaves_behind_is_ended(void) {
    const char *sleep = odd_sleep(0);
    char script[128];
    struct harness_result r;

    snprintf(script, sizeof(script), "sleep %s & echo {i}", sleep);
    r = harness_run(
        "prefork", "job", "run", "command", "1..3", "--quiet", "--", "sh", "-c", script, NULL);
    CHECK(r.code == 0 && strcmp(r.out, "1\n2\n3\n") == 0, "exit %d: %s", r.code, r.out);
    CHECK(is_gone(sleep), "a background process lives on");
}

static void supervisor_killed_before_the_command_begins(void) {
    struct harness_result r;

    for (size_t e = 0; e < 3; e++) {
        setenv("PREFORK_FAILPOINT", "command-before-exec", 1);
        r = harness_run("prefork", "job", "run", "command", "1..8", "--engine", engines[e], "--",
            "echo", "{i}", NULL);
        unsetenv("PREFORK_FAILPOINT");
        CHECK(r.code == 0, "%s: exit %d: %s", engines[e], r.code, r.err);
        CHECK(strcmp(r.out, "1\n2\n3\n4\n5\n6\n7\n8\n") == 0, "%s", r.out);
    }
}

static const struct harness_test tests[] = {
    { "command_gets_its_chunk_in_arguments_and_environment",
        command_gets_its_chunk_in_arguments_and_environment },
    { "no_shell_stands_between", no_shell_stands_between },
    { "shipped_example_runs", shipped_example_runs },
    { "output_keeps_the_order_of_the_chunks", output_keeps_the_order_of_the_chunks },
    { "failing_command_is_tried_again_then_held", failing_command_is_tried_again_then_held },
    { "large_and_binary_output_is_kept_as_it_is", large_and_binary_output_is_kept_as_it_is },
    { "json_output_is_valid_whatever_the_bytes", json_output_is_valid_whatever_the_bytes },
    { "program_that_vanishes_is_told", program_that_vanishes_is_told },
    { "commands_die_with_a_killed_worker", commands_die_with_a_killed_worker },
    { "commands_die_with_a_killed_supervisor", commands_die_with_a_killed_supervisor },
    { "commands_die_when_the_job_is_cancelled", commands_die_when_the_job_is_cancelled },
    { "command_over_its_time_dies_with_its_children",
        command_over_its_time_dies_with_its_children },
    { "what_a_command_leaves_behind_is_ended", what_a_command_leaves_behind_is_ended },
    { "supervisor_killed_before_the_command_begins", supervisor_killed_before_the_command_begins },
    { NULL, NULL },
};

const struct harness_suite job_command_suite = { "job_command", tests };
