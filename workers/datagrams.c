/*
 * Batches of datagrams. An answer that lies in the memory of what was received (an echo) is sent
 * from there; any other is copied. A socket bound to all addresses answers from the one that was
 * asked (IP_PKTINFO), or the peer would not know the answer.
 */
#include "workers/datagrams.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "workers/worker_state.h"

#define BATCH         16
#define DATAGRAM_MAX  65536
#define COPY_MAX      65536
#define CONTROL_BYTES 64
#define PORT_NFS      2049

struct datagrams {
    struct worker *worker;
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec in_vector[BATCH], out_vector[BATCH];
    struct net_address peer[BATCH];
    _Alignas(struct cmsghdr) char control[BATCH][CONTROL_BYTES];
    unsigned current, out_count;
    bool has_answered;
    size_t copied;
    char *data; /* BATCH * DATAGRAM_MAX, pages as touched */
    char copy[COPY_MAX];
};

/* Ask for the address a datagram was sent to, where the socket is bound to all. */
static void want_destination(const struct worker_listener *listener) {
    const struct net_address *address = &listener->address;
    const int on = 1;

    if (address->sa.any.sa_family == AF_INET && address->sa.in.sin_addr.s_addr == INADDR_ANY)
        setsockopt(listener->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
    if (address->sa.any.sa_family == AF_INET6 &&
        IN6_IS_ADDR_UNSPECIFIED(&address->sa.in6.sin6_addr))
        setsockopt(listener->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
}

struct datagrams *datagrams_new(struct worker *worker) {
    struct datagrams *batch = calloc(1, sizeof(*batch));

    if (batch == NULL)
        return NULL;
    batch->data = mmap(NULL, (size_t)BATCH * DATAGRAM_MAX, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (batch->data == MAP_FAILED) {
        free(batch);
        return NULL;
    }
    batch->worker = worker;
    for (unsigned i = 0; i < worker->args->listener_count; i++)
        if (worker->args->listener[i].proto == NET_UDP)
            want_destination(&worker->args->listener[i]);
    return batch;
}

static int receive(struct datagrams *batch, int fd) {
    for (unsigned i = 0; i < BATCH; i++) {
        batch->in_vector[i] = (struct iovec){ .iov_base = batch->data + (size_t)i * DATAGRAM_MAX,
            .iov_len = DATAGRAM_MAX };
        batch->in[i].msg_hdr = (struct msghdr){
            .msg_name = &batch->peer[i].sa,
            .msg_namelen = sizeof(batch->peer[i].sa),
            .msg_iov = &batch->in_vector[i],
            .msg_iovlen = 1,
            .msg_control = batch->control[i],
            .msg_controllen = CONTROL_BYTES,
        };
    }
    return recvmmsg(fd, batch->in, BATCH, MSG_DONTWAIT, NULL);
}

static bool is_bad_v4(const struct in_addr *address) {
    const uint32_t host = ntohl(address->s_addr);

    return host >> 24 == 0 || host >> 28 >= 14; /* 0/8, multicast, reserved, broadcast */
}

/* True when an answer to this peer could go round in circles, or hit somebody else. */
static bool could_loop(const struct net_address *peer, const struct worker_listener *listener) {
    const uint16_t port = net_port(peer);
    const struct in6_addr *six = &peer->sa.in6.sin6_addr;
    struct in_addr four;

    if (port < 1024 || port == PORT_NFS)
        return true;
    if (peer->sa.any.sa_family == AF_INET)
        return is_bad_v4(&peer->sa.in.sin_addr) ||
               (port == net_port(&listener->address) &&
                   peer->sa.in.sin_addr.s_addr == listener->address.sa.in.sin_addr.s_addr);
    if (IN6_IS_ADDR_V4MAPPED(six)) {
        memcpy(&four, &six->s6_addr[12], sizeof(four));
        return is_bad_v4(&four);
    }
    return IN6_IS_ADDR_MULTICAST(six) || IN6_IS_ADDR_UNSPECIFIED(six) ||
           (port == net_port(&listener->address) &&
               memcmp(six, &listener->address.sa.in6.sin6_addr, sizeof(*six)) == 0);
}

/* May this one be given to the service? */
static bool may_come(
    const struct datagrams *batch, unsigned i, const struct worker_listener *listener) {
    const struct worker_args *args = batch->worker->args;

    if (batch->in[i].msg_hdr.msg_flags & MSG_TRUNC || could_loop(&batch->peer[i], listener))
        return false;
    if ((args->max_rate == 0 && args->max_rate_per_source == 0) ||
        gate_pass_rate(args->gate, net_source_hash(&batch->peer[i]), batch->worker->now_ns))
        return true;
    worker_count(batch->worker, &batch->worker->row->counts.dropped_rate, 1);
    return false;
}

/* Send what is collected. One that cannot be sent is dropped, counted, and stops no other. */
static void flush(struct datagrams *batch, int fd) {
    struct worker *worker = batch->worker;
    unsigned sent = 0;
    int n;

    while (sent < batch->out_count) {
        n = sendmmsg(fd, batch->out + sent, batch->out_count - sent, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            worker_count(worker, &worker->row->counts.dropped, 1);
            n = 1;
        } else {
            for (int i = 0; i < n; i++)
                worker_count(
                    worker, &worker->row->counts.bytes_out, batch->out[sent + (unsigned)i].msg_len);
        }
        sent += (unsigned)n;
    }
    batch->out_count = 0;
    batch->copied = 0;
}

/* The control data of what was received becomes that of the answer: from the address asked. */
static void answer_from(struct msghdr *answer, struct msghdr *asked) {
    struct cmsghdr *control = CMSG_FIRSTHDR(asked);

    if (control == NULL || asked->msg_flags & MSG_CTRUNC)
        return;
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO)
        ((struct in_pktinfo *)(void *)CMSG_DATA(control))->ipi_ifindex = 0;
    else if (control->cmsg_level != IPPROTO_IPV6 || control->cmsg_type != IPV6_PKTINFO)
        return;
    answer->msg_control = asked->msg_control;
    answer->msg_controllen = asked->msg_controllen;
}

int datagrams_answer(struct datagrams *batch, const char *data, size_t len) {
    const char *own = batch->data + (size_t)batch->current * DATAGRAM_MAX;
    struct msghdr *asked = &batch->in[batch->current].msg_hdr;
    unsigned at = batch->out_count;

    if (batch->has_answered || len > DATAGRAM_MAX)
        return -1;
    if (data < own || data + len > own + DATAGRAM_MAX) {
        if (len > COPY_MAX - batch->copied)
            return -1;
        data = memcpy(batch->copy + batch->copied, data, len);
        batch->copied += len;
    }
    batch->has_answered = true;
    batch->out_vector[at] = (struct iovec){ .iov_base = (void *)data, .iov_len = len };
    batch->out[at].msg_hdr = (struct msghdr){
        .msg_name = asked->msg_name,
        .msg_namelen = asked->msg_namelen,
        .msg_iov = &batch->out_vector[at],
        .msg_iovlen = 1,
    };
    answer_from(&batch->out[at].msg_hdr, asked);
    batch->out_count++;
    return 0;
}

static void give(struct datagrams *batch, unsigned i) {
    struct worker *worker = batch->worker;
    struct session session = { .proto = NET_UDP, .worker = worker, .messages = 1 };

    batch->peer[i].len = batch->in[i].msg_hdr.msg_namelen;
    session.peer = batch->peer[i];
    batch->current = i;
    batch->has_answered = false;
    worker_count(worker, &worker->row->counts.requests, 1);
    connection_enter_hook(worker->lanes);
    worker->args->ops->message(
        &session, batch->data + (size_t)i * DATAGRAM_MAX, batch->in[i].msg_len);
    connection_leave_hook(worker->lanes);
}

unsigned datagrams_serve(struct datagrams *batch, const struct worker_listener *listener) {
    struct worker *worker = batch->worker;
    int n = receive(batch, listener->fd);

    if (n <= 0)
        return 0;
    worker_count(worker, &worker->row->counts.datagrams, (uint64_t)n);
    worker->served += (uint64_t)n;
    for (unsigned i = 0; i < (unsigned)n; i++) {
        worker_count(worker, &worker->row->counts.bytes_in, batch->in[i].msg_len);
        batch->peer[i].len = batch->in[i].msg_hdr.msg_namelen;
        if (may_come(batch, i, listener))
            give(batch, i);
        else
            worker_count(worker, &worker->row->counts.dropped, 1);
    }
    flush(batch, listener->fd);
    atomic_store_explicit(&worker->row->last_message_at_ns, worker->now_ns, memory_order_relaxed);
    return (unsigned)n;
}
