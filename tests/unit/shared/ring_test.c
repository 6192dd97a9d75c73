/* The window in shared memory: claims, returns, the order of the head. */
#include "shared/ring.h"

#include <criterion/criterion.h>

static struct ring *ring;
static uint64_t seen;
static struct ring_claim claim;

static void make(uint64_t chunks, uint32_t window, uint32_t lanes) {
    ring = ring_new(chunks, window, lanes, NULL);
    cr_assert_not_null(ring);
    seen = 0;
}

static bool claims(uint32_t lane, uint32_t most) {
    return ring_claim(ring, lane, most, &seen, &claim);
}

Test(ring, word_holds_its_fields_apart) {
    const struct ring_word word = {
        .lap = 0xabcde, .epoch = 0x123456, .owner = 0xfed, .state = RING_SOLO
    };
    struct ring_word back = ring_unpack(ring_pack(word));

    cr_assert(back.lap == word.lap && back.epoch == word.epoch && back.owner == word.owner &&
              back.state == word.state);
}

Test(ring, chunks_are_claimed_once_and_in_order) {
    make(10, 16, 2);
    for (uint64_t i = 0; i < 10; i++) {
        cr_assert(claims((uint32_t)i % 2, 1));
        cr_assert(claim.first == i && claim.count == 1 && claim.epoch[0] == 1);
    }
    cr_assert(!claims(0, 1));
    ring_free(ring);
}

Test(ring, window_bounds_claims_until_the_head_is_released) {
    make(100, 16, 2);
    cr_assert(claims(0, 64));
    cr_assert_eq(claim.count, 16);
    cr_assert(!claims(1, 1));
    ring_advance(ring, RING_FREE);
    cr_assert(claims(1, 64));
    cr_assert(claim.first == 16 && claim.count == 1);
    ring_free(ring);
}

Test(ring, returned_chunk_is_claimed_next_with_a_later_epoch) {
    make(100, 16, 2);
    cr_assert(claims(0, 4));
    ring_return(ring, 2, RING_FREE);
    cr_assert(claims(1, 1));
    cr_assert(claim.first == 2 && claim.epoch[0] == 2);
    cr_assert(claims(1, 1));
    cr_assert_eq(claim.first, 4);
    ring_free(ring);
}

Test(ring, return_is_found_by_a_lane_that_has_looked_further) {
    make(16, 16, 2);
    cr_assert(claims(0, 64));
    cr_assert(!claims(1, 1));
    ring_return(ring, 0, RING_FREE);
    cr_assert(claims(1, 1));
    cr_assert_eq(claim.first, 0);
    ring_free(ring);
}

Test(ring, recheck_goes_to_anybody_but_one) {
    make(4, 16, 3);
    cr_assert(claims(0, 4));
    ring_return_recheck(ring, 1, 0);
    cr_assert(!claims(0, 1));
    cr_assert(claims(1, 1));
    cr_assert(claim.first == 1 && claim.epoch[0] == 2);
    ring_free(ring);
}

Test(ring, solo_is_only_for_the_lane_started_for_it) {
    make(4, 16, 3);
    cr_assert(claims(0, 4));
    ring_return(ring, 3, RING_SOLO);
    cr_assert(!claims(1, 1));
    cr_assert(!ring_claim_solo(ring, 2, 2, &claim));
    cr_assert(ring_claim_solo(ring, 2, 3, &claim));
    cr_assert(claim.first == 3 && claim.epoch[0] == 2);
    cr_assert(!ring_claim_solo(ring, 2, 3, &claim));
    ring_free(ring);
}

Test(ring, held_and_kept_chunks_are_not_claimed) {
    make(3, 16, 2);
    ring_set(ring, 0, RING_HELD);
    ring_set(ring, 1, RING_KEPT);
    cr_assert(claims(0, 64));
    cr_assert(claim.first == 2 && claim.count == 1);
    ring_free(ring);
}

Test(ring, orders_stop_claims) {
    make(10, 16, 2);
    ring_set_order(ring, RING_ORDER_DRAIN);
    cr_assert(!claims(0, 1));
    ring_set_order(ring, RING_ORDER_CANCEL);
    cr_assert(!claims(0, 1));
    ring_set_order(ring, RING_ORDER_RUN);
    cr_assert(claims(0, 1));
    ring_free(ring);
}

Test(ring, head_only_lets_nothing_but_the_head_be_claimed) {
    make(10, 16, 2);
    ring->head_only = 1;
    cr_assert(claims(0, 64));
    cr_assert(claim.first == 0 && claim.count == 1);
    cr_assert(!claims(1, 1));
    ring_free(ring);
}

Test(ring, window_at_the_top_of_64_bits_does_not_wrap) {
    make(UINT64_MAX, 16, 2);
    ring_begin(ring, UINT64_MAX - 3);
    cr_assert(claims(0, 64));
    cr_assert(claim.first == UINT64_MAX - 3 && claim.count == 3);
    for (int i = 0; i < 3; i++)
        ring_advance(ring, RING_FREE);
    cr_assert(ring_is_finished(ring));
    cr_assert(!claims(0, 1));
    ring_free(ring);
}

Test(ring, begun_window_has_the_laps_of_its_chunks) {
    make(1000, 16, 2);
    ring_begin(ring, 505);
    cr_assert(claims(0, 64));
    cr_assert(claim.first == 505 && claim.count == 16);
    ring_free(ring);
}

Test(ring, wake_tells_whether_anybody_slept) {
    make(10, 16, 2);
    cr_assert(!ring_wake(ring));
    ring_wait(ring, ring->wake - 1); /* the word has moved on: returns at once */
    cr_assert(ring_wake(ring));
    cr_assert(!ring_wake(ring));
    ring_free(ring);
}

Test(ring, doing_from_shared_memory_is_not_trusted) {
    cr_assert_str_eq(ring_doing_name((enum ring_doing)7777), "unknown");
    cr_assert_str_eq(ring_doing_name(RING_DOING_IDLE), "idle");
}
