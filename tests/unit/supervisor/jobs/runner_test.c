/* Jobs in work on a pool of real workers, in real folders. */
#include "supervisor/jobs/runner.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"

#define PATIENCE_MS 20000u

static struct jobs_config config;
static struct jobs_board *board;
static struct loop *loop;
static struct runner *runner;
static char root[64];
static unsigned ended;

static void on_progress(void *arg, struct entry *entry) {
    (void)arg;
    (void)entry;
}

static void on_end(void *arg, struct entry *entry) {
    (void)arg;
    (void)entry;
    ended++;
}

static void setup(unsigned engine, unsigned workers) {
    const struct runner_client client = {
        .on_progress = on_progress, .on_state = on_progress, .on_end = on_end
    };

    strcpy(root, "/tmp/runner-test.XXXXXX");
    cr_assert(mkdtemp(root) != NULL);
    config = (struct jobs_config){ .workers = workers, .engine = engine, .max_running = 8 };
    board = jobs_board_new();
    loop = loop_new();
    ended = 0;
    runner = runner_new(&config, board, &client, loop);
    cr_assert(runner != NULL);
}

static void teardown(void) {
    char command[128];

    runner_free(runner);
    loop_free(loop);
    jobs_board_free(board);
    snprintf(command, sizeof(command), "rm -rf %s", root);
    cr_assert(system(command) == 0); /* NOLINT: a path of our own */
}

static struct entry *wanted(uint64_t id, const char *what) {
    struct entry *entry = calloc(1, sizeof(*entry));
    json_error_t why;

    entry->id = id;
    entry->what = json_loads(what, 0, &why);
    cr_assert(entry->what != NULL, "%s", why.text);
    return entry;
}

static void forget(struct entry *entry) {
    json_decref(entry->what);
    free(entry);
}

static void start(struct entry *entry) {
    char folder[PATH_MAX];
    struct complaint complaint;
    int exit_code;

    snprintf(folder, sizeof(folder), "%s/%lu", root, (unsigned long)entry->id);
    mkdir(folder, 0700);
    cr_assert_eq(
        runner_start(runner, entry, folder, &complaint, &exit_code), 0, "%s", complaint.text);
}

static void turn(void) {
    int patience = runner_patience_ms(runner, clock_now_ns());

    loop_turn(loop, patience < 0 || patience > 50 ? 50 : patience);
    runner_tend(runner, clock_now_ns());
}

static void run_until_ended(unsigned wanted_count) {
    uint64_t end_ms = clock_now_ms() + PATIENCE_MS;

    while (ended < wanted_count && clock_now_ms() < end_ms)
        turn();
    cr_assert_eq(ended, wanted_count, "not over after %u ms", PATIENCE_MS);
}

static char *slurp(uint64_t id, size_t *out_len) {
    char path[PATH_MAX], *data;
    struct stat st;
    FILE *in;

    snprintf(path, sizeof(path), "%s/%lu/result", root, (unsigned long)id);
    in = fopen(path, "re");
    cr_assert(in != NULL, "%s", path);
    cr_assert_eq(fstat(fileno(in), &st), 0);
    data = malloc((size_t)st.st_size + 1);
    *out_len = fread(data, 1, (size_t)st.st_size, in);
    data[*out_len] = '\0';
    fclose(in);
    return data;
}

/* The multiples of 2431 up to `to`, a line each. */
static void check_divisible(uint64_t id, uint64_t to) {
    size_t len, used = 0;
    char *data = slurp(id, &len), *expected = malloc(24 * (to / 2431 + 2));

    for (uint64_t n = 2431; n <= to; n += 2431)
        used += (size_t)sprintf(expected + used, "%lu\n", (unsigned long)n);
    cr_assert_eq(len, used, "%zu bytes, not %zu", len, used);
    cr_assert(memcmp(data, expected, len) == 0);
    free(expected);
    free(data);
}

#define SHEET "{\"kernel\":\"divisible\",\"interval\":\"3 345 212\"}"

static const unsigned engines[] = { 0, 1, 2 };

Test(runner, job_of_the_sheet_under_each_engine) {
    for (unsigned e = 0; e < 3; e++) {
        struct entry *entry = wanted(1, SHEET);

        setup(engines[e], 2);
        start(entry);
        run_until_ended(1);
        cr_assert_eq(entry->state, ENTRY_DONE, "%s", entry->cause);
        cr_assert_eq(entry->records, 1376);
        cr_assert_eq(entry->chunks_done, 4);
        cr_assert_eq(entry->exit_code, 0);
        check_divisible(1, 3345212);
        forget(entry);
        teardown();
    }
}

Test(runner, warm_workers_serve_one_job_after_the_other) {
    struct entry *entry;
    int pids[2];

    setup(0, 2);
    turn();
    pids[0] = board->row[0].pid;
    pids[1] = board->row[1].pid;
    for (unsigned i = 1; i <= 20; i++) {
        entry = wanted(i, SHEET);
        start(entry);
        run_until_ended(i);
        cr_assert_eq(entry->state, ENTRY_DONE, "%s", entry->cause);
        check_divisible(i, 3345212);
        forget(entry);
    }
    cr_assert_eq(board->row[0].pid, pids[0]);
    cr_assert_eq(board->row[1].pid, pids[1]);
    cr_assert_eq(board->deaths, 0);
    teardown();
}

Test(runner, two_jobs_end_together) {
    static const char what[] = "{\"kernel\":\"divisible\",\"interval\":\"4e9\",\"params\":"
                               "{\"method\":\"test\"},\"options\":{\"chunk\":\"4000000\"}}";
    for (unsigned e = 0; e < 3; e++) {
        struct entry *one = wanted(1, what), *two = wanted(2, what);

        setup(engines[e], e == 0 ? 3 : 2);
        start(one);
        start(two);
        while (one->chunks_done < 200 && ended == 0)
            turn();
        cr_expect_geq(two->chunks_done, 140, "engine %u: %lu and %lu", e,
            (unsigned long)one->chunks_done, (unsigned long)two->chunks_done);
        cr_expect_leq(two->chunks_done, 260, "engine %u: %lu and %lu", e,
            (unsigned long)one->chunks_done, (unsigned long)two->chunks_done);
        runner_cancel(runner, one);
        runner_cancel(runner, two);
        run_until_ended(2);
        forget(one);
        forget(two);
        teardown();
    }
}

Test(runner, short_job_does_not_wait_behind_a_long_one) {
    struct entry *slow = wanted(1, "{\"kernel\":\"divisible\",\"interval\":\"1e12\",\"params\":"
                                   "{\"method\":\"test\"}}"),
                 *quick = wanted(2, SHEET);

    setup(0, 1);
    start(slow);
    while (slow->chunks_done < 3)
        turn();
    start(quick);
    run_until_ended(1);
    cr_assert_eq(quick->state, ENTRY_DONE);
    cr_assert_eq(slow->state, ENTRY_RUNNING);
    runner_cancel(runner, slow);
    run_until_ended(2);
    cr_assert_eq(slow->state, ENTRY_CANCELLED);
    forget(slow);
    forget(quick);
    teardown();
}

Test(runner, killed_workers_lose_nothing) {
    for (unsigned e = 0; e < 3; e++) {
        struct entry *entry = wanted(1,
            "{\"kernel\":\"divisible\",\"interval\":\"4e8\",\"params\":{"
            "\"method\":\"test\"},\"options\":{\"chunk\":\"400000\"}}");
        unsigned kills = 0;

        setup(engines[e], 2);
        start(entry);
        while (ended == 0) {
            turn();
            if (kills < 40 && entry->chunks_done > 10 * kills &&
                board->row[kills % board->rows].pid > 0)
                kills += kill(board->row[kills % board->rows].pid, SIGKILL) == 0;
        }
        cr_assert_eq(entry->state, ENTRY_DONE, "%s", entry->cause);
        cr_assert_geq(kills, 10);
        cr_assert_geq(board->deaths, 5);
        check_divisible(1, 400000000);
        forget(entry);
        teardown();
    }
}

Test(runner, cancelled_job_is_gone_soon_and_goes_on_later) {
    struct entry *entry = wanted(1, "{\"kernel\":\"divisible\",\"interval\":\"2e9\",\"params\":{"
                                    "\"method\":\"test\"}}");
    uint64_t at_ms;

    setup(0, 2);
    start(entry);
    while (entry->chunks_done < 20)
        turn();
    at_ms = clock_now_ms();
    runner_cancel(runner, entry);
    run_until_ended(1);
    cr_assert_lt(clock_now_ms() - at_ms, 1000);
    cr_assert_eq(entry->state, ENTRY_CANCELLED);
    cr_assert_eq(entry->exit_code, 143);
    entry->state = ENTRY_QUEUED;
    start(entry);
    run_until_ended(2);
    cr_assert_eq(entry->state, ENTRY_DONE, "%s", entry->cause);
    check_divisible(1, 2000000000);
    forget(entry);
    teardown();
}

Test(runner, stopped_jobs_are_queued_and_go_on) {
    struct entry *entry = wanted(1, "{\"kernel\":\"divisible\",\"interval\":\"2e9\",\"params\":{"
                                    "\"method\":\"test\"}}");

    setup(0, 2);
    start(entry);
    while (entry->chunks_done < 20)
        turn();
    runner_stop_all(runner);
    run_until_ended(1);
    cr_assert_eq(entry->state, ENTRY_QUEUED, "%s", entry->cause);
    runner_free(runner);
    runner = runner_new(&config, board,
        &(struct runner_client){
            .on_progress = on_progress, .on_state = on_progress, .on_end = on_end },
        loop);
    start(entry);
    run_until_ended(2);
    cr_assert_eq(entry->state, ENTRY_DONE, "%s", entry->cause);
    check_divisible(1, 2000000000);
    forget(entry);
    teardown();
}

Test(runner, result_beyond_the_limit_fails_the_job) {
    struct entry *entry = wanted(1, "{\"kernel\":\"divisible\",\"interval\":\"1e9\"}");

    setup(0, 2);
    config.max_result_bytes = 100000;
    start(entry);
    run_until_ended(1);
    cr_assert_eq(entry->state, ENTRY_FAILED);
    cr_assert(strstr(entry->cause, "larger than max_result") != NULL, "%s", entry->cause);
    forget(entry);
    teardown();
}

Test(runner, commands_run_in_workers_of_their_own) {
    for (unsigned e = 0; e < 3; e++) {
        struct entry *entry = wanted(1, "{\"kernel\":\"command\",\"interval\":\"1..20\",\"argv\":["
                                        "\"echo\",\"{lo}\"],\"options\":{\"chunk\":\"1\"}}"),
                     *plain = wanted(2, SHEET);
        size_t len;
        char *data;

        setup(engines[e], 2);
        start(entry);
        start(plain);
        run_until_ended(2);
        cr_assert_eq(entry->state, ENTRY_DONE, "%s", entry->cause);
        cr_assert_eq(plain->state, ENTRY_DONE, "%s", plain->cause);
        data = slurp(1, &len);
        cr_assert_str_eq(
            data, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n");
        free(data);
        check_divisible(2, 3345212);
        forget(entry);
        forget(plain);
        teardown();
    }
}

Test(runner, chunk_that_kills_its_worker_is_held) {
    struct entry *entry = wanted(1, "{\"kernel\":\"command\",\"interval\":\"1..9\",\"argv\":["
                                    "\"sh\",\"-c\",\"test {lo} != 5 && echo {lo}\"],\"options\":{"
                                    "\"chunk\":\"1\",\"on_held\":\"skip\"}}");
    size_t len;
    char *data;

    setup(0, 2);
    start(entry);
    run_until_ended(1);
    cr_assert_eq(entry->state, ENTRY_INCOMPLETE, "%s", entry->cause);
    cr_assert_eq(entry->exit_code, 3);
    cr_assert(strstr(entry->cause, "chunk 5") != NULL, "%s", entry->cause);
    data = slurp(1, &len);
    cr_assert_str_eq(data, "1\n2\n3\n4\n6\n7\n8\n9\n");
    free(data);
    forget(entry);
    teardown();
}

/* A folder with room for little, in a mount namespace of our own. */
static void make_small(const char *path, const char *size) {
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        cr_skip_test("no mount namespace");
    mkdir(path, 0700);
    if (mount("tmpfs", path, "tmpfs", 0, size) < 0)
        cr_skip_test("no tmpfs");
}

Test(runner, job_without_room_pauses_and_goes_on) {
    struct entry *entry = wanted(1, "{\"kernel\":\"divisible\",\"interval\":\"4e9\"}"),
                 *other = wanted(2, SHEET);
    char small[PATH_MAX];
    uint64_t end_ms;

    setup(0, 2);
    snprintf(small, sizeof(small), "%s/1", root);
    make_small(small, "size=3m");
    start(entry);
    end_ms = clock_now_ms() + PATIENCE_MS;
    while (entry->state != ENTRY_PAUSED && ended == 0 && clock_now_ms() < end_ms)
        turn();
    cr_assert_eq(entry->state, ENTRY_PAUSED, "%s", entry->cause);
    cr_assert(strstr(entry->cause, "No space left") != NULL, "%s", entry->cause);
    cr_assert_eq(runner_count_workers(runner, entry), 0);
    start(other);
    run_until_ended(1);
    cr_assert_eq(other->state, ENTRY_DONE);
    cr_assert_eq(entry->state, ENTRY_PAUSED);
    cr_assert_eq(mount("tmpfs", small, "tmpfs", MS_REMOUNT, "size=60m"), 0);
    run_until_ended(2);
    cr_assert_eq(entry->state, ENTRY_DONE, "%s", entry->cause);
    check_divisible(1, 4000000000);
    umount2(small, MNT_DETACH);
    forget(entry);
    forget(other);
    teardown();
}

/* The spool may not grow, though the disk has room. */
Test(runner, job_pauses_when_the_spool_may_not_grow) {
    struct entry *entry = wanted(1, "{\"kernel\":\"divisible\",\"interval\":\"2e9\"}");
    const uint64_t end_ms = clock_now_ms() + PATIENCE_MS;

    setup(0, 2);
    start(entry);
    while (entry->chunks_done < 10 && clock_now_ms() < end_ms)
        turn();
    runner_set_room(runner, false);
    while (entry->state != ENTRY_PAUSED && ended == 0 && clock_now_ms() < end_ms)
        turn();
    cr_assert_eq(entry->state, ENTRY_PAUSED, "%s", entry->cause);
    cr_assert(strstr(entry->cause, "max_spool") != NULL, "%s", entry->cause);
    for (int i = 0; i < 20; i++)
        turn();
    cr_assert_eq(entry->state, ENTRY_PAUSED);
    runner_set_room(runner, true);
    run_until_ended(1);
    cr_assert_eq(entry->state, ENTRY_DONE, "%s", entry->cause);
    check_divisible(1, 2000000000);
    forget(entry);
    teardown();
}

Test(runner, paused_job_can_be_cancelled) {
    struct entry *entry = wanted(1, "{\"kernel\":\"divisible\",\"interval\":\"4e9\"}");
    char small[PATH_MAX];

    setup(0, 2);
    snprintf(small, sizeof(small), "%s/1", root);
    make_small(small, "size=3m");
    start(entry);
    while (entry->state != ENTRY_PAUSED && ended == 0)
        turn();
    runner_cancel(runner, entry);
    run_until_ended(1);
    cr_assert_eq(entry->state, ENTRY_CANCELLED);
    umount2(small, MNT_DETACH);
    forget(entry);
    teardown();
}
