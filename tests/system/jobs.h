#ifndef TESTS_SYSTEM_JOBS_H
#define TESTS_SYSTEM_JOBS_H

/* The job supervisor of the daemon under test. */

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/system/commands.h"
#include "tests/system/daemon.h"

/* preforkd.conf with a group jobs: the spool in "spool", two workers, and more of the group. */
void jobs_write_config(const char *more);

/* Write jobs.d/NAME.conf. */
void jobs_write_definition(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Start the daemon and wait until the job supervisor is there with its workers. */
void jobs_start(struct daemon *daemon, const char *more);

/* The object "jobs" of the status; NULL: there is none. */
json_t *jobs_status(void);

/* Pids; 0: not there. */
pid_t jobs_supervisor_pid(void);
size_t jobs_worker_pids(pid_t *out, size_t most);

/* What a killed job supervisor leaves comes to us, as it would to init; it ends by itself. When the
 * daemon has been stopped. */
void jobs_reap_orphans(void);

/* Submit by these arguments (NULL-terminated), CHECK that it was taken; the id as text. */
const char *jobs_submit(const char *first, ...) __attribute__((sentinel));

/* The object of `job show ID --json`. */
json_t *jobs_show(const char *id);

/* Its state; borrowed for the life of the test. */
const char *jobs_state(const char *id);

/* A number of it. */
long long jobs_number(const char *id, const char *key);

#endif
