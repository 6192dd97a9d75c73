#ifndef SUPERVISOR_JOBS_POOL_H
#define SUPERVISOR_JOBS_POOL_H

/*
 * The warm workers and who works for whom. What one job has of the pool is an engine
 * (supervisor/job/engine.h): it begins with nobody, gets a worker when one is free and it is its
 * turn (fair.h), and loses one at the end of a chunk when others are behind.
 *
 * A worker:
 *
 *     (none) --fork--> IDLE --ORDER_WORK--> BUSY --FRAME_LEFT--> IDLE
 *                                           BUSY --asked--> YIELDING --FRAME_LEFT--> IDLE
 *     any --its end--> (none), and forked again
 *
 * Invariants: a worker works for at most one job, and its frames are that job's until FRAME_LEFT;
 * its lane in each ring is its own number, so no two workers share a lane of a job. Commands run in
 * workers of their own kind, which have become the user for commands and never work for others.
 *
 * Job supervisor only; nothing blocks but fork.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/jobs_board.h"
#include "shared/loop.h"
#include "supervisor/job/engine.h"

struct pool;

/* kind: of all workers. user: who commands run as, NULL: who we are. Returns NULL with errno. */
struct pool *pool_new(const struct engine_kind *kind, uint32_t lanes, const char *command_user,
    struct jobs_board *board, struct loop *loop);

/* From now on so many lanes; workers beyond it leave when they are idle. */
void pool_resize(struct pool *pool, uint32_t lanes);

/* Who commands run as, from the next such worker on. */
void pool_set_command_user(struct pool *pool, const char *user);

/* Processes, and lanes of each, that a job's ring must have room for (and one lane more). */
uint32_t pool_members(const struct pool *pool);
uint32_t pool_lanes_per_member(const struct pool *pool);

/*
 * The pool's share for a job. plan and client as engine.h; the share is freed by its ops.
 * Returns NULL with errno.
 */
struct engine *pool_share(struct pool *pool, uint64_t job, const struct engine_plan *plan,
    const struct engine_client *client);

/* How many work for it. */
unsigned pool_count_workers(const struct engine *share);

/* Fork who is missing, share out. After each turn of the loop, when jobs have had theirs. */
void pool_tend(struct pool *pool, uint64_t now_ns);

/* For how long the loop may wait at most, in milliseconds; -1: for ever. */
int pool_patience_ms(const struct pool *pool, uint64_t now_ns);

/* No share is left. Ends the workers and waits for them. */
void pool_free(struct pool *pool);

#endif
