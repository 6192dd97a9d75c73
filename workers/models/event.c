/*
 * Many connections in one thread, on the worker's own loop. Reading stops while a peer does not
 * read what it was sent, so that a slow one costs its own buffer and nothing else. Sessions stand
 * in a list by their last sign of life, one list for those that are read and one for those that
 * are written to, so that time limits look at the head alone. Those whose parcels are under way to
 * a new worker stand in the order in which they will be answered.
 */
#include <bsd/sys/queue.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "workers/channel.h"
#include "workers/worker_state.h"

#define READ_BYTES   65536
#define LINGER_NS    2000000000ull
#define ANSWER_NS    (CHANNEL_ANSWER_MS * 1000000ull)
#define CUT_NS       (CHANNEL_CUT_MS * 1000000ull)
#define OFFERED_MOST 16 /* parcels under way: each rests until it is answered */

enum phase { READING, WRITING, LINGERING, OFFERED, PHASES };

struct event_connection {
    struct connection connection; /* first */
    struct loop_watch watch;
    TAILQ_ENTRY(event_connection) link;
    uint64_t alive_at_ns;
    enum phase phase;       /* which list it is in */
    bool stays;             /* it cannot be given */
    bool may_be_duplicated; /* its descriptor is, or was, in another worker too */
};

TAILQ_HEAD(event_list, event_connection);

struct events {
    struct event_list list[PHASES]; /* by phase; the longest silent first */
    struct loop_watch channel;      /* to the new worker; ready is NULL while there is none */
    unsigned offered;
    bool is_busy;           /* the last one offered is not out whole */
    bool is_refused;        /* the new worker has no more room */
    uint64_t answer_due_ns; /* while some are offered */
    char data[READ_BYTES];
};

static void move_to(struct events *events, struct event_connection *event, enum phase phase) {
    TAILQ_REMOVE(&events->list[event->phase], event, link);
    event->phase = phase;
    event->alive_at_ns = event->connection.session.worker->now_ns;
    TAILQ_INSERT_TAIL(&events->list[phase], event, link);
}

static void end(struct event_connection *event, enum session_end how) {
    struct worker *worker = event->connection.session.worker;
    struct events *events = worker->model_state;

    TAILQ_REMOVE(&events->list[event->phase], event, link);
    /* While another worker has a duplicate, closing ours takes nothing out of the loop. */
    if (event->may_be_duplicated)
        loop_remove(worker->loop, &event->watch);
    else
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
    struct worker *worker = event->connection.session.worker;
    struct events *events = worker->model_state;
    ssize_t n = recv(event->watch.fd, events->data, sizeof(events->data), 0);

    if (n > 0)
        worker_count(worker, &worker->row->counts.cut_unanswered, 1);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
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
    for (int i = 0; i < PHASES; i++)
        TAILQ_INIT(&events->list[i]);
    worker->model_state = events;
    return 0;
}

/* ---- cut ---- */

static void cut_one(struct event_connection *event) {
    struct worker *worker = event->connection.session.worker;

    connection_flush(&event->connection, MSG_DONTWAIT);
    shutdown(event->watch.fd, SHUT_WR);
    loop_modify(worker->loop, &event->watch, EPOLLIN);
    move_to(worker->model_state, event, LINGERING);
}

static void cut(struct worker *worker) {
    struct events *events = worker->model_state;
    struct event_connection *event;

    for (enum phase phase = READING; phase <= WRITING; phase++)
        while ((event = TAILQ_FIRST(&events->list[phase])) != NULL)
            cut_one(event);
    /* Those that are offered may be taken still, for a moment. */
    if (events->answer_due_ns > worker->now_ns + CUT_NS)
        events->answer_due_ns = worker->now_ns + CUT_NS;
}

/* ---- giving away ---- */

/* It rests: nobody reads or writes it here until it is answered. */
static void lay_down(struct events *events, struct event_connection *event) {
    struct worker *worker = event->connection.session.worker;

    event->may_be_duplicated = true;
    loop_remove(worker->loop, &event->watch);
    move_to(events, event, OFFERED);
    if (events->offered++ == 0)
        events->answer_due_ns = worker->now_ns + ANSWER_NS;
}

/* It is not taken: it goes on here. */
static void take_back(struct events *events, struct event_connection *event) {
    const bool writes = connection_has_unsent(&event->connection);
    struct worker *worker = event->connection.session.worker;

    events->offered--;
    move_to(events, event, writes ? WRITING : READING);
    if (loop_add(worker->loop, &event->watch, writes ? EPOLLOUT : EPOLLIN) < 0)
        end(event, SESSION_END_ERROR);
    else if (worker_is_cut())
        cut_one(event);
}

/* Take the answers that are there. Returns -1 when no more will come. */
static int settle_answers(struct worker *worker) {
    struct events *events = worker->model_state;
    struct event_connection *event;
    bool is_taken;
    int rc;

    while ((rc = giver_answer(worker, &is_taken)) == 1) {
        event = TAILQ_FIRST(&events->list[OFFERED]);
        /* One that is not out whole can only be refused, and its channel is of no more use. */
        if (event == NULL || (events->is_busy && events->offered == 1))
            return -1;
        events->answer_due_ns = worker->now_ns + ANSWER_NS;
        if (is_taken) {
            events->offered--;
            /* It leaves the list there. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
            end(event, SESSION_END_GIVEN);
        } else {
            events->is_refused = true;
            /* Likewise. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
            take_back(events, event);
        }
    }
    return rc;
}

/* The channel is over. What it has answered counts; the others stay. */
static void end_channel(struct worker *worker) {
    struct events *events = worker->model_state;
    struct event_connection *event;

    while (settle_answers(worker) == 0 && events->offered > 0)
        giver_withdraw(worker);
    while ((event = TAILQ_FIRST(&events->list[OFFERED])) != NULL)
        take_back(events, event);
    loop_remove(worker->loop, &events->channel);
    events->channel.ready = NULL;
    events->is_busy = events->is_refused = false;
    giver_next(worker);
}

static struct event_connection *next_to_give(struct events *events) {
    struct event_connection *event;

    for (enum phase phase = READING; phase <= WRITING; phase++)
        TAILQ_FOREACH (event, &events->list[phase], link)
            if (!event->stays)
                return event;
    return NULL;
}

/* Returns false when the channel is over. */
static bool offer_some(struct worker *worker) {
    struct events *events = worker->model_state;
    enum giver_result result = GIVER_SENT;
    struct event_connection *event;

    while (result != GIVER_BUSY && !events->is_busy && !events->is_refused &&
           events->offered < OFFERED_MOST && (event = next_to_give(events)) != NULL) {
        result = giver_offer(&event->connection);
        event->stays = result == GIVER_STAYS;
        if (!event->stays)
            lay_down(events, event);
        if (result == GIVER_ENDED)
            return false;
        events->is_busy = result == GIVER_BUSY;
    }
    return !events->is_refused || events->offered > 0;
}

static void channel_ready(struct loop_watch *watch, uint32_t mask);

static void give(struct worker *worker) {
    struct events *events = worker->model_state;

    while (giver_is_open(worker)) {
        if (events->channel.ready == NULL) {
            events->channel = (struct loop_watch){
                .fd = giver_channel(worker), .ready = channel_ready, .owner = worker
            };
            loop_add(worker->loop, &events->channel, EPOLLIN);
        }
        if (offer_some(worker)) {
            loop_modify(
                worker->loop, &events->channel, events->is_busy ? EPOLLIN | EPOLLOUT : EPOLLIN);
            return;
        }
        end_channel(worker);
    }
}

static void channel_ready(struct loop_watch *watch, uint32_t mask) {
    struct worker *worker = watch->owner;
    struct events *events = worker->model_state;
    enum giver_result result = GIVER_SENT;

    if (events->is_busy && (mask & EPOLLOUT) != 0) {
        result = giver_push(worker);
        events->is_busy = result == GIVER_BUSY;
    }
    if (settle_answers(worker) < 0 || result == GIVER_ENDED)
        end_channel(worker);
    give(worker);
}

/* ---- */

static void serve(struct worker *worker, struct connection *connection) {
    struct event_connection *event = (struct event_connection *)connection;
    struct events *events = worker->model_state;

    event->watch = (struct loop_watch){ .fd = connection->fd, .ready = ready, .owner = event };
    event->may_be_duplicated = connection->is_handed_over;
    event->phase = READING;
    event->alive_at_ns = worker->now_ns;
    TAILQ_INSERT_TAIL(&events->list[READING], event, link);
    if (loop_add(worker->loop, &event->watch, EPOLLIN) < 0) {
        end(event, SESSION_END_ERROR);
        return;
    }
    connection_open(connection);
    settle(event, false);
    /* It came from an older one, on its way through. */
    give(worker);
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

    if (events->offered > 0 && now_ns >= events->answer_due_ns) {
        end_channel(worker);
        give(worker);
    }
    if (events->offered > 0)
        next_ns = events->answer_due_ns;
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
    .give = give,
    .tick = tick,
};
