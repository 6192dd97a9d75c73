/* The bus under storms that are programs of their own, as no worker shows what happens on it. */
#include <stdio.h>
#include <string.h>

#include "tests/support/harness.h"
#include "tests/system/suites.h"

#define STORM_TIMEOUT_MS 900000u

/* Run a storm; it judges itself, and prints its figures. */
static void run_storm(const char *program, unsigned times) {
    char number[16], seed[24];
    const char *const argv[] = { harness_program(program), number, seed, NULL };
    struct harness_proc storm;
    char *out;

    snprintf(number, sizeof(number), "%u", times);
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)harness_random(0, UINT32_MAX));
    harness_start(&storm, argv, 0);
    harness_wait(&storm, STORM_TIMEOUT_MS);
    out = harness_read_file(storm.out, NULL);
    CHECK(storm.code == 0, "exit %d, seed %s: %s", storm.code, seed, out);
    harness_figure("%.*s", (int)strcspn(out, "\n"), out);
}

static void writers_killed_at_random_lose_and_double_nothing(void) {
    run_storm("tests/storm/bus_kill", harness_scale(2000, 100000));
}

static void threads_publish_each_number_once_and_see_one_order(void) {
    run_storm("tests/storm/bus_threads", harness_scale(10000, 1000000));
}

static void no_wake_up_is_lost(void) {
    run_storm("tests/storm/bus_wake", harness_scale(5000, 500000));
}

static const struct harness_test tests[] = {
    { "writers_killed_at_random_lose_and_double_nothing",
        writers_killed_at_random_lose_and_double_nothing },
    { "threads_publish_each_number_once_and_see_one_order",
        threads_publish_each_number_once_and_see_one_order },
    { "no_wake_up_is_lost", no_wake_up_is_lost },
    { .name = NULL },
};

const struct harness_suite bus_suite = { "bus", tests };
