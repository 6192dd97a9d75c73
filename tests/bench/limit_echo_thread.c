/*
 * The reference for the thread model: a pthread per connection that blocks in recv and send, and
 * nothing else. limit_echo_thread PORT
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUF_SIZE ((size_t)16 * 1024)

static int listen_on(int port) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1024) != 0) {
        perror("limit_echo_thread");
        exit(1);
    }
    return fd;
}

static void *serve(void *argument) {
    int fd = (int)(intptr_t)argument;
    char *buf = malloc(BUF_SIZE); /* on the stack each of its pages would be touched */
    ssize_t got, sent = 0;

    while (buf != NULL && sent >= 0 && (got = recv(fd, buf, BUF_SIZE, 0)) > 0)
        for (ssize_t at = 0; at < got && sent >= 0; at += sent)
            sent = send(fd, buf + at, (size_t)(got - at), MSG_NOSIGNAL);
    close(fd);
    free(buf);
    return NULL;
}

int main(int argc, char **argv) {
    int listen_fd = listen_on(argc > 1 ? atoi(argv[1]) : 0), fd;
    pthread_attr_t detached;
    struct rlimit files;
    pthread_t thread;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&detached, 64 * 1024);
    for (;;) {
        fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 && pthread_create(&thread, &detached, serve, (void *)(intptr_t)fd) != 0)
            close(fd);
    }
}
