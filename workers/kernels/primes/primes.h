#ifndef WORKERS_KERNELS_PRIMES_PRIMES_H
#define WORKERS_KERNELS_PRIMES_PRIMES_H

/* The prime numbers of an interval, by libprimesieve. */

#include "workers/kernels/kernel.h"

extern const struct kernel_ops primes_kernel;

#endif
