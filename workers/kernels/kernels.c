/* The kernels there are: one row each. */
#include <stddef.h>
#include <string.h>

#include "workers/kernels/command/command.h"
#include "workers/kernels/divisible/divisible.h"
#include "workers/kernels/kernel.h"
#include "workers/kernels/null/null.h"
#include "workers/kernels/primes/primes.h"

const struct kernel_ops *const kernel_table[] = {
    &divisible_kernel,
    &primes_kernel,
    &command_kernel,
    &null_kernel,
    NULL,
};

const struct kernel_ops *kernel_find(const char *name) {
    for (size_t i = 0; kernel_table[i] != NULL; i++)
        if (strcmp(kernel_table[i]->name, name) == 0)
            return kernel_table[i];
    return NULL;
}
