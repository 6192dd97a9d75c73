/*
 * Matched by address alone: the configuration says where a service listens, and a socket that lies
 * elsewhere under the service's name would be a second truth about it.
 */
#include "supervisor/listen_inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/log.h"
#include "shared/number.h"

#define MOST (CONFIG_SERVICES_MAX * CONFIG_LISTEN_MAX)

struct inherited {
    int fd;
    char name[64];       /* "": it has none */
    const char *trouble; /* why nobody can listen on it; NULL: somebody can */
    enum net_proto proto;
    struct net_address address;
};

static struct inherited *list;
static size_t list_count;
static int list_first_fd;

/* ---- what it is ---- */

static int get_option(int fd, int name) {
    socklen_t len = sizeof(int);
    int value = -1;

    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* Returns what is wrong with it, or NULL. */
static const char *identify(struct inherited *one) {
    const int type = get_option(one->fd, SO_TYPE);

    if (type < 0)
        return "it is no socket";
    one->address.len = sizeof(one->address.sa);
    if (getsockname(one->fd, &one->address.sa.any, &one->address.len) < 0)
        return strerror(errno);
    switch (one->address.sa.any.sa_family) {
    case AF_INET:
    case AF_INET6:
        one->proto = type == SOCK_DGRAM ? NET_UDP : NET_TCP;
        break;
    case AF_UNIX:
        one->proto = NET_UNIX;
        break;
    default:
        return "it is neither of TCP nor of UDP nor a UNIX socket";
    }
    if (type != SOCK_STREAM && one->proto != NET_UDP)
        return "a socket of this type serves nobody here";
    if (type == SOCK_STREAM && get_option(one->fd, SO_ACCEPTCONN) != 1)
        return "it does not listen";
    return NULL;
}

/* ---- the environment ---- */

/* How many descriptors are ours. */
static size_t read_count(void) {
    const char *pid_text = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
    struct complaint complaint;
    uint64_t pid, count;

    if (pid_text == NULL || count_text == NULL)
        return 0;
    if (number_parse_u64(pid_text, strlen(pid_text), &pid, &complaint) < 0 ||
        number_parse_u64(count_text, strlen(count_text), &count, &complaint) < 0 || count > MOST) {
        log_warnx("LISTEN_FDS=\"%s\" of LISTEN_PID=\"%s\" is no number of sockets; none is used",
            count_text, pid_text);
        return 0;
    }
    return pid == (uint64_t)getpid() ? (size_t)count : 0;
}

/* The part of the list of names, parted by colons, at *rest. */
static void take_name(struct inherited *one, const char **rest) {
    const size_t len = strcspn(*rest, ":");

    snprintf(one->name, sizeof(one->name), "%.*s", (int)len, *rest);
    *rest += len + ((*rest)[len] == ':');
}

static void take(struct inherited *one, int fd, const char **names) {
    int flags;

    *one = (struct inherited){ .fd = fd };
    take_name(one, names);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        one->fd = -1;
        one->trouble = "it is not open";
        return;
    }
    one->trouble = identify(one);
    /* Workers wait for it, never in it. */
    flags = fcntl(fd, F_GETFL);
    if (one->trouble == NULL && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        one->trouble = strerror(errno);
}

void listen_inherited_take(int first_fd) {
    const char *names = getenv("LISTEN_FDNAMES");
    const size_t count = read_count();

    if (names == NULL)
        names = "";
    list_first_fd = first_fd;
    if (count > 0)
        list = calloc(count, sizeof(list[0]));
    for (; list != NULL && list_count < count; list_count++)
        take(&list[list_count], first_fd + (int)list_count, &names);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

/* ---- whose it is ---- */

static bool is_same(const struct net_address *a, const struct net_address *b) {
    if (a->sa.any.sa_family != b->sa.any.sa_family)
        return false;
    if (a->sa.any.sa_family == AF_INET)
        return a->sa.in.sin_port == b->sa.in.sin_port &&
               a->sa.in.sin_addr.s_addr == b->sa.in.sin_addr.s_addr;
    if (a->sa.any.sa_family == AF_INET6)
        return a->sa.in6.sin6_port == b->sa.in6.sin6_port &&
               a->sa.in6.sin6_scope_id == b->sa.in6.sin6_scope_id &&
               IN6_ARE_ADDR_EQUAL(&a->sa.in6.sin6_addr, &b->sa.in6.sin6_addr);
    /* The length counts for abstract names alone; that of a path may hold its end or not. */
    if (a->sa.un.sun_path[0] == '\0')
        return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
    return strncmp(a->sa.un.sun_path, b->sa.un.sun_path, sizeof(a->sa.un.sun_path)) == 0;
}

static struct inherited *find(
    enum net_proto proto, const struct net_address *address, const char *service) {
    struct inherited *best = NULL;

    for (size_t i = 0; i < list_count; i++) {
        if (list[i].fd < 0 || list[i].trouble != NULL || list[i].proto != proto ||
            !is_same(&list[i].address, address))
            continue;
        if (best == NULL ||
            (strcmp(best->name, service) != 0 && strcmp(list[i].name, service) == 0))
            best = &list[i];
    }
    return best;
}

int listen_inherited_find(
    enum net_proto proto, const struct net_address *address, const char *service) {
    const struct inherited *one = find(proto, address, service);

    return one != NULL ? one->fd : -1;
}

static bool is_wanted(const struct config *config, const struct inherited *one) {
    const struct config_service *service;

    for (unsigned s = 0; s < config->service_count; s++) {
        service = &config->service[s];
        for (unsigned i = 0; i < service->listen_count; i++)
            if (find(service->listen[i].proto, &service->listen[i].address, service->name) == one)
                return true;
    }
    return false;
}

static void describe(const struct inherited *one, int number, struct complaint *out) {
    char address[NET_TEXT_MAX];

    if (one->trouble != NULL)
        complaint_set(out, "descriptor %d (\"%s\") was handed over and is closed: %s", number,
            one->name, one->trouble);
    else
        complaint_set(out,
            "descriptor %d (\"%s\") was handed over and is closed: no service listens on %s://%s",
            number, one->name, net_proto_name(one->proto), net_format(address, &one->address));
}

bool listen_inherited_drop_unused(const struct config *config, struct complaint *out) {
    struct inherited *one;

    for (size_t i = 0; i < list_count; i++) {
        one = &list[i];
        if (one->trouble == NULL && (one->fd < 0 || is_wanted(config, one)))
            continue;
        describe(one, list_first_fd + (int)i, out);
        if (one->fd >= 0)
            close(one->fd);
        *one = (struct inherited){ .fd = -1 };
        return true;
    }
    return false;
}
