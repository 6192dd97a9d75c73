/* Divisibility: closed forms against trial, up to the top of 64 bits. */
#include "workers/kernels/divisible/divisible.h"

#include <criterion/criterion.h>
#include <inttypes.h>

static const uint64_t tops[] = { 0, 1, 1000, UINT32_MAX, 1ull << 63, UINT64_MAX - 300 };

Test(divisible, count_and_first_agree_with_trial) {
    static const uint64_t ms[] = { 1, 2, 3, 7, 11, 64, 143, 221, 2431 };
    uint64_t count, first = 0, got;

    for (size_t t = 0; t < sizeof(tops) / sizeof(tops[0]); t++)
        for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++)
            for (uint64_t len = 0; len < 300; len += 13) {
                uint64_t lo = tops[t], hi = lo + len;
                count = 0;
                for (uint64_t x = lo;; x++) {
                    if (x % ms[i] == 0 && count++ == 0)
                        first = x;
                    if (x == hi)
                        break;
                }
                cr_assert_eq(divisible_count(ms[i], lo, hi), count);
                cr_assert_eq(divisible_first(ms[i], lo, hi, &got), count > 0);
                cr_assert(count == 0 || got == first);
            }
}

Test(divisible, product_test_is_division) {
    static const uint64_t ds[] = { 1, 2, 3, 5, 6, 8, 11, 12, 13, 17, 2431, 4096, 1000000007,
        1ull << 32, (1ull << 32) + 2, 1ull << 63, UINT64_MAX, UINT64_MAX - 1, 0xaaaaaaaaaaaaaaaa };

    for (size_t i = 0; i < sizeof(ds) / sizeof(ds[0]); i++) {
        struct divisible_test test = divisible_test_for(ds[i]);
        for (size_t t = 0; t < sizeof(tops) / sizeof(tops[0]); t++)
            for (uint64_t x = tops[t]; x < tops[t] + 300; x++)
                cr_assert_eq(divisible_test_product(&test, x * test.inverse), x % ds[i] == 0,
                    "%" PRIu64 " by %" PRIu64, x, ds[i]);
        for (uint64_t k = 0, x = 0; k < 50; k++, x += ds[i])
            cr_assert(divisible_test_product(&test, x * test.inverse) == (x % ds[i] == 0));
    }
}

Test(divisible, multiple_is_the_least_common_one_or_refused) {
    static const struct {
        struct setting_numbers by;
        bool fits;
        uint64_t multiple;
    } cases[] = {
        { { { 11, 13, 17 }, 3 }, true, 2431 },
        { { { 4, 6 }, 2 }, true, 12 },
        { { { 7, 7, 7 }, 3 }, true, 7 },
        { { { 1 }, 1 }, true, 1 },
        { { { UINT64_MAX }, 1 }, true, UINT64_MAX },
        { { { UINT64_MAX, 3 }, 2 }, true, UINT64_MAX },
        { { { UINT64_MAX, 2 }, 2 }, false, 0 },
        { { { 1ull << 32, (1ull << 32) - 1, 3 }, 3 }, true, 0xffffffff00000000 },
        { { { 1ull << 32, (1ull << 32) + 1, 7 }, 3 }, false, 0 },
    };
    uint64_t multiple;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(divisible_multiple(&cases[i].by, &multiple), cases[i].fits, "case %zu", i);
        cr_assert(
            !cases[i].fits || multiple == cases[i].multiple, "case %zu: %" PRIu64, i, multiple);
    }
}
