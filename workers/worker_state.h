#ifndef WORKERS_WORKER_STATE_H
#define WORKERS_WORKER_STATE_H

/*
 * A worker from inside: what worker.c, the door, the datagrams and the models share. Child only.
 * The main thread owns all of it; under the thread model other threads touch the row's counters
 * and worker_end_session() alone.
 *
 * The door, where connections come in: door.h.
 */

#include "shared/bus_seat.h"
#include "shared/loop.h"
#include "shared/wire.h"
#include "workers/connection.h"
#include "workers/giver.h"
#include "workers/models/model.h"
#include "workers/post.h"
#include "workers/taker.h"
#include "workers/worker.h"

enum door_state { DOOR_HELD, DOOR_OPEN, DOOR_FULL, DOOR_WAITING, DOOR_RESTING, DOOR_SHUT };

struct datagrams;

struct worker {
    const struct worker_args *args;
    const struct model_ops *model;
    struct loop *loop;
    struct scoreboard_row *row;
    struct scoreboard_lane *lanes;
    uint64_t now_ns; /* of this turn */

    _Atomic unsigned door; /* enum door_state; other threads only look */
    bool was_skipped;      /* this turn a connection was left to others */
    uint64_t rest_until_ns;
    struct loop_watch listen_watch[WORKER_LISTENERS_MAX];
    struct loop_watch gate_watch, order_watch, wake_watch;

    _Atomic bool is_leaving; /* other threads only look */
    uint64_t empty_until_ns; /* the door stays as it is until all who wait are let in; 0: shut it */
    bool owes_pong;          /* then, of this value */
    uint64_t owed_pong;
    uint64_t served; /* sessions and datagrams, against max_requests */
    bool asked_recycling;
    uint64_t pss_due_ns;
    struct datagrams *datagrams; /* NULL: no datagram listener */
    struct giver giver;
    struct taker taker;
    char *read_area;              /* of blocking models: a piece for each lane */
    struct connection connection; /* of the process model: not a page of the heap for one */
    void *model_state;

    struct post post; /* the main one */
    struct wire_rules wire_rules;
    struct bus_seat *seat; /* NULL: the service hears no bus */
    void *state;           /* the service's */
    struct loop_watch owner_watch;
    _Atomic bool owns; /* the datagrams; other threads only look */
    int call_fd;       /* thread model with posts: readable from a cut or a call on; never read */
};

/* Add to a counter of the row; by whichever thread. */
static inline void worker_count(struct worker *worker, _Atomic uint64_t *counter, uint64_t n) {
    if (worker->args->model == WORKER_THREAD)
        atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
    else
        atomic_store_explicit(
            counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* A report to the supervisor. Main thread. */
void worker_report(struct worker *worker, uint32_t kind, uint64_t value);

/* One more session, one less: the row's numbers, room, and the door. End: any thread. */
void worker_begin_session(struct worker *worker, struct connection *connection);
void worker_end_session(struct worker *worker);

/* The row as it is now: for when two threads changed it at once. Main thread. */
void worker_show_room(struct worker *worker);

/* Likewise, and the gate's too: the door opens, or nobody comes in any more. Main thread. */
void worker_tell_room(struct worker *worker);

/* Make the main thread look around: from any thread, or a signal handler. */
void worker_wake(void);

/* Leave soon, as if SIGTERM had come. Main thread. */
void worker_tell_to_leave(void);

/* True once CONTRACT_SIGNAL_CUT came. Any thread. */
bool worker_is_cut(void);

/*
 * How often sessions were called for, to be given away, and whether this one has not heard the last
 * call. Any thread.
 */
unsigned worker_count_gives(void);
bool worker_is_called(const struct connection *connection);

/* Call for them. The thread model, when threads are to look. */
void worker_call(void);

/* Read the orders: for a main thread that blocks in a session. */
void worker_heed(struct worker *worker);

/*
 * The descriptor that the main thread blocks on, -1 for none: the handlers of the cut and
 * of the call make its recv return.
 */
void worker_set_blocking_fd(int fd);

/* Make recv on fd return soon, and send too. Any thread, async-signal-safe. */
void worker_hurry_fd(int fd, bool sends_too);

#endif
