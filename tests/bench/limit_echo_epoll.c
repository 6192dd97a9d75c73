/*
 * The reference for the event model: one process, level-triggered epoll, accept, recv, send, and
 * nothing else. limit_echo_epoll PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static char buf[64 * 1024];

static int listen_on(int port) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1024) != 0) {
        perror("limit_echo_epoll");
        exit(1);
    }
    return fd;
}

static int send_all(int fd, const char *at, ssize_t len) {
    struct pollfd writable = { .fd = fd, .events = POLLOUT };
    ssize_t sent;

    while (len > 0) {
        sent = send(fd, at, (size_t)len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            poll(&writable, 1, -1);
        else if (sent < 0)
            return -1;
        else
            at += sent, len -= sent;
    }
    return 0;
}

static void serve(int fd) {
    ssize_t got = recv(fd, buf, sizeof(buf), 0);

    if (got > 0 ? send_all(fd, buf, got) != 0 : got == 0 || errno != EAGAIN)
        close(fd);
}

static void add(int poll_fd, int fd) {
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    if (fd >= 0)
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char **argv) {
    int listen_fd = listen_on(argc > 1 ? atoi(argv[1]) : 0), poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[256];
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    add(poll_fd, listen_fd);
    for (;;) {
        int count = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.fd == listen_fd)
                add(poll_fd, accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
            else
                serve(events[i].data.fd);
    }
}
