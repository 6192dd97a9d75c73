/*
 * What a connection sends. It is tried at once, without blocking, from the service's own memory;
 * only what the socket does not take is copied. So a hook never blocks, and an echo costs one recv
 * and one send.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "workers/connection.h"
#include "workers/dialect.h"
#include "workers/post.h"
#include "workers/services/session.h"
#include "workers/worker_state.h"

#define FIRST_BYTES 512

size_t connection_count_unsent(const struct connection *connection) {
    return connection->unsent != NULL ? connection->unsent_len - connection->unsent_at : 0;
}

bool connection_has_unsent(const struct connection *connection) {
    return connection->unsent != NULL;
}

static bool has_room(const struct connection *connection, size_t len) {
    const size_t most = connection->session.worker->args->write_buffer_bytes,
                 kept = connection_count_unsent(connection);

    return kept <= most && len <= most - kept;
}

/* Room for len bytes more behind what waits. Moved down when that frees the half at least. */
static int reserve(struct connection *connection, size_t len) {
    const size_t kept = connection_count_unsent(connection);
    size_t size = connection->unsent_size > 0 ? connection->unsent_size : FIRST_BYTES;
    char *grown;

    if (connection->unsent != NULL && connection->unsent_len + len <= size)
        return 0;
    while (size < kept + len || (connection->unsent_at < size / 2 && size < 2 * (kept + len)))
        size *= 2;
    grown = malloc(size);
    if (grown == NULL)
        return -1;
    if (connection->unsent != NULL)
        memcpy(grown, connection->unsent + connection->unsent_at, kept);
    free(connection->unsent);
    connection->unsent = grown;
    connection->unsent_size = size;
    connection->unsent_at = 0;
    connection->unsent_len = kept;
    return 0;
}

/* Keep the pieces but for what went out already. */
static int keep(struct connection *connection, const struct iovec *iov, int n, size_t skip) {
    size_t total = 0, from;

    for (int i = 0; i < n; i++)
        total += iov[i].iov_len;
    if (reserve(connection, total - skip) < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        from = skip < iov[i].iov_len ? skip : iov[i].iov_len;
        skip -= from;
        if (from == iov[i].iov_len)
            continue;
        memcpy(connection->unsent + connection->unsent_len, (char *)iov[i].iov_base + from,
            iov[i].iov_len - from);
        connection->unsent_len += iov[i].iov_len - from;
    }
    return 0;
}

/* 0, or -1 when it is broken. */
static ssize_t judge_failure(struct connection *connection) {
    /* Local shortage is not the peer's end: it is waited for like a full socket. */
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EINTR)
        return 0;
    connection->is_broken = true;
    errno = EPIPE;
    return -1;
}

/* How much the socket took; -1 when it is broken. */
static ssize_t count_sent(struct connection *connection, ssize_t n) {
    struct worker *worker = connection->session.worker;

    if (n < 0)
        return judge_failure(connection);
    worker_count(worker, &worker->row->counts.bytes_out, (uint64_t)n);
    return n;
}

static bool is_told(const struct connection *connection) {
    return worker_is_cut() || worker_is_called(connection);
}

static ssize_t send_some(struct connection *connection, const char *data, size_t len, int flags) {
    ssize_t n;

    do
        n = send(connection->fd, data, len, flags | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR && !is_told(connection));
    return count_sent(connection, n);
}

static ssize_t send_pieces(struct connection *connection, const struct iovec *iov, int n) {
    const struct msghdr message = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
    ssize_t sent;

    do
        sent = sendmsg(connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR && !is_told(connection));
    return count_sent(connection, sent);
}

int connection_send(struct connection *connection, const char *data, size_t len) {
    const struct iovec piece = { .iov_base = (void *)data, .iov_len = len };
    ssize_t n = 0;

    if (connection->is_broken) {
        errno = EPIPE;
        return -1;
    }
    if (connection->unsent == NULL) {
        n = send_some(connection, data, len, MSG_DONTWAIT);
        if (n < 0)
            return -1;
    }
    if ((size_t)n == len)
        return 0;
    post_touch(connection);
    if (has_room(connection, len - (size_t)n) && keep(connection, &piece, 1, (size_t)n) == 0)
        return 0;
    connection->is_broken = true;
    errno = ENOBUFS;
    return -1;
}

/* A raw peer's bytes go through the queue, where it is known which message they are of. */
static bool may_go_at_once(const struct connection *connection) {
    return connection->unsent == NULL && !connection->is_corked &&
           (connection->dialect == NULL || !dialect_is_paced(connection->dialect));
}

/* So much of it went out, or -1: keep the rest. */
static int finish(
    struct connection *connection, const struct iovec *iov, int n, size_t total, ssize_t sent) {
    if ((size_t)sent == total)
        return 0;
    post_touch(connection);
    if (sent < 0)
        return -1;
    if (keep(connection, iov, n, (size_t)sent) == 0)
        return 0;
    /* Some of it is out already: a peer cannot be left in the midst of it. */
    connection->is_broken |= sent > 0;
    errno = ENOMEM;
    return -1;
}

int connection_sendv(struct connection *connection, const struct iovec *iov, int n) {
    size_t total = 0;
    ssize_t sent = 0;

    for (int i = 0; i < n; i++)
        total += iov[i].iov_len;
    if (connection->is_broken) {
        errno = EPIPE;
        return -1;
    }
    if (total > 0 && !has_room(connection, total)) {
        connection->owes_writable |= connection_has_unsent(connection);
        errno = ENOBUFS;
        return -1;
    }
    if (may_go_at_once(connection))
        sent = n == 1 ? send_some(connection, iov->iov_base, total, MSG_DONTWAIT)
                      : send_pieces(connection, iov, n);
    return finish(connection, iov, n, total, sent);
}

/* The descriptors of those that are simply sent to; -1 for others. */
static void choose(const struct session_sending *list, unsigned n, int *out_fd) {
    const struct connection *connection;

    for (unsigned i = 0; i < n; i++) {
        connection = (const struct connection *)list[i].session;
        out_fd[i] = !connection->is_broken && may_go_at_once(connection) &&
                            has_room(connection, list[i].len)
                        ? connection->fd
                        : -1;
    }
}

/* Whoever could not simply be sent it; sent: what came of trying. */
static bool send_the_rest(const struct session_sending *to, bool was_tried, ssize_t sent) {
    const struct iovec piece = { .iov_base = (void *)to->data, .iov_len = to->len };
    struct connection *connection = (struct connection *)to->session;

    if (!was_tried)
        return connection_sendv(connection, &piece, 1) == 0;
    return finish(connection, &piece, 1, to->len, count_sent(connection, sent)) == 0;
}

static void send_to(struct session_sending *list, unsigned n, const int *fd) {
    struct worker *worker = list->session->worker;
    uint64_t bytes = 0;
    ssize_t sent = 0;

    for (unsigned i = 0; i < n; i++) {
        if (fd[i] >= 0)
            sent = send(fd[i], list[i].data, list[i].len, MSG_DONTWAIT | MSG_NOSIGNAL);
        list[i].is_sent = fd[i] >= 0 && sent == (ssize_t)list[i].len;
        if (list[i].is_sent)
            bytes += list[i].len;
        else
            list[i].is_sent = send_the_rest(&list[i], fd[i] >= 0, sent);
    }
    worker_count(worker, &worker->row->counts.bytes_out, bytes);
}

void connection_send_each(struct session_sending *list, unsigned n) {
    int fd[SESSION_SENDING_MANY];
    unsigned part;

    for (; n > 0; list += part, n -= part) {
        part = n < SESSION_SENDING_MANY ? n : SESSION_SENDING_MANY;
        choose(list, part, fd);
        send_to(list, part, fd);
    }
}

static void take_off(struct connection *connection, size_t n) {
    connection->unsent_at += n;
    if (connection->unsent_at < connection->unsent_len)
        return;
    free(connection->unsent);
    connection->unsent = NULL;
    connection->unsent_at = connection->unsent_len = connection->unsent_size = 0;
}

/* How much of what waits may go out now. A paced peer's part may be less than all, or nothing. */
static size_t allow(struct connection *connection) {
    size_t skip, n;

    if (connection->dialect == NULL)
        return connection_count_unsent(connection);
    do {
        n = dialect_allow(connection, &skip);
        if (skip > 0)
            take_off(connection, skip);
    } while (n == 0 && skip > 0 && connection->unsent != NULL);
    return n;
}

int connection_flush(struct connection *connection, int flags) {
    ssize_t n;
    size_t most;

    connection->is_full = false;
    while (connection->unsent != NULL) {
        most = allow(connection);
        if (most == 0 && connection->unsent != NULL)
            return 0;
        if (most == 0)
            break;
        n = send_some(connection, connection->unsent + connection->unsent_at, most, flags);
        if (n < 0)
            return -1;
        connection->is_full = n == 0;
        if (n == 0)
            return 0;
        if (connection->dialect != NULL)
            dialect_sent(connection->dialect, (size_t)n);
        take_off(connection, (size_t)n);
    }
    return 1;
}
