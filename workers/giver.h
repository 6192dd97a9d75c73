#ifndef WORKERS_GIVER_H
#define WORKERS_GIVER_H

/*
 * The old worker's end of the channels (channel.h): it gives its sessions away. One channel at a
 * time; the next one's turn comes when the one before has no more room, or has ended. Child only.
 *
 *                add                          refused, ended, silent
 *   no channel ------> the first is in use -------------------------> the next, or none
 *
 * What cannot be given stays and is served here: nobody is told that this was tried.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct worker;

#define GIVER_CHANNELS_MAX 16

struct giver {
    pthread_mutex_t lock; /* thread model: of all below */
    int channel[GIVER_CHANNELS_MAX];
    _Atomic unsigned channel_count; /* the first is in use */
    /* the parcel that is on its way out; NULL: none */
    char *body;
    size_t len, at;
    int fd;         /* of its session */
    bool has_given; /* through the first channel */
};

void giver_init(struct giver *giver);

/*
 * Give through this channel too; it is the giver's from here on. Main thread; the model's give
 * hook is the caller's to call.
 */
void giver_add(struct worker *worker, int channel);

/* It is known now how many come from older workers on their way through. Main thread. */
void giver_recount(struct worker *worker);

/* True when there is a channel: sessions may be given. Any thread. */
bool giver_is_open(const struct worker *worker);

/*
 * Wait until the new worker has closed, so that all is in its place there; a second at most. When
 * nothing is left here, before the end. Main thread; blocks.
 */
void giver_finish(struct worker *worker);

/* ---- for who may block: any thread, the session's own ---- */

/*
 * Give this session away, through whichever channel takes it. Between two messages, while nobody
 * else touches its descriptor. Returns true when it is given: it is to be ended by
 * connection_end(SESSION_END_GIVEN). Blocks, for as long as a new worker may be silent.
 */
bool giver_pass(struct connection *connection);

/* ---- for who may not: the main thread of an event loop ---- */

enum giver_result {
    GIVER_SENT,  /* it rests: an answer comes */
    GIVER_BUSY,  /* it rests; the channel takes no more for now: giver_push() when it does */
    GIVER_STAYS, /* it cannot be given */
    GIVER_ENDED, /* the channel has: take the answers that are left, then giver_next() */
};

/* Begin with a session; not while one is BUSY. */
enum giver_result giver_offer(struct connection *connection);

/* Go on with the one that is BUSY. */
enum giver_result giver_push(struct worker *worker);

/* The next answer, for the session that was offered first. 1, 0: none yet, or -1: ended. */
int giver_answer(struct worker *worker, bool *out_is_taken);

/* The new worker is silent: from now on it can take nothing more. What it took is still told. */
void giver_withdraw(struct worker *worker);

/* Close the first channel and go on with the next one, if there is one. */
void giver_next(struct worker *worker);

/* The channel in use, -1 for none. */
int giver_channel(const struct worker *worker);

#endif
