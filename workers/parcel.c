/*
 * Encode, decode. The head is copied as it lies in memory: both ends are forks of one binary, and
 * what they say is checked all the same.
 */
#include "workers/parcel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define MAGIC 0x70666b70u /* "pfkp" */

struct head {
    uint32_t magic, proto;
    char type[PARCEL_TYPE_MAX];
    uint64_t messages;
    uint32_t slot, row;
    uint32_t is_closing, peer_len;
    uint64_t state_len, wire_len, unread_len, unsent_len;
    unsigned char peer[sizeof(((struct net_address *)0)->sa)];
};

size_t parcel_size(const struct parcel *parcel) {
    return sizeof(struct head) + parcel->state_len + parcel->wire_len + parcel->unread_len +
           parcel->unsent_len;
}

size_t parcel_most(size_t unsent_most) {
    return sizeof(struct head) + PARCEL_STATE_MAX + PARCEL_WIRE_MAX + PARCEL_UNREAD_MAX +
           unsent_most;
}

static char *put(char *out, const char *data, size_t len) {
    if (len > 0)
        memcpy(out, data, len);
    return out + len;
}

void parcel_encode(const struct parcel *parcel, char *out) {
    struct head head;

    memset(&head, 0, sizeof(head));
    head.magic = MAGIC;
    head.proto = parcel->proto;
    memcpy(head.type, parcel->type, sizeof(head.type));
    head.messages = parcel->messages;
    head.slot = parcel->slot;
    head.row = parcel->row;
    head.is_closing = parcel->is_closing;
    head.peer_len = parcel->peer.len;
    head.state_len = parcel->state_len;
    head.wire_len = parcel->wire_len;
    head.unread_len = parcel->unread_len;
    head.unsent_len = parcel->unsent_len;
    memcpy(head.peer, &parcel->peer.sa, sizeof(head.peer));
    out = put(out, (const char *)&head, sizeof(head));
    out = put(out, parcel->state, parcel->state_len);
    out = put(out, parcel->wire, parcel->wire_len);
    out = put(out, parcel->unread, parcel->unread_len);
    put(out, parcel->unsent, parcel->unsent_len);
}

static bool is_peer(const struct head *head) {
    sa_family_t family;

    memcpy(&family, head->peer, sizeof(family));
    if (head->proto == NET_TCP)
        return (family == AF_INET && head->peer_len == sizeof(struct sockaddr_in)) ||
               (family == AF_INET6 && head->peer_len == sizeof(struct sockaddr_in6));
    /* One without a name is no longer than its family, or says nothing at all. */
    return head->proto == NET_UNIX && head->peer_len <= sizeof(struct sockaddr_un) &&
           (head->peer_len < sizeof(family) || family == AF_UNIX);
}

static bool is_head(const struct head *head) {
    return head->magic == MAGIC && is_peer(head) && head->is_closing <= 1 &&
           memchr(head->type, '\0', sizeof(head->type)) != NULL;
}

int parcel_decode(struct parcel *out, const char *data, size_t len, size_t unsent_most) {
    struct head head;

    errno = EPROTO;
    if (len < sizeof(head))
        return -1;
    memcpy(&head, data, sizeof(head));
    if (!is_head(&head))
        return -1;
    if (head.state_len > PARCEL_STATE_MAX || head.wire_len > PARCEL_WIRE_MAX ||
        head.unread_len > PARCEL_UNREAD_MAX || head.unsent_len > unsent_most) {
        errno = EMSGSIZE;
        return -1;
    }
    /* Each is bounded by now: the sum does not run over. */
    if (head.state_len + head.wire_len + head.unread_len + head.unsent_len != len - sizeof(head))
        return -1;
    *out = (struct parcel){ .proto = (enum net_proto)head.proto,
        .peer.len = head.peer_len,
        .messages = head.messages,
        .is_closing = head.is_closing != 0,
        .slot = head.slot,
        .row = head.row,
        .state = data + sizeof(head),
        .state_len = (size_t)head.state_len,
        .wire_len = (size_t)head.wire_len,
        .unread_len = (size_t)head.unread_len,
        .unsent_len = (size_t)head.unsent_len };
    out->wire = out->state + out->state_len;
    out->unread = out->wire + out->wire_len;
    out->unsent = out->unread + out->unread_len;
    memcpy(out->type, head.type, sizeof(out->type));
    memcpy(&out->peer.sa, head.peer, sizeof(head.peer));
    return 0;
}

static int ask_socket(int fd, int option) {
    int value = -1;
    socklen_t len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

bool parcel_fits_descriptor(const struct parcel *parcel, int fd) {
    const int domain = ask_socket(fd, SO_DOMAIN);

    if (ask_socket(fd, SO_TYPE) != SOCK_STREAM || ask_socket(fd, SO_ACCEPTCONN) != 0)
        return false;
    return parcel->proto == NET_UNIX ? domain == AF_UNIX : domain == AF_INET || domain == AF_INET6;
}
