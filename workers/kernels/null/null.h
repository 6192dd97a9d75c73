#ifndef WORKERS_KERNELS_NULL_NULL_H
#define WORKERS_KERNELS_NULL_NULL_H

/*
 * The kernel that computes nothing: the worked example of the contract, the yardstick of the
 * engine's own cost, and the test double that breaks on demand.
 */

#include "workers/kernels/kernel.h"

extern const struct kernel_ops null_kernel;

#endif
