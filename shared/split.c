/* Cut an interval. Written with differences, never with sums that could pass 2^64. */
#include "shared/split.h"

int split_init(struct split *split, const struct interval *interval, uint64_t size,
    struct complaint *complaint) {
    if (size == 0)
        return complaint_set(
            complaint, "--chunk: 0 is outside the allowed range, 1 to 18446744073709551615");
    *split = (struct split){ .lo = interval->lo, .hi = interval->hi, .size = size };
    if (interval->is_empty)
        return 0;
    if (size == 1 && interval->hi - interval->lo == UINT64_MAX)
        return complaint_set(complaint,
            "--chunk: 1 cuts 0..2^64-1 into 2^64 chunks, one more than can be counted; use 2 or "
            "more");
    split->chunks = (interval->hi - interval->lo) / size + 1;
    return 0;
}

void split_bounds(const struct split *split, uint64_t i, uint64_t *out_lo, uint64_t *out_hi) {
    uint64_t lo = split->lo + i * split->size;

    *out_lo = lo;
    *out_hi = split->hi - lo < split->size - 1 ? split->hi : lo + (split->size - 1);
}
