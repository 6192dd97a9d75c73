#ifndef SHARED_INTERVAL_H
#define SHARED_INTERVAL_H

/*
 * A closed interval of unsigned 64-bit numbers, as users write it. Pure; callable anywhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "shared/number.h"

/* Room for two grouped numbers and what stands between them. */
#define INTERVAL_TEXT_MAX (2 * NUMBER_TEXT_MAX + 4)

struct interval {
    uint64_t lo, hi; /* both belong to it; meaningless when it is empty */
    bool is_empty;
};

/*
 * Read "N" (meaning 1..N), "A..B" or "A-B"; each number as number_parse_u64() takes it. 0 is the
 * empty interval. An interval that runs backwards is refused with the swap as a suggestion.
 * Returns 0, or -1 with the complaint.
 */
int interval_parse(const char *text, size_t len, struct interval *out, struct complaint *complaint);

/* Write "1..3 345 212", or "nothing" for the empty one; terminated. Returns dst. */
char *interval_format(char dst[INTERVAL_TEXT_MAX], const struct interval *interval);

/* Write "1 - 3 345 212", the form of the task sheets; terminated. Returns dst. */
char *interval_format_sheet(char dst[INTERVAL_TEXT_MAX], uint64_t lo, uint64_t hi);

#endif
