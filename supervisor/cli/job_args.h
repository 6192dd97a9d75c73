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

/*
 * The same for a verb that takes a name in the place of all that, too. *out_name is borrowed from
 * argv or a table; NULL: it was a kernel with an interval.
 */
int job_args_read_or_name(const struct cmd *cmd, char **argv, const struct setting *table,
    void *values, struct job_spec *spec, const char **out_name);

/* The first row whose value is not the default; NULL: there is none. size is of the values. */
const struct setting *job_args_find_changed(
    const struct setting *table, const void *values, size_t size);

/* Read the number of a job of the daemon. Returns 0, or -1 with a complaint. */
int job_args_read_id(const char *text, uint64_t *out_id, struct complaint *complaint);

/* Write the kernels and their options, for --help. */
void job_args_write_kernels(FILE *out);

#endif
