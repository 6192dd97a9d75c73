/* Workers die at any instruction, and the result is as if nobody had. */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

/* ---- a killer of workers, in a process of its own ---- */

struct killer {
    _Atomic uint32_t kills;
    _Atomic uint64_t most_descriptors, most_kb;
    pid_t pid;
};

/* Kill random children of `job` until there have been `wanted` kills or the job is gone. */
_Noreturn static void kill_children(
    struct killer *killer, pid_t job, uint32_t wanted, uint64_t least_us, uint64_t most_us) {
    pid_t children[64], victim, last[8] = { 0 }; /* the dead are listed until they are reaped */
    size_t count;
    uint64_t n;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (killer->kills < wanted && kill(job, 0) == 0) {
        harness_pause_us((unsigned)harness_random(least_us, most_us));
        count = harness_children(job, children, 64);
        victim = count > 0 ? children[harness_random(0, count - 1)] : 0;
        if (victim > 0 && memmem(last, sizeof(last), &victim, sizeof(victim)) == NULL &&
            kill(victim, SIGKILL) == 0)
            last[killer->kills++ % 8] = victim;
        n = harness_descriptors(job);
        if (n > killer->most_descriptors)
            killer->most_descriptors = n;
        n = (uint64_t)harness_status_kb(job, "VmHWM");
        if (n > killer->most_kb)
            killer->most_kb = n;
    }
    _exit(0);
}

static struct killer *killer_start(
    pid_t job, uint32_t wanted, uint64_t least_us, uint64_t most_us) {
    struct killer *killer = mmap(
        NULL, sizeof(*killer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    CHECK(killer != MAP_FAILED, "mmap");
    pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0)
        kill_children(killer, job, wanted, least_us, most_us);
    killer->pid = pid;
    return killer;
}

static void killer_stop(struct killer *killer) {
    kill(killer->pid, SIGKILL);
    waitpid(killer->pid, NULL, 0);
}

/* ---- storms ---- */

static void print_doings(const char *err, uint32_t kills) {
    static const char *const doings[] = { "starting", "claiming", "computing", "writing",
        "in mid-frame", "after its last byte", "idle", "leaving" };
    char pattern[64], line[512];
    size_t used = 0;

    for (size_t i = 0; i < sizeof(doings) / sizeof(doings[0]); i++) {
        snprintf(pattern, sizeof(pattern), "doing=\"%s\"", doings[i]);
        used += (size_t)snprintf(
            line + used, sizeof(line) - used, " %s %zu,", doings[i], expect_count(err, pattern));
    }
    line[used - 1] = '\0';
    harness_figure("kills=%u: %s", kills, line + 1);
}

struct storm {
    const char *engine, *lanes_option, *lanes;
    const char *window, *chunk;
    uint64_t last;              /* of the interval, by 3 */
    uint64_t least_us, most_us; /* between two kills */
    bool is_lingering;          /* frames are written in steps; then kills must tear some */
};

/* One job under fire, its stream checked while it comes. Adds what befell it; returns the kills. */
static unsigned run_under_fire(const struct storm *storm, unsigned wanted, uint64_t *torn) {
    char interval[32];
    const char *const argv[] = { "prefork", "job", "run", "divisible", interval, "--by", "3",
        "--method", "test", "--chunk", storm->chunk, "--engine", storm->engine, storm->lanes_option,
        storm->lanes, "--window", storm->window, "--progress", "none", NULL };
    struct harness_proc job;
    struct killer *killer;
    uint64_t count;
    char *err;

    snprintf(interval, sizeof(interval), "1..%" PRIu64, storm->last);
    if (storm->is_lingering)
        setenv("PREFORK_FAILPOINT", "none", 1);
    harness_start(&job, argv, HARNESS_STDOUT_PIPE);
    unsetenv("PREFORK_FAILPOINT");
    killer = killer_start(job.pid, wanted, storm->least_us, storm->most_us);
    count = expect_multiples_on(job.stdout_fd, 3, 1, storm->last, 0);
    CHECK(harness_wait(&job, 60000) == 0, "exit %d:\n%.2000s", job.code,
        harness_read_file(job.err, NULL));
    killer_stop(killer);
    err = harness_read_file(job.err, NULL);
    CHECK(count == storm->last / 3, "%" PRIu64 " numbers", count);
    CHECK(strstr(err, "held") == NULL, "a chunk was held:\n%.1000s", err);
    print_doings(err, killer->kills);
    *torn += expect_count(err, "doing=\"in mid-frame\"");
    harness_figure("%s: most descriptors=%" PRIu64 " peak_kb=%" PRIu64, storm->engine,
        (uint64_t)killer->most_descriptors, (uint64_t)killer->most_kb);
    CHECK(killer->most_descriptors < 64, "%" PRIu64 " descriptors",
        (uint64_t)killer->most_descriptors);
    return killer->kills;
}

/*
 * As many jobs, one after the other, as it takes until all kills have been, and some frames been
 * torn: how fast the machine is, and what else it does, decides how many.
 */
static void run_storm(const struct storm *storm, unsigned wanted) {
    const unsigned most = 10 * wanted;
    unsigned kills = 0;
    uint64_t torn = 0;

    do {
        kills += run_under_fire(storm, kills < wanted ? wanted - kills : wanted, &torn);
        CHECK(kills < most, "only %" PRIu64 " of %u kills tore a frame", torn, kills);
    } while (kills < wanted || (storm->is_lingering && torn * 20 < wanted));
}

static void process_workers_killed_at_random_lose_nothing(void) {
    const unsigned kills = harness_scale(150, 1000);
    const struct storm storm = { "process", "--workers", "2", "1024", "100000", kills * 600000ull,
        500, 2500, true };

    run_storm(&storm, kills);
}

static void workers_at_full_speed_killed_at_random_lose_nothing(void) {
    const unsigned kills = harness_scale(150, 1000);
    const struct storm storm = { "process", "--workers", "2", "1024", "100000", kills * 1500000ull,
        500, 2500, false };

    run_storm(&storm, kills);
}

static void eight_workers_and_a_small_window_lose_nothing(void) {
    const unsigned kills = harness_scale(150, 1000);
    const struct storm storm = { "process", "--workers", "8", "32", "5000", kills * 300000ull, 300,
        1500, true };

    run_storm(&storm, kills);
}

static void threads_killed_at_random_lose_nothing(void) {
    const unsigned kills = harness_scale(100, 1000);
    const struct storm storm = { "thread", "--threads", "4", "1024", "50000", kills * 800000ull,
        1000, 4000, true };

    run_storm(&storm, kills);
}

static void event_loop_killed_at_random_loses_nothing(void) {
    const unsigned kills = harness_scale(100, 1000);
    const struct storm storm = { "event", "--inflight", "16", "1024", "20000", kills * 800000ull,
        2000, 8000, true };

    run_storm(&storm, kills);
}

/* ---- kills at named steps ---- */

static void worker_killed_at_each_step_loses_nothing(void) {
    static const char *const steps[] = { "claimed:1", "claimed:7", "before-first-byte:1",
        "before-first-byte:3", "mid-header:1", "mid-header:2", "mid-payload:1", "mid-payload:3",
        "after-last-byte:1", "after-last-byte:2" };
    static const char *const engines[] = { "process", "thread", "event" };
    size_t len;
    const char *wanted = expect_multiples(5, 1, 300000, &len);
    unsigned runs = 0;

    for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
        for (size_t e = 0; e < 3; e++) {
            setenv("PREFORK_FAILPOINT", steps[s], 1);
            struct harness_result r = harness_run("prefork", "job", "run", "divisible", "300000",
                "--by", "5", "--chunk", "10000", "--engine", engines[e], "--progress", "none",
                NULL);
            CHECK(r.code == 0, "%s, %s: exit %d: %s", engines[e], steps[s], r.code, r.err);
            expect_bytes(steps[s], r.out, r.out_len, wanted, len);
            expect_words(steps[s], r.err, "was killed by SIGKILL");
            runs++;
        }
    unsetenv("PREFORK_FAILPOINT");
    harness_figure("steps=%u", runs);
}

/* ---- poison ---- */

static void poisoned_chunk_is_held_and_its_neighbours_are_not(void) {
    static const char *const engines[] = { "process", "thread", "event" };
    static const char *const faults[] = { "segv", "abort", "exit", "fail" };
    size_t len;
    char *wanted = expect_multiples(1, 1, 200, &len), *held = NULL;

    held = strstr(wanted, "\n77\n") + 1; /* the line that will be missing */
    for (size_t e = 0; e < 3; e++)
        for (size_t f = 0; f < 4; f++) {
            struct harness_result r = harness_run("prefork", "job", "run", "null", "1..200",
                "--emit", "1", "--fault", faults[f], "--fault-at", "77", "--engine", engines[e],
                "--on-held", "skip", NULL);
            CHECK(r.code == 3, "%s, %s: exit %d: %s", engines[e], faults[f], r.code, r.err);
            expect_words("told", r.err, "chunk 77 is held after 3 bad");
            expect_words("told", r.err, "held: 1 chunk: 77");
            CHECK(r.out_len == len - 3 && memcmp(r.out, wanted, (size_t)(held - wanted)) == 0 &&
                      strcmp(r.out + (held - wanted), held + 3) == 0,
                "%s, %s: %s", engines[e], faults[f], r.out);
        }
}

static void chunk_that_fails_twice_completes(void) {
    static const char *const engines[] = { "process", "thread", "event" };
    static const char *const faults[] = { "segv", "fail" };
    size_t len;
    const char *wanted = expect_multiples(1, 1, 200, &len);

    for (size_t e = 0; e < 3; e++)
        for (size_t f = 0; f < 2; f++) {
            struct harness_result r = harness_run("prefork", "job", "run", "null", "1..200",
                "--emit", "1", "--fault", faults[f], "--fault-at", "77", "--fault-times", "2",
                "--engine", engines[e], NULL);
            CHECK(r.code == 0, "%s, %s: exit %d: %s", engines[e], faults[f], r.code, r.err);
            expect_bytes(faults[f], r.out, r.out_len, wanted, len);
        }
}

static void kills_from_outside_never_hold_a_chunk(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "null", "1..20", "--emit", "1",
        "--fault", "kill", "--fault-at", "3", "--fault-times", "20", NULL);

    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    CHECK(expect_count(r.err, "was killed by SIGKILL") == 20, "%s", r.err);
}

static void gap_is_marked_when_asked(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "null", "1..4", "--emit", "1",
        "--fault", "segv", "--fault-at", "2", "--on-held", "mark", NULL);

    CHECK(r.code == 3, "exit %d", r.code);
    CHECK(strcmp(r.out, "1\n# held: chunk 2, 2 - 2: was killed by SIGSEGV\n3\n4\n") == 0, "%s",
        r.out);
    r = harness_run("prefork", "job", "run", "null", "1..4", "--emit", "1", "--fault", "segv",
        "--fault-at", "2", "--on-held", "mark", "--json", NULL);
    expect_words(
        "json", r.out, "{\"chunk\":2,\"lo\":2,\"hi\":2,\"held\":\"was killed by SIGSEGV\"}\n");
}

static void gap_stops_the_output_and_the_rest_is_kept(void) {
    size_t len;
    const char *wanted = expect_multiples(1, 1, 300, &len);
    struct harness_result r = harness_run("prefork", "job", "run", "null", "1..300", "--emit", "1",
        "--fault", "segv", "--fault-at", "100", "--fault-times", "3", "--window", "16", "--output",
        "out", NULL);

    CHECK(r.code == 3, "exit %d: %s", r.code, r.err);
    expect_words("next step", r.err, "--resume");
    CHECK(expect_count_lines(harness_read_file("out", NULL)) == 99, "not up to the gap");
    r = harness_run("prefork", "job", "run", "null", "1..300", "--emit", "1", "--fault", "segv",
        "--fault-at", "100", "--fault-times", "3", "--retries", "5", "--output", "out", "--resume",
        "--seed-format", NULL);
    CHECK(r.code == 65, "another format is another job: exit %d", r.code);
    r = harness_run("prefork", "job", "run", "null", "1..300", "--emit", "1", "--fault", "segv",
        "--fault-at", "100", "--fault-times", "3", "--retries", "5", "--output", "out", "--resume",
        NULL);
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    expect_words("only the gap was computed", r.err, "300 of 300 chunks (1 computed now)");
    r.out = harness_read_file("out", &r.out_len);
    expect_bytes("joined", r.out, r.out_len, wanted, len);
    CHECK(!harness_exists("out.journal") && !harness_exists("out.spool"), "names are left");
}

static void gap_on_stdout_ends_the_job(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "null", "1..300", "--emit", "1",
        "--fault", "segv", "--fault-at", "100", NULL);

    CHECK(r.code == 3, "exit %d: %s", r.code, r.err);
    CHECK(expect_count_lines(r.out) == 99, "%zu lines", expect_count_lines(r.out));
    expect_words("next step", r.err, "--on-held skip");
}

/* ---- hangs ---- */

static void hung_worker_is_replaced_and_its_chunk_held(void) {
    static const char *const engines[] = { "process", "thread", "event" };

    for (size_t e = 0; e < 3; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "null", "1..40", "--emit",
            "1", "--fault", "hang", "--fault-at", "5", "--stall", "150ms", "--on-held", "skip",
            "--engine", engines[e], NULL);
        CHECK(r.code == 3, "%s: exit %d: %s", engines[e], r.code, r.err);
        CHECK(expect_count_lines(r.out) == 39, "%s: %s", engines[e], r.out);
        expect_words("told", r.err, "no sign of life for 150.0 ms");
        expect_words("told", r.err, "held: 1 chunk: 5");
    }
}

/* A chunk that is to be tried alone is nobody else's: its fresh worker may die before it has it. */
static void fresh_worker_killed_before_its_claim_is_followed_by_another(void) {
    static const char *const engines[] = { "thread", "event" }, *const lanes[] = { "--threads",
        "--inflight" };

    for (size_t e = 0; e < 2; e++) {
        struct harness_result r;

        setenv("PREFORK_FAILPOINT", "solo-claim", 1);
        r = harness_run("prefork", "job", "run", "null", "1..40", "--emit", "1", "--fault", "segv",
            "--fault-at", "5", "--fault-times", "1", "--slow-for", "20ms", "--engine", engines[e],
            lanes[e], "6", "--timeout", "20s", NULL);
        unsetenv("PREFORK_FAILPOINT");
        CHECK(r.code == 0, "%s: exit %d: %s", engines[e], r.code, r.err);
        CHECK(expect_count_lines(r.out) == 40, "%s: %s", engines[e], r.out);
        expect_words("told", r.err, "killed by SIGKILL");
    }
}

static void stopped_worker_is_replaced_without_blame(void) {
    const char *const argv[] = { "prefork", "job", "run", "null", "1..400", "--emit", "1",
        "--slow-for", "5ms", "--workers", "2", "--stall", "200ms", "--progress", "none", NULL };
    struct harness_proc job;
    pid_t children[8];
    char *err;
    size_t len, got_len;
    const char *wanted = expect_multiples(1, 1, 400, &len), *got;

    harness_start(&job, argv, 0);
    CHECK(harness_until(5000, harness_children(job.pid, children, 8) == 2), "no workers");
    CHECK(kill(children[0], SIGSTOP) == 0, "kill");
    CHECK(harness_wait(&job, 30000) == 0, "exit %d", job.code);
    err = harness_read_file(job.err, NULL);
    expect_words("told", err, "was ended: it had been stopped");
    CHECK(strstr(err, "held") == NULL, "%s", err);
    got = harness_read_file(job.out, &got_len);
    expect_bytes("stdout", got, got_len, wanted, len);
}

static void chunk_over_its_time_is_given_up(void) {
    static const char *const engines[] = { "process", "thread", "event" };

    for (size_t e = 0; e < 3; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "null", "1..20", "--emit",
            "1", "--slow-at", "7", "--slow-for", "1h", "--chunk-timeout", "150ms", "--retries", "1",
            "--on-held", "skip", "--engine", engines[e], NULL);
        CHECK(r.code == 3, "%s: exit %d: %s", engines[e], r.code, r.err);
        CHECK(expect_count_lines(r.out) == 19, "%s: %s", engines[e], r.out);
        CHECK(expect_count(r.err, "took longer than 150.0 ms") >= 2, "%s", r.err);
        expect_words("told", r.err, "chunk 7 is held after 2 bad");
        CHECK(strstr(r.err, "crashes") != NULL && strstr(r.err, " 0 crashes") != NULL,
            "a worker had to be killed: %s", r.err);
    }
}

static void chunk_that_does_not_hear_costs_its_worker_and_nobody_else(void) {
    static const char *const engines[] = { "process", "thread", "event" };

    for (size_t e = 0; e < 3; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "null", "1..20", "--emit",
            "1", "--fault", "hang", "--fault-at", "7", "--chunk-timeout", "100ms", "--retries", "0",
            "--on-held", "skip", "--engine", engines[e], NULL);
        CHECK(r.code == 3, "%s: exit %d: %s", engines[e], r.code, r.err);
        CHECK(expect_count_lines(r.out) == 19, "%s: %s", engines[e], r.out);
        expect_words("told", r.err, "was ended: a chunk took longer than 100.0 ms");
        expect_words("told", r.err, "held: 1 chunk: 7");
    }
}

static void worker_that_lies_is_ended_and_its_chunk_held(void) {
    static const char *const engines[] = { "process", "thread", "event" };

    for (size_t e = 0; e < 3; e++) {
        struct harness_result r = harness_run("prefork", "job", "run", "null", "1..20", "--emit",
            "1", "--fault", "lie", "--fault-at", "7", "--on-held", "skip", "--engine", engines[e],
            NULL);
        CHECK(r.code == 3, "%s: exit %d: %s", engines[e], r.code, r.err);
        CHECK(expect_count_lines(r.out) == 19, "%s: %s", engines[e], r.out);
        expect_words("told", r.err, "was ended: it reported what cannot be");
        expect_words("told", r.err, "held: 1 chunk: 7");
    }
}

static const struct harness_test tests[] = {
    { "process_workers_killed_at_random_lose_nothing",
        process_workers_killed_at_random_lose_nothing },
    { "workers_at_full_speed_killed_at_random_lose_nothing",
        workers_at_full_speed_killed_at_random_lose_nothing },
    { "eight_workers_and_a_small_window_lose_nothing",
        eight_workers_and_a_small_window_lose_nothing },
    { "threads_killed_at_random_lose_nothing", threads_killed_at_random_lose_nothing },
    { "event_loop_killed_at_random_loses_nothing", event_loop_killed_at_random_loses_nothing },
    { "worker_killed_at_each_step_loses_nothing", worker_killed_at_each_step_loses_nothing },
    { "poisoned_chunk_is_held_and_its_neighbours_are_not",
        poisoned_chunk_is_held_and_its_neighbours_are_not },
    { "chunk_that_fails_twice_completes", chunk_that_fails_twice_completes },
    { "kills_from_outside_never_hold_a_chunk", kills_from_outside_never_hold_a_chunk },
    { "gap_is_marked_when_asked", gap_is_marked_when_asked },
    { "gap_stops_the_output_and_the_rest_is_kept", gap_stops_the_output_and_the_rest_is_kept },
    { "gap_on_stdout_ends_the_job", gap_on_stdout_ends_the_job },
    { "hung_worker_is_replaced_and_its_chunk_held", hung_worker_is_replaced_and_its_chunk_held },
    { "fresh_worker_killed_before_its_claim_is_followed_by_another",
        fresh_worker_killed_before_its_claim_is_followed_by_another },
    { "stopped_worker_is_replaced_without_blame", stopped_worker_is_replaced_without_blame },
    { "chunk_over_its_time_is_given_up", chunk_over_its_time_is_given_up },
    { "chunk_that_does_not_hear_costs_its_worker_and_nobody_else",
        chunk_that_does_not_hear_costs_its_worker_and_nobody_else },
    { "worker_that_lies_is_ended_and_its_chunk_held",
        worker_that_lies_is_ended_and_its_chunk_held },
    { NULL, NULL },
};

const struct harness_suite job_storm_suite = { "job_storm", tests };
