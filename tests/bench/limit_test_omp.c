/*
 * The reference for "divisible --method test": the same arithmetic in an OpenMP loop, and nothing
 * else. limit_test_omp LAST THREADS
 */
#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "workers/kernels/divisible/divisible.h"

#define CHUNK 1000000u

int main(int argc, char **argv) {
    uint64_t last = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, count = 0;
    const struct divisible_test by[3] = { divisible_test_for(17), divisible_test_for(13),
        divisible_test_for(11) };

    omp_set_num_threads(argc > 2 ? atoi(argv[2]) : 1);
#pragma omp parallel for schedule(dynamic) reduction(+ : count)
    for (uint64_t chunk = 0; chunk < (last + CHUNK - 1) / CHUNK; chunk++) {
        const struct divisible_test first = by[0];
        uint64_t lo = chunk * CHUNK + 1, hi = lo + CHUNK - 1 < last ? lo + CHUNK - 1 : last;
        uint64_t product = lo * first.inverse;
        for (uint64_t x = lo; x <= hi; x++, product += first.inverse)
            if (product <= first.limit && /* 17 is odd: there is nothing to rotate */
                divisible_test_product(&by[1], x * by[1].inverse) &&
                divisible_test_product(&by[2], x * by[2].inverse))
                count++;
    }
    printf("%" PRIu64 "\n", count);
    return 0;
}
