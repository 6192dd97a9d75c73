#ifndef SUPERVISOR_SERVICE_H
#define SUPERVISOR_SERVICE_H

/*
 * A configured service: its sockets, its pool of workers, and the state people see. Parent only;
 * nothing here blocks.
 *
 *            start                 a worker is READY
 *   STOPPED ------> STARTING -------------------------> RUNNING
 *      ^  ^            |  ^                               |  |
 *      |  |   died     v  | the delay is over             |  | all died before READY
 *      |  |         BACKOFF <-----------------------------|--+
 *      |  |            | too many in a row                |
 *      |  |            v                                  |
 *      |  |          FATAL --- start ---> STARTING        |
 *      |  +--- the last worker is gone --- STOPPING <-----+ stop
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/scoreboard.h"
#include "supervisor/backoff.h"
#include "supervisor/child.h"
#include "supervisor/config.h"
#include "supervisor/listen.h"

enum service_state {
    SERVICE_STOPPED,
    SERVICE_STARTING,
    SERVICE_RUNNING,
    SERVICE_BACKOFF,
    SERVICE_FATAL,
    SERVICE_STOPPING,
};

/* "STOPPED" and so on. */
const char *service_state_name(enum service_state state);

struct supervisor;

struct service {
    uint32_t index; /* in the scoreboard's rows */
    const struct config_service *config;
    struct supervisor *supervisor;
    enum service_state state;
    const char *state_reason; /* "idle", "stopped by the operator"; NULL */
    uint64_t state_since_ns;
    struct listener listener[CONFIG_LISTEN_MAX];
    struct child_list children;
    struct gate *gate; /* limits that all its workers share; mapped */
    struct backoff backoff;
    unsigned scale;       /* max_children as the operator set it; 0: as configured */
    uint64_t restarts;    /* workers that died without being told to */
    char last_death[160]; /* in words; "" */
    uint64_t last_death_at_ns;
    struct scoreboard_totals gone; /* counts of workers that are gone */
    /* how many forks this second may still have (max_spawn_rate) */
    uint64_t spawn_window_at_ns;
    unsigned spawned_in_window;
    bool is_short;             /* a worker reported that spare ones are few */
    bool waits_for_connection; /* ondemand: the listeners are watched here */
    struct loop_watch listen_watch[CONFIG_LISTEN_MAX];
    bool is_restarting;
    bool stop_when_drained;
};

/* Bind and start the pool. Returns 0, or -1 with a complaint; then nothing is left bound. */
int service_start(struct service *service, struct complaint *complaint);

/* Drain and stop; STOPPED when the last worker is gone. reason is a static text. */
void service_stop(struct service *service, const char *reason);

/* Replace every worker by a new one: new ones READY before old ones drain. */
void service_restart(struct service *service);

/* Let max_children be n (0: as configured) until the next start. */
void service_scale(struct service *service, unsigned n);

/* Bring the number of workers to what the policy wants, and look at limits of time. Often. */
void service_tend(struct service *service, uint64_t now_ns);

/* When service_tend() has to be called at the latest; UINT64_MAX for no time. */
uint64_t service_next_at_ns(const struct service *service);

/* Counts of living and gone workers together. */
void service_count(const struct service *service, struct scoreboard_totals *out);

/* How many workers are READY and not leaving. */
unsigned service_count_ready(const struct service *service);

/* No worker is starting, leaving or still to be forked: what was asked for has happened. */
bool service_is_settled(const struct service *service);

#endif
