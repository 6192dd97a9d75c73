#ifndef SUPERVISOR_JOBS_STORE_H
#define SUPERVISOR_JOBS_STORE_H

/*
 * The spool folder: all that survives a kill of the job supervisor. Mode 0700, one owner at a time.
 *
 *   SPOOL/lock           held by flock(2) as long as the owner or a child forked by it lives
 *   SPOOL/next_id        no id below it is given again; written before a folder goes
 *         next_id.new    the first one, not whole yet
 *   SPOOL/plan/NAME      the past of a definition: when it was last due (plan.h)
 *   SPOOL/bad/           what was torn or foreign; nothing reads it
 *   SPOOL/job/ID/what    what was wanted; never changed
 *              ID/run    begun how often, since when in work
 *              ID/end    how it ended; not there: it has not
 *              ID/spare  room on the disk for the end, so that a full disk cannot keep it away
 *              ID/result, result.journal, result.spool/    the engine's
 *
 *   .new-ID --(rename)--> ID ... run ... end --(retry)--> ID ... end --(forget)--> .gone-ID -->
 * nothing
 *
 * Each step is one rename(2): killed at any instant, a job is there or not, has ended or not, and
 * its texts are whole. Nothing is synced: a kill loses nothing, a loss of power may lose the last
 * seconds, and what it tears is seen and set aside.
 * Job supervisor only; everything may block on the disk, as long as a small write takes.
 */

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "supervisor/jobs/entry.h"

#define STORE_ID_MAX 1000000000000000ull

struct store;

/*
 * Make the folder if need be and lock it; waits up to patience_ms for another owner to leave.
 * max_bytes is for store_room(). Returns NULL with the complaint and its exit code: 75 when it is
 * locked, 77 without the right or when it belongs to somebody else, 74 for the disk, 71.
 */
struct store *store_open(const char *path, uint64_t max_bytes, unsigned patience_ms,
    struct complaint *complaint, int *out_exit_code);

/* Another limit, after a reload. */
void store_renew(struct store *store, uint64_t max_bytes);

/* Give the lock back. NULL is allowed. */
void store_close(struct store *store);

/* ---- jobs ---- */

/*
 * Append all jobs to the list, by id: ended ones with their end, the others QUEUED. What is torn
 * or foreign goes to SPOOL/bad with a log line (event=spool_bad). Once, after store_open().
 * Returns 0, or -1 with the complaint when the folder cannot be read at all.
 */
int store_load(struct store *store, struct entry_list *list, struct complaint *complaint);

/* The id that the next store_add() gives. */
uint64_t store_next_id(const struct store *store);

/*
 * Make the folder of the next job, so that store_add() takes less time. When there is some: nothing
 * is wrong without.
 */
void store_prepare(struct store *store);
bool store_is_prepared(const struct store *store);

/*
 * Keep a new job: name, uid, token, what, output and wanted_at are written; entry->id is new.
 * Returns 0, or -1 with the complaint: then nothing is there, and the id stays free.
 */
int store_add(struct store *store, struct entry *entry, struct complaint *complaint);

/*
 * Note started_at, runs and wall_ns: when work begins, and when it stops to go on another time.
 * Returns 0, or -1 with the complaint; the job can run all the same.
 */
int store_note_run(struct store *store, const struct entry *entry, struct complaint *complaint);

/*
 * Note the end: state and all that became of it. Whoever finishes a job leaves its journal and
 * spool where they are until then.
 * Returns 0, or -1 with the complaint: then it will go on after a restart, unless noted later.
 */
int store_note_end(struct store *store, struct entry *entry, struct complaint *complaint);

/*
 * Remove the journal and spool of a DONE job, whose end is noted. That may take milliseconds, and
 * nobody waits for it: store_load() does it for those that were left.
 */
void store_tidy(struct store *store, struct entry *entry);

/*
 * Take the end back: the job has not ended, and its result, journal and spool are as they were.
 * entry is QUEUED then. Returns 0, or -1 with the complaint and nothing is changed.
 */
int store_note_retry(struct store *store, struct entry *entry, struct complaint *complaint);

/* Remove all of an ended job from the disk; the entry stays. Returns 0, or -1 with the complaint.
 */
int store_forget(struct store *store, struct entry *entry, struct complaint *complaint);

/* Write the path of the job's folder; terminated. Its result is FOLDER/result. Returns dst. */
char *store_folder(const struct store *store, uint64_t id, char dst[PATH_MAX]);

/* Open the job's result for reading. Returns the descriptor, or -1 with errno. */
int store_open_result(const struct store *store, uint64_t id);

/* ---- room ---- */

/* See what the job's folder takes now: entry->spool_bytes and store_bytes() are new. */
void store_measure(struct store *store, struct entry *entry);

/* What all jobs take, as far as they are measured. */
uint64_t store_bytes(const struct store *store);

/* How many bytes more there may be: what the disk has free, or what max_bytes leaves. */
uint64_t store_room(const struct store *store);

/* ---- the past of definitions ---- */

/* The text of SPOOL/plan/NAME; NULL when there is none, or it is torn (event=spool_bad). */
json_t *store_read_plan(struct store *store, const char *name);

/* Returns 0, or -1 with the complaint. */
int store_write_plan(
    struct store *store, const char *name, const json_t *text, struct complaint *complaint);

/* Remove each text whose definition is not wanted. */
void store_sweep_plans(
    struct store *store, bool (*is_wanted)(void *arg, const char *name), void *arg);

#endif
