/* Jobs under which the job supervisor dies: who is a suspect, who is set aside, who is not. */
#include "tests/unit/supervisor/jobs/book_fixture.h"

TestSuite(book_trial, .init = fixture_open, .fini = fixture_close);

/* It is killed with what is in work; the next one takes a turn. */
static void die(unsigned times) {
    while (times-- > 0) {
        fixture_restart(fixture_config());
        fixture_turn();
    }
}

static enum entry_state state_of(uint64_t id) {
    return fixture_find(id)->state;
}

Test(book_trial, one_death_is_nobodys_fault) {
    fixture_submit(&fixture_anna);
    fixture_submit(&fixture_berta);
    fixture_turn();
    die(1);
    cr_assert_eq(state_of(1), ENTRY_RUNNING);
    cr_assert_eq(state_of(2), ENTRY_RUNNING);
    cr_assert_not(fixture_has_logged("event=job_suspect"));
}

Test(book_trial, after_two_deaths_suspects_are_begun_one_by_one) {
    fixture_submit(&fixture_anna);
    fixture_submit(&fixture_berta);
    fixture_turn();
    die(2);
    cr_assert(fixture_has_logged("event=job_suspect"));
    cr_assert_eq(state_of(1), ENTRY_RUNNING);
    cr_assert_eq(state_of(2), ENTRY_QUEUED);
    cr_assert_neq(fixture_find(2)->cause[0], '\0', "why it waits is not said");
    fixture_pass(10 * FIXTURE_SECOND_NS);
    cr_assert_eq(state_of(2), ENTRY_RUNNING, "a long chunk keeps the others waiting");
    cr_assert_eq(fixture_find(2)->cause[0], '\0');
}

Test(book_trial, end_of_a_trial_lets_the_next_one_begin) {
    fixture_submit(&fixture_anna);
    fixture_submit(&fixture_berta);
    fixture_turn();
    die(2);
    fake_finish(fixture_find(1));
    fixture_turn();
    cr_assert_eq(state_of(2), ENTRY_RUNNING);
}

static struct jobs_config *one_at_a_time(void) {
    struct jobs_config *config = fixture_config();

    config->max_running = 1;
    return config;
}

Test(book_trial, others_come_before_a_suspect) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    die(1);
    fixture_submit(&fixture_anna); /* after it, and not in work yet */
    fixture_restart(one_at_a_time());
    fixture_turn();
    cr_assert_eq(state_of(1), ENTRY_QUEUED, "a suspect has taken the first turn");
    cr_assert_eq(state_of(2), ENTRY_RUNNING);
}

Test(book_trial, nothing_joins_a_suspect_for_a_while) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    die(2);
    fixture_submit(&fixture_berta);
    fixture_turn();
    cr_assert_eq(state_of(2), ENTRY_QUEUED);
    cr_assert_leq(book_patience_ms(fixture_book, fixture_now_ns), 10001, "nobody looks then");
    fixture_pass(10 * FIXTURE_SECOND_NS);
    cr_assert_eq(state_of(2), ENTRY_RUNNING, "a long chunk keeps the others waiting");
}

/* Whatever else is in work. */
Test(book_trial, death_is_blamed_on_who_is_on_trial) {
    fixture_submit(&fixture_anna);
    fixture_submit(&fixture_berta);
    fixture_turn();
    die(2);
    fixture_pass(10 * FIXTURE_SECOND_NS); /* the first one's chunk is long */
    for (unsigned deaths = 0; deaths < 64 && state_of(2) != ENTRY_FAILED; deaths++) {
        cr_assert_eq(state_of(2), ENTRY_RUNNING);
        die(1);
    }
    cr_assert_eq(state_of(2), ENTRY_FAILED);
    cr_assert_eq(state_of(1), ENTRY_RUNNING);
}

/* One that kills late, under another's trial: the blame goes round. */
Test(book_trial, blame_goes_to_another_with_the_next_death) {
    unsigned second;

    fixture_submit(&fixture_anna);
    fixture_submit(&fixture_berta);
    fixture_turn();
    die(2);
    for (unsigned deaths = 0; deaths < 200; deaths++) {
        second = state_of(1) == ENTRY_RUNNING ? 2 : 1;
        cr_assert_eq(state_of(second), ENTRY_QUEUED);
        fixture_pass(10 * FIXTURE_SECOND_NS);
        cr_assert_eq(state_of(second), ENTRY_RUNNING);
        die(1);
        cr_assert_eq(state_of(second), ENTRY_RUNNING, "who is blamed does not come first");
    }
}

/* It may have been the other one. */
Test(book_trial, death_in_company_sets_nobody_aside) {
    struct entry *other;

    fixture_submit(&fixture_anna);
    fixture_turn();
    die(2);
    for (unsigned deaths = 0; deaths < 70; deaths++) {
        fixture_pass(10 * FIXTURE_SECOND_NS);
        other = fixture_submit(&fixture_berta);
        fixture_turn();
        cr_assert_eq(other->state, ENTRY_RUNNING);
        die(1);
        fake_finish(fixture_find(2 + deaths));
        fixture_turn();
        cr_assert_eq(state_of(1), ENTRY_RUNNING);
    }
}

Test(book_trial, who_gets_on_is_no_suspect) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    die(2);
    fixture_submit(&fixture_berta);
    fake_write(fixture_find(1), "1\n", 2);
    fixture_turn();
    fixture_turn();
    cr_assert_eq(state_of(2), ENTRY_RUNNING);
    die(1);
    cr_assert_eq(state_of(1), ENTRY_RUNNING);
    cr_assert_eq(state_of(2), ENTRY_RUNNING);
}

/* Going on where it was is not getting on. */
Test(book_trial, what_was_done_before_is_no_progress) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    fake_write(fixture_find(1), "1\n", 2);
    fixture_turn();
    for (unsigned i = 0; i < 3; i++) {
        die(1);
        fake_write(fixture_find(1), "", 0); /* as it is found in the journal */
        fixture_turn();
    }
    cr_assert(fixture_has_logged("event=job_suspect"));
}

Test(book_trial, under_whom_it_dies_alone_again_and_again_is_set_aside) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    fake_write(fixture_find(1), "1\n2\n", 4);
    fixture_turn();
    die(63);
    cr_assert_eq(state_of(1), ENTRY_RUNNING);
    die(1);
    cr_assert_eq(state_of(1), ENTRY_FAILED);
    cr_assert_eq(fixture_find(1)->exit_code, EXIT_CODE_FAILED);
    cr_assert_not_null(strstr(fixture_find(1)->cause, "died 64 times"));
    cr_assert_eq(fixture_find(1)->result_bytes, 4, "what was released is not told any more");
    cr_assert_eq(fixture_find(1)->chunks_done, 1);
    cr_assert_eq(fixture_board->failed, 1);
    fixture_restart(fixture_config());
    cr_assert_eq(state_of(1), ENTRY_FAILED, "its end is not kept");
}

Test(book_trial, retry_begins_a_new_count) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    die(64);
    cr_assert_eq(state_of(1), ENTRY_FAILED);
    cr_assert_eq(
        book_retry(fixture_book, fixture_find(1), &fixture_anna, &fixture_complaint, &fixture_exit),
        0, "%s", fixture_complaint.text);
    fixture_turn();
    die(63);
    cr_assert_eq(state_of(1), ENTRY_RUNNING);
}

/* Two of which one is bad: the other one is done, whichever comes first. */
static void live_with(uint64_t bad, uint64_t good) {
    fixture_submit(&fixture_anna);
    fixture_submit(&fixture_anna);
    for (unsigned deaths = 0; deaths < 200 && state_of(bad) != ENTRY_FAILED; deaths++) {
        fixture_turn();
        if (state_of(bad) == ENTRY_QUEUED && state_of(good) == ENTRY_RUNNING)
            fake_finish(fixture_find(good));
        fixture_turn();
        if (state_of(bad) == ENTRY_RUNNING)
            fixture_restart(fixture_config());
    }
    cr_assert_eq(state_of(bad), ENTRY_FAILED);
    fixture_turn();
    if (state_of(good) == ENTRY_RUNNING)
        fake_finish(fixture_find(good));
    fixture_turn();
    cr_assert_eq(state_of(good), ENTRY_DONE);
}

Test(book_trial, bad_job_before_a_good_one) {
    live_with(1, 2);
}

Test(book_trial, good_job_before_a_bad_one) {
    live_with(2, 1);
}

Test(book_trial, paused_job_is_not_in_work) {
    fixture_submit(&fixture_anna);
    for (unsigned deaths = 0; deaths < 70; deaths++) {
        fixture_turn();
        fake_set_state(fixture_find(1), ENTRY_PAUSED, "no room");
        fixture_turn();
        fixture_restart(fixture_config());
    }
    cr_assert_eq(state_of(1), ENTRY_QUEUED);
    cr_assert_not(fixture_has_logged("event=job_suspect"));
}

Test(book_trial, orderly_stop_is_no_death) {
    fixture_submit(&fixture_anna);
    for (unsigned stops = 0; stops < 70; stops++) {
        fixture_turn();
        book_stop(fixture_book);
        fixture_turn();
        fixture_restart(fixture_config());
    }
    fixture_turn();
    cr_assert_eq(state_of(1), ENTRY_RUNNING);
    cr_assert_not(fixture_has_logged("event=job_suspect"));
}

Test(book_trial, job_that_cannot_begin_leaves_no_row) {
    fake_runner.refuses = true;
    for (unsigned i = 0; i < 3000; i++) {
        fixture_submit(&fixture_anna);
        fixture_turn();
    }
    for (unsigned i = 0; i < JOBS_BOARD_TRIALS; i++)
        cr_assert_eq(fixture_board->trial[i].job, 0);
}
