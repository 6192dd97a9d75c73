#ifndef WORKERS_MODELS_MODEL_H
#define WORKERS_MODELS_MODEL_H

/*
 * A concurrency model: what a worker does with a connection that was let in. Accepting, limits,
 * datagrams, orders and leaving are the worker's, once for all three; so is what happens to a
 * session (connection.h). A model waits: blocking in this process, blocking in a thread, or on
 * epoll.
 *
 *            open          serve (for each connection)            cut, give
 *   process  -             blocks until the session is over       by signal
 *   thread   -             a pthread, detached                    by signal to each
 *   event    the post      a watch in the worker's loop           at once, in the loop
 *
 * Who hears a bus, or keeps time for texts, cannot block in recv: its process serves its one
 * session in the worker's loop, its thread in a loop of its own, each as a post (post.h).
 */

#include <stdbool.h>
#include <stdint.h>

struct connection;
struct worker;

struct model_ops {
    const char *name;
    int accept_flags; /* for accept4: SOCK_NONBLOCK or 0 */
    bool has_posts;   /* sessions are served by posts; else by blocking */
    /* Bytes a connection takes, struct connection first; 0: one at a time, worker->connection. */
    size_t connection_size;
    int (*open)(struct worker *worker); /* NULL: nothing to do. 0, or -1 with errno */
    /* Take over a connection; one from the heap is freed when it is over. */
    void (*serve)(struct worker *worker, struct connection *connection);
    /* End all sessions between two messages. */
    void (*cut)(struct worker *worker);
    /* There is a channel: give sessions away, each between two messages. NULL: they look. */
    void (*give)(struct worker *worker);
    /* Blocking models: while on, nobody but its own thread touches its descriptor. */
    void (*shield)(struct connection *connection, bool on);
    /* The last session is over: wait until no thread is in a hook. NULL: none can be. */
    void (*finish)(struct worker *worker);
};

extern const struct model_ops model_process, model_thread, model_event;
extern const struct model_ops model_process_post, model_thread_post;

#endif
