#ifndef SHARED_SPLIT_H
#define SHARED_SPLIT_H

/*
 * An interval cut into chunks of equal size, the last one shorter. Nothing overflows, up to
 * 2^64-1. Pure; callable anywhere. Both sides need it: the supervisor counts chunks, a worker
 * knows its chunk by number only.
 */

#include <stdint.h>

#include "shared/complaint.h"
#include "shared/interval.h"

struct split {
    uint64_t lo, hi;
    uint64_t size;   /* numbers in a chunk */
    uint64_t chunks; /* 0 for the empty interval */
};

/* Returns 0, or -1 with a complaint: size 0, or 2^64 chunks. */
int split_init(struct split *split, const struct interval *interval, uint64_t size,
    struct complaint *complaint);

/* The bounds of chunk i < split->chunks. */
void split_bounds(const struct split *split, uint64_t i, uint64_t *out_lo, uint64_t *out_hi);

#endif
