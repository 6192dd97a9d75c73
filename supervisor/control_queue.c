/*
 * Queue depth, by the socket's kind. TCP says it in TCP_INFO, where a listening socket has other
 * uses for two fields; UDP in SO_MEMINFO; a UNIX socket only over netlink, asked by its inode.
 */
#include "supervisor/control_queue.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool add_tcp(struct control_queue *queue, int fd) {
    struct tcp_info info;
    socklen_t len = sizeof(info);

    memset(&info, 0, sizeof(info));
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return false;
    queue->waiting += info.tcpi_unacked;
    queue->limit += info.tcpi_sacked;
    return true;
}

static bool add_udp(struct control_queue *queue, int fd) {
    uint32_t info[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof(info);

    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
        return false;
    queue->waiting_bytes += info[SK_MEMINFO_RMEM_ALLOC];
    queue->overrun += info[SK_MEMINFO_DROPS];
    return true;
}

static bool send_unix_question(int netlink_fd, uint32_t inode) {
    struct {
        struct nlmsghdr header;
        struct unix_diag_req question;
    } message = {
        .header.nlmsg_len = sizeof(message),
        .header.nlmsg_type = SOCK_DIAG_BY_FAMILY,
        .header.nlmsg_flags = NLM_F_REQUEST,
        .question.sdiag_family = AF_UNIX,
        .question.udiag_states = UINT32_MAX,
        .question.udiag_ino = inode,
        .question.udiag_show = UDIAG_SHOW_RQLEN,
        .question.udiag_cookie = { UINT32_MAX, UINT32_MAX },
    };

    return send(netlink_fd, &message, sizeof(message), MSG_DONTWAIT) == sizeof(message);
}

/* The kernel answers before send() returns. */
static bool receive_unix_answer(struct control_queue *queue, int netlink_fd) {
    _Alignas(struct nlmsghdr) char buf[4096];
    ssize_t n = recv(netlink_fd, buf, sizeof(buf), MSG_DONTWAIT);
    const struct nlmsghdr *header = (const struct nlmsghdr *)buf;
    const struct unix_diag_rqlen *depth;
    struct rtattr *attribute;
    long len;

    if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct unix_diag_msg)) || header->nlmsg_len > (size_t)n ||
        header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    attribute = (struct rtattr *)(buf + NLMSG_LENGTH(sizeof(struct unix_diag_msg)));
    len = (long)header->nlmsg_len - (long)NLMSG_LENGTH(sizeof(struct unix_diag_msg));
    for (; RTA_OK(attribute, len); attribute = RTA_NEXT(attribute, len)) {
        if (attribute->rta_type != UNIX_DIAG_RQLEN || RTA_PAYLOAD(attribute) < sizeof(*depth))
            continue;
        depth = RTA_DATA(attribute);
        queue->waiting += depth->udiag_rqueue;
        queue->limit += depth->udiag_wqueue;
        return true;
    }
    return false;
}

static bool add_unix(struct control_queue *queue, int fd) {
    struct stat st;
    bool ok = false;
    int netlink_fd;

    if (fstat(fd, &st) < 0)
        return false;
    netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    if (netlink_fd < 0)
        return false;
    if (send_unix_question(netlink_fd, (uint32_t)st.st_ino))
        ok = receive_unix_answer(queue, netlink_fd);
    close(netlink_fd);
    return ok;
}

bool control_queue_add(struct control_queue *queue, const struct listener *listener) {
    if (listener->fd < 0)
        return false;
    switch (listener->proto) {
    case NET_TCP:
        return add_tcp(queue, listener->fd);
    case NET_UDP:
        return add_udp(queue, listener->fd);
    case NET_UNIX:
        return add_unix(queue, listener->fd);
    }
    return false;
}
