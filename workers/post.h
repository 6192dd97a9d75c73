#ifndef WORKERS_POST_H
#define WORKERS_POST_H

/*
 * A post from inside: the sessions that one thread serves on one loop, and its ear on the bus. The
 * event model has one, a process too when its service does not simply block, and under the thread
 * model each such session has one of its own beside the worker's. What a service sees of it stands
 * in services/post.h. Child only; the post's own thread.
 *
 *   a turn: look at time -> rest (may the bus be waited for?) -> wait -> work (mail, what it sent)
 *
 * Reading stops while a peer does not read what it was sent, so that a slow one costs its own
 * buffer and nothing else. Sessions stand in a list by their last sign of life, one list for each
 * phase, so that time limits look at the head alone. Those whose parcels are under way to a new
 * worker stand in the order in which they will be answered.
 *
 *   GREETING --first message--> READING <--blocked, all out--> WRITING
 *   any of these --offered--> OFFERED --taken--> gone, --refused--> back
 *   any of these --cut, or closed before its peer has ended--> LINGERING --> gone
 */

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/bus.h"
#include "shared/loop.h"
#include "workers/connection.h"

struct worker;

enum post_phase {
    POST_GREETING, /* of texts: nothing was said yet */
    POST_READING,
    POST_WRITING,
    POST_LINGERING,
    POST_OFFERED,
    POST_PHASES,
};

struct post_session {
    struct connection connection;    /* first */
    TAILQ_ENTRY(post_session) order; /* as they came */
    enum post_phase phase;
    uint32_t mask; /* what is watched for; 0: it is not in the loop */
    bool is_timed, is_touched;
    bool stays;                     /* it cannot be given */
    bool may_be_duplicated;         /* its descriptor is, or was, in another worker too */
    TAILQ_ENTRY(post_session) link; /* its phase's */
    TAILQ_ENTRY(post_session) timed, touched;
    struct loop_watch watch;
    uint64_t alive_at_ns;
    uint64_t due_ms; /* when it is timed */
};

TAILQ_HEAD(post_list, post_session);

struct post {
    struct worker *worker;
    struct loop *loop;
    const uint64_t *now_ns; /* of this turn */
    struct scoreboard_lane *lane;
    char *data; /* to read into; NULL: the post has no sessions, ever */
    size_t data_size;
    void *state; /* the service's */
    bool is_main;
    bool is_cut;

    struct post_list list[POST_PHASES]; /* the longest silent first */
    struct post_list order, timed, touched;
    unsigned count;  /* sessions */
    uint64_t due_ms; /* of the first that is timed */

    /* the bus: post_mail.c */
    struct bus_reader reader;
    struct loop_watch bus_watch; /* ready is NULL until it is watched */
    bool hears, is_asleep, wants_mail;
    unsigned untold; /* records that were published, and that nobody was woken for */
    uint32_t deaths_seen;
    uint64_t tick_due_ns;

    /* giving away, from the main post: post_give.c */
    struct loop_watch channel; /* to the new worker; ready is NULL while there is none */
    unsigned offered;
    bool is_busy;           /* the last one offered is not out whole */
    bool is_refused;        /* the new worker has no more room */
    uint64_t answer_due_ns; /* while some are offered */
};

/*
 * Make it, in memory that is all zero but for what is public. data: to read into, or NULL. Returns
 * 0, or -1 with errno.
 */
int post_init(struct post *post, struct worker *worker, struct loop *loop, const uint64_t *now_ns,
    char *data, size_t data_size);
void post_fini(struct post *post);

/* Take over a connection; it is freed when it is over, but by a post that is not main. */
void post_serve(struct post *post, struct connection *connection);

/* Look at time limits, which may end sessions. Returns how long to wait at most, -1: for ever. */
int post_look(struct post *post);

/* Before waiting. Returns false when there is something to do at once. */
bool post_rest(struct post *post);

/* It does not wait any more: from now on nobody wakes it, itself included. */
void post_awake(struct post *post);

/* After waiting, and whatever the loop has called. */
void post_work(struct post *post);

/* One turn: all of that. For a post that has a loop of its own. */
void post_turn(struct post *post);

/* End all sessions between two messages. */
void post_cut(struct post *post);

/* Something was done to a connection outside its turn: it is looked at before the post waits. */
void post_touch(struct connection *connection);

/* ---- between its files ---- */

/* Bring what a session waits for in line with what it is; may end it. */
void post_settle(struct post_session *session, bool is_alive);
void post_end(struct post_session *session, enum session_end how);
void post_move(struct post_session *session, enum post_phase phase);
void post_set_mask(struct post_session *session, uint32_t mask);

/* It ends: what was sent goes out, what still comes is read and not used, for two seconds. */
void post_linger(struct post_session *session, enum session_end why);

/* True when sends reach it. */
static inline bool post_is_open(const struct post_session *session) {
    return session->phase <= POST_WRITING;
}

/* It has a session, or owns the datagrams now; or not any more. */
void post_hear(struct post *post);

/* Wake whoever sleeps, for what was published. */
void post_tell(struct post *post);

/* Hear what is on the bus, tell the time; within post_work(). */
void post_mail(struct post *post);
uint64_t post_next_tick_ns(const struct post *post); /* UINT64_MAX: none */

/* Give sessions away; the main post's. The answers that are due. */
void post_give(struct post *post);
uint64_t post_look_at_offered(struct post *post);

#endif
