#ifndef SUPERVISOR_NOTIFY_KEEPER_H
#define SUPERVISOR_NOTIFY_KEEPER_H

/*
 * When whoever started the daemon is told what: that the start is over, how the services are, that
 * it stops, and that it is alive. The watchdog is fed at half of its time, but only when
 *
 *   - the supervisor's loop turns: else nobody comes here;
 *   - the log writer has answered a ping that was sent since the last time;
 *   - each service with watchdog = true serves: RUNNING with a READY worker, or with none because
 *     nobody comes (ondemand). FATAL, STOPPED and STOPPING ones are the operator's business.
 *
 * Parent only; does not block.
 */

#include <stdbool.h>
#include <stdint.h>

struct supervisor;

/* Each turn. has_started: every service has come up, or is known not to have. */
void notify_keeper_tend(struct supervisor *supervisor, bool has_started);

/* When it has to be called at the latest. */
uint64_t notify_keeper_next_at_ns(const struct supervisor *supervisor);

#endif
