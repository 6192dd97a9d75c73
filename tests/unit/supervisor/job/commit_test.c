/* Acceptance: once, from the owner, for the attempt that counts. */
#include "supervisor/job/commit.h"

#include <criterion/criterion.h>
#include <string.h>

#include "shared/crc32c.h"

static struct ring *ring;
static struct commit commit;
static struct ring_claim claim;
static uint64_t seen;

static void setup(void) {
    crc32c_init();
    ring = ring_new(100, 16, 3, NULL);
    cr_assert_eq(commit_init(&commit, ring, 1000, NULL), 0);
    seen = 0;
}

static void teardown(void) {
    commit_fini(&commit);
    ring_free(ring);
}

TestSuite(commit, .init = setup, .fini = teardown);

static enum commit_verdict take(enum frame_type type, uint32_t lane, uint64_t chunk, uint32_t epoch,
    uint32_t part, const char *payload, bool may_pass) {
    struct frame frame = { .type = (uint16_t)type,
        .lane = (uint16_t)lane,
        .chunk = chunk,
        .epoch = epoch,
        .part = part,
        .len = (uint32_t)strlen(payload),
        .records = 1,
        .digested = strlen(payload),
        .digest = crc32c(0, payload, strlen(payload)) };

    frame_seal(&frame, payload);
    return commit_take(&commit, &frame, payload, lane, 1, may_pass);
}

static void claim_first(uint32_t lane, uint32_t count) {
    cr_assert(ring_claim(ring, lane, count, &seen, &claim));
    cr_assert_eq(claim.count, count);
}

Test(commit, result_is_accepted_once) {
    claim_first(0, 2);
    cr_assert_eq(take(FRAME_DONE, 0, 1, 1, 0, "one", false), COMMIT_DONE);
    cr_assert_eq(take(FRAME_DONE, 0, 1, 1, 0, "one", false), COMMIT_IGNORED);
    cr_assert_eq(commit.done, 1);
    cr_assert_eq(commit.ignored, 1);
}

Test(commit, only_the_owner_of_the_attempt_counts) {
    claim_first(0, 2);
    cr_assert_eq(take(FRAME_DONE, 1, 0, 1, 0, "x", false), COMMIT_IGNORED);
    cr_assert_eq(take(FRAME_DONE, 0, 0, 2, 0, "x", false), COMMIT_IGNORED);
    cr_assert_eq(take(FRAME_DONE, 0, 5, 1, 0, "x", false), COMMIT_IGNORED);
    cr_assert_eq(take(FRAME_DONE, 0, 99, 1, 0, "x", false), COMMIT_IGNORED);
    cr_assert_eq(take(FRAME_DONE, 0, UINT64_MAX, 1, 0, "x", false), COMMIT_IGNORED);
    cr_assert_eq(take(FRAME_DONE, 0, 0, 1, 0, "x", false), COMMIT_DONE);
}

Test(commit, lane_that_is_not_the_senders_is_a_lie) {
    struct frame frame = { .type = FRAME_DONE, .lane = 2, .chunk = 0, .epoch = 1 };

    frame_seal(&frame, "");
    cr_assert_eq(commit_take(&commit, &frame, "", 0, 2, false), COMMIT_BAD);
}

Test(commit, head_may_pass_and_nobody_else) {
    claim_first(0, 2);
    cr_assert_eq(take(FRAME_DONE, 0, 1, 1, 0, "one", true), COMMIT_DONE);
    cr_assert_eq(take(FRAME_DONE, 0, 0, 1, 0, "zero", true), COMMIT_PASS);
    commit_advance(&commit);
    cr_assert_eq(ring->base, 1);
}

Test(commit, parts_are_joined_in_order_and_a_missing_one_is_a_lie) {
    struct slot *slot;
    char text[16] = "";

    claim_first(0, 2);
    cr_assert_eq(take(FRAME_PART, 0, 0, 1, 0, "ab", true), COMMIT_PART);
    cr_assert_eq(take(FRAME_PART, 0, 0, 1, 1, "cd", true), COMMIT_PART);
    cr_assert_eq(take(FRAME_DONE, 0, 0, 1, 2, "ef", true), COMMIT_DONE);
    slot = commit_slot(&commit, 0);
    cr_assert_eq(result_read(&commit.store, &slot->result, 0, text, sizeof(text)), 6);
    cr_assert_str_eq(text, "abcdef");
    cr_assert_eq(slot->data_crc, crc32c(0, "abcdef", 6));
    cr_assert_eq(take(FRAME_PART, 0, 1, 1, 1, "x", true), COMMIT_BAD);
}

Test(commit, parts_of_a_dead_attempt_are_forgotten) {
    struct slot *slot = commit_slot(&commit, 0);
    char text[16] = "";

    claim_first(0, 1);
    cr_assert_eq(take(FRAME_PART, 0, 0, 1, 0, "old", true), COMMIT_PART);
    commit_return(&commit, 0);
    cr_assert_eq(result_size(&slot->result), 0);
    claim_first(1, 1);
    cr_assert_eq(claim.epoch[0], 2);
    cr_assert_eq(take(FRAME_DONE, 0, 0, 1, 1, "old", true), COMMIT_IGNORED);
    cr_assert_eq(take(FRAME_DONE, 1, 0, 2, 0, "new", false), COMMIT_DONE);
    cr_assert_eq(result_read(&commit.store, &slot->result, 0, text, sizeof(text)), 3);
    cr_assert_str_eq(text, "new");
}

Test(commit, result_beyond_the_budget_goes_to_the_spool_whole) {
    struct slot *slot;
    char big[900], text[2000];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    claim_first(0, 3);
    cr_assert_eq(take(FRAME_PART, 0, 1, 1, 0, big, false), COMMIT_PART);
    cr_assert(!result_is_spooled(&commit_slot(&commit, 1)->result));
    cr_assert_eq(take(FRAME_DONE, 0, 1, 1, 1, big, false), COMMIT_DONE);
    slot = commit_slot(&commit, 1);
    cr_assert(result_is_spooled(&slot->result));
    cr_assert_eq(commit.store.held, 0);
    cr_assert_eq(result_size(&slot->result), 2 * 899);
    cr_assert_eq(result_read(&commit.store, &slot->result, 0, text, sizeof(text)), 2 * 899);
    cr_assert_eq(commit.spooled, 1);
}

Test(commit, checked_chunk_needs_a_second_attempt_by_another_lane) {
    commit.check_percent = 100;
    claim_first(0, 1);
    cr_assert_eq(take(FRAME_DONE, 0, 0, 1, 0, "same", true), COMMIT_RECHECK);
    cr_assert_eq(commit_slot(&commit, 0)->state, SLOT_CHECKING);
    seen = 0;
    claim_first(1, 1);
    cr_assert(claim.first == 0 && claim.epoch[0] == 2);
    cr_assert_eq(take(FRAME_DONE, 1, 0, 2, 0, "same", true), COMMIT_DONE);
    cr_assert(commit.checked == 1 && commit.done == 1);
    cr_assert_eq(result_size(&commit_slot(&commit, 0)->result), 4);
}

Test(commit, different_second_result_holds_the_chunk) {
    commit.check_percent = 100;
    claim_first(0, 1);
    take(FRAME_DONE, 0, 0, 1, 0, "this", true);
    seen = 0;
    claim_first(1, 1);
    cr_assert_eq(take(FRAME_DONE, 1, 0, 2, 0, "that", true), COMMIT_DIFFERENT);
    cr_assert_eq(commit_slot(&commit, 0)->state, SLOT_HELD);
}

Test(commit, dead_checker_leaves_the_first_result_alone) {
    commit.check_percent = 100;
    claim_first(0, 1);
    take(FRAME_DONE, 0, 0, 1, 0, "same", true);
    seen = 0;
    claim_first(1, 1);
    commit_return(&commit, 0);
    cr_assert_eq(result_size(&commit_slot(&commit, 0)->result), 4);
    claim_first(1, 1);
    cr_assert_eq(take(FRAME_DONE, 1, 0, 3, 0, "same", true), COMMIT_DONE);
}

static void count_visit(void *arg, uint64_t chunk, uint32_t lane) {
    unsigned *counts = arg;

    cr_assert(chunk < 16);
    counts[lane]++;
}

Test(commit, owned_chunks_are_those_that_run) {
    unsigned counts[3] = { 0 };

    claim_first(0, 3);
    claim_first(1, 2);
    take(FRAME_DONE, 0, 1, 1, 0, "x", false);
    commit_visit_owned(&commit, 0, 1, count_visit, counts);
    cr_assert(counts[0] == 2 && counts[1] == 0);
    commit_visit_owned(&commit, 0, 3, count_visit, counts);
    cr_assert(counts[0] == 4 && counts[1] == 2);
}

Test(commit, full_disk_and_full_memory_give_the_attempt_up) {
    char big[2000];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    commit.store.spool.path = "/nonexistent/spool";
    claim_first(0, 2);
    cr_assert_eq(take(FRAME_DONE, 0, 1, 1, 0, big, false), COMMIT_NO_ROOM);
    cr_assert_eq(take(FRAME_DONE, 0, 0, 1, 0, big, false), COMMIT_DONE, "the head may use memory");
}
