#ifndef SUPERVISOR_JOBS_ENTRY_JSON_H
#define SUPERVISOR_JOBS_ENTRY_JSON_H

/* A job as its askers see it: an object of the control protocol. Job supervisor only. */

#include <jansson.h>

#include "supervisor/jobs/entry.h"

/* All of it. A new reference, or NULL without memory. */
json_t *entry_json_write(const struct entry *entry, unsigned workers);

/* How far it is: chunks, chunks_done, records, workers, state. Likewise. */
json_t *entry_json_write_progress(const struct entry *entry, unsigned workers);

#endif
