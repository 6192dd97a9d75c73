#ifndef SUPERVISOR_CLI_EXPLAIN_H
#define SUPERVISOR_CLI_EXPLAIN_H

/*
 * The topics of prefork explain: each adds its sentences, made from the facts that the daemon
 * gave, and nothing when there is nothing to say. Pure.
 */

#include <jansson.h>
#include <stdbool.h>

#include "shared/number.h"
#include "supervisor/cli/prose.h"

/* ---- of the service as a whole ---- */

void explain_pool_say_size(struct prose *prose, const json_t *facts);
void explain_pool_say_scale(struct prose *prose, const json_t *facts);
void explain_pool_say_backoff(struct prose *prose, const json_t *facts);
void explain_pool_say_deaths(struct prose *prose, const json_t *facts);
void explain_workers_say_replacing(struct prose *prose, const json_t *facts);
void explain_peers_say_queue(struct prose *prose, const json_t *facts);
void explain_peers_say_refused(struct prose *prose, const json_t *facts);
void explain_peers_say_stop(struct prose *prose, const json_t *facts);

/* ---- of the job supervisor ---- */

void explain_jobs_say_wanted(struct prose *prose, const json_t *facts);
void explain_jobs_say_work(struct prose *prose, const json_t *facts);
void explain_jobs_say_backoff(struct prose *prose, const json_t *facts);
void explain_jobs_say_leaving(struct prose *prose, const json_t *facts);
void explain_jobs_say_last_death(struct prose *prose, const json_t *facts);

/* ---- of one death, of one worker that leaves ---- */

void explain_pool_say_death(struct prose *prose, const json_t *death);
void explain_workers_say_leaving(struct prose *prose, const json_t *worker);

/* ---- what they share ---- */

/* "s", unless n is 1. */
const char *explain_plural(uint64_t n);

/* "350 ms", "4.2 s", "3 min 20 s", "1 h", from the milliseconds under key. Returns dst. */
const char *explain_span(char dst[NUMBER_TEXT_MAX], const json_t *object, const char *key);

/* There is something under key, and it is not null. */
bool explain_has(const json_t *object, const char *key);

/* It has workers, or would like to. */
bool explain_is_alive(const json_t *facts);

#endif
