/* Chunks cover the interval without gap, overlap or overflow. */
#include "shared/split.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

static struct complaint complaint;

Test(split, corners_of_64_bits) {
    static const struct {
        uint64_t lo, hi, size, chunks, last_lo, last_hi;
    } cases[] = {
        { 1, 3345212, 1000000, 4, 3000001, 3345212 },
        { UINT64_MAX, UINT64_MAX, 1, 1, UINT64_MAX, UINT64_MAX },
        { UINT64_MAX - 6, UINT64_MAX, 2, 4, UINT64_MAX, UINT64_MAX },
        { UINT64_MAX - 5, UINT64_MAX, 2, 3, UINT64_MAX - 1, UINT64_MAX },
        { 0, UINT64_MAX, 1000000, 18446744073710u, 18446744073709000000u, UINT64_MAX },
        { 0, UINT64_MAX, UINT64_MAX, 2, UINT64_MAX, UINT64_MAX },
        { 1, UINT64_MAX, UINT64_MAX, 1, 1, UINT64_MAX },
        { 0, UINT64_MAX, 2, 1ull << 63, UINT64_MAX - 1, UINT64_MAX },
        { 1, UINT64_MAX, 1, UINT64_MAX, UINT64_MAX, UINT64_MAX },
        { 5, 5, UINT64_MAX, 1, 5, 5 },
        { 1, 1000000, 1000000, 1, 1, 1000000 },
        { 1, 1000001, 1000000, 2, 1000001, 1000001 },
    };
    struct split split;
    uint64_t lo, hi;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct interval interval = { .lo = cases[i].lo, .hi = cases[i].hi };
        cr_assert_eq(split_init(&split, &interval, cases[i].size, &complaint), 0, "case %zu", i);
        cr_assert_eq(split.chunks, cases[i].chunks, "case %zu: %" PRIu64, i, split.chunks);
        split_bounds(&split, 0, &lo, &hi);
        cr_assert_eq(lo, cases[i].lo, "case %zu", i);
        split_bounds(&split, split.chunks - 1, &lo, &hi);
        cr_assert(lo == cases[i].last_lo && hi == cases[i].last_hi,
            "case %zu: %" PRIu64 "..%" PRIu64, i, lo, hi);
    }
}

Test(split, every_number_is_in_exactly_one_chunk) {
    struct split split;
    uint64_t lo, hi, next;

    for (uint64_t size = 1; size <= 40; size++)
        for (uint64_t len = 1; len <= 40; len++)
            for (int top = 0; top < 2; top++) {
                uint64_t first = top ? UINT64_MAX - len + 1 : 17;
                const struct interval interval = { .lo = first, .hi = first + len - 1 };
                cr_assert_eq(split_init(&split, &interval, size, &complaint), 0);
                next = first;
                for (uint64_t i = 0; i < split.chunks; i++) {
                    split_bounds(&split, i, &lo, &hi);
                    cr_assert(lo == next && hi >= lo && hi - lo < size);
                    next = hi + 1;
                }
                cr_assert_eq(next - 1, interval.hi);
            }
}

Test(split, impossible_cuts_are_refused) {
    const struct interval all = { .lo = 0, .hi = UINT64_MAX }, none = { .is_empty = true };
    struct split split;

    cr_assert_eq(split_init(&split, &all, 0, &complaint), -1);
    cr_assert_eq(split_init(&split, &all, 1, &complaint), -1);
    cr_assert_not_null(strstr(complaint.text, "use 2 or more"));
    cr_assert_eq(split_init(&split, &none, 10, &complaint), 0);
    cr_assert_eq(split.chunks, 0);
}
