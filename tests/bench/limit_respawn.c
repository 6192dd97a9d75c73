/*
 * The reference for replacing a killed worker: a parent that forks on a pidfd, and nothing else.
 * The child writes READY to its socketpair; the parent waits for the pidfd, reaps, forks, and
 * reads the next READY.
 *
 *     limit_respawn TIMES [GAP_MS]   the parent itself kills, GAP_MS after the last READY; prints
 *                                    median and 99th percentile of kill to READY, in ms
 *     limit_respawn serve PORT       the child accepts and echoes; whoever likes may kill it
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct child {
    pid_t pid;
    int pid_fd, fd;
};

static double now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int listen_on(int port) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1024) != 0) {
        perror("limit_respawn");
        exit(1);
    }
    return fd;
}

static void serve(int listen_fd) {
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    char buf[1024];
    ssize_t got;

    while ((got = recv(fd, buf, sizeof(buf), 0)) > 0 &&
           send(fd, buf, (size_t)got, MSG_NOSIGNAL) == got)
        ;
    close(fd);
}

static _Noreturn void be_child(int fd, int listen_fd) {
    char order;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (write(fd, "R", 1) == 1)
        while (listen_fd >= 0 || read(fd, &order, 1) > 0)
            if (listen_fd >= 0)
                serve(listen_fd);
    _exit(0);
}

/* The child accepts from listen_fd; -1: it only waits. */
static struct child start(int listen_fd) {
    struct child child;
    int pair[2];
    char ready;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        exit(1);
    child.pid = fork();
    if (child.pid == 0)
        be_child(pair[1], listen_fd);
    child.pid_fd = pidfd_open(child.pid, 0);
    child.fd = pair[0];
    close(pair[1]);
    if (read(child.fd, &ready, 1) != 1)
        exit(1);
    return child;
}

static void bury(struct child *child) {
    struct pollfd died = { .fd = child->pid_fd, .events = POLLIN };
    siginfo_t how;

    poll(&died, 1, -1);
    waitid(P_PIDFD, (id_t)child->pid_fd, &how, WEXITED);
    close(child->pid_fd);
    close(child->fd);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void measure(int times, int gap_ms) {
    double *took = calloc((size_t)times, sizeof(*took)), killed_at;
    struct child child = start(-1);

    if (took == NULL)
        exit(1);
    for (int i = 0; i < times; i++) {
        poll(NULL, 0, gap_ms);
        killed_at = now_ms();
        kill(child.pid, SIGKILL);
        bury(&child);
        child = start(-1);
        took[i] = now_ms() - killed_at;
    }
    kill(child.pid, SIGKILL);
    qsort(took, (size_t)times, sizeof(*took), by_size);
    printf("%.3f %.3f\n", took[times / 2], took[(int)(0.99 * (times - 1))]);
    free(took);
}

int main(int argc, char **argv) {
    int times = argc > 1 ? atoi(argv[1]) : 1000, listen_fd;
    struct child child;

    if (argc > 2 && strcmp(argv[1], "serve") == 0) {
        listen_fd = listen_on(atoi(argv[2]));
        for (;;) {
            child = start(listen_fd);
            bury(&child);
        }
    }
    if (times < 1)
        return 2;
    measure(times, argc > 2 ? atoi(argv[2]) : 0);
    return 0;
}
