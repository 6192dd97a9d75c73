/*
 * A pthread for each connection of a service that hears a bus, or keeps time for texts: it serves
 * its session as a post, on a loop of its own. What the main thread has to tell all of them is
 * told by one descriptor, which each has in its loop.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "workers/models/blocking.h"
#include "workers/models/thread.h"
#include "workers/worker_state.h"

/* A thread's memory: its session, and the post that serves it. */
struct thread_post {
    struct post_session session; /* first */
    struct post post;
    uint64_t now_ns;
    struct loop_watch call_watch;
};

static void called(struct loop_watch *watch, uint32_t events) {
    (void)watch;
    (void)events;
}

static int open_post(struct thread_post *own) {
    struct connection *connection = &own->session.connection;
    struct worker *worker = connection->session.worker;
    struct loop *loop = loop_new();

    if (loop == NULL)
        return -1;
    own->now_ns = clock_now_ns();
    loop_set_clock(loop, &own->now_ns);
    own->call_watch = (struct loop_watch){ .fd = worker->call_fd, .ready = called };
    if (loop_add(loop, &own->call_watch, EPOLLIN | EPOLLET) == 0 &&
        post_init(&own->post, worker, loop, &own->now_ns, blocking_area(connection),
            BLOCKING_READ_BYTES) == 0) {
        own->post.lane = connection->lane;
        return 0;
    }
    loop_free(loop);
    return -1;
}

static void close_post(struct thread_post *own) {
    post_fini(&own->post);
    loop_free(own->post.loop);
}

/* Sessions are called for: between two messages it may be given away. */
static bool give_away(struct thread_post *own) {
    struct connection *connection = &own->session.connection;

    if (!worker_is_called(connection) || !post_is_open(&own->session))
        return false;
    connection->gives_seen = worker_count_gives();
    if (!connection->is_broken && giver_pass(connection)) {
        own->session.may_be_duplicated = true;
        post_end(&own->session, SESSION_END_GIVEN);
        return true;
    }
    /* It has missed something meanwhile, perhaps. */
    own->session.connection.owes_writable = true;
    post_touch(connection);
    return false;
}

static void serve_session(struct thread_post *own) {
    post_serve(&own->post, &own->session.connection);
    while (own->post.count > 0 && !give_away(own)) {
        if (worker_is_cut() && !own->post.is_cut)
            post_cut(&own->post);
        post_turn(&own->post);
    }
}

static void *live(void *argument) {
    struct thread_post *own = argument;

    if (open_post(own) == 0) {
        serve_session(own);
        close_post(own);
    } else {
        log_warn("a session cannot be waited for");
        connection_end(&own->session.connection, SESSION_END_ERROR);
    }
    thread_free_lane(&own->session.connection);
    free(own);
    return NULL;
}

static int open_threads(struct worker *worker) {
    worker->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return worker->call_fd < 0 ? -1 : thread_open(worker);
}

static void serve(struct worker *worker, struct connection *connection) {
    thread_begin(worker, connection, live);
}

/* Each loop sees an event more each time: nobody reads it. */
static void wake_all(struct worker *worker) {
    eventfd_write(worker->call_fd, 1);
}

static void give(struct worker *worker) {
    worker_call();
    wake_all(worker);
}

const struct model_ops model_thread_post = {
    .name = "thread",
    .accept_flags = SOCK_NONBLOCK,
    .has_posts = true,
    .connection_size = sizeof(struct thread_post),
    .open = open_threads,
    .serve = serve,
    .cut = wake_all,
    .give = give,
    .finish = thread_finish,
};
