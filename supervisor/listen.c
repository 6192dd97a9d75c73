/*
 * Bind. A port is tried without SO_REUSEPORT, and a UDP one without SO_REUSEADDR too: both would
 * let a second server share it in silence.
 */
#include "supervisor/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log.h"
#include "shared/port_owner.h"
#include "supervisor/listen_inherited.h"
#include "supervisor/unix_socket.h"

#define NEXT_PORTS 20

static int socket_type(enum net_proto proto) {
    return (proto == NET_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
}

static void set_options(int fd, enum net_proto proto, int family) {
    const int on = 1, off = 0;

    if (proto == NET_TCP)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
}

/* Returns the bound, listening socket, or -1 with errno. *address becomes what it is bound to. */
static int bind_once(enum net_proto proto, struct net_address *address, int backlog) {
    int fd = socket(address->sa.any.sa_family, socket_type(proto), 0), saved_errno;

    if (fd < 0)
        return -1;
    set_options(fd, proto, address->sa.any.sa_family);
    if (bind(fd, &address->sa.any, address->len) == 0 &&
        (proto == NET_UDP || listen(fd, backlog) == 0)) {
        if (proto != NET_UNIX) {
            address->len = sizeof(address->sa);
            getsockname(fd, &address->sa.any, &address->len);
        }
        return fd;
    }
    saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return -1;
}

/* ---- ports ---- */

static bool is_named_elsewhere(const struct config *config, enum net_proto proto, uint16_t port) {
    const struct config_service *service;

    for (unsigned s = 0; s < config->service_count; s++) {
        service = &config->service[s];
        for (unsigned i = 0; i < service->listen_count; i++)
            if (service->listen[i].proto == proto && net_port(&service->listen[i].address) == port)
                return true;
    }
    return false;
}

/* The ports behind the wanted one, then any that is free. */
static int bind_next(struct listener *listener, const struct config *config, int backlog) {
    const uint16_t wanted = net_port(&listener->wanted);
    unsigned port;
    int fd;

    for (port = wanted + 1u; port <= wanted + (unsigned)NEXT_PORTS && port <= 65535; port++) {
        if (is_named_elsewhere(config, listener->proto, (uint16_t)port))
            continue;
        listener->address = listener->wanted;
        net_set_port(&listener->address, (uint16_t)port);
        fd = bind_once(listener->proto, &listener->address, backlog);
        if (fd >= 0 || errno != EADDRINUSE)
            return fd;
    }
    listener->address = listener->wanted;
    net_set_port(&listener->address, 0);
    return bind_once(listener->proto, &listener->address, backlog);
}

static int open_port(struct listener *listener, const struct config_service *service,
    const struct config *config, struct listen_note *note, struct complaint *complaint) {
    char wanted[NET_TEXT_MAX], words[160] = "";
    int fd = bind_once(listener->proto, &listener->address, (int)service->backlog);

    if (fd >= 0)
        return fd;
    net_format(wanted, &listener->wanted);
    if (errno != EADDRINUSE)
        return complaint_set(complaint, "listen %s://%s: %s", net_proto_name(listener->proto),
            wanted, strerror(errno));
    port_owner_find(&listener->wanted, listener->proto, note->owner, sizeof(note->owner));
    if (note->owner[0] != '\0')
        snprintf(words, sizeof(words), " (%s has it)", note->owner);
    if (service->port_policy == PORT_STRICT)
        return complaint_set(complaint,
            "listen %s://%s: the port is busy%s; free it, or set port_policy = \"next\"",
            net_proto_name(listener->proto), wanted, words);
    if (service->port_policy == PORT_ANY) {
        net_set_port(&listener->address, 0);
        fd = bind_once(listener->proto, &listener->address, (int)service->backlog);
    } else {
        fd = bind_next(listener, config, (int)service->backlog);
    }
    if (fd < 0)
        return complaint_set(complaint, "listen %s://%s: the port is busy%s, and no other is free",
            net_proto_name(listener->proto), wanted, words);
    note->is_moved = true;
    return fd;
}

/* ---- UNIX sockets ---- */

static int open_path(
    struct listener *listener, const struct config_service *service, struct complaint *complaint) {
    const char *path = listener->address.sa.un.sun_path;
    int fd;

    if (path[0] != '\0')
        return unix_socket_open(&(struct unix_socket_wanted){ .path = path,
                                    .mode = (mode_t)service->listen_mode,
                                    .uid = service->uid,
                                    .gid = service->gid,
                                    .backlog = (int)service->backlog },
            &listener->lock_fd, complaint);
    fd = bind_once(NET_UNIX, &listener->address, (int)service->backlog);
    if (fd < 0)
        return complaint_set(complaint, "listen unix://@%s: %s", path + 1, strerror(errno));
    return fd;
}

/* ---- */

int listen_open(struct listener *listener, const struct config_listen *wanted,
    const struct config_service *service, const struct config *config, struct listen_note *note,
    struct complaint *complaint) {
    *listener = (struct listener){ .proto = wanted->proto,
        .wanted = wanted->address,
        .address = wanted->address,
        .fd = -1,
        .lock_fd = -1 };
    *note = (struct listen_note){ .is_moved = false };
    listener->fd = listen_inherited_find(wanted->proto, &wanted->address, service->name);
    listener->is_inherited = listener->fd >= 0;
    if (listener->is_inherited)
        return 0;
    if (wanted->proto == NET_UNIX)
        listener->fd = open_path(listener, service, complaint);
    else
        listener->fd = open_port(listener, service, config, note, complaint);
    if (listener->fd >= 0)
        return 0;
    listen_close(listener);
    return -1;
}

void listen_adjust(const struct listener *listener, const struct config_service *service) {
    const char *path = listener->address.sa.un.sun_path;

    if (listener->fd < 0)
        return;
    if (listener->proto != NET_UDP)
        listen(listener->fd, (int)service->backlog);
    if (listener->proto != NET_UNIX || path[0] == '\0')
        return;
    if (chmod(path, (mode_t)service->listen_mode) < 0 ||
        (service->uid != (uid_t)-1 && chown(path, service->uid, service->gid) < 0))
        log_warn("%s: its rights cannot be set", path);
}

void listen_narrow(const struct listener *listener) {
    if (listener->fd >= 0 && listener->proto != NET_UDP && !listener->is_inherited &&
        listener->lent_to == NULL)
        listen(listener->fd, 0);
}

static void forget(struct listener *listener) {
    listener->fd = listener->lock_fd = -1;
    listener->lent_to = listener->lent_by = NULL;
}

void listen_lend(struct listener *owner, struct listener *borrower) {
    *borrower = *owner;
    borrower->lent_to = NULL;
    borrower->lent_by = owner;
    owner->lent_to = borrower;
}

void listen_take(struct listener *borrower) {
    if (borrower->lent_by != NULL)
        forget(borrower->lent_by);
    borrower->lent_by = NULL;
}

/* True when the other one keeps it. */
static bool leave_to_other(struct listener *listener) {
    struct listener *other = listener->lent_to != NULL ? listener->lent_to : listener->lent_by;

    if (other == NULL)
        return false;
    other->lent_to = other->lent_by = NULL;
    forget(listener);
    return true;
}

void listen_close(struct listener *listener) {
    const char *path = listener->address.sa.un.sun_path;

    if (leave_to_other(listener))
        return;
    if (listener->is_inherited) {
        listener->fd = -1;
        return;
    }
    if (listener->proto == NET_UNIX && listener->fd >= 0 && path[0] != '\0')
        unlink(path);
    /* Workers that still serve hold copies: the socket itself must stop listening. */
    if (listener->fd >= 0) {
        shutdown(listener->fd, SHUT_RDWR);
        close(listener->fd);
    }
    if (listener->lock_fd >= 0)
        close(listener->lock_fd);
    listener->fd = listener->lock_fd = -1;
}
