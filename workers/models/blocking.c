/* The blocking session: read, give, flush; and the ways it ends. */
#include "workers/models/blocking.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "shared/clock.h"
#include "workers/worker_state.h"

#define READ_BYTES BLOCKING_READ_BYTES
#define LINGER_MS  2000

/*
 * Told to leave: the peer is told by the end of our stream, and what it had sent already is read,
 * so that no reset overtakes the last answers. Two seconds at most.
 */
static void linger(struct connection *connection) {
    const struct timeval slice = { .tv_usec = 100000 };
    const uint64_t until_ms = clock_now_ms() + LINGER_MS;
    struct worker *worker = connection->session.worker;
    char rest[4096];
    ssize_t n;

    setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice));
    shutdown(connection->fd, SHUT_WR);
    do {
        n = recv(connection->fd, rest, sizeof(rest), 0);
        if (n > 0)
            worker_count(worker, &worker->row->counts.cut_unanswered, 1);
    } while (
        clock_now_ms() < until_ms && (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))));
}

/* Send what waits. Returns 0 when all is out, or there is a call to heed first; -1 when the session
 * is over, *out_end says how. */
static int flush(struct connection *connection, enum session_end *out_end) {
    uint64_t until_ms = clock_now_ms() + LINGER_MS;
    int rc;

    while ((rc = connection_flush(connection, 0)) == 0) {
        if (worker_is_called(connection))
            return 0;
        if (!worker_is_cut()) {
            *out_end = SESSION_END_TIMEOUT;
            return -1;
        }
        if (clock_now_ms() >= until_ms) {
            *out_end = SESSION_END_CUT;
            return -1;
        }
    }
    if (rc < 0)
        *out_end = SESSION_END_ERROR;
    return rc < 0 ? -1 : 0;
}

/* The read failed, or was made to return. Returns true when the session goes on. */
static bool goes_on(struct connection *connection, enum session_end *out_end) {
    if (worker_is_called(connection) || (errno == EINTR && !worker_is_cut()))
        return true;
    if (errno != EINTR && errno != EAGAIN) {
        *out_end = SESSION_END_ERROR;
    } else if (worker_is_cut()) {
        linger(connection);
        *out_end = SESSION_END_CUT;
    } else {
        *out_end = SESSION_END_TIMEOUT;
    }
    return false;
}

/*
 * Not on the stack: a hardened frame touches all of its pages, and a thread would keep sixteen
 * kilobytes for a message of a few bytes.
 */
int blocking_open(struct worker *worker, unsigned lanes) {
    worker->read_area = mmap(NULL, (size_t)lanes * READ_BYTES, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return worker->read_area != MAP_FAILED ? 0 : -1;
}

char *blocking_area(const struct connection *connection) {
    const struct worker *worker = connection->session.worker;

    return worker->read_area + (size_t)(connection->lane - worker->lanes) * READ_BYTES;
}

/*
 * Sessions are called for. Returns true when this one is given away; its socket is no longer ours
 * to touch then, not even by a handler.
 */
static bool give_away(struct connection *connection) {
    struct worker *worker = connection->session.worker;

    connection->gives_seen = worker_count_gives();
    if (worker->args->model == WORKER_PROCESS)
        worker_heed(worker);
    worker->model->shield(connection, true);
    if (giver_pass(connection))
        return true;
    connection_set_timeouts(worker, connection->fd);
    worker->model->shield(connection, false);
    return false;
}

enum session_end blocking_converse(struct connection *connection) {
    struct worker *worker = connection->session.worker;
    char *data = blocking_area(connection);
    enum session_end end = SESSION_END_CLOSED;
    ssize_t n;

    connection_open(connection);
    for (;;) {
        if (worker_is_called(connection) && !connection->is_broken && give_away(connection))
            return SESSION_END_GIVEN;
        if (connection_has_unsent(connection) && flush(connection, &end) < 0)
            return end;
        if (connection->is_broken)
            return SESSION_END_ERROR;
        if (worker_is_called(connection))
            continue;
        if (connection->is_closing)
            return SESSION_END_CLOSED;
        n = recv(connection->fd, data, READ_BYTES, 0);
        if (n == 0)
            return SESSION_END_CLOSED;
        if (n > 0) {
            atomic_store_explicit(
                &worker->row->last_message_at_ns, clock_now_coarse_ns(), memory_order_relaxed);
            connection_give(connection, data, (size_t)n, (size_t)n);
        } else if (!goes_on(connection, &end)) {
            return end;
        }
    }
}
