/* How many workers: the field's three modes. */
#include "supervisor/policy.h"

#include <criterion/criterion.h>

static const struct policy_rules dynamic = { .pm = PM_DYNAMIC,
    .max_children = 8,
    .start_servers = 2,
    .min_spare_servers = 1,
    .max_spare_servers = 3 };

static int want(struct policy_rules rules, struct policy_counts counts) {
    return policy_want(&rules, &counts);
}

Test(policy, static_pool_is_always_full) {
    const struct policy_rules rules = { .pm = PM_STATIC, .max_children = 4 };

    cr_assert_eq(want(rules, (struct policy_counts){ .total = 0 }), 4);
    cr_assert_eq(want(rules, (struct policy_counts){ .total = 3, .idle = 3 }), 1);
    cr_assert_eq(want(rules, (struct policy_counts){ .total = 4, .idle = 4 }), 0);
    cr_assert_eq(want(rules, (struct policy_counts){ .total = 6 }), -2);
}

Test(policy, dynamic_pool_starts_with_start_servers) {
    cr_assert_eq(want(dynamic, (struct policy_counts){ .is_first = true }), 2);
    cr_assert_eq(want(dynamic, (struct policy_counts){ .is_first = true, .total = 2 }), 0);
}

Test(policy, dynamic_pool_starts_midway_when_nobody_says_more) {
    struct policy_rules rules = dynamic;

    rules.start_servers = 0;
    cr_assert_eq(want(rules, (struct policy_counts){ .is_first = true }), 2);
    rules.max_spare_servers = 6;
    cr_assert_eq(want(rules, (struct policy_counts){ .is_first = true }), 3);
}

Test(policy, dynamic_pool_keeps_its_spare_ones) {
    static const struct {
        struct policy_counts counts;
        int wanted;
    } cases[] = {
        { { .total = 2, .with_room = 0 }, 1 },                /* all busy */
        { { .total = 2, .with_room = 0, .starting = 1 }, 0 }, /* one is coming */
        { { .total = 8, .with_room = 0 }, 0 },                /* no more allowed */
        { { .total = 5, .with_room = 3, .idle = 3 }, 0 },     /* as many as may be */
        { { .total = 5, .with_room = 4, .idle = 4 }, -1 },    /* one too many */
        { { .total = 8, .with_room = 8, .idle = 8 }, -1 },    /* one at a time */
        { { .total = 6, .with_room = 5, .idle = 5, .starting = 1 }, 0 },
        { { .total = 10, .with_room = 0 }, -2 }, /* the operator made it smaller */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(policy_want(&dynamic, &cases[i].counts), cases[i].wanted, "case %zu", i);
}

Test(policy, ondemand_pool_forks_for_who_waits) {
    const struct policy_rules rules = { .pm = PM_ONDEMAND, .max_children = 2 };

    cr_assert_eq(want(rules, (struct policy_counts){ .total = 0 }), 0);
    cr_assert_eq(want(rules, (struct policy_counts){ .total = 0, .has_waiting = true }), 1);
    cr_assert_eq(
        want(rules, (struct policy_counts){ .total = 1, .starting = 1, .has_waiting = true }), 0);
    cr_assert_eq(want(rules, (struct policy_counts){ .total = 2, .has_waiting = true }), 0);
    cr_assert_eq(
        want(rules, (struct policy_counts){ .total = 2, .with_room = 2, .expired = 2 }), -2);
}
