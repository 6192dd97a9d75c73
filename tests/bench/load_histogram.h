#ifndef TESTS_BENCH_LOAD_HISTOGRAM_H
#define TESTS_BENCH_LOAD_HISTOGRAM_H

/* How long things took: 64 buckets for each power of two, so a percentile is exact to 1.6 %. */

#include <stdint.h>

#define HISTOGRAM_BUCKETS (64u * 40u)

struct histogram {
    uint64_t count, max_ns;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline void histogram_add(struct histogram *histogram, uint64_t ns) {
    unsigned shift = ns < 128 ? 0 : 57u - (unsigned)__builtin_clzll(ns);
    uint64_t at = shift * 64u + (ns >> shift);

    histogram->buckets[at < HISTOGRAM_BUCKETS ? at : HISTOGRAM_BUCKETS - 1]++;
    histogram->count++;
    histogram->max_ns = ns > histogram->max_ns ? ns : histogram->max_ns;
}

static inline void histogram_join(struct histogram *histogram, const struct histogram *more) {
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram->buckets[i] += more->buckets[i];
    histogram->count += more->count;
    histogram->max_ns = more->max_ns > histogram->max_ns ? more->max_ns : histogram->max_ns;
}

static inline double histogram_percentile_us(const struct histogram *histogram, double share) {
    uint64_t below = 0, wanted = (uint64_t)(share * (double)histogram->count);

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        unsigned shift = i < 128 ? 0 : i / 64 - 1;
        below += histogram->buckets[i];
        if (below > wanted)
            return (double)((uint64_t)(i - shift * 64u) << shift) / 1e3;
    }
    return (double)histogram->max_ns / 1e3;
}

#endif
