#ifndef WORKERS_DOOR_H
#define WORKERS_DOOR_H

/*
 * The door is where connections come in. Child only, main thread.
 *
 *   HELD --ORDER_OPEN--> OPEN
 *   OPEN --no room here--> FULL --a session ends--> OPEN
 *   OPEN --the service is full--> WAITING --a slot is free--> OPEN
 *   OPEN --no descriptors--> RESTING --100 ms--> OPEN
 *   any --told to leave--> SHUT
 *
 * Room that is kept for sessions of an old worker (taker.h) is no room here.
 */

struct worker;

/* Make ready to watch the listeners; opens the door, unless it is held. As door_open(). */
int door_init(struct worker *worker);

/* A held door lets connections and datagrams in from now on. Returns 0, or -1 with errno. */
int door_open(struct worker *worker);

/* Bring what is watched in line with the worker's room; at the end of each turn. */
void door_tend(struct worker *worker);

/* No connection comes in any more. */
void door_shut(struct worker *worker);

/* Try each stream listener once. */
void door_look(struct worker *worker);

/* Accept all that waits, as far as there is room; for a second at most. */
void door_empty(struct worker *worker);

#endif
