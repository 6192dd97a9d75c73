#ifndef SUPERVISOR_JOBS_KEEPER_H
#define SUPERVISOR_JOBS_KEEPER_H

/*
 * The supervisor's care for its job supervisor: it is there when the configuration wants it, is
 * replaced when it dies or does not answer, is told what it has to know of the configuration, and
 * gets the connections of the control socket that ask for jobs.
 *
 *             wanted               READY
 *   STOPPED ---------> STARTING ---------> RUNNING ----+ told to leave: not wanted any more,
 *      ^                ^  | died             |        | other settings, the daemon stops
 *      |    in a moment |  v                  |        v
 *      |               BACKOFF <---- died ----+     STOPPING --gone--> STARTING, when it is wanted
 *      +----------------------------------------------------- gone ---+
 *
 * A death before READY makes it wait, each time for twice as long; a good life ends that. After
 * READY it is replaced at once, but not more than ten times a second. It gives nothing up by
 * dying: its jobs go on where they were. There is never more than one, for two cannot share the
 * spool. Parent only; nothing here blocks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/backoff.h"

struct child;
struct contract_record;
struct jobs_board;
struct spawn_death;
struct supervisor;

enum jobs_keeper_state {
    JOBS_KEEPER_STOPPED,
    JOBS_KEEPER_STARTING,
    JOBS_KEEPER_RUNNING,
    JOBS_KEEPER_BACKOFF,
    JOBS_KEEPER_STOPPING,
};

/* "STOPPED" and so on, as a service's. */
const char *jobs_keeper_state_name(enum jobs_keeper_state state);

struct jobs_keeper {
    enum jobs_keeper_state state;
    const char *state_reason; /* static; NULL */
    uint64_t state_since_ns;
    struct child *child;      /* NULL: there is none */
    struct jobs_board *board; /* of all that there ever were; NULL until the first */
    char *text;               /* what it has to know (jobs_config.h); NULL: it is not wanted */
    bool owes_text;           /* it has not been told yet */
    struct backoff backoff;
    uint64_t start_at_ns; /* without a child: when the next is forked */
    uint64_t wake_at_ns;  /* when somebody who waits for it wants a turn */
    uint64_t restarts;    /* that ended without being told to */
    char last_death[160]; /* in words; "" */
    uint64_t last_death_at_ns;
};

/*
 * The configuration counts from now on: start it, stop it, tell it what differs, or (renews) have
 * it replaced by a new one when it has finished what is claimed. Also at the daemon's start.
 */
void jobs_keeper_configure(struct supervisor *supervisor, bool renews);

/* It reported something; it is over, and freed, and last is what it was. */
void jobs_keeper_report(
    struct supervisor *supervisor, struct child *child, const struct contract_record *report);
void jobs_keeper_ended(
    struct supervisor *supervisor, const struct child *last, const struct spawn_death *death);

/* Fork it when it is due, look at its limits of time. Each turn, before the control socket's. */
void jobs_keeper_tend(struct supervisor *supervisor);
uint64_t jobs_keeper_next_at_ns(const struct supervisor *supervisor);

/*
 * Hand a connection over, and the file of all that was read from it. Both stay open here.
 * Returns 0, or -1 with errno (EAGAIN: not now; jobs_keeper_wake() makes a turn to try again in).
 */
int jobs_keeper_give(struct supervisor *supervisor, int fd, int bytes_fd);

/* Make a turn by then. It has to be said anew in each turn. */
void jobs_keeper_wake(struct supervisor *supervisor, uint64_t at_ns);

/* Nothing is under way: it runs, it is not wanted, or it waits until it may be tried again. */
bool jobs_keeper_is_settled(const struct jobs_keeper *keeper);

/* The daemon stops. fast: it may finish nothing. Then it is over, sooner or later. */
void jobs_keeper_stop(struct supervisor *supervisor, bool fast);
bool jobs_keeper_has_ended(const struct jobs_keeper *keeper);

/* Give back what it holds; there is no job supervisor any more. */
void jobs_keeper_free(struct jobs_keeper *keeper);

#endif
