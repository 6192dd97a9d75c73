#ifndef WORKERS_TAKER_H
#define WORKERS_TAKER_H

/*
 * The new worker's end of the channels (channel.h): it takes sessions over. Any number of channels
 * at a time. Room is kept for what is to come:
 *
 *   UNHEARD --COUNT--> EXPECTING --as many have come--> LISTENING
 *      |                   |                               ^
 *      +---- silence ------+-------------------------------+
 *
 * UNHEARD keeps all the room there is, EXPECTING its share of it, LISTENING none: who comes late
 * is taken when there is room, else refused. The end of a channel leads out of any state. A worker
 * that is told to give itself, before all has come, waits for the rest and passes it on. Main
 * thread alone, but for taker_count_expected(). Child only; never blocks.
 */

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

struct taker_channel;
struct worker;

struct taker {
    TAILQ_HEAD(taker_channels, taker_channel) channels;
    _Atomic unsigned unheard;  /* channels that have not told how many come */
    _Atomic unsigned expected; /* sessions that room is kept for */
};

/* Before anything else. */
void taker_init(struct taker *taker);

/* Take from this channel too; it is the taker's from here on. */
void taker_add(struct worker *worker, int channel);

/* True when room is left beside what is kept for sessions to come. */
bool taker_leaves_room(const struct worker *worker);

/* Sessions that may come: UINT32_MAX while nobody knows. Any thread. */
unsigned taker_count_expected(const struct worker *worker);

/* True while sessions may be on their way here: within CHANNEL_SILENCE_MS of the last word. */
bool taker_is_waiting(const struct worker *worker);

/* Time passes; returns the milliseconds until it wants to be called again, -1: no matter. */
int taker_tick(struct worker *worker);

/* The worker leaves and gives: what still comes goes through it to the next. */
void taker_pass_on(struct worker *worker);

/* No more from anywhere: what is not taken stays with the old workers. */
void taker_close(struct worker *worker);

#endif
