#ifndef SUPERVISOR_JOB_JOB_JSON_H
#define SUPERVISOR_JOB_JOB_JSON_H

/*
 * What a job computes as one JSON object, everywhere the same: in the protocol, in the spool, in
 * definitions. All values are texts as a command line would have them; what is absent is the
 * default.
 *
 *     {"kernel":"divisible","interval":"1..3345212","params":{"by":"11,13"},
 *      "options":{"chunk":"1000","count":"true"}}
 *     {"kernel":"command","interval":"1..100","argv":["./render","{lo}"]}
 *
 * Callable anywhere but in a signal handler; nothing here runs anything.
 */

#include <jansson.h>

#include "shared/complaint.h"
#include "supervisor/job/job_spec.h"

/* The rows of job_spec_settings that may stand under "options"; NULL-terminated. */
extern const char *const job_json_options[];

/*
 * Read and check the object, with job_spec_prepare() at the end. Nothing in it is trusted, and the
 * spec borrows nothing from it: free it with job_json_fini(). Whatever stood in *spec is lost.
 * Returns 0, or -1 with a complaint and the exit code that fits; then there is nothing to free.
 */
int job_json_read(
    const json_t *what, struct job_spec *spec, struct complaint *complaint, int *out_exit_code);

/* Free what job_json_read() made. Harmless on a spec that is all zero. */
void job_json_fini(struct job_spec *spec);

/*
 * The object that job_json_read() makes this spec of. Needs kernel.ops, .params, .interval, .argv
 * and the options. Only what differs from the defaults stands in it, and each value in one way of
 * writing, in the order of the tables: equal jobs have equal texts.
 * Returns a new reference, or NULL: a text is not UTF-8, or there is no memory.
 */
json_t *job_json_write(const struct job_spec *spec);

#endif
