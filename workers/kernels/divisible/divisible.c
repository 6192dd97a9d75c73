/*
 * Two methods, one answer. "stride" steps by the least common multiple; "test" tries every number,
 * as the task sheet does. Near 2^64 neither may form a number above the interval's end.
 */
#include "workers/kernels/divisible/divisible.h"

#include <stddef.h>
#include <stdlib.h>

#include "workers/sink.h"

#define SLICE_STRIDE 65536u   /* results in a slice */
#define SLICE_TEST   4000000u /* numbers in a slice, some 2 ms */
#define BATCH        512u

enum method { METHOD_STRIDE, METHOD_TEST };

struct params {
    struct setting_numbers by;
    unsigned method;
    /* derived by plan */
    uint64_t multiple;
    struct divisible_test test[SETTING_NUMBERS_MAX];
};

static const char *const methods[] = { "stride", "test", NULL };

static const struct setting params_table[] = {
    { .name = "by",
        .type = SETTING_NUMBERS,
        .offset = offsetof(struct params, by),
        .operand = "N,N,...",
        .fallback = "11,13,17",
        .min = 1,
        .max = UINT64_MAX,
        .help = "the divisors: a result is divisible by every one of them" },
    { .name = "method",
        .type = SETTING_CHOICE,
        .offset = offsetof(struct params, method),
        .operand = "METHOD",
        .choices = methods,
        .fallback = "stride",
        .help = "stride: step by the least common multiple; test: try every number" },
    { .name = NULL },
};

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b) {
    uint64_t rest;

    while (b != 0) {
        rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

bool divisible_multiple(const struct setting_numbers *by, uint64_t *out) {
    *out = 1;
    for (unsigned i = 0; i < by->count; i++) {
        uint64_t factor = by->value[i] / greatest_common_divisor(*out, by->value[i]);
        if (__builtin_mul_overflow(*out, factor, out))
            return false;
    }
    return true;
}

uint64_t divisible_count(uint64_t m, uint64_t lo, uint64_t hi) {
    if (lo == 0)
        return hi / m + 1; /* only [0, 2^64-1] by 1 would not fit, and split refuses it */
    return hi / m - (lo - 1) / m;
}

bool divisible_first(uint64_t m, uint64_t lo, uint64_t hi, uint64_t *out) {
    uint64_t rest = lo % m;

    if (rest != 0 && m - rest > hi - lo)
        return false;
    *out = rest == 0 ? lo : lo + (m - rest);
    return true;
}

struct divisible_test divisible_test_for(uint64_t d) {
    struct divisible_test test = { .shift = (unsigned)__builtin_ctzll(d), .limit = UINT64_MAX / d };
    uint64_t odd = d >> test.shift;

    test.inverse = odd; /* right in the lowest 3 bits; each step doubles them */
    for (int i = 0; i < 5; i++)
        test.inverse *= 2 - odd * test.inverse;
    return test;
}

/* Odd divisors first, of these the largest: it is the quickest to try and the rarest to divide. */
static int by_use(const void *a, const void *b) {
    const struct divisible_test *x = a, *y = b;

    if ((x->shift == 0) != (y->shift == 0))
        return x->shift == 0 ? -1 : 1;
    return x->limit < y->limit ? -1 : x->limit > y->limit;
}

static int plan(struct kernel_plan *plan, struct complaint *complaint) {
    struct params *params = plan->params;
    char list[256];

    if (!divisible_multiple(&params->by, &params->multiple)) {
        settings_format(&params_table[0], params, list, sizeof(list));
        return complaint_set(complaint,
            "--by %s: the least common multiple is above 18446744073709551615 (2^64-1)", list);
    }
    for (unsigned i = 0; i < params->by.count; i++)
        params->test[i] = divisible_test_for(params->by.value[i]);
    qsort(params->test, params->by.count, sizeof(params->test[0]), by_use);
    if (plan->chunk_size == 0)
        plan->chunk_size = 1000000;
    return 0;
}

static enum kernel_result run_stride(
    const struct params *params, struct kernel_work *work, struct sink *sink) {
    uint64_t batch[BATCH], number;
    unsigned count = 0;

    if (!divisible_first(params->multiple, work->next, work->hi, &number))
        return KERNEL_DONE;
    for (unsigned total = 0; total < SLICE_STRIDE; total++) {
        batch[count++] = number;
        if (count == BATCH) {
            sink_put_numbers(sink, batch, count);
            count = 0;
        }
        if (work->hi - number < params->multiple) {
            sink_put_numbers(sink, batch, count);
            return KERNEL_DONE;
        }
        number += params->multiple;
    }
    sink_put_numbers(sink, batch, count);
    work->next = number;
    return KERNEL_MORE;
}

static bool divides_the_rest(const struct params *params, uint64_t number) {
    for (unsigned i = 1; i < params->by.count; i++)
        if (!divisible_test_product(&params->test[i], number * params->test[i].inverse))
            return false;
    return true;
}

/*
 * The first number from *number to last that the first divisor divides. The product grows by
 * addition along the way; for an odd divisor it is compared as it is.
 */
static inline bool find_next(
    const struct divisible_test test, bool is_odd, uint64_t *number, uint64_t last) {
    uint64_t product = *number * test.inverse;

    for (uint64_t left = last - *number + 1; left != 0; left--, product += test.inverse) {
        if (is_odd ? product <= test.limit : divisible_test_product(&test, product)) {
            *number = last - left + 1;
            return true;
        }
    }
    return false;
}

/* Try every number of the slice: the first divisor on each, the others where it divides. */
static void try_slice(
    const struct params *params, struct sink *sink, uint64_t number, uint64_t last) {
    const struct divisible_test first = params->test[0];
    bool is_odd = first.shift == 0;

    while (
        is_odd ? find_next(first, true, &number, last) : find_next(first, false, &number, last)) {
        if (divides_the_rest(params, number))
            sink_put(sink, number);
        if (number++ == last)
            return;
    }
}

static enum kernel_result run_test(
    const struct params *params, struct kernel_work *work, struct sink *sink) {
    bool is_last = work->hi - work->next < SLICE_TEST;
    uint64_t last = is_last ? work->hi : work->next + (SLICE_TEST - 1);

    try_slice(params, sink, work->next, last);
    if (is_last)
        return KERNEL_DONE;
    work->next = last + 1;
    return KERNEL_MORE;
}

static enum kernel_result run(
    void *state, const struct kernel_plan *plan, struct kernel_work *work, struct sink *sink) {
    const struct params *params = plan->params;

    (void)state;
    if (params->method == METHOD_TEST)
        return run_test(params, work, sink);
    if (plan->count_only) {
        sink_add_count(sink, divisible_count(params->multiple, work->lo, work->hi));
        return KERNEL_DONE;
    }
    return run_stride(params, work, sink);
}

const struct kernel_ops divisible_kernel = {
    .name = "divisible",
    .version = "1",
    .summary = "numbers that every one of a list divides",
    .flags = KERNEL_PURE,
    .params = params_table,
    .params_size = sizeof(struct params),
    .plan = plan,
    .run = run,
};
