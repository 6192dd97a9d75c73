/* What happens to a session, the same under each model. What it sends: connection_queue.c. */
#include "workers/connection.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "shared/failpoint.h"
#include "workers/dialect.h"
#include "workers/worker_state.h"

#define LINE_BYTES 64u

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

/* To lines of the cache, so that what is used together is in few of them. */
static size_t align(size_t size) {
    return (size + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

/* All zero. */
static void *allocate(size_t size) {
    void *place = aligned_alloc(LINE_BYTES, align(size));

    return place != NULL ? memset(place, 0, size) : NULL;
}

/* In one piece: the model's part, the dialect, the service's state. */
struct connection *connection_new(struct worker *worker) {
    const struct service_ops *ops = worker->args->ops;
    const size_t dialect = (ops->flags & SERVICE_TEXT) != 0 ? align(dialect_size()) : 0;
    const size_t of_model = worker->model->connection_size;
    const size_t own = align(of_model > 0 ? of_model : sizeof(struct connection));
    struct connection *connection = &worker->connection;

    if (of_model + dialect + ops->session_size > 0)
        connection = allocate(own + dialect + ops->session_size);
    else
        memset(connection, 0, sizeof(*connection));
    if (connection == NULL)
        return NULL;
    connection->lane = worker->lanes;
    connection->session.worker = worker;
    connection->post = worker->model->has_posts ? &worker->post : NULL;
    if (ops->session_size > 0)
        connection->state = (char *)connection + own + dialect;
    if (dialect > 0) {
        connection->dialect = (struct dialect *)(void *)((char *)connection + own);
        dialect_init(connection->dialect, &worker->wire_rules);
    }
    return connection;
}

void connection_free(struct connection *connection) {
    if (connection != &connection->session.worker->connection)
        free(connection);
}

void connection_drop(struct connection *connection) {
    free(connection->unsent);
    connection->unsent = NULL;
    free(connection->unread);
    connection->unread = NULL;
    if (connection->dialect != NULL)
        dialect_fini(connection->dialect);
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
    if (connection->unread == NULL || connection->dialect != NULL)
        return;
    connection_give(connection, connection->unread, connection->unread_len, connection->unread_len);
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

void connection_give(struct connection *connection, const char *data, size_t len, size_t total) {
    struct worker *worker = connection->session.worker;

    connection->session.messages++;
    connection->session.total = total;
    worker_count(worker, &worker->row->counts.requests, 1);
    /* Of texts what comes is counted as it comes. */
    if (connection->dialect == NULL)
        worker_count(worker, &worker->row->counts.bytes_in, len);
    connection_enter_hook(connection->lane);
    FAILPOINT("hook");
    worker->args->ops->message(&connection->session, data, len);
    connection_leave_hook(connection->lane);
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
    connection_drop(connection);
    close(connection->fd);
    connection->fd = -1;
    worker_end_session(worker);
    if (worker->args->ops->close == NULL || end == SESSION_END_GIVEN)
        return;
    connection_enter_hook(connection->lane);
    worker->args->ops->close(&connection->session, end);
    connection_leave_hook(connection->lane);
}
