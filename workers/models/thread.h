#ifndef WORKERS_MODELS_THREAD_H
#define WORKERS_MODELS_THREAD_H

/* Threads and their lanes, whatever a thread does with its session. Main thread, but where said. */

struct connection;
struct worker;

/* Returns 0, or -1 with errno. */
int thread_open(struct worker *worker);

/*
 * Let a new thread live the life of this connection, in a lane of its own; at the end the thread
 * calls thread_free_lane() and frees the connection.
 */
void thread_begin(
    struct worker *worker, struct connection *connection, void *(*life)(void *connection));

/* The connection is over. Its own thread. */
void thread_free_lane(struct connection *connection);

/* Wait until each lane is free. Blocks. */
void thread_finish(struct worker *worker);

#endif
