/*
 * Records over a SOCK_SEQPACKET pair. The kernel keeps their borders, so a record is whole or is
 * not one; what the peer sends beyond a record is refused here, and its descriptors are closed
 * before anybody sees them.
 */
#include "shared/contract.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAGIC 0x70666b31u /* "pfk1" */

union control {
    struct cmsghdr header; /* for its alignment */
    char space[CMSG_SPACE(CONTRACT_FDS_MAX * sizeof(int))];
};

int contract_pair(int *out_parent_fd, int *out_child_fd) {
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -1;
    *out_parent_fd = pair[0];
    *out_child_fd = pair[1];
    return 0;
}

int contract_send(int fd, const struct contract_record *record, const int *fds, unsigned fd_count) {
    struct contract_record copy = *record;
    struct iovec part = { &copy, sizeof(copy) };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    union control control = { 0 };
    struct cmsghdr *header = &control.header;

    if (fd_count > CONTRACT_FDS_MAX) {
        errno = EINVAL;
        return -1;
    }
    copy.magic = MAGIC;
    if (fd_count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/*
 * The descriptors that came with a message, all of them, whether the record is good or not. There
 * is room for no more: the kernel was told CMSG_LEN, since CMSG_SPACE is rounded up to one more.
 */
static unsigned take_descriptors(struct msghdr *message, int *fds) {
    unsigned count = 0;
    size_t len;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        len = header->cmsg_len - CMSG_LEN(0);
        memcpy(fds + count, CMSG_DATA(header), len);
        count += (unsigned)(len / sizeof(int));
    }
    return count;
}

/* A record of no bytes looks like the end of the stream. */
static bool has_ended(int fd) {
    struct pollfd ready = { .fd = fd, .events = POLLRDHUP };

    return poll(&ready, 1, 0) > 0 && (ready.revents & (POLLRDHUP | POLLHUP)) != 0;
}

static bool is_record(const struct contract_record *record, ssize_t len, int flags) {
    return len == (ssize_t)sizeof(*record) && (flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
           record->magic == MAGIC && record->kind > 0 && record->kind < CONTRACT_KINDS;
}

int contract_receive(int fd, struct contract_record *out, int *fds, unsigned *out_fd_count) {
    struct iovec part = { out, sizeof(*out) };
    union control control;
    struct msghdr message;
    ssize_t n;

    *out_fd_count = 0;
    /* A peer that closed before it read everything is told once as ECONNRESET; what it sent
       before that is still there to be read. */
    do {
        message = (struct msghdr){ .msg_iov = &part,
            .msg_iovlen = 1,
            .msg_control = control.space,
            .msg_controllen = CMSG_LEN(CONTRACT_FDS_MAX * sizeof(int)) };
        n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0)
        return -1;
    *out_fd_count = take_descriptors(&message, fds);
    if (n == 0 && *out_fd_count == 0 && has_ended(fd))
        return 0;
    if (is_record(out, n, message.msg_flags))
        return 1;
    while (*out_fd_count > 0)
        close(fds[--*out_fd_count]);
    errno = EPROTO;
    return -1;
}
