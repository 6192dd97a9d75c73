#include "shared/dial.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/number.h"

short dial_wait(int fd, short events, uint64_t end_ms) {
    struct pollfd watch = { .fd = fd, .events = events };
    uint64_t now_ms = clock_now_ms();

    while (now_ms < end_ms && poll(&watch, 1, (int)(end_ms - now_ms)) <= 0)
        now_ms = clock_now_ms();
    return watch.revents;
}

/* ---- what was typed ---- */

int dial_read_host(struct dial_target *target, const char *text, struct complaint *complaint) {
    size_t len = strlen(text);

    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len > DIAL_HOST_MAX)
        return complaint_set(complaint, "a host has 1 to %d letters", DIAL_HOST_MAX);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == '/' || text[i] == 0x7f)
            return complaint_set(
                complaint, "\"%.40s\" is no host: a name, or an address in numbers", text);
    memcpy(target->host, text, len);
    target->host[len] = '\0';
    return 0;
}

int dial_read_port(struct dial_target *target, const char *text, struct complaint *complaint) {
    uint64_t port;

    if (number_parse_u64(text, strlen(text), &port, complaint) < 0 || port < 1 || port > 65535)
        return complaint_set(complaint, "\"%.40s\" is no port: 1 to 65535", text);
    target->port = (uint16_t)port;
    return 0;
}

int dial_read_url(
    struct dial_target *target, const char *text, bool with_udp, struct complaint *complaint) {
    if (net_parse(text, &target->proto, &target->address, complaint) < 0)
        return -1;
    if (with_udp && target->proto == NET_UNIX)
        return complaint_set(complaint, "--udp does not go with a UNIX socket");
    if (with_udp)
        target->proto = NET_UDP;
    target->is_address = true;
    return 0;
}

char *dial_format(char dst[DIAL_TEXT_MAX], const struct dial_target *target) {
    if (target->is_address)
        return net_format(dst, &target->address);
    snprintf(dst, DIAL_TEXT_MAX, strchr(target->host, ':') != NULL ? "[%s]:%u" : "%s:%u",
        target->host, target->port);
    return dst;
}

/* ---- connecting ---- */

int dial_refuse_absent(const struct dial_target *target, struct complaint *complaint) {
    const char *with = target->proto == NET_UDP ? " --udp" : "";
    char where[DIAL_TEXT_MAX];

    dial_format(where, target);
    if (target->service != NULL)
        complaint_set(complaint, "nobody listens at %s; \"prefork serve %s%s\" starts a server",
            where, target->service, with);
    else
        complaint_set(complaint, "nobody listens at %s", where);
    return EXIT_CODE_UNAVAILABLE;
}

static int refuse(const struct dial_target *target, int error, struct complaint *complaint) {
    char where[DIAL_TEXT_MAX];

    if (error == ECONNREFUSED || error == ENOENT)
        return dial_refuse_absent(target, complaint);
    dial_format(where, target);
    if (error == ETIMEDOUT) {
        complaint_set(complaint, "%s does not answer", where);
        return EXIT_CODE_TIME_LIMIT;
    }
    complaint_set(complaint, "cannot connect to %s: %s", where, strerror(error));
    return error == EACCES || error == EPERM ? EXIT_CODE_PERMISSION : EXIT_CODE_UNAVAILABLE;
}

/* Returns 0 or an errno. */
static int finish(int fd, uint64_t timeout_ms) {
    socklen_t size = sizeof(int);
    int error = 0;

    if (dial_wait(fd, POLLOUT, clock_now_ms() + timeout_ms) == 0)
        return ETIMEDOUT;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return errno;
    return error;
}

/* Returns 0 or an errno; then *out_fd is -1. */
static int connect_in_time(const struct sockaddr *address, socklen_t len, enum net_proto proto,
    uint64_t timeout_ms, int *out_fd) {
    const int type = proto == NET_UDP ? SOCK_DGRAM : SOCK_STREAM;
    int fd = socket(address->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;

    *out_fd = -1;
    if (fd < 0)
        return errno;
    if (connect(fd, address, len) < 0) {
        /* EAGAIN: a UNIX socket's queue is full. */
        error = errno == EAGAIN ? ETIMEDOUT : errno;
        if (error == EINPROGRESS)
            error = finish(fd, timeout_ms);
    }
    if (error == 0)
        *out_fd = fd;
    else
        close(fd);
    return error;
}

static int open_host(const struct dial_target *target, uint64_t timeout_ms, int *out_fd,
    struct complaint *complaint) {
    const struct addrinfo hints = { .ai_socktype = target->proto == NET_UDP ? SOCK_DGRAM
                                                                            : SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV };
    struct addrinfo *all, *one;
    int rc, error = EHOSTUNREACH;
    char port[8];

    snprintf(port, sizeof(port), "%u", target->port);
    rc = getaddrinfo(target->host, port, &hints, &all);
    if (rc != 0) {
        complaint_set(complaint, "unknown host \"%.100s\": %s", target->host, gai_strerror(rc));
        return EXIT_CODE_NO_HOST;
    }
    for (one = all; one != NULL && error != 0; one = one->ai_next)
        error = connect_in_time(one->ai_addr, one->ai_addrlen, target->proto, timeout_ms, out_fd);
    freeaddrinfo(all);
    return error == 0 ? EXIT_CODE_OK : refuse(target, error, complaint);
}

int dial_open(const struct dial_target *target, uint64_t timeout_ms, int *out_fd,
    struct complaint *complaint) {
    int error;

    *out_fd = -1;
    if (!target->is_address)
        return open_host(target, timeout_ms, out_fd, complaint);
    error = connect_in_time(
        &target->address.sa.any, target->address.len, target->proto, timeout_ms, out_fd);
    return error == 0 ? EXIT_CODE_OK : refuse(target, error, complaint);
}
