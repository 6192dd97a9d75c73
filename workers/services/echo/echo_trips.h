#ifndef WORKERS_SERVICES_ECHO_ECHO_TRIPS_H
#define WORKERS_SERVICES_ECHO_ECHO_TRIPS_H

/* Round trips, and what there is to say of them. Of very many the latest are kept. */

#include <stddef.h>
#include <stdint.h>

#define ECHO_TRIPS_MAX (1u << 20)

struct echo_trips {
    uint64_t *ns;
    uint64_t count; /* of all */
};

struct echo_trips_summary {
    uint64_t least, median, p90, p99, most; /* nanoseconds; all 0 without a trip */
};

/* Returns 0, or -1 without memory. */
int echo_trips_init(struct echo_trips *trips);
void echo_trips_fini(struct echo_trips *trips);

void echo_trips_add(struct echo_trips *trips, uint64_t ns);

/* Sorts what is kept: for the end. */
struct echo_trips_summary echo_trips_summarize(struct echo_trips *trips);

#endif
