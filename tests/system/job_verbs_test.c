/* The verbs that look at the daemon's jobs and decide about them, and what is refused here. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/harness.h"
#include "tests/system/expect.h"
#include "tests/system/fake.h"
#include "tests/system/suites.h"

static void expect_exit(const struct harness_result *r, int wanted) {
    CHECK(r->code == wanted, "exit %d instead of %d: %s", r->code, wanted, r->err);
}

/* ---- looking, deciding ---- */

static void list_jobs(void) {
    for (int i = 0; i < 2; i++) {
        json_t *args = fake_take("job.list");

        fake_check_bool(args, "all", true);
        fake_check_number(args, "last", 5);
        fake_say("{\"job\":" FAKE_JOB "}\n{\"job\":" FAKE_JOB "}\n" FAKE_DONE, 250, 0, "0", "done",
            "null", 10, 2, "null", "paused", "\"no room on \\u001b[2J\"");
    }
    fake_check_bool(fake_take("job.list"), "all", false);
    fake_say(FAKE_DONE);
    for (int i = 0; i < 2; i++) {
        fake_check_bool(fake_take("job.list"), "definitions", true);
        fake_say("{\"definition\":{\"name\":\"nightly\",\"run\":\"at 03:00\",\"next_at_unix_s\":"
                 "null,\"last_id\":16,\"last_state\":\"done\",\"kernel\":\"primes\",\"interval\":"
                 "\"1..1000000\"}}\n" FAKE_DONE);
    }
}

static void list_is_a_table_or_objects(void) {
    struct harness_result r;

    setenv("COLUMNS", "200", 1);
    fake_start(list_jobs);
    r = FAKE_ASK("job", "list", "--all", "-n", "5");
    CHECK(r.code == 0 && expect_count_lines(r.out) == 3, "exit %d: %s", r.code, r.out);
    expect_words("the table", r.out, "17        ann   divisible  1..250 000  done    100 %");
    expect_words("the table", r.out, "1..250 000  paused    4 %   35 714  ended ");
    expect_words("the table", r.out, "no room on \\x1b[2J");
    r = FAKE_ASK("job", "list", "--all", "-n", "5", "--json");
    CHECK(r.code == 0 && expect_count_lines(r.out) == 2, "exit %d: %s", r.code, r.out);
    CHECK(strncmp(r.out, "{\"id\":17,", 9) == 0, "%s", r.out);
    r = FAKE_ASK("job", "list");
    CHECK(r.code == 0 && r.out[0] == 0, "exit %d: %s %s", r.code, r.out, r.err);
    expect_words("stderr", r.err, "no job waits or runs");
    r = FAKE_ASK("job", "list", "--definitions");
    expect_words(
        "the table", r.out, "nightly  primes  1..1 000 000  at 03:00  -           16  done");
    r = FAKE_ASK("job", "list", "--definitions", "--json");
    expect_words("the object", r.out, "{\"name\":\"nightly\",\"run\":\"at 03:00\",");
    fake_join();
}

static void show_jobs(void) {
    fake_check_number(fake_take("job.show"), "id", 17);
    fake_say(
        "{\"job\":" FAKE_JOB "}\n" FAKE_DONE, 12, 0, "3", "incomplete", "\"chunk 12: \\u001b[2J\"");
    fake_check_text(fake_take("job.show"), "id", "nightly");
    fake_say("{\"job\":" FAKE_JOB "}\n" FAKE_DONE, 12, 2, "null", "running", "null");
    fake_check_number(fake_take("job.show"), "id", 17);
    fake_say("{\"job\":" FAKE_JOB "}\n" FAKE_DONE, 250, 0, "0", "done", "null");
}

static void show_says_why_and_what_next(void) {
    struct harness_result r;

    setenv("TZ", "UTC", 1);
    fake_start(show_jobs);
    r = FAKE_ASK("job", "show", "17");
    expect_exit(&r, 0);
    expect_words("stdout", r.out, "job 17 of ann is incomplete, exit 3\n");
    expect_words("stdout", r.out, "cause      chunk 12: \\x1b[2J\n");
    expect_words("stdout", r.out, "kernel     divisible --by 7 --chunk 1000\n");
    expect_words("stdout", r.out, "4 %, 12 of 250 chunks, 35 714 results; begun 2 times\n");
    expect_words("stdout", r.out, "started    2020-09-13 12:26:41, ");
    expect_words("stdout", r.out,
        "next       prefork job retry 17 goes on where it was; prefork job "
        "result 17 prints what there is\n");
    r = FAKE_ASK("job", "show", "nightly");
    expect_words("stdout", r.out, "2 workers compute now");
    expect_words("stdout", r.out, "next       prefork job wait 17 waits for its end");
    r = FAKE_ASK("job", "show", "17", "--json");
    CHECK(strncmp(r.out, "{\"id\":17,", 9) == 0 && expect_count_lines(r.out) == 1, "%s", r.out);
    fake_join();
}

static void decide(void) {
    fake_check_number(fake_take("job.cancel"), "id", 17);
    fake_say("{\"id\":17,\"state\":\"cancelled\"}\n" FAKE_DONE);
    fake_check_number(fake_take("job.retry"), "id", 17);
    fake_say("{\"id\":17,\"state\":\"queued\"}\n" FAKE_DONE);
    fake_take("job.retry");
    fake_say("{\"id\":17,\"state\":\"queued\"}\n" FAKE_DONE);
    fake_take("job.cancel");
    fake_say("{\"done\":true,\"exit\":2,\"error\":\"job 17 has ended\"}\n");
}

static void cancel_and_retry_wait_for_their_answer(void) {
    struct harness_result r;

    fake_start(decide);
    r = FAKE_ASK("job", "cancel", "17");
    CHECK(r.code == 0 && strcmp(r.err, "prefork: job 17 is cancelled\n") == 0, "%s", r.err);
    r = FAKE_ASK("job", "retry", "17");
    CHECK(r.code == 0 && strcmp(r.err, "prefork: job 17 is queued\n") == 0, "%s", r.err);
    r = FAKE_ASK("job", "retry", "17", "--json");
    CHECK(strcmp(r.out, "{\"id\":17,\"state\":\"queued\"}\n") == 0, "%s", r.out);
    r = FAKE_ASK("job", "cancel", "17");
    CHECK(
        r.code == 2 && strcmp(r.err, "prefork: job cancel: job 17 has ended\n") == 0, "%s", r.err);
    fake_join();
}

/* ---- what is typed ---- */

static void every_verb_says_that_nobody_is_there(void) {
    static const char *const cases[][3] = { { "submit", "null", "9" }, { "submit", "nightly" },
        { "list" }, { "show", "17" }, { "wait", "17" }, { "result", "17" }, { "cancel", "17" },
        { "retry", "17" } };
    struct harness_result r;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = FAKE_ASK("job", cases[i][0], cases[i][1], cases[i][1] != NULL ? cases[i][2] : NULL);
        expect_exit(&r, 69);
        expect_words("stderr", r.err, "no preforkd answers at control.sock: is it running?");
        CHECK(expect_count_lines(r.err) == 1 && r.out[0] == '\0', "%s%s", r.out, r.err);
    }
}

/* Nobody is asked: there is nobody. */
static void mistakes_are_told_before_anybody_is_asked(void) {
    static const char *const cases[][9] = {
        { "submit" },
        { "submit", "divisable", "100" },
        { "submit", "divisible", "5..4" },
        { "submit", "divisible", "1..100", "--by", "0" },
        { "submit", "divisible", "1..100", "--engine", "thread" },
        { "submit", "divisible", "1..100", "--csv", "--json" },
        { "submit", "divisible", "--by", "3" },
        { "submit", "divisible", "1..100", "--", "ls" },
        { "submit", "divisible", "1..100", "--patience", "0" },
        { "submit", "command", "1..100", "--", "\xff" },
        { "submit", "nightly", "--chunk", "5" },
        { "submit", "nightly", "--", "ls" },
        { "show" },
        { "show", "1x" },
        { "show", "1", "2" },
        { "wait", "nightly" },
        { "wait", "0" },
        { "result", "18446744073709551615" },
        { "result", "1", "--from", "-1" },
        { "cancel", "" },
        { "retry", "one" },
        { "list", "17" },
        { "list", "--definitions", "--all" },
        { "list", "--last", "0" },
    };
    struct harness_result r;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *argv[16] = { "prefork", FAKE_CONTROL, "job" };

        for (size_t k = 0; cases[i][k] != NULL; k++)
            argv[4 + k] = cases[i][k];
        r = harness_run_argv(argv);
        CHECK(r.code == 2, "case %zu: exit %d: %s", i, r.code, r.err);
        CHECK(expect_count_lines(r.err) == 1 && r.out[0] == '\0', "case %zu: %s", i, r.err);
    }
    harness_figure("mistakes=%zu", sizeof(cases) / sizeof(cases[0]));
}

static void mistakes_are_told_in_the_words_of_job_run(void) {
    static const char *const cases[][5] = { { "divisable", "100" }, { "divisible", "5..4" },
        { "divisible", "100", "--by", "0" }, { "null", "100", "--chunk", "0" },
        { "command", "100" }, { "divisible", "100", "--retries", "x" } };
    struct harness_result r[2];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t k = 0; k < 2; k++)
            r[k] = FAKE_ASK("job", k == 0 ? "run" : "submit", cases[i][0], cases[i][1], cases[i][2],
                cases[i][2] != NULL ? cases[i][3] : NULL);
        CHECK(r[0].code == 2 && r[1].code == 2, "case %zu: %d, %d", i, r[0].code, r[1].code);
        CHECK(strcmp(r[0].err + strlen("prefork: job run: "),
                  r[1].err + strlen("prefork: job submit: ")) == 0,
            "%s%s", r[0].err, r[1].err);
    }
}

static const struct harness_test tests[] = {
    { "list_is_a_table_or_objects", list_is_a_table_or_objects },
    { "show_says_why_and_what_next", show_says_why_and_what_next },
    { "cancel_and_retry_wait_for_their_answer", cancel_and_retry_wait_for_their_answer },
    { "every_verb_says_that_nobody_is_there", every_verb_says_that_nobody_is_there },
    { "mistakes_are_told_before_anybody_is_asked", mistakes_are_told_before_anybody_is_asked },
    { "mistakes_are_told_in_the_words_of_job_run", mistakes_are_told_in_the_words_of_job_run },
    { NULL, NULL },
};

const struct harness_suite job_verbs_suite = { "job_verbs", tests };
