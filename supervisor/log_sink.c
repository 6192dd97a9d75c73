/*
 * Moving bytes out of a pipe without ever holding the only copy. tee() is the one way to look
 * into a pipe; it needs a second pipe, which is empty between any two calls here.
 */
#include "supervisor/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_MAX 16384

static int scratch_read = -1, scratch_write = -1;

int log_sink_init(void) {
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    scratch_read = ends[0];
    scratch_write = ends[1];
    return 0;
}

void log_sink_use_file(struct log_sink *sink, int fd) {
    struct stat st;

    *sink = (struct log_sink){ .fd = fd };
    if (fstat(fd, &st) == 0)
        sink->is_spliced = S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode);
}

void log_sink_use_stream(struct log_sink *sink, int fd) {
    struct stat st;
    char path[32];
    int own;

    *sink = (struct log_sink){ .fd = fd };
    if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode))
        return;
    if (S_ISSOCK(st.st_mode)) {
        sink->is_socket = true;
        return;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    sink->is_shared = own < 0;
    if (own >= 0)
        sink->fd = own;
}

ssize_t log_sink_peek(int pipe_fd, char *dst, size_t size) {
    ssize_t teed = tee(pipe_fd, scratch_write, size, SPLICE_F_NONBLOCK), got = 0, n;

    while (got < teed) {
        n = read(scratch_read, dst + got, (size_t)(teed - got));
        if (n <= 0)
            return -1;
        got += n;
    }
    if (teed == 0)
        errno = EAGAIN;
    return teed > 0 ? teed : -1;
}

void log_sink_drop(int pipe_fd, size_t len) {
    char bytes[4096];
    ssize_t n;

    while (len > 0) {
        n = read(pipe_fd, bytes, len < sizeof(bytes) ? len : sizeof(bytes));
        if (n <= 0)
            return;
        len -= (size_t)n;
    }
}

static ssize_t write_some(const struct log_sink *sink, const char *bytes, size_t len) {
    struct pollfd ready = { .fd = sink->fd, .events = POLLOUT };

    if (sink->is_socket)
        return send(sink->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sink->is_shared) {
        if (poll(&ready, 1, 0) <= 0) {
            errno = EAGAIN;
            return -1;
        }
        if (len > PIPE_BUF)
            len = PIPE_BUF;
    }
    return write(sink->fd, bytes, len);
}

static ssize_t copy(const struct log_sink *sink, int pipe_fd, size_t most) {
    char bytes[COPY_MAX];
    ssize_t n = log_sink_peek(pipe_fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes));

    if (n > 0)
        n = write_some(sink, bytes, (size_t)n);
    if (n > 0)
        log_sink_drop(pipe_fd, (size_t)n);
    return n;
}

ssize_t log_sink_move(struct log_sink *sink, int pipe_fd, size_t most) {
    ssize_t n;

    if (sink->is_spliced) {
        n = splice(pipe_fd, NULL, sink->fd, NULL, most, SPLICE_F_NONBLOCK);
        if (n >= 0 || errno != EINVAL)
            return n;
        sink->is_spliced = false; /* a file system that does not know how */
    }
    return copy(sink, pipe_fd, most);
}
