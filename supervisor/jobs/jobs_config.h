#ifndef SUPERVISOR_JOBS_JOBS_CONFIG_H
#define SUPERVISOR_JOBS_JOBS_CONFIG_H

/*
 * What the job supervisor has to know of the configuration, as one text (JSON) that the supervisor
 * makes and the job supervisor reads: at its fork and at each reload, the same way. Two texts are
 * equal when nothing differs.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "supervisor/jobs/entry.h"
#include "supervisor/jobs/schedule.h"

enum jobs_who { JOBS_NOBODY, JOBS_ADMIN, JOBS_ALL };
enum jobs_overlap { JOBS_OVERLAP_SKIP, JOBS_OVERLAP_QUEUE };
enum jobs_missed { JOBS_MISSED_SKIP, JOBS_MISSED_ONCE };

/* A job that a file defines. */
struct jobs_definition {
    char name[ENTRY_NAME_MAX];
    json_t *what; /* as entry.h */
    char *output; /* NULL: only in the spool */
    struct schedule schedule;
    enum jobs_overlap overlap; /* when it is due and the last run is not over */
    enum jobs_missed missed;   /* what was due while nobody looked: not at all, or once */
};

struct jobs_config {
    uint64_t workers;
    unsigned engine; /* index of engine_table */
    char *spool_dir;
    uid_t admin_uid; /* the daemon's: may do all, and its definitions' runs are its */
    enum jobs_who submit, commands; /* who may submit by hand; who may run a command */
    char *command_user;             /* NULL: as the job supervisor */
    uint64_t max_running, max_queued, max_per_user;
    uint64_t max_result_bytes, max_spool_bytes;
    uint64_t keep_jobs, keep_for_ms;
    uint64_t graceful_timeout_ms;
    struct jobs_definition *definition; /* by name */
    unsigned definition_count;
};

/* Read the text. Returns NULL with a complaint. Freed by jobs_config_free(). */
struct jobs_config *jobs_config_read(const char *text, size_t len, struct complaint *complaint);
void jobs_config_free(struct jobs_config *config);

#endif
