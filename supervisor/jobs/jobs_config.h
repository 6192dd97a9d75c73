#ifndef SUPERVISOR_JOBS_JOBS_CONFIG_H
#define SUPERVISOR_JOBS_JOBS_CONFIG_H

/*
 * What the job supervisor has to know of the configuration, as one text (JSON) that the supervisor
 * makes and the job supervisor reads: at its fork and at each reload, the same way. Two texts are
 * equal when nothing differs. The members are the fields of struct jobs_config, under their names;
 * what is an enum there is a word here:
 *
 *     {"workers":2,"engine":"process","spool_dir":"/var/lib/preforkd/jobs","admin_uid":999,
 *      "submit":"all","commands":"none","command_user":null,"command_uid":999,"command_gid":999,
 *      "max_running":8,"max_queued":1000,"max_per_user":100,"max_result_bytes":1073741824,
 *      "max_spool_bytes":10737418240,"keep_jobs":1000,"keep_for_ms":2592000000,
 *      "graceful_timeout_ms":10000,"definitions":[{"name":"sheet","what":{...},"output":null,
 *      "run":"every 1h","jitter_ms":0,"overlap":"skip","missed":"skip"}]}
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/complaint.h"
#include "supervisor/jobs/entry.h"
#include "supervisor/jobs/schedule.h"

enum jobs_who { JOBS_NOBODY, JOBS_ADMIN, JOBS_ALL };
enum jobs_overlap { JOBS_OVERLAP_SKIP, JOBS_OVERLAP_QUEUE };
enum jobs_missed { JOBS_MISSED_SKIP, JOBS_MISSED_ONCE };

/* A job that a file defines. */
struct jobs_definition {
    char name[ENTRY_NAME_MAX]; /* never digits alone */
    json_t *what;              /* as entry.h; it was good when it was read */
    char *output;              /* NULL: only in the spool */
    struct schedule schedule;  /* schedule_format() tells it */
    enum jobs_overlap overlap; /* when it is due and the last run is not over */
    enum jobs_missed missed;   /* what was due while nobody looked: not at all, or once */
};

struct jobs_config {
    uint64_t workers;
    unsigned engine; /* index of engine_table */
    char *spool_dir;
    uid_t admin_uid;                /* may all, as root may: the daemon's */
    enum jobs_who submit, commands; /* who may submit by hand; who may run a command */
    char *command_user;             /* NULL: as the job supervisor */
    uid_t command_uid;              /* its numbers, or those of the job supervisor; -1: stay */
    gid_t command_gid;
    uint64_t max_running, max_queued, max_per_user;
    uint64_t max_result_bytes, max_spool_bytes;
    uint64_t keep_jobs, keep_for_ms; /* keep_for_ms 0: no limit */
    uint64_t graceful_timeout_ms;
    struct jobs_definition *definition; /* by name */
    unsigned definition_count;
};

/* Read the text. Returns NULL with a complaint. Freed by jobs_config_free(). */
struct jobs_config *jobs_config_read(const char *text, size_t len, struct complaint *complaint);
void jobs_config_free(struct jobs_config *config);

/* The definition of that name, or NULL. */
const struct jobs_definition *jobs_config_find(const struct jobs_config *config, const char *name);

#endif
