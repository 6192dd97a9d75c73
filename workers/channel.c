/* Packets: a head, a piece of a parcel, at most one descriptor. */
#include "workers/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAGIC 0x70666b63u /* "pfkc" */

struct head {
    uint32_t magic, kind;
    uint64_t value;
};

/* Room for two, so that a second one is seen, and closed. */
union control {
    struct cmsghdr header; /* for its alignment */
    char space[CMSG_SPACE(2 * sizeof(int))];
};

int channel_send(int channel, const struct channel_packet *packet, const void *piece) {
    struct head head = { .magic = MAGIC, .kind = packet->kind, .value = packet->value };
    struct iovec parts[] = { { &head, sizeof(head) }, { (void *)piece, packet->len } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = packet->len > 0 ? 2 : 1 };
    union control control = { 0 };
    ssize_t n;

    if (packet->fd >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &packet->fd, sizeof(int));
    }
    do
        n = sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == ENOBUFS)
        errno = EAGAIN;
    return n < 0 ? -1 : 0;
}

/* The one that may come with a packet. Returns 0, or -1 when there were more: all are closed. */
static int take_descriptor(struct msghdr *message, int *out_fd) {
    int fds[2] = { -1, -1 };
    size_t len;

    *out_fd = -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        len = header->cmsg_len - CMSG_LEN(0);
        memcpy(fds, CMSG_DATA(header), len < sizeof(fds) ? len : sizeof(fds));
    }
    if (fds[1] < 0) {
        *out_fd = fds[0];
        return 0;
    }
    close(fds[0]);
    close(fds[1]);
    return -1;
}

static int refuse(struct channel_packet *packet) {
    if (packet->fd >= 0)
        close(packet->fd);
    packet->fd = -1;
    errno = EPROTO;
    return -1;
}

int channel_receive(int channel, struct channel_packet *out, void *piece, size_t size) {
    struct head head;
    struct iovec parts[] = { { &head, sizeof(head) }, { piece, size } };
    union control control;
    struct msghdr message;
    unsigned ends = 0;
    ssize_t n;

    *out = (struct channel_packet){ .fd = -1 };
    /*
     * ECONNRESET: the other one closed before it read everything; told once, before the rest. Nor
     * is an end the end at once: the kernel looks for a packet and then for the end, and both may
     * have come in between. The second time it is.
     */
    do {
        message = (struct msghdr){ .msg_iov = parts,
            .msg_iovlen = 2,
            .msg_control = control.space,
            .msg_controllen = sizeof(control.space) };
        n = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while ((n < 0 && (errno == EINTR || errno == ECONNRESET)) ||
             (n == 0 && message.msg_controllen == 0 && ends++ == 0));
    if (n < 0)
        return -1;
    if (take_descriptor(&message, &out->fd) < 0)
        return refuse(out);
    if (n == 0 && out->fd < 0)
        return 0;
    if (n < (ssize_t)sizeof(head) || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
        head.magic != MAGIC || head.kind == 0 || head.kind >= CHANNEL_KINDS)
        return refuse(out);
    out->kind = (enum channel_kind)head.kind;
    out->value = head.value;
    out->len = (size_t)n - sizeof(head);
    return 1;
}
