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
#include "supervisor/commons.h"
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
    struct loop_watch listen_watch[CONFIG_LISTEN_MAX]; /* ondemand: while nobody has room */
    struct listener retiring[CONFIG_LISTEN_MAX]; /* that a reload took away; closed in a moment */
    unsigned retiring_count;
    uint64_t retire_at_ns;
    struct child_list children;
    struct gate *gate;      /* limits that all its workers share; mapped */
    struct commons commons; /* what else they share */
    struct backoff backoff;
    unsigned scale;     /* max_children as the operator set it; 0: as configured */
    char scaled_by[64]; /* who did, in words; "" */
    uint64_t scaled_at_ns;
    uint64_t restarts;    /* workers that ended without being told to */
    char last_death[160]; /* in words; "" */
    uint64_t last_death_at_ns;
    struct scoreboard_totals gone; /* counts of workers that are gone */
    uint64_t window_at_ns;         /* max_spawn_rate: when this second began, forks in it */
    unsigned spawned_in_window;
    uint64_t fork_failed_told_ns;
    uint64_t no_fork_before_ns;  /* fork failed, or the rate is used up */
    bool is_candidate;           /* not on the list: a new configuration that is tried */
    bool is_removed;             /* no longer configured; off the list when it is STOPPED */
    bool is_replacing;           /* all its old workers are being replaced at once */
    bool is_first;               /* start_servers are still to come */
    bool has_waiting;            /* ondemand: a connection waits and nobody has room */
    bool is_watching;            /* ondemand: listen_watch are in the loop */
    uint64_t close_at_ns;        /* STOPPING: when the listeners are closed; 0: they are */
    uint64_t look_at_ns;         /* when time limits are to be looked at */
    uint64_t last_message_at_ns; /* of workers that are gone, or the start */
};

/* Bind and start the pool. Returns 0, or -1 with a complaint; then nothing is left bound. */
int service_start(struct service *service, struct complaint *complaint);

/* Drain and stop; STOPPED when the last worker is gone. reason is a static text. */
void service_stop(struct service *service, const char *reason);

/* Replace every worker by a new one: new ones READY before old ones drain. */
void service_restart(struct service *service);

/* Let max_children be n (0: as configured) until the next start. by: who wishes it, in words. */
void service_scale(struct service *service, unsigned n, const char *by);

/* Bring the number of workers to what the policy wants, and look at limits of time. Often. */
void service_tend(struct service *service, uint64_t now_ns);

struct spawn_death;

/* A worker reported READY. */
void service_worker_ready(struct service *service, struct child *child);

/* A worker of a configuration that counts since now is READY: whatever it was, it runs. */
void service_proved(struct service *service);

/* A worker is over and freed; was_told: it was on its way out. */
void service_worker_ended(
    struct service *service, bool was_ready, bool was_told, const struct spawn_death *death);

/* Send an order to every worker that serves. */
void service_order(struct service *service, uint32_t kind, uint64_t value);

/* When service_tend() has to be called at the latest; UINT64_MAX for no time. */
uint64_t service_next_at_ns(const struct service *service);

/* Counts of living and gone workers together. */
void service_count(const struct service *service, struct scoreboard_totals *out);

/* How many workers are READY and not leaving. */
unsigned service_count_ready(const struct service *service);

#endif
