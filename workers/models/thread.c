/*
 * A pthread for each connection, up to threads_per_child. The main thread accepts and listens to
 * orders; it alone takes lanes, each session's thread gives its own back. Signals go to the main
 * thread; a cut is passed on to each thread that blocks in recv, or will at once.
 */
#include "workers/models/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "shared/contract.h"
#include "shared/log.h"
#include "workers/models/blocking.h"
#include "workers/worker_state.h"

#define STACK_BYTES (64 * 1024)

/* A lane is free, serves, or is ending, perhaps: then its descriptor is no other's to touch. */
enum lane_state { LANE_FREE, LANE_SERVING, LANE_ENDING };

struct thread_lane {
    enum lane_state state;
    pthread_t thread;
    int fd;
};

struct threads {
    pthread_mutex_t lock; /* of the lanes */
    pthread_cond_t freed;
    pthread_attr_t attributes;
    struct thread_lane lane[SCOREBOARD_LANES]; /* thread: written and read by the main one */
};

int thread_open(struct worker *worker) {
    struct threads *threads = calloc(1, sizeof(*threads));
    sigset_t all;

    if (threads == NULL)
        return -1;
    worker->model_state = threads;
    if (blocking_open(worker, SCOREBOARD_LANES) < 0)
        return -1;
    sigfillset(&all);
    sigdelset(&all, CONTRACT_SIGNAL_CUT);
    sigdelset(&all, CONTRACT_SIGNAL_GIVE);
    pthread_mutex_init(&threads->lock, NULL);
    pthread_cond_init(&threads->freed, NULL);
    pthread_attr_init(&threads->attributes);
    pthread_attr_setdetachstate(&threads->attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&threads->attributes, STACK_BYTES);
    pthread_attr_setsigmask_np(&threads->attributes, &all);
    return 0;
}

static struct thread_lane *lane_of(const struct connection *connection) {
    struct threads *threads = connection->session.worker->model_state;

    return &threads->lane[connection->lane - connection->session.worker->lanes];
}

static void set_lane(struct connection *connection, enum lane_state state) {
    struct threads *threads = connection->session.worker->model_state;

    pthread_mutex_lock(&threads->lock);
    lane_of(connection)->state = state;
    if (state == LANE_FREE)
        pthread_cond_signal(&threads->freed);
    pthread_mutex_unlock(&threads->lock);
}

void thread_free_lane(struct connection *connection) {
    set_lane(connection, LANE_FREE);
}

static void *serve_in_thread(void *argument) {
    struct connection *connection = argument;
    enum session_end end = blocking_converse(connection);

    set_lane(connection, LANE_ENDING);
    connection_end(connection, end);
    set_lane(connection, LANE_FREE);
    free(connection);
    return NULL;
}

/*
 * A free lane, now serving. There may be none for a moment, when a session's place is free before
 * its lane is; then that is waited for.
 */
static size_t take_lane(struct threads *threads, int fd) {
    size_t i;

    pthread_mutex_lock(&threads->lock);
    for (;;) {
        for (i = 0; i < SCOREBOARD_LANES && threads->lane[i].state != LANE_FREE; i++)
            ;
        if (i < SCOREBOARD_LANES)
            break;
        pthread_cond_wait(&threads->freed, &threads->lock);
    }
    threads->lane[i].state = LANE_SERVING;
    threads->lane[i].fd = fd;
    pthread_mutex_unlock(&threads->lock);
    return i;
}

void thread_begin(
    struct worker *worker, struct connection *connection, void *(*life)(void *connection)) {
    struct threads *threads = worker->model_state;
    size_t lane = take_lane(threads, connection->fd);
    int error;

    connection->lane = &worker->lanes[lane];
    error = pthread_create(&threads->lane[lane].thread, &threads->attributes, life, connection);
    if (error == 0)
        return;
    errno = error;
    log_warn("no thread can be made for a connection");
    set_lane(connection, LANE_ENDING);
    connection_end(connection, SESSION_END_ERROR);
    set_lane(connection, LANE_FREE);
    free(connection);
}

static void serve(struct worker *worker, struct connection *connection) {
    thread_begin(worker, connection, serve_in_thread);
}

/* Make each return from where it blocks. */
static void rouse(struct worker *worker, int signal_number) {
    struct threads *threads = worker->model_state;

    pthread_mutex_lock(&threads->lock);
    for (size_t i = 0; i < SCOREBOARD_LANES; i++)
        if (threads->lane[i].state == LANE_SERVING) {
            worker_hurry_fd(threads->lane[i].fd, signal_number == CONTRACT_SIGNAL_GIVE);
            pthread_kill(threads->lane[i].thread, signal_number);
        }
    pthread_mutex_unlock(&threads->lock);
}

static void cut(struct worker *worker) {
    rouse(worker, CONTRACT_SIGNAL_CUT);
}

/* First the call, then the signals: a lane that is passed over now has still to look. */
static void give(struct worker *worker) {
    worker_call();
    rouse(worker, CONTRACT_SIGNAL_GIVE);
}

/* A session is over before its last hook is, and what that says is to be heard. */
void thread_finish(struct worker *worker) {
    struct threads *threads = worker->model_state;

    pthread_mutex_lock(&threads->lock);
    for (size_t i = 0; i < SCOREBOARD_LANES; i++)
        while (threads->lane[i].state != LANE_FREE)
            pthread_cond_wait(&threads->freed, &threads->lock);
    pthread_mutex_unlock(&threads->lock);
}

static void shield(struct connection *connection, bool on) {
    set_lane(connection, on ? LANE_ENDING : LANE_SERVING);
    /* It was passed over meanwhile. */
    if (!on && worker_is_cut())
        worker_hurry_fd(connection->fd, false);
}

const struct model_ops model_thread = {
    .name = "thread",
    .accept_flags = 0,
    .connection_size = sizeof(struct connection),
    .open = thread_open,
    .serve = serve,
    .cut = cut,
    .give = give,
    .shield = shield,
    .finish = thread_finish,
};
