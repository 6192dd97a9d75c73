#ifndef SUPERVISOR_JOBS_STORE_PRIVATE_H
#define SUPERVISOR_JOBS_STORE_PRIVATE_H

/* What the files of the store share. For them alone. */

#include "supervisor/jobs/store.h"

#define STORE_NAME_MAX 64 /* "ID/result.spool/results" */

struct store {
    char *path;
    int dir_fd, job_fd, plan_fd, lock_fd, next_fd;
    uint64_t next_id;
    uint64_t noted_id; /* what SPOOL/next_id says */
    uint64_t made_id;  /* of the folder that is ready for the next job; 0: none */
    uint64_t max_bytes, bytes;
};

/* Remove the folder that store_prepare() made, if it is still there. */
void store_forget_prepared(struct store *store);

/* Write "ID/name". Returns dst. */
char *store_name(char dst[STORE_NAME_MAX], uint64_t id, const char *name);

/* Ids up to this one are never given again, though their folders go. Returns 0, or -1 with errno.
 */
int store_keep_id(struct store *store, uint64_t id);

/* Log event=spool_bad about SPOOL/folder/name. */
void store_tell_bad(
    const struct store *store, const char *folder, const char *name, const char *cause);

#endif
