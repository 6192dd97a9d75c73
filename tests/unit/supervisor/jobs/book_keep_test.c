/* What is forgotten, and when. */
#include "tests/unit/supervisor/jobs/book_fixture.h"

TestSuite(book_keep, .init = fixture_open, .fini = fixture_close);

static bool is_known(uint64_t id) {
    return book_find(fixture_book, id) != NULL;
}

static bool has_folder(uint64_t id) {
    char path[256];

    snprintf(path, sizeof(path), "%s/job/%d", fixture_spool, (int)id);
    return access(path, F_OK) == 0;
}

static void keep_two(void) {
    struct jobs_config *config = fixture_config();

    config->keep_jobs = 2;
    book_renew(fixture_book, config);
}

/* Housekeeping waits until nothing else goes on. */
static void turn_often(void) {
    fixture_pass(FIXTURE_SECOND_NS / 10);
    for (int i = 0; i < 20; i++)
        fixture_turn();
}

Test(book_keep, the_oldest_go_when_there_are_too_many) {
    for (int i = 0; i < 5; i++)
        fixture_run(&fixture_anna);
    keep_two();
    turn_often();
    cr_assert_not(is_known(3));
    cr_assert_not(has_folder(3));
    cr_assert(is_known(4));
    cr_assert(has_folder(5));
    cr_assert(fixture_has_logged("event=job_forgotten"));
    cr_assert_eq(fixture_run(&fixture_anna)->id, 6, "an id comes twice");
    turn_often();
    cr_assert_not(is_known(4));
}

/* The first to end, not the first to be wanted. */
Test(book_keep, oldest_is_who_ended_first) {
    for (int i = 0; i < 3; i++)
        fixture_submit(&fixture_anna);
    fixture_turn();
    for (int i = 3; i >= 1; i--) {
        fake_finish(fixture_find(i));
        fixture_turn();
        usleep(2000); /* ends are told apart by milliseconds */
    }
    keep_two();
    turn_often();
    cr_assert_not(is_known(3));
    fixture_restart(fixture_config());
    keep_two();
    fixture_run(&fixture_anna);
    turn_often();
    cr_assert_not(is_known(2));
    cr_assert(is_known(1));
}

static bool has_journal(uint64_t id) {
    char path[256];

    snprintf(path, sizeof(path), "%s/job/%d/result.journal", fixture_spool, (int)id);
    return access(path, F_OK) == 0;
}

static void put_journal(uint64_t id) {
    char path[256];

    snprintf(path, sizeof(path), "%s/job/%d/result.journal", fixture_spool, (int)id);
    close(open(path, O_WRONLY | O_CREAT, 0600));
}

/* What takes long does not stand between one job and the next. */
Test(book_keep, done_jobs_are_tidied_when_nothing_else_goes_on) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    put_journal(1);
    fake_finish(fixture_find(1));
    fixture_turn();
    cr_assert(has_journal(1));
    fixture_turn();
    cr_assert(has_journal(1));
    cr_assert_leq(book_patience_ms(fixture_book, fixture_now_ns), 51);
    turn_often();
    cr_assert_not(has_journal(1));
    cr_assert_gt(book_patience_ms(fixture_book, fixture_now_ns), 1000);
}

Test(book_keep, unfinished_jobs_keep_their_journals) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    fixture_submit(&fixture_anna);
    fixture_turn();
    put_journal(1);
    put_journal(2);
    fake_finish(fixture_find(1));
    fixture_turn();
    fake_end(fixture_find(2), ENTRY_INCOMPLETE, EXIT_CODE_INCOMPLETE, "1 held");
    fixture_turn();
    turn_often();
    cr_assert_not(has_journal(1));
    cr_assert(has_journal(2));
}

/* Though jobs come without a pause: those that failed, of which nothing is to be tidied. */
Test(book_keep, what_is_too_much_goes_though_much_goes_on) {
    struct entry *entry;

    keep_two();
    for (int i = 0; i < 262; i++) {
        entry = fixture_submit(&fixture_anna);
        fixture_turn();
        fake_end(entry, ENTRY_FAILED, EXIT_CODE_FAILED, "");
        fixture_turn();
    }
    cr_assert_not(is_known(1));
    cr_assert(is_known(100));
}

Test(book_keep, many_done_jobs_are_tidied_though_much_goes_on) {
    unsigned left = 0;

    for (uint64_t id = 1; id <= 300; id++) {
        fixture_submit(&fixture_anna);
        fixture_turn();
        put_journal(id);
        fake_finish(fixture_find(id));
        fixture_turn();
    }
    for (uint64_t id = 1; id <= 300; id++)
        left += has_journal(id);
    cr_assert_leq(left, 257);
}

Test(book_keep, living_jobs_stay) {
    fixture_submit(&fixture_anna);
    fixture_turn();
    for (int i = 0; i < 4; i++)
        fixture_run(&fixture_anna);
    keep_two();
    turn_often();
    cr_assert(is_known(1));
    cr_assert_eq(fixture_find(1)->state, ENTRY_RUNNING);
}

static void ignore(struct entry_watcher *watcher) {
    (void)watcher;
}

/* A reader that is slow is not cut off, and the loop does not turn for it either. */
Test(book_keep, one_that_is_read_stays_until_it_is_not) {
    struct entry_watcher watcher = { .moved = ignore };

    for (int i = 0; i < 3; i++)
        fixture_run(&fixture_anna);
    entry_watch(&watcher, fixture_find(1));
    entry_watch(&(struct entry_watcher){ .moved = ignore }, NULL);
    keep_two();
    turn_often();
    cr_assert(is_known(1));
    cr_assert_not(is_known(2));
    cr_assert_gt(book_patience_ms(fixture_book, fixture_now_ns), 0);
    entry_watch(&watcher, NULL);
    fixture_run(&fixture_anna);
    turn_often();
    cr_assert_not(is_known(1));
}

Test(book_keep, what_ended_long_ago_goes) {
    struct jobs_config *config = fixture_config();

    fixture_run(&fixture_anna);
    usleep(60000);
    fixture_run(&fixture_anna);
    config->keep_for_ms = 50;
    book_renew(fixture_book, config);
    fixture_pass(FIXTURE_SECOND_NS / 10);
    cr_assert_not(is_known(1));
    cr_assert(is_known(2));
    usleep(60000);
    fixture_pass(2 * FIXTURE_SECOND_NS);
    cr_assert_not(is_known(2));
}

/* ---- a full spool ---- */

static const char block[200000] = "";

static void run_with(const struct asker *asker, size_t len) {
    struct entry *entry = fixture_submit(asker);

    fixture_turn();
    fake_write(entry, block, len);
    fake_finish(entry);
    fixture_turn();
}

static void limit_spool(uint64_t bytes) {
    struct jobs_config *config = fixture_config();

    config->max_spool_bytes = bytes;
    book_renew(fixture_book, config);
}

/* Ended jobs of who has most make way for those that want to go on. */
Test(book_keep, results_make_way_when_the_spool_is_full) {
    run_with(&fixture_berta, 1000);
    for (int i = 0; i < 3; i++)
        run_with(&fixture_anna, sizeof(block));
    limit_spool(500000);
    turn_often();
    cr_assert(is_known(2), "nobody needs the room");
    fixture_submit(&fixture_berta);
    turn_often();
    cr_assert_not(is_known(2));
    cr_assert(is_known(1), "the small one of another user");
    cr_assert(is_known(3));
    cr_assert(is_known(4));
    cr_assert_not(fake_runner.lacks_room);
}

Test(book_keep, jobs_in_work_are_stopped_when_nothing_can_make_way) {
    struct entry *entry = fixture_submit(&fixture_anna);

    limit_spool(300000);
    fixture_turn();
    fake_write(entry, block, sizeof(block));
    fixture_pass(FIXTURE_SECOND_NS);
    cr_assert_not(fake_runner.lacks_room);
    fake_write(entry, block, sizeof(block));
    fixture_turn();
    cr_assert_leq(book_patience_ms(fixture_book, fixture_now_ns), 251);
    fixture_pass(FIXTURE_SECOND_NS);
    cr_assert(fake_runner.lacks_room);
    cr_assert_gt(book_patience_ms(fixture_book, fixture_now_ns), 0, "the loop turns for nothing");
    limit_spool(900000);
    fixture_turn();
    cr_assert_not(fake_runner.lacks_room);
}
