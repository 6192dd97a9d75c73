/* Hung is inside a hook for too long; idle and busy are not. */
#include "supervisor/hang.h"

#include <criterion/criterion.h>

static struct scoreboard_lane lanes[3];

Test(hang, idle_worker_does_not_hang) {
    struct hang hang;

    cr_assert_eq(hang_init(&hang, 3), 0);
    lanes[0].hook_count = 4;
    cr_assert_eq(hang_look(&hang, lanes, 1000), UINT64_MAX);
    cr_assert_eq(hang_look(&hang, lanes, 9000), UINT64_MAX);
    hang_free(&hang);
}

Test(hang, same_hook_seen_again_is_told_since_when) {
    struct hang hang;

    cr_assert_eq(hang_init(&hang, 3), 0);
    lanes[1].hook_count = 7;
    cr_assert_eq(hang_look(&hang, lanes, 1000), 1000);
    cr_assert_eq(hang_look(&hang, lanes, 5000), 1000);
    lanes[2].hook_count = 1;
    cr_assert_eq(hang_look(&hang, lanes, 6000), 1000, "the oldest counts");
    lanes[1].hook_count = 8;
    cr_assert_eq(hang_look(&hang, lanes, 7000), 6000);
    hang_free(&hang);
}

Test(hang, one_lane_is_as_good_as_many) {
    struct hang hang;

    cr_assert_eq(hang_init(&hang, 1), 0);
    lanes[0].hook_count = 5;
    lanes[1].hook_count = 5; /* of another worker */
    cr_assert_eq(hang_look(&hang, lanes, 1000), 1000);
    cr_assert_eq(hang_look(&hang, lanes, 2000), 1000);
    lanes[0].hook_count = 6;
    cr_assert_eq(hang_look(&hang, lanes, 3000), UINT64_MAX);
    hang_free(&hang);
}

Test(hang, another_hook_is_another_matter) {
    struct hang hang;

    cr_assert_eq(hang_init(&hang, 3), 0);
    lanes[0].hook_count = 1;
    cr_assert_eq(hang_look(&hang, lanes, 1000), 1000);
    lanes[0].hook_count = 3;
    cr_assert_eq(hang_look(&hang, lanes, 2000), 2000);
    hang_free(&hang);
}
