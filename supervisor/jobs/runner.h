#ifndef SUPERVISOR_JOBS_RUNNER_H
#define SUPERVISOR_JOBS_RUNNER_H

/*
 * Jobs in work: each with its window, journal and result file, all of them computed by one pool of
 * warm workers that are shared fairly. Knows no peer and no schedule.
 * Job supervisor only; nothing blocks but fork and the disk.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "shared/jobs_board.h"
#include "shared/loop.h"
#include "supervisor/jobs/entry.h"
#include "supervisor/jobs/jobs_config.h"

struct runner;

/* What the owner of the jobs is told. Called from runner_tend() only. */
struct runner_client {
    void *arg;
    /* More of the result counts: entry->records, chunks_done, result_bytes are new. */
    void (*on_progress)(void *arg, struct entry *entry);
    /* It is paused, or goes on: entry->state and cause are new. */
    void (*on_state)(void *arg, struct entry *entry);
    /*
     * It is over, entry->run is NULL: state, cause, exit_code, counts are new. QUEUED: it was
     * stopped by runner_stop_all() and goes on another time.
     */
    void (*on_end)(void *arg, struct entry *entry);
};

/* Fork the pool. Returns NULL with errno. */
struct runner *runner_new(const struct jobs_config *config, struct jobs_board *board,
    const struct runner_client *client, struct loop *loop);

/* Other numbers of workers, other limits: from now on. The config is borrowed. */
void runner_renew(struct runner *runner, const struct jobs_config *config);

/*
 * Whether the spool may grow, whatever the disk has: while it may not, jobs pause as on a full one.
 */
void runner_set_room(struct runner *runner, bool has_room);

/*
 * Begin the job, or go on with it, in its folder (store.h): result, journal and spool are there.
 * Returns 0, entry->run is set and on_end will come; or -1 with the complaint and its exit code.
 */
int runner_start(struct runner *runner, struct entry *entry, const char *folder,
    struct complaint *complaint, int *out_exit_code);

/* Give the job up: on_end comes within 100 ms, with what is done kept. */
void runner_cancel(struct runner *runner, struct entry *entry);

/* Let all jobs finish what they have claimed; on_end for each, QUEUED when it is to go on. */
void runner_stop_all(struct runner *runner);

/* End what runner_stop_all() waits for, now. */
void runner_cut_all(struct runner *runner);

/* Go on; once in each turn of the loop. */
void runner_tend(struct runner *runner, uint64_t now_ns);

/* For how long the loop may wait at most. */
int runner_patience_ms(const struct runner *runner, uint64_t now_ns);

/* How many workers compute for the job now. */
unsigned runner_count_workers(const struct runner *runner, const struct entry *entry);

/* Nothing is in work. Ends the pool. */
void runner_free(struct runner *runner);

#endif
