#ifndef WORKERS_WORKER_ORDERS_H
#define WORKERS_WORKER_ORDERS_H

/*
 * The orders of the supervisor, as a worker gets and obeys them; the end of their socket ends the
 * process: nobody is left who could use what it does. Child only, main thread.
 */

struct worker;

/* What comes is obeyed in the turns of the loop from now on. Returns 0, or -1 with errno. */
int worker_orders_watch(struct worker *worker);

/* Obey what has come. Serves sessions while it empties a queue, and under the process model blocks.
 */
void worker_orders_read(struct worker *worker);

/* Do what was put off while there was no room. For each turn. */
void worker_orders_go_on(struct worker *worker);

/*
 * Leave, once what was ordered is done: accept nobody any more, and give sessions away. For each
 * turn, until worker->is_leaving. As worker_orders_read().
 */
void worker_orders_leave(struct worker *worker);

#endif
