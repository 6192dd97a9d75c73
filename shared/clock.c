/* Read the clocks. Apart, so that a test can see that nobody else does. */
#include "shared/clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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

/* The kernel's words for this boot, by FNV-1a. */
static uint64_t read_boot(void) {
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    uint64_t hash = 14695981039346656037u;
    char text[64];
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : 0;

    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
    return n > 0 ? hash >> 1 : 0;
}

uint64_t clock_boot(void) {
    static _Atomic uint64_t boot;
    uint64_t known = atomic_load_explicit(&boot, memory_order_relaxed);

    if (known == 0) {
        known = read_boot();
        atomic_store_explicit(&boot, known, memory_order_relaxed);
    }
    return known;
}
