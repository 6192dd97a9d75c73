/*
 * What happens to a session, the same under each model. A send is tried at once, without
 * blocking, from the service's own memory; only what the socket does not take is copied. So a
 * hook never blocks, and an echo costs one recv and one send.
 */
#include "workers/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "shared/failpoint.h"
#include "workers/worker_state.h"

/* At once: datagrams and the first thread share a lane, and a lost count would look like a hang. */
void connection_enter_hook(struct scoreboard_lane *lane) {
    atomic_fetch_add_explicit(&lane->hook_count, 1, memory_order_relaxed);
}

void connection_leave_hook(struct scoreboard_lane *lane) {
    connection_enter_hook(lane); /* odd becomes even */
}

static const struct service_ops *ops_of(const struct connection *connection) {
    return connection->session.worker->args->ops;
}

struct connection *connection_new(struct worker *worker) {
    struct connection *connection = &worker->connection;

    if (worker->model->connection_size > 0)
        connection = calloc(1, worker->model->connection_size);
    else
        memset(connection, 0, sizeof(*connection));
    if (connection == NULL)
        return NULL;
    connection->lane = worker->lanes;
    connection->session.worker = worker;
    return connection;
}

void connection_free(struct connection *connection) {
    if (connection != &connection->session.worker->connection)
        free(connection);
}

static struct timeval span_of(uint64_t ms) {
    return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
        .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

void connection_set_timeouts(const struct worker *worker, int fd) {
    const struct timeval idle = span_of(worker->args->idle_timeout_ms),
                         write = span_of(worker->args->write_timeout_ms);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &write, sizeof(write));
}

static void give_unread(struct connection *connection) {
    if (connection->unread == NULL)
        return;
    connection_give(connection, connection->unread, connection->unread_len);
    free(connection->unread);
    connection->unread = NULL;
    connection->unread_len = 0;
}

void connection_open(struct connection *connection) {
    if (connection->is_handed_over) {
        give_unread(connection);
        return;
    }
    if (ops_of(connection)->open == NULL)
        return;
    connection_enter_hook(connection->lane);
    ops_of(connection)->open(&connection->session);
    connection_leave_hook(connection->lane);
}

void connection_give(struct connection *connection, const char *data, size_t len) {
    struct worker *worker = connection->session.worker;

    connection->session.messages++;
    worker_count(worker, &worker->row->counts.requests, 1);
    worker_count(worker, &worker->row->counts.bytes_in, len);
    connection_enter_hook(connection->lane);
    FAILPOINT("hook");
    worker->args->ops->message(&connection->session, data, len);
    connection_leave_hook(connection->lane);
}

bool connection_has_unsent(const struct connection *connection) {
    return connection->unsent != NULL;
}

static int keep_unsent(struct connection *connection, const char *data, size_t len) {
    size_t kept = connection->unsent_len - connection->unsent_at;
    char *grown;

    if (kept + len > connection->session.worker->args->write_buffer_bytes) {
        errno = ENOBUFS;
        return -1;
    }
    grown = malloc(kept + len);
    if (grown == NULL)
        return -1;
    if (kept > 0)
        memcpy(grown, connection->unsent + connection->unsent_at, kept);
    memcpy(grown + kept, data, len);
    free(connection->unsent);
    connection->unsent = grown;
    connection->unsent_at = 0;
    connection->unsent_len = kept + len;
    return 0;
}

/* How much the socket took; -1 when it is broken. */
static ssize_t send_some(struct connection *connection, const char *data, size_t len, int flags) {
    struct worker *worker = connection->session.worker;
    ssize_t n;

    do
        n = send(connection->fd, data, len, flags | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR && !worker_is_cut() && !worker_is_called(connection));
    if (n >= 0) {
        worker_count(worker, &worker->row->counts.bytes_out, (uint64_t)n);
        return n;
    }
    /* Local shortage is not the peer's end: it is waited for like a full socket. */
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EINTR)
        return 0;
    connection->is_broken = true;
    return -1;
}

int connection_send(struct connection *connection, const char *data, size_t len) {
    ssize_t n = 0;

    if (connection->is_broken)
        return -1;
    if (connection->unsent == NULL) {
        n = send_some(connection, data, len, MSG_DONTWAIT);
        if (n < 0)
            return -1;
    }
    if ((size_t)n == len)
        return 0;
    if (keep_unsent(connection, data + n, len - (size_t)n) < 0) {
        connection->is_broken = true;
        return -1;
    }
    return 0;
}

int connection_flush(struct connection *connection, int flags) {
    ssize_t n;

    while (connection->unsent != NULL) {
        n = send_some(connection, connection->unsent + connection->unsent_at,
            connection->unsent_len - connection->unsent_at, flags);
        if (n < 0)
            return -1;
        if (n == 0)
            return 0;
        connection->unsent_at += (size_t)n;
        if (connection->unsent_at < connection->unsent_len)
            continue;
        free(connection->unsent);
        connection->unsent = NULL;
        connection->unsent_at = connection->unsent_len = 0;
    }
    return 1;
}

void connection_end(struct connection *connection, enum session_end end) {
    struct worker *worker = connection->session.worker;

    if (end == SESSION_END_TIMEOUT)
        worker_count(worker, &worker->row->counts.timed_out, 1);
    if (end == SESSION_END_CUT)
        worker_count(worker, &worker->row->counts.cut, 1);
    if (end == SESSION_END_GIVEN)
        worker_count(worker, &worker->row->counts.handed_over, 1);
    else
        gate_leave(worker->args->gate, connection->slot);
    free(connection->unsent);
    connection->unsent = NULL;
    free(connection->unread);
    connection->unread = NULL;
    close(connection->fd);
    connection->fd = -1;
    worker_end_session(worker);
    if (worker->args->ops->close == NULL || end == SESSION_END_GIVEN)
        return;
    connection_enter_hook(connection->lane);
    worker->args->ops->close(&connection->session, end);
    connection_leave_hook(connection->lane);
}
