#include "workers/services/echo/echo_trips.h"

#include <stdlib.h>

int echo_trips_init(struct echo_trips *trips) {
    trips->count = 0;
    trips->ns = calloc(ECHO_TRIPS_MAX, sizeof(*trips->ns)); /* pages as touched */
    return trips->ns == NULL ? -1 : 0;
}

void echo_trips_fini(struct echo_trips *trips) {
    free(trips->ns);
    trips->ns = NULL;
}

void echo_trips_add(struct echo_trips *trips, uint64_t ns) {
    trips->ns[trips->count++ % ECHO_TRIPS_MAX] = ns;
}

static int compare_u64(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The least that so many of a hundred do not exceed. */
static uint64_t percentile(const uint64_t *sorted, size_t n, unsigned percent) {
    return sorted[(n * percent + 99) / 100 - 1];
}

struct echo_trips_summary echo_trips_summarize(struct echo_trips *trips) {
    const size_t n = trips->count < ECHO_TRIPS_MAX ? (size_t)trips->count : ECHO_TRIPS_MAX;
    const uint64_t *ns = trips->ns;

    if (n == 0)
        return (struct echo_trips_summary){ .least = 0 };
    qsort(trips->ns, n, sizeof(*ns), compare_u64);
    return (struct echo_trips_summary){ .least = ns[0],
        .median = percentile(ns, n, 50),
        .p90 = percentile(ns, n, 90),
        .p99 = percentile(ns, n, 99),
        .most = ns[n - 1] };
}
