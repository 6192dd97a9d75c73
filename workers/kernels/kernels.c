/* The kernels there are: one row each. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "shared/suggest.h"
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

const struct kernel_ops *kernels_choose(const char *name, struct complaint *complaint) {
    const struct kernel_ops *ops = kernels_find(name);
    struct suggestion best = { .word = "" };
    char allowed[256] = "";
    size_t used = 0;

    if (ops != NULL)
        return ops;
    for (size_t i = 0; kernels_table[i] != NULL && used < sizeof(allowed); i++) {
        suggest_offer(&best, name, kernels_table[i]->name);
        used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s", i > 0 ? ", " : "",
            kernels_table[i]->name);
    }
    if (best.word[0] != '\0')
        complaint_set(complaint, "unknown kernel \"%.40s\", did you mean \"%s\"? there are: %s",
            name, best.word, allowed);
    else
        complaint_set(complaint, "unknown kernel \"%.40s\"; there are: %s", name, allowed);
    return NULL;
}
