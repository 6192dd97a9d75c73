#ifndef SUPERVISOR_LOG_KEEPER_H
#define SUPERVISOR_LOG_KEEPER_H

/*
 * The supervisor's care for its log writer: start it first, replace it when it dies, end it last,
 * and carry orders to reopen. Parent only; does not block but in log_keeper_stop().
 */

#include <stdint.h>

#include "shared/complaint.h"

struct child;
struct config;
struct contract_record;
struct spawn_death;
struct supervisor;

/*
 * Check that the log file can be written, turn this process's own records to its lane, and fork
 * the log writer. Returns 0, or -1 with the complaint.
 */
int log_keeper_start(struct supervisor *supervisor, struct complaint *complaint);

/* Can this configuration's log file be written? Returns 0, or -1 with the complaint. */
int log_keeper_check(const struct config *config, struct complaint *complaint);

/* The log's settings differ: a new log writer; what was said before still goes the old way. */
void log_keeper_renew(struct supervisor *supervisor);

/* The log writer is over, and freed; last is what it was. */
void log_keeper_ended(
    struct supervisor *supervisor, const struct child *last, const struct spawn_death *death);

/* It reported something. */
void log_keeper_report(
    struct supervisor *supervisor, struct child *child, const struct contract_record *report);

/* As supervisor_reopen_logs(). */
void log_keeper_reopen(
    struct supervisor *supervisor, void (*done)(void *owner, int error), void *owner);

/* Fork it again when it is due. Each turn. */
void log_keeper_tend(struct supervisor *supervisor);
uint64_t log_keeper_next_at_ns(const struct supervisor *supervisor);

/* Let it write all that is left, and wait for it: a few seconds at most. */
void log_keeper_stop(struct supervisor *supervisor);

#endif
