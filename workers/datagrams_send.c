/*
 * Sending datagrams. An answer that lies in the memory of what was received (an echo) is sent from
 * there; any other is copied. A socket bound to all addresses answers from the one that was asked
 * (IP_PKTINFO), or the peer would not know the answer.
 */
#include <errno.h>
#include <string.h>

#include "shared/wire_raw.h"
#include "workers/datagrams_state.h"
#include "workers/owning.h"
#include "workers/worker_state.h"

/* Send what is collected. One that cannot be sent is dropped, counted, and stops no other. */
void datagrams_flush(struct datagrams *batch) {
    struct worker *worker = batch->worker;
    unsigned sent = 0;
    int n;

    while (sent < batch->out_count) {
        n = sendmmsg(batch->out_fd, batch->out + sent, batch->out_count - sent, MSG_DONTWAIT);
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

/* ---- the way back ---- */

/* The address of ours that a datagram was sent to, if it was asked for. */
static void find_local(struct msghdr *asked, uint8_t out[16]) {
    struct cmsghdr *control = asked->msg_flags & MSG_CTRUNC ? NULL : CMSG_FIRSTHDR(asked);

    if (control == NULL)
        return;
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO)
        memcpy(out, &((struct in_pktinfo *)(void *)CMSG_DATA(control))->ipi_spec_dst, 4);
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO)
        memcpy(out, &((struct in6_pktinfo *)(void *)CMSG_DATA(control))->ipi6_addr, 16);
}

void datagrams_find_path(const struct session *session, struct session_path *out) {
    struct datagrams *batch = session->worker->datagrams;
    const struct net_address *peer = &session->peer;

    if (session == &batch->front) {
        *out = batch->front_path;
        return;
    }
    *out = (struct session_path){ .listener = batch->listener, .family = peer->sa.any.sa_family };
    if (out->family == AF_INET) {
        out->port = peer->sa.in.sin_port;
        memcpy(out->peer, &peer->sa.in.sin_addr, 4);
    } else {
        out->port = peer->sa.in6.sin6_port;
        out->scope = peer->sa.in6.sin6_scope_id;
        memcpy(out->peer, &peer->sa.in6.sin6_addr, 16);
    }
    find_local(&batch->in[batch->current].msg_hdr, out->local);
}

static void fill_address(struct net_address *out, const struct session_path *path) {
    *out = (struct net_address){ .len = sizeof(out->sa.in6) };
    out->sa.any.sa_family = path->family;
    if (path->family == AF_INET) {
        out->len = sizeof(out->sa.in);
        out->sa.in.sin_port = path->port;
        memcpy(&out->sa.in.sin_addr, path->peer, 4);
    } else {
        out->sa.in6.sin6_port = path->port;
        out->sa.in6.sin6_scope_id = path->scope;
        memcpy(&out->sa.in6.sin6_addr, path->peer, 16);
    }
}

/* What lay in shared memory is believed as little as what came from outside. */
struct session *datagrams_front(struct datagrams *batch, const struct session_path *path) {
    const struct worker_args *args = batch->worker->args;
    const struct worker_listener *listener = &args->listener[path->listener];

    if (!batch->worker->owns || path->listener >= args->listener_count ||
        listener->proto != NET_UDP || path->family != listener->address.sa.any.sa_family)
        return NULL;
    batch->front_path = *path;
    batch->front = (struct session){ .proto = NET_UDP, .worker = batch->worker };
    fill_address(&batch->front.peer, path);
    return datagrams_could_loop(&batch->front.peer, listener) ? NULL : &batch->front;
}

/* From the address that the peer knows. */
static void send_from(struct datagrams *batch, unsigned at, const struct session_path *path) {
    static const uint8_t any[16];
    const bool is_four = path->family == AF_INET;
    const size_t size = is_four ? sizeof(struct in_pktinfo) : sizeof(struct in6_pktinfo);
    struct msghdr *message = &batch->out[at].msg_hdr;
    struct cmsghdr *control = (struct cmsghdr *)(void *)batch->from[at];

    if (memcmp(path->local, any, sizeof(any)) == 0)
        return;
    memset(batch->from[at], 0, CONTROL_BYTES);
    control->cmsg_level = is_four ? IPPROTO_IP : IPPROTO_IPV6;
    control->cmsg_type = is_four ? IP_PKTINFO : IPV6_PKTINFO;
    control->cmsg_len = CMSG_LEN(size);
    if (is_four)
        memcpy(&((struct in_pktinfo *)(void *)CMSG_DATA(control))->ipi_spec_dst, path->local, 4);
    else
        memcpy(&((struct in6_pktinfo *)(void *)CMSG_DATA(control))->ipi6_addr, path->local, 16);
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(size);
}

/* An owner's: copied, and sent with others over the same socket. */
static int collect(
    struct datagrams *batch, const struct session_path *path, const char *data, size_t len) {
    const int fd = batch->worker->args->listener[path->listener].fd;
    struct net_address to;
    unsigned at;

    if (batch->out_count > 0 && (batch->out_fd != fd || batch->out_count == DATAGRAMS_OUT ||
                                    len > COPY_MAX - batch->copied))
        datagrams_flush(batch);
    at = batch->out_count++;
    batch->out_fd = fd;
    fill_address(&to, path);
    memcpy(&batch->to[at], &to.sa, to.len);
    batch->out_vector[at] = (struct iovec){
        .iov_base = memcpy(batch->copy + batch->copied, data, len), .iov_len = len
    };
    batch->copied += len;
    batch->out[at].msg_hdr = (struct msghdr){ .msg_name = &batch->to[at],
        .msg_namelen = to.len,
        .msg_iov = &batch->out_vector[at],
        .msg_iovlen = 1 };
    send_from(batch, at, path);
    return 0;
}

/* ---- sending ---- */

static bool is_owners(const struct datagrams *batch) {
    return owning_is_needed(batch->worker);
}

/* The first answer to a datagram; what lies in the datagram itself is sent from there. */
static int answer(struct datagrams *batch, const char *data, size_t len) {
    const char *own = batch->data + (size_t)batch->current * DATAGRAM_MAX;
    struct msghdr *asked = &batch->in[batch->current].msg_hdr;
    unsigned at = batch->out_count;

    errno = ENOBUFS;
    if (batch->has_answered)
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

int datagrams_send(struct session *session, const char *data, size_t len) {
    struct datagrams *batch = session->worker->datagrams;
    struct session_path path;

    errno = EMSGSIZE;
    if (len > DATAGRAM_MAX)
        return -1;
    if (!is_owners(batch))
        return answer(batch, data, len);
    datagrams_find_path(session, &path);
    return collect(batch, &path, data, len);
}

int datagrams_send_text(struct session *session, const char *text, size_t len) {
    char encoded[WIRE_RAW_SEND_MAX];
    const size_t n = wire_raw_encode(encoded, text, len);

    return datagrams_send(session, encoded + 1, n - 1);
}

/* A message begins with a newline. */
static int send_lines(struct session *session, const char *data, size_t len) {
    const char *end;
    size_t n;

    while (len > 0) {
        end = memchr(data + 1, '\n', len - 1);
        n = end != NULL ? (size_t)(end - data) : len;
        if (datagrams_send(session, data + (*data == '\n'), n - (*data == '\n')) < 0)
            return -1;
        data += n;
        len -= n;
    }
    return 0;
}

int datagrams_send_encoded(struct session *session, const struct iovec *iov, int n) {
    for (int i = 0; i < n; i++)
        if (send_lines(session, iov[i].iov_base, iov[i].iov_len) < 0)
            return -1;
    return 0;
}
