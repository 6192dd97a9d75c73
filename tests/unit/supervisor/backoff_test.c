/* Young deaths and how long they make the service wait. */
#include "supervisor/backoff.h"

#include <criterion/criterion.h>

#define MS 1000000ull

Test(backoff, delays_double_up_to_the_cap) {
    static const uint64_t wanted_ms[] = { 100, 200, 400, 800, 1600, 2000, 2000 };
    struct backoff backoff = { 0 };

    for (size_t i = 0; i < sizeof(wanted_ms) / sizeof(wanted_ms[0]); i++) {
        backoff_add_death(&backoff, 5000 * MS, 100, 2000, 0.0);
        cr_assert_eq(
            backoff.until_ns, (5000 + wanted_ms[i]) * MS, "death %zu: %lu", i, backoff.until_ns);
        cr_assert_eq(backoff.deaths, i + 1);
    }
}

Test(backoff, jitter_only_shortens) {
    struct backoff backoff = { 0 };

    backoff_add_death(&backoff, 0, 1000, 60000, 1.0);
    cr_assert(backoff.until_ns >= 700 * MS && backoff.until_ns < 1000 * MS);
}

Test(backoff, many_deaths_do_not_overflow) {
    struct backoff backoff = { 0 };

    for (int i = 0; i < 1000; i++)
        backoff_add_death(&backoff, 0, 1, 60000, 0.0);
    cr_assert_eq(backoff.until_ns, 60000 * MS);
}

Test(backoff, good_life_resets) {
    struct backoff backoff = { 0 };

    backoff_add_death(&backoff, 0, 100, 2000, 0.0);
    backoff_add_death(&backoff, 0, 100, 2000, 0.0);
    backoff_reset(&backoff);
    cr_assert_eq(backoff.until_ns, 0);
    backoff_add_death(&backoff, 0, 100, 2000, 0.0);
    cr_assert_eq(backoff.until_ns, 100 * MS);
}

Test(backoff, any_that_is_ready_ends_the_row_but_not_the_wait) {
    struct backoff backoff = { 0 };

    backoff_add_death(&backoff, 0, 100, 2000, 0.0);
    backoff_add_death(&backoff, 0, 100, 2000, 0.0);
    backoff_end_row(&backoff);
    cr_assert_eq(backoff.until_ns, 200 * MS);
    backoff_add_death(&backoff, 1000 * MS, 100, 2000, 0.0);
    cr_assert_eq(backoff.until_ns, 1100 * MS);
}
