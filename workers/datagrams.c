/* Batches of datagrams, and which of them are given to the service. */
#include "workers/datagrams.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "shared/text_utf8.h"
#include "workers/datagrams_state.h"
#include "workers/worker_state.h"

#define PORT_NFS 2049

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
    batch->data = mmap(NULL, (size_t)DATAGRAMS_BATCH * DATAGRAM_MAX, PROT_READ | PROT_WRITE,
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
    for (unsigned i = 0; i < DATAGRAMS_BATCH; i++) {
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
    return recvmmsg(fd, batch->in, DATAGRAMS_BATCH, MSG_DONTWAIT, NULL);
}

static bool is_bad_v4(const struct in_addr *address) {
    const uint32_t host = ntohl(address->s_addr);

    return host >> 24 == 0 || host >> 28 >= 14; /* 0/8, multicast, reserved, broadcast */
}

bool datagrams_could_loop(const struct net_address *peer, const struct worker_listener *listener) {
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

    if (batch->in[i].msg_hdr.msg_flags & MSG_TRUNC ||
        datagrams_could_loop(&batch->peer[i], listener))
        return false;
    if ((args->max_rate == 0 && args->max_rate_per_source == 0) ||
        gate_pass_rate(args->gate, net_source_hash(&batch->peer[i]), batch->worker->now_ns))
        return true;
    worker_count(batch->worker, &batch->worker->row->counts.dropped_rate, 1);
    return false;
}

/* A line's end behind it is how a terminal sends it. */
static size_t trim(const char *data, size_t len) {
    if (len > 0 && data[len - 1] == '\n')
        len--;
    return len > 0 && data[len - 1] == '\r' ? len - 1 : len;
}

static void give(struct datagrams *batch, unsigned i) {
    struct worker *worker = batch->worker;
    const char *data = batch->data + (size_t)i * DATAGRAM_MAX;
    size_t len = batch->in[i].msg_len;

    size_t total;

    if ((worker->args->ops->flags & SERVICE_TEXT) != 0)
        len = trim(data, len);
    total = len;
    if ((worker->args->ops->flags & SERVICE_TEXT) != 0)
        len = text_utf8_cut(data, len, worker->wire_rules.line_max_bytes);
    batch->session = (struct session){
        .proto = NET_UDP, .worker = worker, .peer = batch->peer[i], .messages = 1, .total = total
    };
    batch->current = i;
    batch->has_answered = false;
    worker_count(worker, &worker->row->counts.requests, 1);
    connection_enter_hook(worker->lanes);
    worker->args->ops->message(&batch->session, data, len);
    connection_leave_hook(worker->lanes);
}

unsigned datagrams_serve(struct datagrams *batch, const struct worker_listener *listener) {
    struct worker *worker = batch->worker;
    int n = receive(batch, listener->fd);

    if (n <= 0)
        return 0;
    worker_count(worker, &worker->row->counts.datagrams, (uint64_t)n);
    worker->served += (uint64_t)n;
    batch->listener = (unsigned)(listener - worker->args->listener);
    batch->out_fd = listener->fd;
    for (unsigned i = 0; i < (unsigned)n; i++) {
        worker_count(worker, &worker->row->counts.bytes_in, batch->in[i].msg_len);
        batch->peer[i].len = batch->in[i].msg_hdr.msg_namelen;
        if (may_come(batch, i, listener))
            give(batch, i);
        else
            worker_count(worker, &worker->row->counts.dropped, 1);
    }
    datagrams_flush(batch);
    atomic_store_explicit(&worker->row->last_message_at_ns, worker->now_ns, memory_order_relaxed);
    return (unsigned)n;
}
