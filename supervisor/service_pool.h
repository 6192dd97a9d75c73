#ifndef SUPERVISOR_SERVICE_POOL_H
#define SUPERVISOR_SERVICE_POOL_H

/*
 * The pool of workers of a service: its size, and forks that nothing forbids. Parent only; nothing
 * here blocks.
 */

#include <stdbool.h>
#include <stdint.h>

struct child;
struct policy_counts;
struct policy_rules;
struct service;

/* Bring it to the size that policy_want() names. is_tick: a dynamic pool may shrink, too. */
void service_pool_resize(struct service *service, uint64_t now_ns, bool is_tick);

/*
 * Fork one more worker, when a rate, a delay or a failed fork does not forbid it for now. is_held:
 * as spawn_worker(). Returns NULL when there is none; it is tried again when service_tend() is.
 */
struct child *service_fork_worker(struct service *service, uint64_t now_ns, bool is_held);

/* Fork one now, whatever forbids it, and watch it boot. Returns NULL with errno. */
struct child *service_launch(struct service *service, unsigned slot, bool is_held);

/* A place among its workers that none of them has, from 1. */
unsigned service_free_slot(const struct service *service);

/* What policy_want() goes by now. */
void service_measure(
    const struct service *service, struct policy_rules *rules, struct policy_counts *counts);

/* How many workers it may have: as the operator scaled it, else as configured. */
unsigned service_count_most(const struct service *service);

/* No worker is starting, leaving or still to be forked: what was asked for has happened. */
bool service_is_settled(const struct service *service);

#endif
