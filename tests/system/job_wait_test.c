/* Who waits for a job of the daemon: leaving in the middle, the end, the result. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/expect.h"
#include "tests/system/fake.h"
#include "tests/system/suites.h"

static void expect_exit(const struct harness_result *r, int wanted) {
    CHECK(r->code == wanted, "exit %d instead of %d: %s", r->code, wanted, r->err);
}

/* ---- leaving ---- */

static void run_for_ever(void) {
    fake_take("job.wait");
    fake_say("{\"progress\":{\"chunks\":4,\"chunks_done\":1,\"state\":\"running\"}}\n");
    fake_say("{\"progress\":{\"chunks\":4,\"chunks_done\":1,\"state\":\"paused\"}}\n");
    CHECK(fake_wait_for_end(), "it went on to ask");
}

static bool says(const struct harness_proc *proc, const char *words) {
    return strstr(harness_read_file(proc->err, NULL), words) != NULL;
}

static void interrupt_leaves_the_job_to_itself(void) {
    static const struct {
        int signal, code;
    } cases[] = { { SIGINT, 130 }, { SIGTERM, 143 }, { SIGHUP, 143 } };
    const char *const argv[] = { "prefork", FAKE_CONTROL, "job", "wait", "17", NULL };
    struct harness_proc proc;

    for (size_t i = 0; i < 3; i++) {
        fake_start(run_for_ever);
        harness_start(&proc, argv, 0);
        CHECK(harness_until(10000, says(&proc, "job 17 is paused")), "no state is told");
        kill(proc.pid, cases[i].signal);
        CHECK(harness_wait(&proc, 5000) == cases[i].code, "exit %d", proc.code);
        expect_words("stderr", harness_read_file(proc.err, NULL),
            "job 17 is left to itself: prefork job wait 17 comes back to it, prefork job cancel 17 "
            "ends it\n");
        fake_join();
    }
}

static void wait_has_a_time_limit(void) {
    struct harness_result r;

    fake_start(run_for_ever);
    r = FAKE_ASK("job", "wait", "17", "--timeout", "100ms");
    expect_exit(&r, 124);
    expect_words("stderr", r.err, "job wait: not done after 100 ms\n");
    expect_words("stderr", r.err, "prefork job wait 17 comes back to it");
    fake_join();
}

static char piece[65536];

static void flood(void) {
    fake_take("job.result");
    for (int i = 0; i < 64; i++)
        fake_say_data(piece, sizeof(piece));
    fake_wait_for_end();
}

/* Who reads slowly, or not at all, can leave; what was written is known to the byte. */
static void blocked_client_can_be_interrupted(void) {
    static const unsigned kinds[] = { HARNESS_STDOUT_PIPE, HARNESS_STDOUT_SOCKET };
    const char *const argv[] = { "prefork", FAKE_CONTROL, "job", "result", "17", NULL };
    struct harness_proc proc;
    char words[96], buf[65536];
    uint64_t sum;
    ssize_t n;

    memset(piece, 'a', sizeof(piece));
    for (size_t i = 0; i < 2; i++) {
        fake_start(flood);
        harness_start(&proc, argv, kinds[i]);
        CHECK(read(proc.stdout_fd, buf, 5) == 5, "nothing comes");
        harness_pause_us(50000); /* it may be anywhere when it is interrupted, blocked as a rule */
        kill(proc.pid, SIGINT);
        CHECK(harness_wait(&proc, 5000) == 130, "exit %d", proc.code);
        for (sum = 5; (n = read(proc.stdout_fd, buf, sizeof(buf))) > 0;)
            sum += (uint64_t)n;
        snprintf(
            words, sizeof(words), "prefork job result 17 --from %" PRIu64 " goes on here", sum);
        expect_words("stderr", harness_read_file(proc.err, NULL), words);
        close(proc.stdout_fd);
        fake_join();
    }
}

static void say_little(void) {
    fake_take("job.result");
    fake_say_data("14\n", 3);
    CHECK(fake_wait_for_end(), "it went on to ask");
}

static void closed_stdout_ends_the_client_and_not_the_job(void) {
    const char *const argv[] = { "prefork", FAKE_CONTROL, "job", "result", "17", NULL };
    struct harness_proc proc;
    char buf[3];

    fake_start(say_little);
    harness_start(&proc, argv, HARNESS_STDOUT_PIPE);
    CHECK(read(proc.stdout_fd, buf, 3) == 3, "nothing comes");
    close(proc.stdout_fd);
    CHECK(harness_wait(&proc, 5000) == 74, "exit %d", proc.code);
    expect_words("stderr", harness_read_file(proc.err, NULL), "stdout was closed by its reader\n");
    fake_join();
}

/* ---- wait, result ---- */

static void wait_to_the_end(void) {
    for (int i = 0; i < 3; i++) {
        fake_check_number(fake_take("job.wait"), "id", 17);
        fake_say("{\"progress\":{\"chunks\":0,\"chunks_done\":0,\"state\":\"queued\"}}\n"
                 "{\"progress\":{\"chunks\":4,\"chunks_done\":1,\"state\":\"running\"}}\n");
        if (i == 2) /* in the middle */
            fake_hang_up(), fake_take("job.wait");
        fake_say("{\"job\":" FAKE_JOB "}\n", 250, 0, "1", "failed", "\"no such file\"");
        fake_say("{\"done\":true,\"exit\":1,\"error\":\"no such file\"}\n");
    }
}

static void wait_ends_as_the_job_does(void) {
    struct harness_result r;

    fake_start(wait_to_the_end);
    r = FAKE_ASK("job", "wait", "17");
    expect_exit(&r, 1);
    CHECK(r.out[0] == '\0', "%s", r.out);
    expect_words("stderr", r.err, "job 17 is queued\nprefork: job 17 runs\n");
    expect_words("stderr", r.err, "job wait: no such file\n");
    expect_words("stderr", r.err, "job 17 is failed: 35 714 numbers, 250 of 250 chunks");
    r = FAKE_ASK("job", "wait", "17", "--json");
    expect_exit(&r, 1);
    CHECK(strncmp(r.out, "{\"id\":17,", 9) == 0 && expect_count_lines(r.out) == 1, "%s", r.out);
    CHECK(strcmp(r.err, "prefork: job wait: no such file\n") == 0, "%s", r.err);
    r = FAKE_ASK("job", "wait", "17", "--quiet");
    expect_exit(&r, 1);
    fake_join();
}

/* The form has a pace of its own: it is spoken to until it has shown something. */
static void show_progress(void) {
    fake_take("job.wait");
    for (int i = 0; !fake_is_closed(); i++) {
        fake_say("{\"progress\":{\"chunks\":4000,\"chunks_done\":%d,\"state\":\"running\"}}\n", i);
        harness_pause_us(10000);
    }
}

static void progress_can_be_read_by_a_program(void) {
    const char *const argv[] = { "prefork", FAKE_CONTROL, "job", "wait", "17", "--progress", "json",
        NULL };
    struct harness_proc proc;

    fake_start(show_progress);
    harness_start(&proc, argv, 0);
    CHECK(harness_until(10000, says(&proc, "\"chunks\":4000,")), "no progress");
    kill(proc.pid, SIGTERM);
    CHECK(harness_wait(&proc, 5000) == 143, "exit %d", proc.code);
    expect_words("stderr", harness_read_file(proc.err, NULL), "{\"event\":\"progress\",");
    fake_join();
}

/* No byte for longer than one is patient: but on a second connection there are signs of life. */
static void compute_for_long(void) {
    fake_take("job.result");
    fake_swap();
    fake_check_number(fake_take("job.wait"), "id", 17);
    fake_say("{\"progress\":{\"chunks\":0,\"chunks_done\":0,\"state\":\"queued\"}}\n");
    fake_hang_up();
    fake_swap();
    harness_pause_us(1500000); /* so that patience, and what it has at least, would be over */
    CHECK(!fake_is_closed(), "it is not waited for");
    fake_say_data("14\n", 3);
    fake_say(FAKE_DONE);
}

static void slow_job_is_not_taken_for_dead(void) {
    struct harness_result r;

    fake_start(compute_for_long);
    r = FAKE_ASK("job", "result", "17", "--patience", "10ms");
    expect_exit(&r, 0);
    CHECK(strcmp(r.out, "14\n") == 0, "%s", r.out);
    expect_words("stderr", r.err, "job 17 is queued\n");
    fake_join();
}

static void give_what_is_there(void) {
    json_t *args = fake_take("job.result");

    fake_check_number(args, "from", 1048576);
    fake_check_bool(args, "follow", false);
    fake_say_data("14\n", 3);
    fake_hang_up();
    args = fake_take("job.result");
    fake_check_number(args, "from", 1048579);
    fake_check_bool(args, "follow", false);
    fake_say_data("28\n", 3);
    fake_say(FAKE_DONE);
}

static void result_without_following_is_what_is_there(void) {
    struct harness_result r;

    fake_start(give_what_is_there);
    r = FAKE_ASK("job", "result", "17", "--from", "1MiB", "--no-follow");
    expect_exit(&r, 0);
    CHECK(strcmp(r.out, "14\n28\n") == 0, "%s", r.out);
    fake_join();
}

static const struct harness_test tests[] = {
    { "interrupt_leaves_the_job_to_itself", interrupt_leaves_the_job_to_itself },
    { "wait_has_a_time_limit", wait_has_a_time_limit },
    { "blocked_client_can_be_interrupted", blocked_client_can_be_interrupted },
    { "closed_stdout_ends_the_client_and_not_the_job",
        closed_stdout_ends_the_client_and_not_the_job },
    { "wait_ends_as_the_job_does", wait_ends_as_the_job_does },
    { "progress_can_be_read_by_a_program", progress_can_be_read_by_a_program },
    { "slow_job_is_not_taken_for_dead", slow_job_is_not_taken_for_dead },
    { "result_without_following_is_what_is_there", result_without_following_is_what_is_there },
    { NULL, NULL },
};

const struct harness_suite job_wait_suite = { "job_wait", tests };
