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

#define LEND_LEAST 1024u /* fewer bytes are cheaper copied than kept as a piece */

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
    /* Cutting a file to nothing makes some file systems write all of it out at its close. */
    if ((uint64_t)st.st_size != offset && ftruncate(output->fd, (off_t)offset) < 0)
        return -1;
    return lseek(output->fd, (off_t)offset, SEEK_SET) < 0 ? -1 : 0;
}

static void free_given(struct output *output) {
    while (output->given_count > 0)
        free(output->given[--output->given_count]);
}

int output_close(struct output *output) {
    int rc = 0;

    if (output->fd > STDERR_FILENO)
        rc = close(output->fd);
    output->fd = -1;
    free_given(output);
    free(output->buf);
    output->buf = NULL;
    return rc;
}

/* ---- taking ---- */

/*
 * What is lent counts as if it were in the buffer: it must fit there when it has to be copied. What
 * has been written of the buffer is free again when all of it is, or after gather().
 */
size_t output_room(const struct output *output) {
    size_t left = OUTPUT_BUFFER - output->waiting, behind = OUTPUT_BUFFER - output->buffered;

    if (output->piece_count == OUTPUT_PIECES || output->given_count == OUTPUT_PIECES)
        return 0;
    return left < behind ? left : behind;
}

bool output_is_empty(const struct output *output) {
    return output->waiting == 0;
}

/*
 * Everything that waits, to the beginning of a new buffer: it never holds more than fits. Nothing
 * is lent or given any more. Returns 0, or -1 with ENOMEM.
 */
static int gather(struct output *output) {
    char *whole = malloc(OUTPUT_BUFFER);
    size_t len = 0;

    if (whole == NULL)
        return -1;
    for (int i = 0; i < output->piece_count; i++) {
        memcpy(whole + len, output->pieces[i].iov_base, output->pieces[i].iov_len);
        len += output->pieces[i].iov_len;
    }
    free(output->buf);
    output->buf = whole;
    output->buffered = len;
    output->pieces[0] = (struct iovec){ whole, len };
    output->piece_count = len > 0;
    free_given(output);
    return 0;
}

/* Add bytes behind the last piece, or to it when they follow it in memory. */
static void add_piece(struct output *output, const void *data, size_t len) {
    struct iovec *last = output->pieces + output->piece_count - 1;

    output->waiting += len;
    output->offset += len;
    if (output->piece_count > 0 && (char *)last->iov_base + last->iov_len == data) {
        last->iov_len += len;
        return;
    }
    output->pieces[output->piece_count++] = (struct iovec){ (void *)data, len };
}

static void copy_in(struct output *output, const void *data, size_t len) {
    char *at = output->buf + output->buffered;

    memcpy(at, data, len);
    output->buffered += len;
    add_piece(output, at, len);
}

void output_put(struct output *output, const void *data, size_t len) {
    if (len == 0)
        return;
    if (output->has_crc)
        output->crc = crc32c(output->crc, data, len);
    copy_in(output, data, len);
}

void output_lend(struct output *output, const void *data, size_t len, uint32_t crc) {
    if (len == 0)
        return;
    if (output->has_crc)
        output->crc = crc32c_combine(output->crc, crc, len);
    if (len < LEND_LEAST)
        copy_in(output, data, len);
    else
        add_piece(output, data, len);
}

void output_give(struct output *output, void *data, size_t len, uint32_t crc) {
    output_lend(output, data, len, crc);
    if (len < LEND_LEAST)
        free(data);
    else
        output->given[output->given_count++] = data;
}

/* ---- writing ---- */

static ssize_t write_some(struct output *output) {
    struct pollfd ready = { .fd = output->fd, .events = POLLOUT };
    struct msghdr message = { .msg_iov = output->pieces,
        .msg_iovlen = (size_t)output->piece_count };

    if (output->is_socket)
        return sendmsg(output->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!output->is_small)
        return writev(output->fd, output->pieces, output->piece_count);
    if (poll(&ready, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(output->fd, output->pieces[0].iov_base,
        output->pieces[0].iov_len < PIPE_BUF ? output->pieces[0].iov_len : PIPE_BUF);
}

/* The first n bytes are written. */
static void advance(struct output *output, size_t n) {
    int done = 0;

    output->waiting -= n;
    while (n > 0 && n >= output->pieces[done].iov_len)
        n -= output->pieces[done++].iov_len;
    if (n > 0) {
        output->pieces[done].iov_base = (char *)output->pieces[done].iov_base + n;
        output->pieces[done].iov_len -= n;
    }
    output->piece_count -= done;
    memmove(output->pieces, output->pieces + done,
        (size_t)output->piece_count * sizeof(output->pieces[0]));
    if (output->waiting == 0) {
        output->buffered = 0;
        free_given(output);
    }
}

enum output_state output_flush(struct output *output) {
    ssize_t n;

    while (output->waiting > 0) {
        n = write_some(output);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return OUTPUT_BLOCKED;
        if (n < 0)
            return OUTPUT_ERROR;
        advance(output, (size_t)n);
    }
    return OUTPUT_EMPTY;
}

enum output_state output_settle(struct output *output) {
    enum output_state state = output_flush(output);

    if (state == OUTPUT_BLOCKED && gather(output) < 0)
        return OUTPUT_ERROR;
    return state;
}
