/* The book of jobs: what is kept, whose turn it is, what becomes of it, what is forgotten. */
#include "tests/unit/supervisor/jobs/book_fixture.h"

TestSuite(book, .init = fixture_open, .fini = fixture_close);

static struct jobs_config *change(void (*set)(struct jobs_config *config)) {
    struct jobs_config *config = fixture_config();

    set(config);
    return config;
}

static void renew(void (*set)(struct jobs_config *config)) {
    book_renew(fixture_book, change(set));
}

/* ---- from submit to the end ---- */

Test(book, job_is_kept_run_and_done) {
    struct entry *entry = fixture_submit(&fixture_anna);

    cr_assert_eq(entry->id, 1);
    cr_assert_eq(entry->state, ENTRY_QUEUED);
    cr_assert_eq(entry->chunks, 10);
    cr_assert_eq(fixture_board->queued, 1);
    fixture_turn();
    cr_assert_eq(entry->state, ENTRY_RUNNING);
    cr_assert_eq(entry->runs, 1);
    cr_assert_eq(fixture_board->running, 1);
    fake_write(entry, "1\n", 2);
    fake_finish(entry);
    fixture_turn();
    cr_assert_eq(entry->state, ENTRY_DONE);
    cr_assert_eq(entry->exit_code, 0);
    cr_assert_neq(entry->ended_at_unix_ms, 0);
    cr_assert_eq(fixture_board->running, 0);
    cr_assert_eq(fixture_board->done, 1);
    cr_assert(fixture_has_logged("event=job_submitted"));
    cr_assert(fixture_has_logged("event=job_started"));
    cr_assert(fixture_has_logged("event=job_ended"));
}

Test(book, what_is_wanted_is_written_in_one_way) {
    struct entry *a = fixture_ask(&fixture_anna, NULL,
        "{\"kernel\":\"divisible\",\"interval\":\"3 345 212\",\"params\":{\"by\":\"11,13\"},"
        "\"options\":{\"chunk\":\"1e6\"}}",
        "");
    struct entry *b = fixture_ask(&fixture_anna, NULL,
        "{\"options\":{\"chunk\":\"1 000 000\",\"retries\":\"2\"},\"params\":{\"by\":\"11,13\"},"
        "\"interval\":\"1..3345212\",\"kernel\":\"divisible\"}",
        "");

    cr_assert_not_null(a, "%s", fixture_complaint.text);
    cr_assert_not_null(b, "%s", fixture_complaint.text);
    cr_assert(json_equal(a->what, b->what));
    cr_assert_str_eq(json_string_value(json_object_get(a->what, "interval")), "1..3345212");
    cr_assert_eq(a->chunks, 4);
}

Test(book, senseless_jobs_are_refused_and_nothing_is_kept) {
    static const char *const cases[][2] = { { "{}", "kernel" },
        { "{\"kernel\":\"nul\",\"interval\":\"5\"}", "did you mean \"null\"" },
        { "{\"kernel\":\"null\",\"interval\":\"5..4\"}", "4..5" },
        { "{\"kernel\":\"null\",\"interval\":5}", "text" },
        { "{\"kernel\":\"null\",\"interval\":\"5\",\"options\":{\"output\":\"/etc/passwd\"}}",
            "output" },
        { "{\"kernel\":\"null\",\"interval\":\"5\",\"options\":{\"workers\":\"9\"}}", "workers" },
        { "{\"kernel\":\"null\",\"interval\":\"5\",\"argv\":[\"/bin/sh\"]}", "command" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_null(fixture_ask(&fixture_anna, NULL, cases[i][0], ""), "%s", cases[i][0]);
        cr_assert_not_null(
            strstr(fixture_complaint.text, cases[i][1]), "%s", fixture_complaint.text);
        cr_assert_eq(fixture_exit, EXIT_CODE_USAGE);
    }
    cr_assert_null(book_find_next(fixture_book, 0));
    cr_assert(fixture_has_logged("event=job_refused"));
}

/* So that a line about it is one that a peer can read. */
Test(book, job_has_a_longest) {
    static char what[70000];
    size_t len = (size_t)snprintf(what, sizeof(what),
        "{\"kernel\":\"command\",\"interval\":\"1\",\"argv\":[\"/bin/true\",\"");

    memset(what + len, 'x', 33000);
    strcpy(what + len + 33000, "\"]}");
    cr_assert_null(fixture_ask(&fixture_admin, NULL, what, ""));
    cr_assert_not_null(strstr(fixture_complaint.text, "too long"), "%s", fixture_complaint.text);
}

Test(book, job_that_cannot_begin_has_failed) {
    struct entry *entry = fixture_submit(&fixture_anna);

    fake_runner.refuses = true;
    fixture_turn();
    cr_assert_eq(entry->state, ENTRY_FAILED);
    cr_assert_eq(entry->exit_code, EXIT_CODE_DATA);
    cr_assert_str_eq(entry->cause, "the journal is another job's");
    cr_assert_eq(fixture_board->failed, 1);
}

Test(book, job_without_room_is_paused_and_goes_on) {
    struct entry *entry = fixture_submit(&fixture_anna);

    fixture_turn();
    fake_set_state(entry, ENTRY_PAUSED, "no room");
    fixture_turn();
    cr_assert_eq(fixture_board->paused, 1);
    cr_assert_eq(fixture_board->running, 0);
    cr_assert(fixture_has_logged("event=job_paused"));
    fake_set_state(entry, ENTRY_RUNNING, "");
    fixture_turn();
    cr_assert_eq(fixture_board->paused, 0);
    cr_assert_eq(fixture_board->running, 1);
    cr_assert(fixture_has_logged("event=job_resumed"));
}

/* ---- rights and limits ---- */

Test(book, commands_are_refused_where_they_are_not_allowed) {
    cr_assert_null(fixture_ask(&fixture_admin, NULL, FIXTURE_COMMAND, ""));
    cr_assert_eq(fixture_exit, EXIT_CODE_PERMISSION);
    cr_assert_null(book_find_next(fixture_book, 0));
}

static void allow_commands(struct jobs_config *config) {
    config->commands = JOBS_ALL;
}

static void allow_admins_commands(struct jobs_config *config) {
    config->commands = JOBS_ADMIN;
}

/* What was allowed when it was wanted is not when its turn comes. */
Test(book, right_is_looked_at_again_when_the_turn_comes) {
    struct entry *annas, *admins;

    renew(allow_commands);
    annas = fixture_ask(&fixture_anna, NULL, FIXTURE_COMMAND, "");
    admins = fixture_ask(&fixture_admin, NULL, FIXTURE_COMMAND, "");
    cr_assert_not_null(annas, "%s", fixture_complaint.text);
    renew(allow_admins_commands);
    fixture_turn();
    cr_assert_eq(annas->state, ENTRY_FAILED);
    cr_assert_eq(annas->exit_code, EXIT_CODE_PERMISSION);
    cr_assert_eq(admins->state, ENTRY_RUNNING);
}

static void limit_queue(struct jobs_config *config) {
    config->max_running = 1;
    config->max_queued = 2;
}

Test(book, queue_has_an_end) {
    renew(limit_queue);
    fixture_submit(&fixture_anna);
    fixture_turn(); /* that one is in work */
    fixture_submit(&fixture_anna);
    fixture_submit(&fixture_berta);
    cr_assert_null(fixture_ask(&fixture_admin, NULL, FIXTURE_JOB, ""));
    cr_assert_eq(fixture_exit, EXIT_CODE_BUSY);
    cr_assert_str_eq(
        fixture_complaint.text, "the queue is full: 2 jobs wait (jobs.max_queued = 2)");
}

static void limit_users(struct jobs_config *config) {
    config->max_per_user = 2;
}

Test(book, user_has_so_many_jobs_and_no_more) {
    renew(limit_users);
    fixture_submit(&fixture_anna);
    fixture_turn();
    fixture_submit(&fixture_anna);
    cr_assert_null(fixture_ask(&fixture_anna, NULL, FIXTURE_JOB, ""));
    cr_assert_eq(fixture_exit, EXIT_CODE_BUSY);
    cr_assert_not_null(strstr(fixture_complaint.text, "jobs.max_per_user = 2"));
    fixture_submit(&fixture_berta);
    fixture_turn();
    fake_finish(fixture_find(1));
    fixture_turn();
    fixture_submit(&fixture_anna);
}

static void run_one(struct jobs_config *config) {
    config->max_running = 1;
}

Test(book, no_more_are_in_work_than_allowed) {
    renew(run_one);
    for (int i = 0; i < 3; i++)
        fixture_submit(&fixture_anna);
    for (int i = 1; i <= 3; i++) {
        fixture_turn();
        cr_assert_eq(fake_runner.started, i);
        cr_assert_eq(fixture_find(i)->state, ENTRY_RUNNING);
        fake_finish(fixture_find(i));
    }
}

/* The place of one that ends is taken in the same turn. */
Test(book, end_makes_way_in_the_same_turn) {
    renew(run_one);
    fixture_submit(&fixture_anna);
    fixture_submit(&fixture_anna);
    fixture_turn();
    fake_finish(fixture_find(1));
    fixture_turn();
    cr_assert_eq(fixture_find(2)->state, ENTRY_RUNNING);
    cr_assert_eq(book_patience_ms(fixture_book, fixture_now_ns) > 0, true);
}

static void run_two(struct jobs_config *config) {
    config->max_running = 2;
}

/* A queue full of one user's jobs does not keep the others waiting. */
Test(book, turn_is_that_of_who_has_least_in_work) {
    renew(run_two);
    for (int i = 0; i < 5; i++)
        fixture_submit(&fixture_anna);
    fixture_turn();
    fixture_submit(&fixture_berta);
    fake_finish(fixture_find(1));
    fixture_turn();
    cr_assert_eq(fixture_find(6)->state, ENTRY_RUNNING);
    cr_assert_eq(fixture_find(3)->state, ENTRY_QUEUED);
}

/* ---- tokens ---- */

Test(book, same_token_is_the_same_job) {
    struct entry *entry = fixture_ask(&fixture_anna, NULL, FIXTURE_JOB, "t-1");

    cr_assert_eq(fixture_ask(&fixture_anna, NULL, FIXTURE_JOB, "t-1"), entry);
    cr_assert_neq(fixture_ask(&fixture_anna, NULL, FIXTURE_JOB, "t-2"), entry);
    cr_assert_neq(fixture_ask(&fixture_berta, NULL, FIXTURE_JOB, "t-1"), entry);
    cr_assert_null(
        fixture_ask(&fixture_anna, NULL, "{\"kernel\":\"null\",\"interval\":\"7\"}", "t-1"));
    cr_assert_str_eq(fixture_complaint.text, "the token is that of another job, 1");
    fixture_restart(fixture_config());
    cr_assert_eq(fixture_ask(&fixture_anna, NULL, FIXTURE_JOB, "t-1")->id, 1);
    fixture_turn();
    fake_finish(fixture_find(1));
    fixture_turn();
    cr_assert_eq(fixture_ask(&fixture_anna, NULL, FIXTURE_JOB, "t-1")->state, ENTRY_DONE);
}

/* A question that comes again is answered, though there is no room for another. */
Test(book, known_token_needs_no_room) {
    renew(limit_users);
    cr_assert_not_null(fixture_ask(&fixture_anna, NULL, FIXTURE_JOB, "a"));
    cr_assert_not_null(fixture_ask(&fixture_anna, NULL, FIXTURE_JOB, "b"));
    cr_assert_eq(fixture_ask(&fixture_anna, NULL, FIXTURE_JOB, "a")->id, 1);
}

/* ---- cancel and retry ---- */

Test(book, queued_job_is_cancelled_at_once) {
    struct entry *entry = fixture_submit(&fixture_anna);

    book_cancel(fixture_book, entry, &fixture_anna);
    cr_assert_eq(entry->state, ENTRY_CANCELLED);
    fixture_turn();
    cr_assert_eq(fake_runner.started, 0);
    cr_assert_eq(fixture_board->cancelled, 1);
    cr_assert(fixture_has_logged("event=job_cancelled"));
    fixture_restart(fixture_config());
    cr_assert_eq(fixture_find(1)->state, ENTRY_CANCELLED);
}

Test(book, job_in_work_is_cancelled_by_the_runner) {
    struct entry *entry = fixture_submit(&fixture_anna);

    fixture_turn();
    book_cancel(fixture_book, entry, &fixture_anna);
    book_cancel(fixture_book, entry, &fixture_anna);
    fixture_turn();
    cr_assert_eq(entry->state, ENTRY_CANCELLED);
    cr_assert_eq(entry->exit_code, EXIT_CODE_TERMINATED);
}

Test(book, failed_job_is_tried_again) {
    struct entry *entry = fixture_submit(&fixture_anna);

    fixture_turn();
    fake_end(entry, ENTRY_FAILED, EXIT_CODE_FAILED, "its workers failed");
    fixture_turn();
    cr_assert_eq(
        book_retry(fixture_book, entry, &fixture_anna, &fixture_complaint, &fixture_exit), 0);
    cr_assert_eq(entry->state, ENTRY_QUEUED);
    cr_assert_str_empty(entry->cause);
    cr_assert_eq(entry->ended_at_unix_ms, 0);
    cr_assert(fixture_has_logged("event=job_retried"));
    fixture_turn();
    cr_assert_eq(entry->runs, 2);
    fake_finish(entry);
    fixture_turn();
    cr_assert_eq(entry->state, ENTRY_DONE);
}

Test(book, retry_is_survived) {
    struct entry *entry = fixture_submit(&fixture_anna);

    fixture_turn();
    fake_end(entry, ENTRY_FAILED, EXIT_CODE_FAILED, "");
    fixture_turn();
    cr_assert_eq(
        book_retry(fixture_book, entry, &fixture_anna, &fixture_complaint, &fixture_exit), 0);
    fixture_restart(fixture_config());
    cr_assert_eq(fixture_find(1)->state, ENTRY_QUEUED);
    fixture_turn();
    cr_assert_eq(fixture_find(1)->state, ENTRY_RUNNING);
}

Test(book, done_or_living_job_is_not_tried_again) {
    struct entry *done = fixture_run(&fixture_anna), *living = fixture_submit(&fixture_anna);

    cr_assert_eq(
        book_retry(fixture_book, done, &fixture_anna, &fixture_complaint, &fixture_exit), -1);
    cr_assert_eq(fixture_exit, EXIT_CODE_USAGE);
    cr_assert_not_null(strstr(fixture_complaint.text, "job 1 is done"));
    cr_assert_eq(
        book_retry(fixture_book, living, &fixture_anna, &fixture_complaint, &fixture_exit), -1);
    cr_assert_str_eq(fixture_complaint.text, "job 2 is queued: it has not ended");
}

/* ---- kill and drain ---- */

Test(book, job_in_work_at_a_kill_is_first_and_goes_on) {
    renew(run_one);
    for (int i = 0; i < 4; i++)
        fixture_submit(&fixture_anna);
    fixture_turn();
    book_cancel(fixture_book, fixture_find(1), &fixture_anna);
    fixture_turn(); /* 2 is in work */
    cr_assert_eq(
        book_retry(fixture_book, fixture_find(1), &fixture_anna, &fixture_complaint, &fixture_exit),
        0);
    fixture_restart(change(run_one));
    cr_assert_eq(fixture_board->queued, 4);
    fixture_turn();
    cr_assert_eq(fixture_find(1)->state, ENTRY_RUNNING, "it had been begun before 2");
    cr_assert_eq(fixture_find(1)->runs, 2);
    fake_finish(fixture_find(1));
    fixture_turn();
    cr_assert_eq(fixture_find(2)->state, ENTRY_RUNNING);
    cr_assert_eq(fixture_find(2)->runs, 2);
}

Test(book, stopped_book_begins_nothing_and_jobs_go_on_another_time) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    fixture_submit(&fixture_anna);
    book_stop(fixture_book);
    cr_assert_not(book_is_idle(fixture_book));
    fixture_turn();
    cr_assert(book_is_idle(fixture_book));
    cr_assert_eq(fake_runner.started, 1);
    cr_assert_eq(fixture_find(1)->state, ENTRY_QUEUED);
    cr_assert_null(fixture_ask(&fixture_anna, NULL, FIXTURE_JOB, ""));
    cr_assert_eq(fixture_exit, EXIT_CODE_UNAVAILABLE);
    fixture_restart(fixture_config());
    fixture_turn();
    cr_assert_eq(fixture_find(1)->runs, 2);
    cr_assert_eq(fixture_find(2)->runs, 1);
}

Test(book, what_takes_too_long_is_cut) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    fake_runner.is_stubborn = true;
    book_stop(fixture_book);
    fixture_turn();
    cr_assert_not(book_is_idle(fixture_book));
    book_cut(fixture_book);
    fixture_turn();
    cr_assert(book_is_idle(fixture_book));
    cr_assert_eq(fixture_find(1)->state, ENTRY_QUEUED);
}

Test(book, second_book_does_not_open_the_same_spool) {
    struct jobs_config *config = fixture_config();
    const struct book_args args = {
        .config = config, .board = fixture_board, .loop = fixture_loop, .life = 1
    };
    struct book *book;

    book = book_open(&args, &fixture_complaint, &fixture_exit);
    cr_assert_null(book);
    cr_assert_eq(fixture_exit, EXIT_CODE_BUSY, "%d %s", fixture_exit, fixture_complaint.text);
    jobs_config_free(config);
}
