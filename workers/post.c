/* Sessions on a loop: reading, writing, and what each waits for. */
#include "workers/post.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "workers/dialect.h"
#include "workers/worker_state.h"

int post_init(struct post *post, struct worker *worker, struct loop *loop, const uint64_t *now_ns,
    char *data, size_t data_size) {
    const struct service_ops *ops = worker->args->ops;
    const size_t size = ops->post_size != NULL ? ops->post_size(worker->args->settings) : 0;

    post->worker = worker;
    post->loop = loop;
    post->now_ns = now_ns;
    post->lane = worker->lanes;
    post->data = data;
    post->data_size = data_size;
    post->is_main = post == &worker->post;
    post->due_ms = UINT64_MAX;
    for (int i = 0; i < POST_PHASES; i++)
        TAILQ_INIT(&post->list[i]);
    TAILQ_INIT(&post->order);
    TAILQ_INIT(&post->timed);
    TAILQ_INIT(&post->touched);
    if (size > 0 && (post->state = calloc(1, size)) == NULL)
        return -1;
    return 0;
}

void post_fini(struct post *post) {
    post_tell(post);
    free(post->state);
    post->state = NULL;
}

/* ---- lists ---- */

void post_move(struct post_session *session, enum post_phase phase) {
    struct post *post = session->connection.post;

    TAILQ_REMOVE(&post->list[session->phase], session, link);
    session->phase = phase;
    session->alive_at_ns = *post->now_ns;
    TAILQ_INSERT_TAIL(&post->list[phase], session, link);
}

void post_touch(struct connection *connection) {
    struct post_session *session = (struct post_session *)connection;
    struct post *post = connection->post;

    /* One that is not served yet has no place in a list. */
    if (post == NULL || post->data == NULL || session->is_touched || session->watch.ready == NULL)
        return;
    session->is_touched = true;
    TAILQ_INSERT_TAIL(&post->touched, session, touched);
}

static void untouch(struct post_session *session) {
    if (session->is_touched)
        TAILQ_REMOVE(&session->connection.post->touched, session, touched);
    session->is_touched = false;
}

/* due_ms UINT64_MAX: no more. */
static void set_timer(struct post_session *session, uint64_t due_ms) {
    struct post *post = session->connection.post;

    if (session->is_timed && due_ms == UINT64_MAX)
        TAILQ_REMOVE(&post->timed, session, timed);
    if (!session->is_timed && due_ms != UINT64_MAX)
        TAILQ_INSERT_TAIL(&post->timed, session, timed);
    session->is_timed = due_ms != UINT64_MAX;
    session->due_ms = due_ms;
    if (due_ms < post->due_ms)
        post->due_ms = due_ms;
}

/* One that waits for nothing is not in the loop: the end of its peer would be told all the time. */
void post_set_mask(struct post_session *session, uint32_t mask) {
    struct loop *loop = session->connection.post->loop;
    const uint32_t was = session->mask;
    int rc = 0;

    session->mask = mask;
    if (mask == was)
        return;
    if (mask == 0)
        loop_remove(loop, &session->watch);
    else if (was == 0)
        rc = loop_add(loop, &session->watch, mask);
    else
        rc = loop_modify(loop, &session->watch, mask);
    if (rc == 0)
        return;
    session->mask = was;
    session->connection.is_broken = true;
    post_touch(&session->connection);
}

void post_end(struct post_session *session, enum session_end how) {
    struct connection *connection = &session->connection;
    struct post *post = connection->post;

    TAILQ_REMOVE(&post->list[session->phase], session, link);
    TAILQ_REMOVE(&post->order, session, order);
    set_timer(session, UINT64_MAX);
    untouch(session);
    /* While another worker has a duplicate, closing ours takes nothing out of the loop. */
    if (session->mask != 0 && session->may_be_duplicated)
        loop_remove(post->loop, &session->watch);
    else
        loop_forget(post->loop, &session->watch);
    session->watch.ready = NULL; /* what its last hook does moves it no more */
    post->count--;
    connection_end(connection, how);
    post_hear(post);
    if (post->is_main)
        free(session);
}

/* ---- what a session waits for ---- */

static void tell_writable(struct post_session *session) {
    struct connection *connection = &session->connection;
    const struct service_ops *ops = connection->post->worker->args->ops;

    connection->owes_writable = false;
    if (ops->writable == NULL || connection->is_closing)
        return;
    connection_enter_hook(connection->lane);
    ops->writable(&connection->session);
    connection_leave_hook(connection->lane);
}

static enum post_phase phase_of(const struct connection *connection) {
    if (connection_has_unsent(connection))
        return POST_WRITING;
    return connection->dialect != NULL && connection->session.messages == 0 ? POST_GREETING
                                                                            : POST_READING;
}

static uint32_t mask_of(const struct connection *connection) {
    const bool is_full = connection_has_unsent(connection) &&
                         (connection->dialect == NULL || connection->is_full);
    const bool reads = connection->dialect != NULL
                           ? !connection->dialect->is_stopped && !connection->is_closing
                           : !connection_has_unsent(connection);

    return (reads ? (uint32_t)EPOLLIN : 0) | (is_full ? (uint32_t)EPOLLOUT : 0);
}

/* A raw peer was sent something since: it takes what it gets, if slowly. */
static bool has_been_sent(const struct post_session *session) {
    const struct dialect *dialect = session->connection.dialect;

    return dialect != NULL && dialect->wire.sent_at_ms * 1000000 > session->alive_at_ns;
}

static void place(struct post_session *session, bool is_alive) {
    struct connection *connection = &session->connection;
    const enum post_phase phase = phase_of(connection);

    is_alive |= phase == POST_WRITING && has_been_sent(session);
    if (phase != session->phase || is_alive)
        post_move(session, phase);
    if (phase == POST_WRITING)
        connection->owes_writable = true;
    post_set_mask(session, mask_of(connection));
    if (connection->dialect != NULL)
        set_timer(session, dialect_due_ms(connection));
}

/* What a raw peer is sent has only been queued. */
static void send_queued(struct connection *connection) {
    if (connection->dialect != NULL && connection_has_unsent(connection) && !connection->is_full &&
        connection->dialect->pace_due_ms == 0)
        connection_flush(connection, MSG_DONTWAIT);
}

/* Who has not ended itself may have sent what is not read: a reset would take our last words. */
static void close_session(struct post_session *session) {
    const struct connection *connection = &session->connection;

    if (connection->dialect == NULL || connection->dialect->is_ended ||
        connection->why == SESSION_END_TIMEOUT)
        post_end(session, connection->why);
    else
        post_linger(session, connection->why);
}

/* Whatever lets it go on is done first, and may make something else of it. */
void post_settle(struct post_session *session, bool is_alive) {
    struct connection *connection = &session->connection;

    untouch(session);
    for (;;) {
        send_queued(connection);
        if (connection->is_broken) {
            post_end(session, SESSION_END_ERROR);
            return;
        }
        if (connection->is_closing && !connection_has_unsent(connection)) {
            close_session(session);
            return;
        }
        if (connection->dialect != NULL && dialect_resume(connection))
            continue;
        if (!connection->owes_writable || connection_has_unsent(connection))
            break;
        tell_writable(session);
    }
    place(session, is_alive);
}

/* Only progress is a sign of life. */
static bool write_more(struct connection *connection) {
    const size_t before = connection_count_unsent(connection);

    connection_flush(connection, MSG_DONTWAIT);
    return connection_count_unsent(connection) != before;
}

/* The end of a stream of bytes ends its session; texts may have something left to tell. */
static void take_end(struct connection *connection) {
    if (connection->dialect != NULL)
        dialect_read(connection, NULL, 0, true);
    else
        connection->is_closing = true;
}

static void take(struct connection *connection, const char *data, size_t len) {
    struct worker *worker = connection->session.worker;

    atomic_store_explicit(
        &worker->row->last_message_at_ns, *connection->post->now_ns, memory_order_relaxed);
    if (connection->dialect == NULL) {
        connection_give(connection, data, len, len);
        return;
    }
    worker_count(worker, &worker->row->counts.bytes_in, len);
    dialect_read(connection, data, len, false);
}

static bool read_more(struct connection *connection) {
    struct post *post = connection->post;
    ssize_t n = recv(connection->fd, post->data, post->data_size, MSG_DONTWAIT);

    if (n > 0)
        take(connection, post->data, (size_t)n);
    else if (n == 0)
        take_end(connection);
    else if (errno != EAGAIN && errno != EINTR)
        connection->is_broken = true;
    return n > 0 && connection->session.messages > 0;
}

/* It lingers: what still comes is read and not used, so that no reset overtakes an answer. */
static void read_rest(struct post_session *session) {
    struct post *post = session->connection.post;
    ssize_t n = recv(session->watch.fd, post->data, post->data_size, MSG_DONTWAIT);

    if (n > 0 && session->connection.why == SESSION_END_CUT)
        worker_count(post->worker, &post->worker->row->counts.cut_unanswered, 1);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        post_end(session, session->connection.why);
}

static void ready(struct loop_watch *watch, uint32_t events) {
    struct post_session *session = watch->owner;
    struct connection *connection = &session->connection;
    const bool is_other = (events & ~(uint32_t)(EPOLLIN | EPOLLOUT)) != 0;
    bool is_alive = false;

    post_awake(connection->post);
    if (session->phase == POST_LINGERING) {
        read_rest(session);
        return;
    }
    if ((session->mask & EPOLLOUT) != 0 && ((events & EPOLLOUT) != 0 || is_other))
        is_alive = write_more(connection);
    if ((session->mask & EPOLLIN) != 0 && !connection->is_broken &&
        ((events & EPOLLIN) != 0 || is_other))
        is_alive |= read_more(connection);
    post_settle(session, is_alive);
}

/* ---- a session comes ---- */

void post_serve(struct post *post, struct connection *connection) {
    struct post_session *session = (struct post_session *)connection;

    connection->post = post;
    session->watch = (struct loop_watch){ .fd = connection->fd, .ready = ready, .owner = session };
    session->may_be_duplicated = connection->is_handed_over;
    connection->owes_writable = connection->is_handed_over;
    session->phase = phase_of(connection);
    session->alive_at_ns = *post->now_ns;
    TAILQ_INSERT_TAIL(&post->list[session->phase], session, link);
    TAILQ_INSERT_TAIL(&post->order, session, order);
    post->count++;
    post_hear(post);
    post_set_mask(session, EPOLLIN);
    if (!connection->is_broken)
        connection_open(connection);
    if (connection->is_handed_over && connection_has_unsent(connection))
        connection_flush(connection, MSG_DONTWAIT);
    post_settle(session, false);
    /* It came from an older one, on its way through. */
    if (post->is_main)
        post_give(post);
}
