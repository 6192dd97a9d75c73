#ifndef SUPERVISOR_BACKOFF_H
#define SUPERVISOR_BACKOFF_H

/*
 * Deaths before READY make the service wait: doubling, with jitter, up to a cap. Any child that
 * becomes READY ends the row, since then it is not the service that is at fault: somebody may kill
 * whatever starts. A good life ends the wait, too. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

struct backoff {
    unsigned deaths;   /* in a row */
    uint64_t until_ns; /* no fork before; 0: none */
};

/* A child died before it was READY. jitter is 0 to 1. */
void backoff_add_death(
    struct backoff *backoff, uint64_t now_ns, uint64_t first_ms, uint64_t most_ms, double jitter);

/* A child is READY: the next death is the first one again. The wait that is under way goes on. */
void backoff_end_row(struct backoff *backoff);

/* A child was READY for long enough, or the operator said start. */
void backoff_reset(struct backoff *backoff);

#endif
