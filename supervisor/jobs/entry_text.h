#ifndef SUPERVISOR_JOBS_ENTRY_TEXT_H
#define SUPERVISOR_JOBS_ENTRY_TEXT_H

/*
 * The three texts of a job in the spool (store.h) as JSON: what was wanted, how it was begun, how
 * it ended. Readers take any text: -1 for one that is not whole, and then the entry is as it was.
 * Pure; allocates.
 */

#include <jansson.h>

#include "supervisor/jobs/entry.h"

/* NULL without memory. */
json_t *entry_text_of_what(const struct entry *entry);
json_t *entry_text_of_run(const struct entry *entry);
json_t *entry_text_of_end(const struct entry *entry);

/* entry is new. Returns 0, or -1 with errno EBADMSG or ENOMEM. */
int entry_text_read_what(const json_t *text, struct entry *entry);

/* Return 0, or -1 with errno EBADMSG. */
int entry_text_read_run(const json_t *text, struct entry *entry);
int entry_text_read_end(const json_t *text, struct entry *entry);

#endif
