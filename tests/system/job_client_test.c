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

#define CONTROL "--control", "control.sock"
#define RESULT  (200u * 1024u)

static char *result; /* of the job that the fake daemon has: lines of numbers */
static size_t result_len;

static void make_result(void) {
    result = expect_multiples(7, 1, 250000, &result_len);
    CHECK(result_len > RESULT, "%zu bytes", result_len);
}

#define JOB                                                                                        \
    "{\"id\":17,\"name\":null,\"uid\":1000,\"user\":\"ann\",\"kernel\":\"divisible\","             \
    "\"interval\":\"1..250000\",\"what\":{\"kernel\":\"divisible\",\"interval\":\"1..250000\","    \
    "\"params\":{\"by\":\"7\"},\"options\":{\"chunk\":\"1000\"}},\"wanted_at_unix_s\":1600000000," \
    "\"started_at_unix_s\":1600000001,\"ended_at_unix_s\":1600000062,\"runs\":2,\"chunks\":250,"   \
    "\"chunks_done\":%d,\"records\":35714,\"digest\":\"35714:0badcafe\",\"result_bytes\":2048,"    \
    "\"workers\":%d,\"output\":null,\"exit\":%s,\"state\":\"%s\",\"cause\":%s}"

static void say_done_job(void) {
    fake_say("{\"job\":" JOB "}\n", 250, 0, "0", "done", "null");
}

static struct harness_result run(const char *const *words) {
    const char *argv[32] = { "prefork", CONTROL };
    size_t count = 3;

    for (; *words != NULL; words++)
        argv[count++] = *words;
    argv[count] = NULL;
    return harness_run_argv(argv);
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

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
    r = RUN("job", "submit", "divisible", "250", "000", "--by", "7", "--chunk", "1e3");
    expect_exit(&r, 0);
    CHECK(strcmp(r.out, "17\n") == 0 && r.err[0] == '\0', "\"%s\", \"%s\"", r.out, r.err);
    r = RUN("job", "submit", "divisible", "1..250000", "--by", "7", "--chunk", "1000", "--json");
    CHECK(strcmp(r.out, "{\"id\":17,\"state\":\"queued\"}\n") == 0, "\"%s\"", r.out);
    r = RUN("job", "submit", "nightly");
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
    struct harness_result r, own = RUN("job", "run", "divisible", "250000", "--by", "7", "--quiet");

    make_result();
    expect_result(&own);
    fake_start(stream_all);
    r = RUN("job", "submit", "divisible", "250000", "--by", "7", "--chunk", "1000", "--wait");
    expect_exit(&r, 0);
    expect_result(&r);
    expect_words("stderr", r.err, "prefork: job 17\n");
    expect_words("stderr", r.err, "35 714 numbers, 250 of 250 chunks, digest 35714:0badcafe\n");
    fake_join();
    fake_start(stream_all);
    r = RUN("job", "submit", "divisible", "250000", "--by", "7", "--chunk", "1000", "--wait",
        "--quiet");
    CHECK(r.code == 0 && r.err[0] == '\0', "exit %d: %s", r.code, r.err);
    fake_join();
}

static void end_badly(void) {
    fake_take("job.submit");
    fake_say("{\"id\":17,\"state\":\"queued\"}\n");
    fake_say_data("1\n", 2);
    fake_say("{\"job\":" JOB "}\n", 3, 0, "3", "incomplete", "\"chunk 4: killed by \\u001b[2J\"");
    fake_say("{\"done\":true,\"exit\":3,\"error\":\"chunk 4: killed by \\u001b[2J\"}\n");
}

static void end_of_the_job_is_that_of_the_client(void) {
    struct harness_result r;

    fake_start(end_badly);
    r = RUN("job", "submit", "null", "100", "--wait");
    expect_exit(&r, 3);
    CHECK(strcmp(r.out, "1\n") == 0, "%s", r.out);
    expect_words("stderr", r.err, "prefork: job submit: chunk 4: killed by \\033[2J\n");
    expect_words("stderr", r.err, "job 17 is incomplete");
    expect_words("stderr", r.err, "prefork job retry 17 goes on where it was");
    fake_join();
    fake_start(end_badly);
    r = RUN("job", "submit", "null", "100", "--wait", "--json");
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
    r = RUN("job", "submit", "null", "100", "--wait");
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
    r = RUN("job", "submit", "null", "100");
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
    r = RUN("job", "submit", "divisible", "250000", "--by", "7", "--wait", "--quiet");
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
    r = RUN("job", "result", "17", "--from", "9000");
    expect_exit(&r, 0);
    CHECK(strcmp(r.out, "14\n28\n") == 0, "%s", r.out);
    expect_words("stderr", r.err, "the connection was lost");
    expect_words("stderr", r.err, "the job supervisor is being started");
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
    r = RUN("job", "result", "17", "--patience", "150ms");
    expect_exit(&r, 69);
    CHECK(strcmp(r.out, "14\n") == 0, "%s", r.out);
    CHECK(r.wall_ns > 140000000u, "after %" PRIu64 " ns", r.wall_ns);
    expect_words("stderr", r.err, "job result: nobody has answered for 150.0 ms: no preforkd");
    expect_words("stderr", r.err, "prefork job result 17 --from 3 goes on here");
    fake_join();
    r = RUN("job", "result", "17");
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
    r = RUN("job", "submit", "null", "100", "--patience", "100ms");
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
        r = RUN("job", "result", "17");
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
    r = RUN("job", "result", "17");
    expect_exit(&r, 2);
    CHECK(strcmp(r.err, "prefork: job result: there is no job 17\n") == 0, "%s", r.err);
    r = RUN("job", "wait", "17");
    expect_exit(&r, 78);
    CHECK(strcmp(r.err, "prefork: job wait: there is no job supervisor\n") == 0, "%s", r.err);
    r = RUN("job", "submit", "null", "100", "--wait");
    expect_exit(&r, 69);
    CHECK(
        strcmp(r.err, "prefork: job submit: the job supervisor did not start\n") == 0, "%s", r.err);
    r = RUN("job", "submit", "primes");
    expect_exit(&r, 2);
    expect_words("stderr", r.err, "a kernel needs an interval behind it");
    fake_join();
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
    const char *const argv[] = { "prefork", CONTROL, "job", "wait", "17", NULL };
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
    r = RUN("job", "wait", "17", "--timeout", "100ms");
    expect_exit(&r, 124);
    expect_words("stderr", r.err, "job wait: not done after 100 ms\n");
    expect_words("stderr", r.err, "prefork job wait 17 comes back to it");
    fake_join();
}

static void flood(void) {
    fake_take("job.result");
    for (int i = 0; i < 64; i++)
        fake_say_data(result, 65536);
    fake_wait_for_end();
}

/* Who reads slowly, or not at all, can leave; what was written is known to the byte. */
static void blocked_client_can_be_interrupted(void) {
    static const unsigned kinds[] = { HARNESS_STDOUT_PIPE, HARNESS_STDOUT_SOCKET };
    const char *const argv[] = { "prefork", CONTROL, "job", "result", "17", NULL };
    struct harness_proc proc;
    char words[96], buf[65536];
    uint64_t sum;
    ssize_t n;

    make_result();
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
    const char *const argv[] = { "prefork", CONTROL, "job", "result", "17", NULL };
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
        fake_say("{\"job\":" JOB "}\n", 250, 0, "1", "failed", "\"no such file\"");
        fake_say("{\"done\":true,\"exit\":1,\"error\":\"no such file\"}\n");
    }
}

static void wait_ends_as_the_job_does(void) {
    struct harness_result r;

    fake_start(wait_to_the_end);
    r = RUN("job", "wait", "17");
    expect_exit(&r, 1);
    CHECK(r.out[0] == '\0', "%s", r.out);
    expect_words("stderr", r.err, "job 17 is queued\nprefork: job 17 runs\n");
    expect_words("stderr", r.err, "job wait: no such file\n");
    expect_words("stderr", r.err, "job 17 is failed: 35 714 numbers, 250 of 250 chunks");
    r = RUN("job", "wait", "17", "--json");
    expect_exit(&r, 1);
    CHECK(strncmp(r.out, "{\"id\":17,", 9) == 0 && expect_count_lines(r.out) == 1, "%s", r.out);
    CHECK(strcmp(r.err, "prefork: job wait: no such file\n") == 0, "%s", r.err);
    r = RUN("job", "wait", "17", "--quiet");
    expect_exit(&r, 1);
    fake_join();
}

static void show_progress(void) {
    fake_take("job.wait");
    for (int i = 0; i < 3; i++) {
        fake_say("{\"progress\":{\"chunks\":4,\"chunks_done\":%d,\"state\":\"running\"}}\n", i);
        harness_pause_us(1010000); /* the form has an interval of its own */
    }
    fake_say(FAKE_DONE);
}

static void progress_can_be_read_by_a_program(void) {
    struct harness_result r;

    fake_start(show_progress);
    r = RUN("job", "wait", "17", "--progress", "json");
    expect_exit(&r, 0);
    expect_words("stderr", r.err, "{\"event\":\"progress\",");
    expect_words("stderr", r.err, "\"chunks_done\":2,\"chunks\":4,");
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
    r = RUN("job", "result", "17", "--from", "1MiB", "--no-follow");
    expect_exit(&r, 0);
    CHECK(strcmp(r.out, "14\n28\n") == 0, "%s", r.out);
    fake_join();
}

/* ---- looking, deciding ---- */

static void list_jobs(void) {
    for (int i = 0; i < 2; i++) {
        json_t *args = fake_take("job.list");

        fake_check_bool(args, "all", true);
        fake_check_number(args, "last", 5);
        fake_say("{\"job\":" JOB "}\n{\"job\":" JOB "}\n" FAKE_DONE, 250, 0, "0", "done", "null",
            10, 2, "null", "paused", "\"no room on \\u001b[2J\"");
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
    r = RUN("job", "list", "--all", "-n", "5");
    CHECK(r.code == 0 && expect_count_lines(r.out) == 3, "exit %d: %s", r.code, r.out);
    expect_words("the table", r.out, "17        ann   divisible  1..250 000  done    100 %");
    expect_words("the table", r.out, "1..250 000  paused    4 %   35 714  ended ");
    expect_words("the table", r.out, "no room on \\033[2J");
    r = RUN("job", "list", "--all", "-n", "5", "--json");
    CHECK(r.code == 0 && expect_count_lines(r.out) == 2, "exit %d: %s", r.code, r.out);
    CHECK(strncmp(r.out, "{\"id\":17,", 9) == 0, "%s", r.out);
    r = RUN("job", "list");
    CHECK(r.code == 0 && r.out[0] == 0, "exit %d: %s %s", r.code, r.out, r.err);
    expect_words("stderr", r.err, "no job waits or runs");
    r = RUN("job", "list", "--definitions");
    expect_words(
        "the table", r.out, "nightly  primes  1..1 000 000  at 03:00  -           16  done");
    r = RUN("job", "list", "--definitions", "--json");
    expect_words("the object", r.out, "{\"name\":\"nightly\",\"run\":\"at 03:00\",");
    fake_join();
}

static void show_jobs(void) {
    fake_check_number(fake_take("job.show"), "id", 17);
    fake_say("{\"job\":" JOB "}\n" FAKE_DONE, 12, 0, "3", "incomplete", "\"chunk 12: \\u001b[2J\"");
    fake_check_text(fake_take("job.show"), "id", "nightly");
    fake_say("{\"job\":" JOB "}\n" FAKE_DONE, 12, 2, "null", "running", "null");
    fake_check_number(fake_take("job.show"), "id", 17);
    fake_say("{\"job\":" JOB "}\n" FAKE_DONE, 250, 0, "0", "done", "null");
}

static void show_says_why_and_what_next(void) {
    struct harness_result r;

    setenv("TZ", "UTC", 1);
    fake_start(show_jobs);
    r = RUN("job", "show", "17");
    expect_exit(&r, 0);
    expect_words("stdout", r.out, "job 17 of ann is incomplete, exit 3\n");
    expect_words("stdout", r.out, "cause      chunk 12: \\033[2J\n");
    expect_words("stdout", r.out, "kernel     divisible --by 7 --chunk 1000\n");
    expect_words("stdout", r.out, "4 %, 12 of 250 chunks, 35 714 results; begun 2 times\n");
    expect_words("stdout", r.out, "started    2020-09-13 12:26:41, ");
    expect_words("stdout", r.out,
        "next       prefork job retry 17 goes on where it was; prefork job "
        "result 17 prints what there is\n");
    r = RUN("job", "show", "nightly");
    expect_words("stdout", r.out, "2 workers compute now");
    expect_words("stdout", r.out, "next       prefork job wait 17 waits for its end");
    r = RUN("job", "show", "17", "--json");
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
    r = RUN("job", "cancel", "17");
    CHECK(r.code == 0 && strcmp(r.err, "prefork: job 17 is cancelled\n") == 0, "%s", r.err);
    r = RUN("job", "retry", "17");
    CHECK(r.code == 0 && strcmp(r.err, "prefork: job 17 is queued\n") == 0, "%s", r.err);
    r = RUN("job", "retry", "17", "--json");
    CHECK(strcmp(r.out, "{\"id\":17,\"state\":\"queued\"}\n") == 0, "%s", r.out);
    r = RUN("job", "cancel", "17");
    CHECK(
        r.code == 2 && strcmp(r.err, "prefork: job cancel: job 17 has ended\n") == 0, "%s", r.err);
    fake_join();
}

/* ---- what is typed ---- */

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
        const char *argv[16] = { "prefork", CONTROL, "job" };

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
            r[k] = RUN("job", k == 0 ? "run" : "submit", cases[i][0], cases[i][1], cases[i][2],
                cases[i][2] != NULL ? cases[i][3] : NULL);
        CHECK(r[0].code == 2 && r[1].code == 2, "case %zu: %d, %d", i, r[0].code, r[1].code);
        CHECK(strcmp(r[0].err + strlen("prefork: job run: "),
                  r[1].err + strlen("prefork: job submit: ")) == 0,
            "%s%s", r[0].err, r[1].err);
    }
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
    { "daemon_that_stays_away_is_given_up", daemon_that_stays_away_is_given_up },
    { "daemon_that_says_nothing_is_given_up", daemon_that_says_nothing_is_given_up },
    { "garbage_is_no_result", garbage_is_no_result },
    { "refusal_is_one_line", refusal_is_one_line },
    { "interrupt_leaves_the_job_to_itself", interrupt_leaves_the_job_to_itself },
    { "wait_has_a_time_limit", wait_has_a_time_limit },
    { "blocked_client_can_be_interrupted", blocked_client_can_be_interrupted },
    { "closed_stdout_ends_the_client_and_not_the_job",
        closed_stdout_ends_the_client_and_not_the_job },
    { "wait_ends_as_the_job_does", wait_ends_as_the_job_does },
    { "progress_can_be_read_by_a_program", progress_can_be_read_by_a_program },
    { "result_without_following_is_what_is_there", result_without_following_is_what_is_there },
    { "list_is_a_table_or_objects", list_is_a_table_or_objects },
    { "show_says_why_and_what_next", show_says_why_and_what_next },
    { "cancel_and_retry_wait_for_their_answer", cancel_and_retry_wait_for_their_answer },
    { "mistakes_are_told_before_anybody_is_asked", mistakes_are_told_before_anybody_is_asked },
    { "mistakes_are_told_in_the_words_of_job_run", mistakes_are_told_in_the_words_of_job_run },
    { NULL, NULL },
};

const struct harness_suite job_client_suite = { "job_client", tests };
