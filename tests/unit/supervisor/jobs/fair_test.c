/* Who gets a worker, and who gives one up. */
#include "supervisor/jobs/fair.h"

#include <criterion/criterion.h>

#define MS 1000000u

Test(fair, free_worker_goes_to_who_paid_least) {
    const struct fair_job jobs[] = {
        { .wants = true, .has = 0, .paid_ns = 9 * MS },
        { .wants = false, .has = 0, .paid_ns = 1 * MS },
        { .wants = true, .has = 1, .paid_ns = 5 * MS },
    };

    cr_assert_eq(fair_pick(jobs, 3), 2);
    cr_assert_eq(fair_pick(jobs, 2), 0);
    cr_assert_eq(fair_pick(jobs + 1, 1), FAIR_NOBODY);
    cr_assert_eq(fair_pick(jobs, 0), FAIR_NOBODY);
}

Test(fair, among_equals_who_has_fewer_comes_first) {
    const struct fair_job jobs[] = { { true, 2, 7 }, { true, 1, 7 } };

    cr_assert_eq(fair_pick(jobs, 2), 1);
}

Test(fair, new_job_gets_its_part_at_once) {
    const struct fair_job jobs[] = { { true, 4, 100 * MS }, { true, 0, 100 * MS } };

    cr_assert_eq(fair_yield(jobs, 2), 0);
}

Test(fair, even_parts_stay_as_they_are) {
    const struct fair_job jobs[] = { { true, 2, 900 * MS }, { true, 2, 100 * MS } };

    cr_assert_eq(fair_yield(jobs, 2), FAIR_NOBODY);
}

Test(fair, odd_worker_changes_hands_after_a_quantum) {
    struct fair_job jobs[] = { { true, 1, 100 * MS }, { true, 0, 100 * MS } };

    cr_assert_eq(fair_yield(jobs, 2), FAIR_NOBODY);
    jobs[0].paid_ns += FAIR_QUANTUM_NS - 1;
    cr_assert_eq(fair_yield(jobs, 2), FAIR_NOBODY);
    jobs[0].paid_ns++;
    cr_assert_eq(fair_yield(jobs, 2), 0);
}

Test(fair, nobody_yields_when_nobody_wants) {
    const struct fair_job jobs[] = { { false, 3, 900 * MS }, { false, 0, 0 } };

    cr_assert_eq(fair_yield(jobs, 2), FAIR_NOBODY);
}

Test(fair, nobody_yields_to_itself) {
    const struct fair_job jobs[] = { { true, 3, 900 * MS }, { false, 0, 0 } };

    cr_assert_eq(fair_yield(jobs, 2), FAIR_NOBODY);
}

Test(fair, who_enters_has_paid_as_much_as_the_poorest_in_work) {
    const struct fair_job jobs[] = { { true, 1, 500 * MS }, { false, 1, 300 * MS },
        { false, 0, 10 * MS } };

    cr_assert_eq(fair_enter(jobs, 3, 0), 300 * MS);
    cr_assert_eq(fair_enter(jobs, 3, 400 * MS), 400 * MS);
    cr_assert_eq(fair_enter(jobs, 0, 7), 7);
}

/* Two equal jobs and a third that comes late, on three workers whose chunks take 7 ms. */
Test(fair, shares_even_out_over_time) {
    struct fair_job jobs[3] = { { .wants = true }, { .wants = true } };
    unsigned owner[3] = { FAIR_NOBODY, FAIR_NOBODY, FAIR_NOBODY }, from, next;
    bool yields[3] = { false };
    uint64_t served[3] = { 0 }, late_at = 0;

    for (unsigned ms = 0; ms < 6000; ms++) {
        if (ms == 3000) {
            jobs[2] = (struct fair_job){ .wants = true };
            jobs[2].paid_ns = fair_enter(jobs, 2, 0);
            late_at = served[0];
        }
        for (unsigned w = 0; w < 3; w++) {
            if (owner[w] != FAIR_NOBODY && yields[w] && (ms + w) % 7 == 0) {
                owner[w] = FAIR_NOBODY;
                yields[w] = false;
            }
            if (owner[w] == FAIR_NOBODY) {
                next = fair_pick(jobs, 3);
                owner[w] = next;
                jobs[next].has++;
            }
            jobs[owner[w]].paid_ns += 1 * MS;
            served[owner[w]]++;
        }
        from = fair_yield(jobs, 3);
        for (unsigned w = 0; from != FAIR_NOBODY && w < 3; w++)
            if (owner[w] == from && !yields[w]) {
                yields[w] = true;
                jobs[from].has--;
                break;
            }
    }
    cr_assert_lt(served[0] > served[1] ? served[0] - served[1] : served[1] - served[0], 150);
    cr_assert_lt(served[2] > served[0] - late_at ? served[2] - (served[0] - late_at)
                                                 : served[0] - late_at - served[2],
        150, "%lu and %lu", served[2], served[0] - late_at);
}
