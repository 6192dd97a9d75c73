#ifndef WORKERS_KERNELS_DIVISIBLE_DIVISIBLE_H
#define WORKERS_KERNELS_DIVISIBLE_DIVISIBLE_H

/*
 * The numbers of an interval that every one of a list divides: those of the first task sheet are
 * divisible by 11, 13 and 17. The pure parts stand here for the tests; the kernel is
 * divisible_kernel.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/settings.h"
#include "workers/kernels/kernel.h"

extern const struct kernel_ops divisible_kernel;

/* The least common multiple of the list. Returns false when it does not fit 64 bits. */
bool divisible_multiple(const struct setting_numbers *by, uint64_t *out);

/* How many multiples of m lie in [lo, hi]; 0 is one. m is not 0. No overflow anywhere. */
uint64_t divisible_count(uint64_t m, uint64_t lo, uint64_t hi);

/* The first multiple of m in [lo, hi]. Returns false when there is none. */
bool divisible_first(uint64_t m, uint64_t lo, uint64_t hi, uint64_t *out);

/*
 * A test for "d divides x" that multiplies instead of dividing: d = odd * 2^shift, and x * inverse
 * rotated right by shift is at most limit exactly when d divides x (Granlund and Montgomery,
 * "Division by Invariant Integers using Multiplication", section 9).
 */
struct divisible_test {
    uint64_t inverse; /* of the odd part, modulo 2^64 */
    uint64_t limit;   /* (2^64 - 1) / d */
    unsigned shift;
};

struct divisible_test divisible_test_for(uint64_t d);

static inline bool divisible_test_product(const struct divisible_test *test, uint64_t product) {
    return (product >> test->shift | product << (-test->shift & 63)) <= test->limit;
}

#endif
