/* Silence and time, by the watch's own clock. */
#include "supervisor/job/watch.h"

#include <criterion/criterion.h>

static const struct watch_limits limits = { .silent_ms = 100, .chunk_ms = 300, .grace_ms = 50 };
static struct ring_lane row;
static struct watch watch;

static void reset(void) {
    row.chunk = RING_NO_CHUNK;
    row.progress = 0;
    watch_reset(&watch);
}

TestSuite(watch, .init = reset);

Test(watch, silent_lane_is_found_after_the_limit) {
    cr_assert_eq(watch_look(&watch, &row, &limits, 50), WATCH_FINE);
    cr_assert_eq(watch_look(&watch, &row, &limits, 49), WATCH_FINE);
    cr_assert_eq(watch_look(&watch, &row, &limits, 1), WATCH_SILENT);
    cr_assert(watch.is_condemned);
}

Test(watch, sign_of_life_begins_the_count_anew) {
    for (int i = 0; i < 100; i++) {
        row.progress++;
        cr_assert_eq(watch_look(&watch, &row, &limits, 99), WATCH_FINE);
    }
}

Test(watch, chunk_over_its_time_is_asked_once_then_overdue) {
    row.chunk = 5;
    for (int i = 0; i < 4; i++) {
        row.progress++;
        cr_assert_eq(watch_look(&watch, &row, &limits, 99), WATCH_FINE, "look %d", i);
    }
    row.progress++;
    cr_assert_eq(watch_look(&watch, &row, &limits, 10), WATCH_STOP);
    row.progress++;
    cr_assert_eq(watch_look(&watch, &row, &limits, 10), WATCH_FINE);
    row.progress++;
    cr_assert_eq(watch_look(&watch, &row, &limits, 50), WATCH_OVERDUE);
}

Test(watch, next_chunk_has_its_own_time) {
    row.chunk = 5;
    for (int i = 0; i < 10; i++) {
        row.progress++;
        row.chunk++;
        cr_assert_eq(watch_look(&watch, &row, &limits, 99), WATCH_FINE);
    }
}

Test(watch, no_limit_is_no_limit) {
    const struct watch_limits none = { .silent_ms = 0 };

    row.chunk = 1;
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(watch_look(&watch, &row, &none, 1000), WATCH_FINE);
}
