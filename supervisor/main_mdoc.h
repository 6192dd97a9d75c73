#ifndef SUPERVISOR_MAIN_MDOC_H
#define SUPERVISOR_MAIN_MDOC_H

/* The lists of preforkd's manual pages, made from the tables. */

#include "shared/settings.h"

/*
 * Write the list called name on stdout: options, daemon, control, log, jobs, service, job, types,
 * kernels, signals, exit-codes, a type's name for its own keys, or kernel-NAME for a kernel's.
 * Returns the exit code.
 */
int main_mdoc_write(const char *name, const struct setting *options);

#endif
