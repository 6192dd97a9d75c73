/*
 * The output. stdout is shared with whoever else has it open, so it is not made non-blocking:
 * a pipe or terminal is opened once more through /proc with flags of our own; where that is not
 * possible, small writes follow a poll.
 */
#include "supervisor/job/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/crc32c.h"

static int init(struct output *output) {
    output->buf = malloc(OUTPUT_BUFFER);
    return output->buf != NULL ? 0 : -1;
}

int output_open_stdout(struct output *output) {
    struct stat st;
    int fd;

    *output = (struct output){ .fd = -1 };
    if (fstat(STDOUT_FILENO, &st) < 0 || init(output) < 0)
        return -1;
    output->fd = STDOUT_FILENO;
    output->is_patient = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
    output->is_socket = S_ISSOCK(st.st_mode);
    if (output->is_patient || output->is_socket)
        return 0;
    fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    output->is_small = fd < 0;
    if (fd >= 0)
        output->fd = fd;
    return 0;
}

int output_open_file(struct output *output, const char *path, uint64_t offset, uint32_t crc) {
    struct stat st;

    *output = (struct output){ .fd = -1, .offset = offset, .crc = crc };
    if (init(output) < 0)
        return -1;
    output->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (output->fd < 0 || fstat(output->fd, &st) < 0)
        return -1;
    output->is_patient = true;
    output->has_crc = true;
    if (!S_ISREG(st.st_mode))
        return 0;
    if (ftruncate(output->fd, (off_t)offset) < 0)
        return -1;
    return lseek(output->fd, (off_t)offset, SEEK_SET) < 0 ? -1 : 0;
}

int output_close(struct output *output) {
    int rc = 0;

    if (output->fd > STDERR_FILENO)
        rc = close(output->fd);
    output->fd = -1;
    free(output->buf);
    output->buf = NULL;
    return rc;
}

size_t output_room(const struct output *output) {
    return OUTPUT_BUFFER - output->len;
}

void output_put(struct output *output, const void *data, size_t len) {
    if (data != output_space(output))
        memcpy(output_space(output), data, len);
    output->len += len;
    output->offset += len;
}

char *output_space(const struct output *output) {
    return output->buf + output->len;
}

static ssize_t write_some(const struct output *output) {
    struct pollfd ready = { .fd = output->fd, .events = POLLOUT };
    const char *at = output->buf + output->start;
    size_t len = output->len - output->start;

    if (output->is_socket)
        return send(output->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!output->is_small)
        return write(output->fd, at, len);
    if (poll(&ready, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(output->fd, at, len < PIPE_BUF ? len : PIPE_BUF);
}

enum output_state output_flush(struct output *output) {
    ssize_t n;

    while (output->start < output->len) {
        n = write_some(output);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return OUTPUT_BLOCKED;
        if (n < 0)
            return OUTPUT_ERROR;
        if (output->has_crc)
            output->crc = crc32c(output->crc, output->buf + output->start, (size_t)n);
        output->start += (size_t)n;
    }
    output->start = output->len = 0;
    return OUTPUT_EMPTY;
}
