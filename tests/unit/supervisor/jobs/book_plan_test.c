/* Jobs that files define: when they are due, and how they go with those that people want. */
#include "tests/unit/supervisor/jobs/book_fixture.h"

TestSuite(book_plan, .init = fixture_prepare, .fini = fixture_close);

static void open_with(const char *name, const char *what, const char *run) {
    struct jobs_config *config = fixture_config();

    fixture_define(config, name, what, run);
    fixture_open_book(config);
}

Test(book_plan, job_at_the_start_is_the_daemons) {
    struct entry *entry;

    open_with("sheet", FIXTURE_JOB, "start");
    fixture_turn();
    entry = fixture_find(1);
    cr_assert_str_eq(entry->name, "sheet");
    cr_assert_eq(entry->uid, 990);
    cr_assert_eq(entry->state, ENTRY_RUNNING);
    cr_assert_eq(book_find_run(fixture_book, "sheet", &fixture_admin), entry);
    cr_assert_null(book_find_run(fixture_book, "sheet", &fixture_anna));
}

Test(book_plan, defined_job_is_run_by_hand) {
    struct entry *entry;

    open_with("sheet", FIXTURE_JOB, "manual");
    entry = fixture_ask(&fixture_anna, "sheet", NULL, "");
    cr_assert_not_null(entry, "%s", fixture_complaint.text);
    cr_assert_eq(entry->uid, 1001);
    cr_assert_null(fixture_ask(&fixture_anna, "sheeet", NULL, ""));
    cr_assert_str_eq(
        fixture_complaint.text, "there is no defined job \"sheeet\", did you mean \"sheet\"?");
}

/* The file is the admin's, but whoever starts it runs the command. */
Test(book_plan, defined_command_needs_the_right_of_who_starts_it) {
    struct jobs_config *config = fixture_config();

    config->commands = JOBS_ADMIN;
    fixture_define(config, "backup", FIXTURE_COMMAND, "manual");
    fixture_open_book(config);
    cr_assert_null(fixture_ask(&fixture_anna, "backup", NULL, ""));
    cr_assert_eq(fixture_exit, EXIT_CODE_PERMISSION);
    cr_assert_not_null(fixture_ask(&fixture_admin, "backup", NULL, ""));
}

Test(book_plan, of_one_definition_one_run_works_at_a_time) {
    open_with("sheet", FIXTURE_JOB, "manual");
    for (int i = 0; i < 2; i++)
        cr_assert_not_null(fixture_ask(&fixture_anna, "sheet", NULL, ""));
    fixture_turn();
    cr_assert_eq(fixture_find(1)->state, ENTRY_RUNNING);
    cr_assert_eq(fixture_find(2)->state, ENTRY_QUEUED);
    cr_assert_gt(book_patience_ms(fixture_book, fixture_now_ns), 0, "the loop turns for nothing");
    fake_finish(fixture_find(1));
    fixture_turn();
    cr_assert_eq(fixture_find(2)->state, ENTRY_RUNNING);
}

Test(book_plan, due_job_waits_for_room_in_the_queue) {
    struct jobs_config *config = fixture_config();
    struct entry *entry;

    fixture_define(config, "sheet", FIXTURE_JOB, "start");
    config->max_running = 1;
    config->max_queued = 1;
    fixture_open_book(config);
    fixture_submit(&fixture_anna);
    book_tend(fixture_book, fixture_now_ns);
    cr_assert_null(book_find_run(fixture_book, "sheet", &fixture_admin));
    cr_assert(fixture_has_logged("the queue is full"));
    usleep(1100000); /* the plan asks again in a second, by the clock */
    fixture_pass(2 * FIXTURE_SECOND_NS);
    entry = book_find_run(fixture_book, "sheet", &fixture_admin);
    cr_assert_not_null(entry);
}

Test(book_plan, definition_that_comes_with_a_reload_is_known) {
    struct jobs_config *config;

    open_with("sheet", FIXTURE_JOB, "manual");
    config = fixture_config();
    fixture_define(config, "other", FIXTURE_JOB, "start");
    book_renew(fixture_book, config);
    fixture_turn();
    cr_assert_not_null(book_find_run(fixture_book, "other", &fixture_admin));
    cr_assert_null(fixture_ask(&fixture_anna, "sheet", NULL, ""));
}

/* ---- where the result goes ---- */

static char output[96];

static void open_with_output(void) {
    struct jobs_config *config = fixture_config();

    snprintf(output, sizeof(output), "%s/out.txt", fixture_dir);
    fixture_define(config, "sheet", FIXTURE_JOB, "manual")->output = strdup(output);
    fixture_open_book(config);
    cr_assert_not_null(fixture_ask(&fixture_admin, "sheet", NULL, ""));
    fixture_turn();
    fake_write(fixture_find(1), "1\n", 2);
}

Test(book_plan, result_is_put_where_the_definition_says) {
    struct stat status;

    open_with_output();
    fake_finish(fixture_find(1));
    fixture_turn();
    cr_assert_eq(fixture_find(1)->state, ENTRY_DONE);
    cr_assert_eq(stat(output, &status), 0);
    cr_assert_eq(status.st_size, 2);
}

Test(book_plan, part_of_a_result_is_not_put_there) {
    open_with_output();
    fake_end(fixture_find(1), ENTRY_INCOMPLETE, EXIT_CODE_INCOMPLETE, "1 held");
    fixture_turn();
    cr_assert_eq(fixture_find(1)->state, ENTRY_INCOMPLETE);
    cr_assert_neq(access(output, F_OK), 0);
}

Test(book_plan, job_whose_result_finds_no_place_has_failed) {
    open_with_output();
    cr_assert_eq(mkdir(output, 0700), 0);
    fake_finish(fixture_find(1));
    fixture_turn();
    cr_assert_eq(fixture_find(1)->state, ENTRY_FAILED);
    cr_assert_eq(fixture_find(1)->exit_code, EXIT_CODE_IO);
    cr_assert_not_null(strstr(fixture_find(1)->cause, "out.txt"), "%s", fixture_find(1)->cause);
}
