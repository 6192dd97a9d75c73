/* Doubling with jitter and a cap: the first death waits the least, the cap is never passed. */
#include "supervisor/backoff.h"

#define JITTER_SHARE 0.25

void backoff_add_death(
    struct backoff *backoff, uint64_t now_ns, uint64_t first_ms, uint64_t most_ms, double jitter) {
    uint64_t delay_ms = first_ms > 0 ? first_ms : 1;

    for (unsigned i = 0; i < backoff->deaths && delay_ms < most_ms; i++)
        delay_ms *= 2;
    if (delay_ms > most_ms)
        delay_ms = most_ms;
    backoff->deaths++;
    /* Downwards, so that the cap holds. */
    backoff->until_ns = now_ns + (uint64_t)((double)delay_ms * 1e6 * (1.0 - JITTER_SHARE * jitter));
}

void backoff_end_row(struct backoff *backoff) {
    backoff->deaths = 0;
}

void backoff_reset(struct backoff *backoff) {
    backoff->deaths = 0;
    backoff->until_ns = 0;
}
