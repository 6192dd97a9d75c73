/*
 * The verbs about the daemon's jobs, against a daemon that says what the test wrote down: what
 * they ask, and that nothing is lost or doubled on stdout whatever happens to the connection.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/expect.h"
#include "tests/system/fake.h"
#include "tests/system/suites.h"

#define RESULT (200u * 1024u)

static char *result; /* of the job that the fake daemon has: lines of numbers */
static size_t result_len;

static void make_result(void) {
    result = expect_multiples(7, 1, 250000, &result_len);
    CHECK(result_len > RESULT, "%zu bytes", result_len);
}

static void say_done_job(void) {
    fake_say("{\"job\":" FAKE_JOB "}\n", 250, 0, "0", "done", "null");
}

static void expect_exit(const struct harness_result *r, int wanted) {
    CHECK(r->code == wanted, "exit %d instead of %d: %s", r->code, wanted, r->err);
}

static void expect_result(const struct harness_result *r) {
    expect_bytes("the result", r->out, r->out_len, result, result_len);
}

/* ---- submit ---- */

static void check_what(const json_t *args) {
    const json_t *what = json_object_get(args, "what");
    const char *token = json_string_value(json_object_get(args, "token"));

    fake_check_text(what, "kernel", "divisible");
    fake_check_text(what, "interval", "1..250000");
    fake_check_text(json_object_get(what, "params"), "by", "7");
    fake_check_text(json_object_get(what, "options"), "chunk", "1000");
    CHECK(token != NULL && strlen(token) == 32, "%s", json_dumps(args, 0));
}

static void give_id(void) {
    for (int i = 0; i < 3; i++) {
        json_t *args = fake_take("job.submit");

        if (i < 2)
            check_what(args);
        else
            fake_check_text(args, "name", "nightly");
        CHECK(json_object_get(args, "follow") == NULL, "%s", json_dumps(args, 0));
        fake_say("{\"id\":17,\"state\":\"queued\"}\n" FAKE_DONE);
    }
}

static void submit_prints_the_id(void) {
    struct harness_result r;

    fake_start(give_id);
    r = FAKE_ASK("job", "submit", "divisible", "250", "000", "--by", "7", "--chunk", "1e3");
    expect_exit(&r, 0);
    CHECK(strcmp(r.out, "17\n") == 0 && r.err[0] == '\0', "\"%s\", \"%s\"", r.out, r.err);
    r = FAKE_ASK(
        "job", "submit", "divisible", "1..250000", "--by", "7", "--chunk", "1000", "--json");
    CHECK(strcmp(r.out, "{\"id\":17,\"state\":\"queued\"}\n") == 0, "\"%s\"", r.out);
    r = FAKE_ASK("job", "submit", "nightly");
    CHECK(strcmp(r.out, "17\n") == 0, "\"%s\"", r.out);
    fake_join();
}

/* In pieces of odd sizes, with progress between them, byte by byte at their borders. */
static void stream_all(void) {
    json_t *args = fake_take("job.submit");
    size_t len;

    check_what(args);
    fake_check_bool(args, "follow", true);
    fake_say("{\"id\":17,\"state\":\"queued\"}\n");
    for (size_t at = 0; at < result_len; at += len) {
        len = harness_random(1, 9000);
        len = len < result_len - at ? len : result_len - at;
        fake_say_data(result + at, len);
        if (len % 3 == 0)
            fake_say("{\"progress\":{\"chunks\":250,\"chunks_done\":%zu,\"state\":\"running\"}}\n",
                250 * at / result_len);
    }
    say_done_job();
    fake_say(FAKE_DONE);
}

static void submit_and_wait_is_as_job_run(void) {
    struct harness_result r,
        own = FAKE_ASK("job", "run", "divisible", "250000", "--by", "7", "--quiet");

    make_result();
    expect_result(&own);
    fake_start(stream_all);
    r = FAKE_ASK("job", "submit", "divisible", "250000", "--by", "7", "--chunk", "1000", "--wait");
    expect_exit(&r, 0);
    expect_result(&r);
    expect_words("stderr", r.err, "prefork: job 17\n");
    expect_words("stderr", r.err, "35 714 numbers, 250 of 250 chunks, digest 35714:0badcafe\n");
    fake_join();
    fake_start(stream_all);
    r = FAKE_ASK("job", "submit", "divisible", "250000", "--by", "7", "--chunk", "1000", "--wait",
        "--quiet");
    CHECK(r.code == 0 && r.err[0] == '\0', "exit %d: %s", r.code, r.err);
    fake_join();
}

static void end_badly(void) {
    fake_take("job.submit");
    fake_say("{\"id\":17,\"state\":\"queued\"}\n");
    fake_say_data("1\n", 2);
    fake_say(
        "{\"job\":" FAKE_JOB "}\n", 3, 0, "3", "incomplete", "\"chunk 4: killed by \\u001b[2J\"");
    fake_say("{\"done\":true,\"exit\":3,\"error\":\"chunk 4: killed by \\u001b[2J\"}\n");
}

static void end_of_the_job_is_that_of_the_client(void) {
    struct harness_result r;

    fake_start(end_badly);
    r = FAKE_ASK("job", "submit", "null", "100", "--wait");
    expect_exit(&r, 3);
    CHECK(strcmp(r.out, "1\n") == 0, "%s", r.out);
    expect_words("stderr", r.err, "prefork: job submit: chunk 4: killed by \\x1b[2J\n");
    expect_words("stderr", r.err, "job 17 is incomplete");
    expect_words("stderr", r.err, "prefork job retry 17 goes on where it was");
    fake_join();
    fake_start(end_badly);
    r = FAKE_ASK("job", "submit", "null", "100", "--wait", "--json");
    expect_exit(&r, 3);
    expect_words("stderr", r.err, "{\"event\":\"summary\",\"job\":{\"id\":17,");
    CHECK(strcmp(r.out, "1\n") == 0, "%s", r.out);
    fake_join();
}

/* ---- what is lost is asked for again ---- */

static void lose_the_answer(void) {
    const char *token = json_string_value(json_object_get(fake_take("job.submit"), "token"));

    fake_hang_up();
    for (int i = 0; i < 2; i++) {
        fake_check_text(fake_take("job.submit"), "token", token);
        fake_say(i == 0 ? "{\"id\":17,\"sta" : "{\"id\":17,\"state\":\"done\"}\n");
        if (i == 0)
            fake_hang_up();
    }
    fake_say_data("14\n", 3);
    fake_say(FAKE_DONE);
}

static void lost_answer_is_asked_for_with_the_same_token(void) {
    struct harness_result r;

    fake_start(lose_the_answer);
    r = FAKE_ASK("job", "submit", "null", "100", "--wait");
    expect_exit(&r, 0);
    CHECK(strcmp(r.out, "14\n") == 0, "%s", r.out);
    fake_join();
}

static void lose_the_end(void) {
    fake_take("job.submit");
    fake_say("{\"id\":17,\"state\":\"queued\"}\n");
    fake_hang_up();
    fake_take("job.submit");
    fake_say("{\"id\":17,\"state\":\"running\"}\n" FAKE_DONE);
}

static void id_is_printed_once(void) {
    struct harness_result r;

    fake_start(lose_the_end);
    r = FAKE_ASK("job", "submit", "null", "100");
    expect_exit(&r, 0);
    CHECK(strcmp(r.out, "17\n") == 0, "%s", r.out);
    fake_join();
}

#define CUTS 60

/* A storm: the connection breaks anywhere, also in the middle of a line. */
static void break_off_often(void) {
    const char *verb = "job.submit";
    size_t at = 0, len, sent;
    json_t *args;

    for (unsigned cut = 0; cut < CUTS; cut++) {
        args = fake_take(verb);
        if (cut > 0) {
            fake_check_number(args, "id", 17);
            fake_check_number(args, "from", (json_int_t)at);
            fake_check_bool(args, "follow", true);
        } else {
            fake_say("{\"id\":17,\"state\":\"running\"}\n");
        }
        verb = "job.result";
        len = harness_random(1, RESULT / CUTS);
        sent = harness_random(0, len);
        fake_say_torn(result + at, len, sent);
        at += sent;
        if (sent == len)
            fake_say("%.*s", (int)harness_random(0, 12), "{\"data\":4711}\n");
        fake_hang_up();
    }
    fake_check_number(fake_take("job.result"), "from", (json_int_t)at);
    for (; at < result_len; at += len) {
        len = result_len - at < 256 * 1024 ? result_len - at : 256 * 1024;
        fake_say_data(result + at, len);
    }
    fake_say(FAKE_DONE);
}

static void stream_goes_on_at_its_byte_wherever_it_breaks(void) {
    struct harness_result r;

    make_result();
    fake_start(break_off_often);
    r = FAKE_ASK("job", "submit", "divisible", "250000", "--by", "7", "--wait", "--quiet");
    expect_exit(&r, 0);
    expect_result(&r);
    fake_join();
    harness_figure("cuts=%u", CUTS);
}

/* The daemon is away for a while; then it is there, but the job supervisor is not yet. */
static void be_away(void) {
    fake_take("job.result");
    fake_say_torn("14\n28\n", 6, 4);
    fake_leave();
    fake_hang_up();
    harness_pause_us(100000);
    unlink("control.sock");
    harness_pause_us(100000);
    fake_come_back();
    fake_check_number(fake_take("job.result"), "from", 9004);
    fake_say("{\"progress\":\"the job supervisor is being started\"}\n"
             "{\"done\":true,\"exit\":69,\"error\":\"the job supervisor did not start\"}\n");
    fake_check_number(fake_take("job.result"), "from", 9004);
    fake_say_data("8\n", 2);
    fake_say(FAKE_DONE);
}

static void restart_of_the_daemon_is_waited_for(void) {
    struct harness_result r;

    fake_start(be_away);
    r = FAKE_ASK("job", "result", "17", "--from", "9000");
    expect_exit(&r, 0);
    CHECK(strcmp(r.out, "14\n28\n") == 0, "%s", r.out);
    expect_words("stderr", r.err, "the connection was lost");
    expect_words("stderr", r.err, "the job supervisor is being started");
    fake_join();
}

/* It says good-bye, with the exit code of one who is not there; a job may have that code, too. */
static void leave_politely(void) {
    fake_take("job.result");
    fake_say_data("14\n", 3);
    fake_say("{\"done\":true,\"exit\":69,\"error\":\"the job supervisor is leaving\"}\n");
    fake_check_number(fake_take("job.result"), "from", 3);
    fake_say_data("28\n", 3);
    fake_say("{\"job\":" FAKE_JOB "}\n", 3, 0, "69", "failed", "\"no library\"");
    fake_say("{\"done\":true,\"exit\":69,\"error\":\"no library\"}\n");
}

static void leaving_is_not_the_end_of_the_job(void) {
    struct harness_result r;

    fake_start(leave_politely);
    r = FAKE_ASK("job", "result", "17");
    expect_exit(&r, 69);
    CHECK(strcmp(r.out, "14\n28\n") == 0, "%s", r.out);
    expect_words("stderr", r.err, "job result: no library\n");
    CHECK(strstr(r.err, "is leaving") == NULL, "%s", r.err);
    fake_join();
}

static void go_for_good(void) {
    fake_take("job.result");
    fake_say_data("14\n", 3);
    fake_leave();
    fake_hang_up();
}

static void daemon_that_stays_away_is_given_up(void) {
    struct harness_result r;

    fake_start(go_for_good);
    r = FAKE_ASK("job", "result", "17", "--patience", "150ms");
    expect_exit(&r, 69);
    CHECK(strcmp(r.out, "14\n") == 0, "%s", r.out);
    CHECK(r.wall_ns > 140000000u, "after %" PRIu64 " ns", r.wall_ns);
    expect_words("stderr", r.err, "job result: nobody has answered for 150.0 ms: no preforkd");
    expect_words("stderr", r.err, "prefork job result 17 --from 3 goes on here");
    fake_join();
    r = FAKE_ASK("job", "result", "17");
    expect_exit(&r, 69);
    CHECK(r.wall_ns < 5000000000u && expect_count_lines(r.err) == 1, "%s", r.err);
    expect_words("stderr", r.err, "no preforkd answers at control.sock: is it running?");
}

static void be_mute(void) {
    fake_take_mute();
    CHECK(!fake_wait_for_end(), "no question");
}

static void daemon_that_says_nothing_is_given_up(void) {
    struct harness_result r;

    fake_start(be_mute);
    r = FAKE_ASK("job", "submit", "null", "100", "--patience", "100ms");
    expect_exit(&r, 69);
    expect_words("stderr", r.err, "nobody has answered for 100.0 ms: the daemon says nothing");
    fake_join();
}

/* ---- who answers is no preforkd ---- */

static const char *garbage;

static void say_garbage(void) {
    fake_take("job.result");
    fake_say("%s", garbage);
    fake_wait_for_end();
}

static void garbage_is_no_result(void) {
    static const char *const all[] = { "HTTP/1.1 400 Bad Request\n", "[1]\n", "\n", "{\"a\":\n",
        "{\"data\":-1}\n", "{\"data\":0}\n", "{\"data\":1e3}\n", "{\"data\":262145}\n",
        "{\"data\":\"5\"}\n", "{\"data\":2}\n14what follows is no line\n", "{\"a\":\"\xff\"}\n" };
    struct harness_result r;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        garbage = all[i];
        fake_start(say_garbage);
        r = FAKE_ASK("job", "result", "17");
        expect_exit(&r, 65);
        CHECK(strcmp(r.out, i == 9 ? "14" : "") == 0, "%zu: \"%s\"", i, r.out);
        expect_words("stderr", r.err, "what answers at control.sock is no preforkd");
        fake_join();
    }
}

static void refuse(void) {
    fake_take("job.result");
    fake_say("{\"done\":true,\"exit\":2,\"error\":\"there is no job 17\"}\n");
    fake_take("job.wait");
    fake_say("{\"done\":true,\"exit\":78,\"error\":\"there is no job supervisor\"}\n");
    fake_take("job.submit");
    fake_say("{\"done\":true,\"exit\":69,\"error\":\"the job supervisor did not start\"}\n");
    fake_check_text(fake_take("job.submit"), "name", "primes");
    fake_say("{\"done\":true,\"exit\":2,\"error\":\"no file defines a job primes\"}\n");
}

static void refusal_is_one_line(void) {
    struct harness_result r;

    fake_start(refuse);
    r = FAKE_ASK("job", "result", "17");
    expect_exit(&r, 2);
    CHECK(strcmp(r.err, "prefork: job result: there is no job 17\n") == 0, "%s", r.err);
    r = FAKE_ASK("job", "wait", "17");
    expect_exit(&r, 78);
    CHECK(strcmp(r.err, "prefork: job wait: there is no job supervisor\n") == 0, "%s", r.err);
    r = FAKE_ASK("job", "submit", "null", "100", "--wait");
    expect_exit(&r, 69);
    CHECK(
        strcmp(r.err, "prefork: job submit: the job supervisor did not start\n") == 0, "%s", r.err);
    r = FAKE_ASK("job", "submit", "primes");
    expect_exit(&r, 2);
    expect_words("stderr", r.err, "a kernel needs an interval behind it");
    fake_join();
}

static const struct harness_test tests[] = {
    { "submit_prints_the_id", submit_prints_the_id },
    { "submit_and_wait_is_as_job_run", submit_and_wait_is_as_job_run },
    { "end_of_the_job_is_that_of_the_client", end_of_the_job_is_that_of_the_client },
    { "lost_answer_is_asked_for_with_the_same_token",
        lost_answer_is_asked_for_with_the_same_token },
    { "id_is_printed_once", id_is_printed_once },
    { "stream_goes_on_at_its_byte_wherever_it_breaks",
        stream_goes_on_at_its_byte_wherever_it_breaks },
    { "restart_of_the_daemon_is_waited_for", restart_of_the_daemon_is_waited_for },
    { "leaving_is_not_the_end_of_the_job", leaving_is_not_the_end_of_the_job },
    { "daemon_that_stays_away_is_given_up", daemon_that_stays_away_is_given_up },
    { "daemon_that_says_nothing_is_given_up", daemon_that_says_nothing_is_given_up },
    { "garbage_is_no_result", garbage_is_no_result },
    { "refusal_is_one_line", refusal_is_one_line },
    { NULL, NULL },
};

const struct harness_suite job_client_suite = { "job_client", tests };
