#ifndef SUPERVISOR_JOBS_PLAN_H
#define SUPERVISOR_JOBS_PLAN_H

/*
 * The definitions and when each is due next. Time is given in, jobs are made by the client.
 *
 *   waiting --due--> delayed (jitter) --> asked: TAKEN, REFUSED --> waiting
 *                                                LATER          --> delayed
 *                                     --> skipped (overlap), missed (nobody looked) --> waiting
 *
 * What was due is noted in the store before the client is asked, with the id that the job will
 * get: killed between the two, the next one sees that there is no such job, and asks again. So each
 * time that something is due makes one job, never two.
 *
 * A run that was due while nobody looked (no job supervisor, for more than PLAN_LATE_MS) is missed:
 * "skip" lets it be, "once" makes one run for all of them. A step of the wall clock misses nothing.
 * Logs job_missed and job_skipped, with the name of the definition.
 * Job supervisor only; blocks on the disk as store.h does, when something is due.
 */

#include <stdint.h>

#include "supervisor/jobs/jobs_config.h"
#include "supervisor/jobs/schedule.h"

#define PLAN_LATE_MS 60000

struct plan;
struct store;

enum plan_answer {
    PLAN_TAKEN,   /* the job was added to the store */
    PLAN_LATER,   /* there is no room now: ask again in a second */
    PLAN_REFUSED, /* it will never be: this run is lost, and the client has said why */
};

/* Whom the plan asks. Called from plan_tend() only; neither may change the plan. */
struct plan_client {
    void *arg;
    /* How many jobs of that name have not ended. */
    unsigned (*count)(void *arg, const char *name);
    /*
     * Make a job of the definition, with due_at as its wanted_at; the next store_add() is for it,
     * or there is none. With overlap = queue one job may be made while another is in work: of one
     * definition the client lets only one at a time work.
     */
    enum plan_answer (*on_due)(
        void *arg, const struct jobs_definition *definition, int64_t due_at_unix_ms);
};

/*
 * The time now. life is any number that tells one start of the daemon from another, not 0: a job
 * supervisor that is replaced has the same; "start" is due once in each.
 */
struct schedule_time plan_look_at_clocks(uint64_t life);

/*
 * Without definitions. store and client are borrowed; store_load() was called. seed is any random
 * number, for the jitter. Returns NULL with errno.
 */
struct plan *plan_new(struct store *store, const struct plan_client *client, uint64_t seed);

/*
 * These are the definitions from now on; borrowed until the next call. Whoever was there with the
 * same schedule goes on; the past of the others comes from the store, or begins now. What is noted
 * of definitions that are gone is removed. Returns 0, or -1 with errno: nothing is changed.
 */
int plan_renew(struct plan *plan, const struct jobs_definition *definitions, unsigned count,
    const struct schedule_time *now);

/* Ask the client for what is due. In each turn of the loop, and at least every plan_patience_ms. */
void plan_tend(struct plan *plan, const struct schedule_time *now);

/* For how long the loop may wait at most; -1: nothing will be due. */
int plan_patience_ms(const struct plan *plan, const struct schedule_time *now);

/* When the definition is due next, as far as one knows, jitter included; 0: not by itself. */
int64_t plan_next_at_unix_ms(
    const struct plan *plan, const char *name, const struct schedule_time *now);

/* NULL is allowed. */
void plan_free(struct plan *plan);

#endif
