/* One session at a time in this process: the rest of the worker waits until it is over. */
#include "workers/models/blocking.h"
#include "workers/worker_state.h"

static int open_process(struct worker *worker) {
    return blocking_open(worker, 1);
}

static void serve(struct worker *worker, struct connection *connection) {
    enum session_end end;

    (void)worker;
    worker_set_blocking_fd(connection->fd);
    end = blocking_converse(connection);
    worker_set_blocking_fd(-1);
    connection_end(connection, end);
    connection_free(connection);
}

static void shield(struct connection *connection, bool on) {
    worker_set_blocking_fd(on ? -1 : connection->fd);
}

static void cut(struct worker *worker) {
    (void)worker; /* the signal's handler has done it */
}

const struct model_ops model_process = {
    .name = "process",
    .accept_flags = 0,
    .open = open_process,
    .serve = serve,
    .cut = cut,
    .shield = shield,
};
