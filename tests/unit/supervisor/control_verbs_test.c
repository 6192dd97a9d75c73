/* The verbs that change something: what they call, what they wait for, what they say. */
#include "tests/unit/supervisor/control_fake.h"

#include "supervisor/control_request.h"

static int peer, exit_code;

static void open_with_peer(void) {
    fake_open();
    peer = fake_connect();
}

static void close_all(void) {
    close(peer);
    fake_close();
}

TestSuite(control_verbs, .init = open_with_peer, .fini = close_all);

static void ask(const char *verb, const char *args) {
    char line[256];

    snprintf(line, sizeof(line), "{\"verb\":\"%s\",\"args\":{%s}}\n", verb, args);
    fake_write(peer, line);
    fake_turn();
    fake_turn();
}

/* The next line holds these words. */
static void expect(const char *words) {
    const char *line = fake_read(peer);

    cr_assert_not_null(line, "no line; wanted: %s", words);
    cr_assert_not_null(strstr(line, words), "%s; wanted: %s", line, words);
}

static void expect_end(int wanted, const char *words) {
    const char *error = fake_finish(peer, &exit_code);

    cr_assert_eq(exit_code, wanted, "exit %d: %s", exit_code, error);
    cr_assert_not_null(strstr(error, words), "%s; wanted: %s", error, words);
    cr_assert(words[0] != '\0' || error[0] == '\0', "%s", error);
}

/* ---- start ---- */

Test(control_verbs, start_waits_until_it_runs) {
    struct service *ack = fake_service("ack");
    struct child child;

    ask("start", "\"service\":\"ack\"");
    cr_assert_str_eq(fake_called, "start ack");
    expect("ack: 0 workers ready, 0 starting, 0 to leave");
    cr_assert(fake_is_silent(peer));
    fake_add_child("ack", &child, 1, CHILD_RUNNING);
    ack->state = SERVICE_RUNNING;
    expect("ack: 1 worker ready, 0 starting, 0 to leave");
    cr_assert(fake_is_silent(peer), "not settled yet");
    fake_is_settled = true;
    expect("{\"service\":\"ack\",\"state\":\"RUNNING\",\"ready\":1,\"wanted\":4,"
           "\"words\":\"ack is RUNNING with 1 worker\"}");
    expect_end(0, "");
}

Test(control_verbs, start_that_fails_is_told) {
    struct service *ack = fake_service("ack");

    fake_start_fails = true;
    ask("start", "\"service\":\"ack\"");
    expect_end(1, "ack: port 50007 is busy");
    fake_start_fails = false;
    ask("start", "\"service\":\"ack\"");
    expect("0 workers ready");
    ack->state = SERVICE_BACKOFF;
    expect("ack is in BACKOFF");
    ack->state = SERVICE_FATAL;
    strcpy(ack->last_death, "was killed by SIGSEGV after 2 ms");
    expect_end(1, "ack is FATAL: a worker was killed by SIGSEGV after 2 ms");
}

Test(control_verbs, endless_backoff_is_not_waited_for) {
    fake_config.service[0].start_retries = 0;
    ask("start", "\"service\":\"ack\"");
    expect("0 workers ready");
    fake_service("ack")->state = SERVICE_BACKOFF;
    expect_end(1, "ack is BACKOFF");
}

Test(control_verbs, start_of_what_runs_changes_nothing) {
    fake_is_settled = true;
    ask("start", "\"service\":\"echo\"");
    cr_assert_str_eq(fake_called, "");
    expect("echo is RUNNING");
    expect_end(0, "");
    fake_service("echo")->state = SERVICE_STOPPING;
    ask("start", "\"service\":\"echo\"");
    expect_end(1, "echo is STOPPING");
}

Test(control_verbs, no_wait_answers_at_once) {
    ask("start", "\"service\":\"ack\",\"wait\":false");
    expect("ack is STARTING; not waited for");
    expect_end(0, "");
}

/* ---- stop ---- */

Test(control_verbs, stop_waits_for_the_last_worker) {
    struct service *echo = fake_service("echo");
    struct child child[2];

    fake_add_child("echo", &child[0], 1, CHILD_RUNNING);
    fake_add_child("echo", &child[1], 2, CHILD_RUNNING);
    ask("stop", "\"service\":\"echo\"");
    cr_assert_str_eq(fake_called, "stop echo: stopped by the operator");
    expect("echo: 2 workers to leave");
    TAILQ_REMOVE(&echo->children, &child[0], link);
    expect("echo: 1 worker to leave");
    TAILQ_REMOVE(&echo->children, &child[1], link);
    echo->state = SERVICE_STOPPED;
    expect("echo is STOPPED");
    expect_end(0, "");
    fake_called[0] = '\0';
    ask("stop", "\"service\":\"echo\"");
    expect("echo is STOPPED");
    expect_end(0, "");
    cr_assert_str_eq(fake_called, "");
}

Test(control_verbs, stop_that_is_undone_is_told) {
    ask("stop", "\"service\":\"echo\"");
    expect("0 workers to leave");
    fake_service("echo")->state = SERVICE_STARTING;
    expect_end(1, "echo is STARTING: somebody started it again");
}

Test(control_verbs, service_that_goes_is_told) {
    ask("stop", "\"service\":\"ack\"");
    expect("ack is STOPPED");
    expect_end(0, "");
    ask("start", "\"service\":\"ack\"");
    expect("0 workers ready");
    fake.service[0] = fake.service[--fake.service_count]; /* a reload without it */
    expect_end(1, "ack is not configured any more");
}

Test(control_verbs, stop_of_the_daemon_is_answered_at_its_end) {
    struct child child;

    fake_add_child("echo", &child, 1, CHILD_RUNNING);
    ask("stop", "\"fast\":true");
    cr_assert_str_eq(fake_called, "stop daemon fast");
    expect("1 worker to leave");
    cr_assert(fake_is_silent(peer));
    control_close(fake.control);
    cr_assert_null(fake.control);
    expect_end(0, "");
    cr_assert_eq(access(fake_path, F_OK), -1);
}

Test(control_verbs, stop_fast_is_for_the_daemon) {
    ask("stop", "\"service\":\"echo\",\"fast\":true");
    expect_end(2, "fast is for the daemon");
    cr_assert_str_eq(fake_called, "");
    ask("stop", "\"wait\":false");
    expect_end(0, "");
    cr_assert_str_eq(fake_called, "stop daemon");
}

Test(control_verbs, nothing_starts_while_the_daemon_stops) {
    fake.is_stopping = true;
    ask("start", "\"service\":\"ack\"");
    expect_end(1, "preforkd is stopping");
    ask("restart", "\"service\":\"echo\"");
    expect_end(1, "preforkd is stopping");
    ask("scale", "\"service\":\"echo\",\"n\":2");
    expect_end(1, "preforkd is stopping");
    cr_assert_str_eq(fake_called, "");
}

Test(control_verbs, who_waits_when_the_daemon_ends_is_told) {
    ask("start", "\"service\":\"ack\"");
    expect("0 workers ready");
    control_close(fake.control);
    expect_end(69, "preforkd has stopped");
}

/* ---- restart, scale ---- */

Test(control_verbs, restart_waits_until_it_is_settled) {
    struct child child[4];

    fake_add_child("echo", &child[0], 1, CHILD_RUNNING);
    fake_add_child("echo", &child[1], 2, CHILD_STARTING);
    fake_add_child("echo", &child[2], 3, CHILD_DRAINING);
    fake_add_child("echo", &child[3], 4, CHILD_RUNNING);
    child[3].wants_recycling = true;
    ask("restart", "\"service\":\"echo\"");
    cr_assert_str_eq(fake_called, "restart echo");
    expect("echo: 1 worker ready, 1 starting, 2 to leave");
    cr_assert(fake_is_silent(peer));
    fake_is_settled = true;
    expect("echo is RUNNING with 2 workers\"");
    expect_end(0, "");
    fake_config.service[1].pm = PM_DYNAMIC;
    ask("restart", "\"service\":\"echo\"");
    expect("echo is RUNNING with 2 workers, at most 4\"");
    expect_end(0, "");
}

Test(control_verbs, restart_of_what_stands_starts_it) {
    ask("restart", "\"service\":\"ack\"");
    cr_assert_str_eq(fake_called, "start ack");
}

Test(control_verbs, scale_sets_and_steps) {
    fake_is_settled = true;
    ask("scale", "\"service\":\"echo\",\"n\":7");
    cr_assert_str_eq(fake_called, "scale echo 7");
    expect("echo is RUNNING");
    expect_end(0, "");
    ask("scale", "\"service\":\"echo\",\"by\":-2");
    cr_assert_str_eq(fake_called, "scale echo 5");
    expect_end(0, "");
    ask("scale", "\"service\":\"echo\",\"n\":0");
    cr_assert_str_eq(fake_called, "scale echo 0");
    expect_end(0, "");
    ask("scale", "\"service\":\"echo\",\"by\":1"); /* of the 4 that are configured */
    cr_assert_str_eq(fake_called, "scale echo 5");
    expect_end(0, "");
}

Test(control_verbs, scale_has_bounds) {
    static const char *const cases[] = { "\"n\":257", "\"n\":-1", "\"by\":-4", "\"by\":253",
        "\"by\":9223372036854775807", "\"by\":-9223372036854775807", "\"n\":9223372036854775807" };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char args[96];
        snprintf(args, sizeof(args), "\"service\":\"echo\",%s", cases[i]);
        ask("scale", args);
        expect_end(2, "echo may have 1 to 256 workers");
    }
    ask("scale", "\"service\":\"echo\"");
    expect_end(2, "one of n and by is needed");
    ask("scale", "\"service\":\"echo\",\"n\":1,\"by\":1");
    expect_end(2, "one of n and by is needed");
    ask("scale", "\"service\":\"ack\",\"n\":1");
    expect_end(1, "ack is STOPPED; start it first");
    cr_assert_str_eq(fake_called, "");
}

/* ---- reopen ---- */

Test(control_verbs, reopen_is_answered_when_it_is_done) {
    ask("reopen", "");
    cr_assert_not_null(fake_reopened);
    cr_assert(fake_is_silent(peer));
    fake_reopened(fake_reopened_owner, 0);
    expect_end(0, "");
    ask("reopen", "");
    fake_reopened(fake_reopened_owner, ENOSPC);
    expect_end(74, "the log cannot be reopened: No space left on device");
}

Test(control_verbs, each_reopen_has_its_own_answer) {
    int other = fake_connect();
    void *first;

    ask("reopen", "");
    first = fake_reopened_owner;
    fake_write(other, "{\"verb\":\"reopen\"}\n");
    fake_turn();
    fake_turn();
    cr_assert_neq(fake_reopened_owner, first);
    fake_reopened(fake_reopened_owner, 0);
    cr_assert(fake_is_silent(peer));
    cr_assert_str_eq(fake_finish(other, &exit_code), "");
    fake_reopened(first, 0);
    expect_end(0, "");
    close(other);
}

/* Who asked is gone, or has asked something else by then. */
Test(control_verbs, reopen_outlives_who_asked) {
    ask("reopen", "");
    close(peer);
    fake_turn();
    fake_turn();
    peer = fake_connect();
    fake_reopened(fake_reopened_owner, 0);
    ask("reopen", "");
    control_close(fake.control);
    expect_end(69, "preforkd has stopped");
    fake_reopened(fake_reopened_owner, 0);
}

/* ---- rights ---- */

static json_t *heard;

static void hear(void *owner, json_t *object) {
    (void)owner;
    json_decref(heard);
    heard = json_incref(object);
}

static int ask_as_reader(const char *line) {
    struct control_request request = { .supervisor = &fake, .send = hear };

    control_request_take(&request, line, strlen(line));
    cr_assert_null(request.verb);
    return (int)json_integer_value(json_object_get(heard, "exit"));
}

Test(control_verbs, reader_reads_and_changes_nothing) {
    static const char *const changes[] = { "start", "stop", "restart", "scale", "reopen" };
    static const char *const looks[] = { "status", "ports", "config", "events" };
    char line[128];

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        snprintf(line, sizeof(line), "{\"verb\":\"%s\",\"args\":{\"service\":\"echo\",\"n\":1}}",
            changes[i]);
        cr_assert_eq(ask_as_reader(line), 77, "%s", changes[i]);
    }
    cr_assert_eq(ask_as_reader("{\"verb\":\"stop\"}"), 77);
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        snprintf(line, sizeof(line), "{\"verb\":\"%s\"}", looks[i]);
        cr_assert_eq(ask_as_reader(line), 0, "%s", looks[i]);
    }
    cr_assert_str_eq(fake_called, "");
    json_decref(heard);
}

/* By the credentials of the socket: only where the test may change its user. */
Test(control_verbs, peer_of_another_user_is_a_reader) {
    if (geteuid() != 0)
        cr_skip_test("only root can be somebody else");
    close(peer);
    cr_assert_eq(chmod(fake_path, 0666), 0);
    cr_assert_eq(chmod(fake_dir, 0755), 0);
    cr_assert_eq(seteuid(65534), 0);
    peer = fake_connect();
    cr_assert_eq(seteuid(0), 0);
    ask("stop", "");
    expect_end(77, "stop is for root and for the user that preforkd runs as");
    cr_assert_str_eq(fake_called, "");
    ask("ports", "");
    expect("[]");
    expect_end(0, "");
}

/* ---- reload ---- */

Test(control_verbs, reload_is_answered_by_the_run_that_was_asked_for) {
    struct reload_verdict *verdict = &fake.reload.verdict[RELOAD_REAL];

    ask("reload", "\"wait\":true");
    cr_assert_str_eq(fake_called, "reload");
    strcpy(fake.reload.progress, "echo: 1 workers ready");
    fake.now_ns = FAKE_SECOND_NS; /* it takes its time */
    expect("echo: 1 workers ready");
    verdict->run = fake.reload.last_run;
    verdict->exit_code = 78;
    strcpy(verdict->error, "a.conf:3: unknown key");
    fake_turn();
    expect_end(78, "nothing was changed: a.conf:3: unknown key");
}

Test(control_verbs, diff_asks_for_a_run_that_does_nothing) {
    struct reload_verdict *verdict = &fake.reload.verdict[RELOAD_DRY];

    ask("diff", "");
    cr_assert_str_eq(fake_called, "reload dry");
    verdict->run = fake.reload.last_run;
    verdict->plan.count = 1;
    strcpy(verdict->plan.change[0].name, "echo");
    verdict->plan.change[0].action = RELOAD_REPLACE;
    expect_end(0, "");
}
