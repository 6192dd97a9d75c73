/* Fair shares by start-time fair queueing, with the number of workers before the time paid. */
#include "supervisor/jobs/fair.h"

/* True when a should have a worker before b. */
static bool is_before(const struct fair_job *a, const struct fair_job *b) {
    return a->paid_ns != b->paid_ns ? a->paid_ns < b->paid_ns : a->has < b->has;
}

unsigned fair_pick(const struct fair_job *jobs, unsigned count) {
    unsigned best = FAIR_NOBODY;

    for (unsigned i = 0; i < count; i++)
        if (jobs[i].wants && (best == FAIR_NOBODY || is_before(&jobs[i], &jobs[best])))
            best = i;
    return best;
}

unsigned fair_yield(const struct fair_job *jobs, unsigned count) {
    unsigned poorest = FAIR_NOBODY, richest = FAIR_NOBODY;

    for (unsigned i = 0; i < count; i++) {
        if (jobs[i].wants &&
            (poorest == FAIR_NOBODY || jobs[i].has < jobs[poorest].has ||
                (jobs[i].has == jobs[poorest].has && jobs[i].paid_ns < jobs[poorest].paid_ns)))
            poorest = i;
        if (jobs[i].has > 0 &&
            (richest == FAIR_NOBODY || jobs[i].has > jobs[richest].has ||
                (jobs[i].has == jobs[richest].has && jobs[i].paid_ns > jobs[richest].paid_ns)))
            richest = i;
    }
    if (poorest == FAIR_NOBODY || richest == FAIR_NOBODY || poorest == richest)
        return FAIR_NOBODY;
    if (jobs[richest].has > jobs[poorest].has + 1)
        return richest;
    /* Equally many, or one more because the number is odd: then they take turns. */
    if (jobs[richest].has > jobs[poorest].has &&
        jobs[richest].paid_ns >= jobs[poorest].paid_ns + FAIR_QUANTUM_NS)
        return richest;
    return FAIR_NOBODY;
}

uint64_t fair_enter(const struct fair_job *jobs, unsigned count, uint64_t paid_ns) {
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < count; i++)
        if ((jobs[i].wants || jobs[i].has > 0) && jobs[i].paid_ns < least)
            least = jobs[i].paid_ns;
    return least != UINT64_MAX && least > paid_ns ? least : paid_ns;
}
