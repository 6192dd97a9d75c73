#ifndef SUPERVISOR_CLI_JOB_ARGS_H
#define SUPERVISOR_CLI_JOB_ARGS_H

/* What the verbs about jobs have in common: KERNEL INTERVAL, the kernel's options, a command. */

#include <stdio.h>

#include "shared/cmd.h"
#include "supervisor/job/job_spec.h"

/* What became of the reading; anything but JOB_ARGS_READ ends the verb with this exit code. */
#define JOB_ARGS_READ (-1)

/*
 * Read the command line into spec->kernel; the verb's own options are those of `table` in
 * `values`. Asks for an interval when there is none and stdin is a terminal. Complaints and help
 * are written here.
 * spec->kernel.params is on the heap: job_spec_fini() frees it.
 * Returns JOB_ARGS_READ or an exit code.
 */
int job_args_read(const struct cmd *cmd, char **argv, const struct setting *table, void *values,
    struct job_spec *spec);

/* Write the kernels and their options, for --help. */
void job_args_write_kernels(FILE *out);

#endif
