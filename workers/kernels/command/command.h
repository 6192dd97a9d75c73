#ifndef WORKERS_KERNELS_COMMAND_COMMAND_H
#define WORKERS_KERNELS_COMMAND_COMMAND_H

/*
 * A chunk computed by a command of the user's: its standard output is the result. No shell stands
 * between: {lo} {hi} {i} {attempt} are replaced inside the arguments.
 */

#include "workers/kernels/kernel.h"

extern const struct kernel_ops command_kernel;

/*
 * The argument with its {lo} {hi} {i} {attempt} replaced. Pure; callable anywhere.
 * Returns a string to free, or NULL with ENOMEM.
 */
char *command_expand(const char *argument, const struct kernel_work *work);

#endif
