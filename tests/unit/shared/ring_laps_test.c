/*
 * The claim protocol where laps wrap every fourth time round: threads claim at random, some claims
 * are taken back as after a death, and every chunk is released exactly once.
 */
#define RING_LAP_BITS 2
#include "shared/ring.c"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#define LANES   4u
#define WINDOW  16u
#define CHUNKS  200000u
#define MAILBOX 64u

/* What a lane reports: chunk + 1, or 0. Written by the lane, cleared by the supervisor. */
struct lane {
    struct ring *ring;
    uint32_t index;
    _Atomic uint64_t mail[MAILBOX];
};

static void *claim_and_report(void *arg) {
    struct lane *lane = arg;
    struct ring_claim claim;
    unsigned random = lane->index * 7919u + 1, slot = 0;
    uint64_t seen = 0;
    uint32_t wake;

    while (!ring_is_finished(lane->ring)) {
        wake = atomic_load(&lane->ring->wake);
        random = random * 1103515245u + 12345u;
        if (!ring_claim(lane->ring, lane->index, 1 + random / 65536u % 5, &seen, &claim)) {
            ring_wait(lane->ring, wake);
            continue;
        }
        for (uint32_t i = 0; i < claim.count; i++) {
            while (atomic_load(&lane->mail[slot % MAILBOX]) != 0)
                sched_yield();
            atomic_store(&lane->mail[slot++ % MAILBOX], claim.first + i + 1);
        }
    }
    return NULL;
}

/* Take one report of the lane; every 17th is treated as lost. Returns whether there was one. */
static bool hear(struct ring *ring, struct lane *lane, unsigned *slot, bool *done, unsigned *lost) {
    uint64_t chunk = atomic_load(&lane->mail[*slot % MAILBOX]);
    struct ring_word word;

    if (chunk-- == 0)
        return false;
    word = ring_unpack(*ring_word_at(ring, chunk));
    cr_assert(word.state == RING_RUN && word.owner == lane->index + 1);
    cr_assert(chunk >= ring->base && chunk - ring->base < WINDOW);
    cr_assert(!done[chunk]);
    if ((chunk * 31 + word.epoch) % 17 == 0 && word.epoch < 3) {
        ring_return(ring, chunk, RING_FREE);
        ++*lost;
    } else {
        done[chunk] = true;
        ring_set(ring, chunk, RING_KEPT);
    }
    atomic_store(&lane->mail[(*slot)++ % MAILBOX], 0);
    return true;
}

Test(ring_laps, every_chunk_is_released_once_though_laps_wrap, .timeout = 60) {
    struct ring *ring = ring_new(CHUNKS, WINDOW, LANES, NULL);
    static struct lane lanes[LANES];
    pthread_t threads[LANES];
    unsigned slots[LANES] = { 0 }, lost = 0;
    bool *done = calloc(CHUNKS, 1), moved;

    for (uint32_t i = 0; i < LANES; i++) {
        lanes[i] = (struct lane){ .ring = ring, .index = i };
        cr_assert_eq(pthread_create(&threads[i], NULL, claim_and_report, &lanes[i]), 0);
    }
    while (!ring_is_finished(ring)) {
        moved = false;
        for (uint32_t i = 0; i < LANES; i++)
            while (hear(ring, &lanes[i], &slots[i], done, &lost))
                moved = true;
        while (ring->base < CHUNKS && done[ring->base])
            ring_advance(ring, RING_FREE);
        if (moved)
            ring_wake(ring);
        else
            sched_yield();
    }
    ring_wake(ring);
    for (uint32_t i = 0; i < LANES; i++)
        pthread_join(threads[i], NULL);
    cr_assert_gt(lost, CHUNKS / 40);
    ring_free(ring);
    free(done);
}
