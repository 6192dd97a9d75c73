/* The kernels there are: one row each. */
#include <stddef.h>
#include <string.h>

#include "workers/kernels/command/command.h"
#include "workers/kernels/divisible/divisible.h"
#include "workers/kernels/kernel.h"
#include "workers/kernels/null/null.h"
#include "workers/kernels/primes/primes.h"

const struct kernel_ops *const kernels_table[] = {
    &divisible_kernel,
    &primes_kernel,
    &command_kernel,
    &null_kernel,
    NULL,
};

const struct kernel_ops *kernels_find(const char *name) {
    for (size_t i = 0; kernels_table[i] != NULL; i++)
        if (strcmp(kernels_table[i]->name, name) == 0)
            return kernels_table[i];
    return NULL;
}
