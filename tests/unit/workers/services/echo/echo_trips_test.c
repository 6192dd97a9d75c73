#include "workers/services/echo/echo_trips.h"

#include <criterion/criterion.h>

TestSuite(echo_trips);

static struct echo_trips trips;

Test(echo_trips, percentiles_are_of_what_was_added) {
    struct echo_trips_summary rtt;

    cr_assert_eq(echo_trips_init(&trips), 0);
    rtt = echo_trips_summarize(&trips);
    cr_assert(rtt.least == 0 && rtt.most == 0);
    echo_trips_add(&trips, 7);
    rtt = echo_trips_summarize(&trips);
    cr_assert(rtt.least == 7 && rtt.median == 7 && rtt.p99 == 7 && rtt.most == 7);
    for (uint64_t i = 100; i > 0; i--)
        echo_trips_add(&trips, i * 1000);
    trips.ns[0] = 50500;
    rtt = echo_trips_summarize(&trips);
    cr_assert(rtt.least == 1000 && rtt.most == 100000);
    cr_assert_eq(rtt.median, 50500, "%llu", (unsigned long long)rtt.median);
    cr_assert_eq(rtt.p90, 90000, "%llu", (unsigned long long)rtt.p90);
    cr_assert_eq(rtt.p99, 99000, "%llu", (unsigned long long)rtt.p99);
    echo_trips_fini(&trips);
}

Test(echo_trips, of_very_many_the_latest_count) {
    struct echo_trips_summary rtt;

    cr_assert_eq(echo_trips_init(&trips), 0);
    for (uint64_t i = 0; i < ECHO_TRIPS_MAX + 10; i++)
        echo_trips_add(&trips, i);
    rtt = echo_trips_summarize(&trips);
    cr_assert(rtt.least == 10 && rtt.most == ECHO_TRIPS_MAX + 9);
    echo_trips_fini(&trips);
}
