/*
 * All sessions of a worker in one thread, on the worker's own loop: its main post. A process of a
 * service that cannot simply block is the same with one session.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include "workers/worker_state.h"

#define READ_BYTES 65536

static int open_post(struct worker *worker) {
    char *data = mmap(NULL, READ_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (data == MAP_FAILED)
        return -1;
    worker->post.data = data;
    worker->post.data_size = READ_BYTES;
    return 0;
}

static void serve(struct worker *worker, struct connection *connection) {
    post_serve(&worker->post, connection);
}

static void cut(struct worker *worker) {
    post_cut(&worker->post);
}

static void give(struct worker *worker) {
    post_give(&worker->post);
}

const struct model_ops model_event = {
    .name = "event",
    .accept_flags = SOCK_NONBLOCK,
    .has_posts = true,
    .connection_size = sizeof(struct post_session),
    .open = open_post,
    .serve = serve,
    .cut = cut,
    .give = give,
};

const struct model_ops model_process_post = {
    .name = "process",
    .accept_flags = SOCK_NONBLOCK,
    .has_posts = true,
    .connection_size = sizeof(struct post_session),
    .open = open_post,
    .serve = serve,
    .cut = cut,
    .give = give,
};
