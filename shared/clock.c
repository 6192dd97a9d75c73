/* Read the clocks. Apart, so that a test can see that nobody else does. */
#include "shared/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

uint64_t clock_now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_coarse_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_ms(void) {
    return clock_now_ns() / 1000000u;
}

/* Two threads that come first at once read the same text twice: no harm. */
static int64_t shift_s(void) {
    static _Atomic int64_t shift;
    static _Atomic bool is_known;
    const char *text;

    if (!atomic_load_explicit(&is_known, memory_order_acquire)) {
        text = secure_getenv("PREFORK_CLOCK_SHIFT");
        atomic_store(&shift, text != NULL ? strtoll(text, NULL, 10) : 0);
        atomic_store_explicit(&is_known, true, memory_order_release);
    }
    return atomic_load_explicit(&shift, memory_order_relaxed);
}

uint64_t clock_wall_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)(now.tv_sec + shift_s()) * 1000000000u + (uint64_t)now.tv_nsec;
}
