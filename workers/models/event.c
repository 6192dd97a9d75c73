/*
 * Many connections in one thread, on the worker's own loop. Reading stops while a peer does not
 * read what it was sent, so that a slow one costs its own buffer and nothing else. Sessions stand
 * in a list by their last sign of life, one list for those that are read and one for those that
 * are written to, so that time limits look at the head alone.
 */
#include <bsd/sys/queue.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "workers/worker_state.h"

#define READ_BYTES 65536
#define LINGER_NS  2000000000ull

struct event_connection {
    struct connection connection; /* first */
    struct loop_watch watch;
    TAILQ_ENTRY(event_connection) link;
    uint64_t alive_at_ns;
    enum { READING, WRITING, LINGERING } phase; /* which list it is in */
};

TAILQ_HEAD(event_list, event_connection);

struct events {
    struct event_list list[3]; /* by phase; the longest silent first */
    char data[READ_BYTES];
};

static void move_to(struct events *events, struct event_connection *event, unsigned phase) {
    TAILQ_REMOVE(&events->list[event->phase], event, link);
    event->phase = phase;
    event->alive_at_ns = event->connection.session.worker->now_ns;
    TAILQ_INSERT_TAIL(&events->list[phase], event, link);
}

static void end(struct event_connection *event, enum session_end how) {
    struct worker *worker = event->connection.session.worker;
    struct events *events = worker->model_state;

    TAILQ_REMOVE(&events->list[event->phase], event, link);
    loop_forget(worker->loop, &event->watch);
    connection_end(&event->connection, how);
    free(event);
}

/* After a hook or a flush: what comes next? */
static void settle(struct event_connection *event, bool was_writing) {
    struct connection *connection = &event->connection;
    struct worker *worker = connection->session.worker;

    if (connection->is_broken) {
        end(event, SESSION_END_ERROR);
    } else if (connection_has_unsent(connection)) {
        if (!was_writing)
            loop_modify(worker->loop, &event->watch, EPOLLOUT);
        move_to(worker->model_state, event, WRITING);
    } else if (connection->is_closing) {
        end(event, SESSION_END_CLOSED);
    } else {
        if (was_writing)
            loop_modify(worker->loop, &event->watch, EPOLLIN);
        move_to(worker->model_state, event, READING);
    }
}

static void write_more(struct event_connection *event) {
    size_t before = event->connection.unsent_at;
    int rc = connection_flush(&event->connection, MSG_DONTWAIT);

    /* Only progress is a sign of life. */
    if (rc != 0 || event->connection.unsent_at != before)
        settle(event, true);
}

static void read_more(struct event_connection *event) {
    struct worker *worker = event->connection.session.worker;
    struct events *events = worker->model_state;
    ssize_t n = recv(event->watch.fd, events->data, sizeof(events->data), 0);

    if (n > 0) {
        atomic_store_explicit(
            &worker->row->last_message_at_ns, worker->now_ns, memory_order_relaxed);
        connection_give(&event->connection, events->data, (size_t)n);
        settle(event, false);
    } else if (n == 0) {
        end(event, SESSION_END_CLOSED);
    } else if (errno != EAGAIN && errno != EINTR) {
        end(event, SESSION_END_ERROR);
    }
}

/* Told to leave: what still comes is read and not used, so that no reset overtakes an answer. */
static void read_rest(struct event_connection *event) {
    struct events *events = event->connection.session.worker->model_state;
    ssize_t n = recv(event->watch.fd, events->data, sizeof(events->data), 0);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        end(event, SESSION_END_CUT);
}

static void ready(struct loop_watch *watch, uint32_t mask) {
    struct event_connection *event = watch->owner;

    (void)mask;
    if (event->phase == WRITING)
        write_more(event);
    else if (event->phase == LINGERING)
        read_rest(event);
    else
        read_more(event);
}

static int open_events(struct worker *worker) {
    struct events *events = calloc(1, sizeof(*events));

    if (events == NULL)
        return -1;
    for (int i = 0; i < 3; i++)
        TAILQ_INIT(&events->list[i]);
    worker->model_state = events;
    return 0;
}

static void serve(struct worker *worker, struct connection *connection) {
    struct event_connection *event = (struct event_connection *)connection;
    struct events *events = worker->model_state;

    event->watch = (struct loop_watch){ .fd = connection->fd, .ready = ready, .owner = event };
    event->phase = READING;
    event->alive_at_ns = worker->now_ns;
    TAILQ_INSERT_TAIL(&events->list[READING], event, link);
    if (loop_add(worker->loop, &event->watch, EPOLLIN) < 0) {
        end(event, SESSION_END_ERROR);
        return;
    }
    connection_open(connection);
    settle(event, false);
}

static void cut(struct worker *worker) {
    struct events *events = worker->model_state;
    struct event_connection *event;

    for (unsigned phase = READING; phase <= WRITING; phase++)
        while ((event = TAILQ_FIRST(&events->list[phase])) != NULL) {
            connection_flush(&event->connection, MSG_DONTWAIT);
            shutdown(event->watch.fd, SHUT_WR);
            loop_modify(worker->loop, &event->watch, EPOLLIN);
            move_to(events, event, LINGERING);
        }
}

/* End those of a list that were silent for too long; returns when the next one will have been. */
static uint64_t end_silent(
    struct event_list *list, uint64_t limit_ns, uint64_t now_ns, enum session_end how) {
    struct event_connection *event;

    if (limit_ns == 0)
        return UINT64_MAX;
    /* end() takes it from the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    while ((event = TAILQ_FIRST(list)) != NULL && event->alive_at_ns + limit_ns <= now_ns)
        end(event, how);
    return event != NULL ? event->alive_at_ns + limit_ns : UINT64_MAX;
}

static int tick(struct worker *worker, uint64_t now_ns) {
    struct events *events = worker->model_state;
    const uint64_t limit_ns[] = { worker->args->idle_timeout_ms * 1000000ull,
        worker->args->write_timeout_ms * 1000000ull, LINGER_NS };
    uint64_t next_ns = UINT64_MAX, at_ns;

    for (unsigned phase = READING; phase <= LINGERING; phase++) {
        at_ns = end_silent(&events->list[phase], limit_ns[phase], now_ns,
            phase == LINGERING ? SESSION_END_CUT : SESSION_END_TIMEOUT);
        if (at_ns < next_ns)
            next_ns = at_ns;
    }
    if (next_ns == UINT64_MAX)
        return -1;
    return next_ns - now_ns > 60000000000ull ? 60000 : (int)((next_ns - now_ns) / 1000000) + 1;
}

const struct model_ops model_event = {
    .name = "event",
    .accept_flags = SOCK_NONBLOCK,
    .connection_size = sizeof(struct event_connection),
    .open = open_events,
    .serve = serve,
    .cut = cut,
    .tick = tick,
};
