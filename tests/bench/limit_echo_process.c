/*
 * The reference for the process model: so many processes, forked before, each of which accepts
 * from the shared listener and serves one connection at a time, blocking. With "epoll" a process
 * waits for a connection in epoll_wait (EPOLLEXCLUSIVE), as one that has to hear orders must;
 * otherwise in accept. limit_echo_process PORT PROCESSES [epoll]
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int listen_on(int port, int flags) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1024) != 0) {
        perror("limit_echo_process");
        exit(1);
    }
    return fd;
}

static char buf[16 * 1024];

static void serve(int fd) {
    ssize_t got, sent = 0;

    while (sent >= 0 && (got = recv(fd, buf, sizeof(buf), 0)) > 0)
        for (ssize_t at = 0; at < got && sent >= 0; at += sent)
            sent = send(fd, buf + at, (size_t)(got - at), MSG_NOSIGNAL);
    close(fd);
}

static _Noreturn void child(int listen_fd, int with_epoll) {
    struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
    int poll_fd = with_epoll ? epoll_create1(EPOLL_CLOEXEC) : -1, fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (with_epoll)
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, listen_fd, &event);
    for (;;) {
        if (with_epoll)
            epoll_wait(poll_fd, &event, 1, -1);
        fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            serve(fd);
    }
}

int main(int argc, char **argv) {
    int with_epoll = argc > 3 && strcmp(argv[3], "epoll") == 0, signal_number;
    int listen_fd = listen_on(argc > 1 ? atoi(argv[1]) : 0, with_epoll ? SOCK_NONBLOCK : 0);
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    for (int i = argc > 2 ? atoi(argv[2]) : 1; i > 0; i--)
        if (fork() == 0)
            child(listen_fd, with_epoll);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    sigwait(&ends, &signal_number);
    kill(0, SIGTERM);
    while (wait(NULL) > 0)
        ;
    return 0;
}
