#ifndef TESTS_BENCH_LIMIT_CHAT_H
#define TESTS_BENCH_LIMIT_CHAT_H

/*
 * What the two minimal broadcasters share: lines from whoever is connected, the first one a name,
 * and "[HH:MM:SS] name: text" of each further one. How that goes out is what they differ in. All in
 * a header, since each benchmark is one source.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CHAT_MEMBERS_MOST 16384
#define CHAT_NAME_MOST    32
#define CHAT_LINE_MOST    4096
#define CHAT_SAID_MOST    (CHAT_LINE_MOST + CHAT_NAME_MOST + 16)

struct chat_member {
    size_t name_len; /* 0: not in the room */
    unsigned place;  /* in room */
    char name[CHAT_NAME_MOST];
    char *rest; /* a line that has begun */
    size_t rest_len;
};

static struct chat_member chat_member[CHAT_MEMBERS_MOST]; /* by descriptor */
static int chat_room[CHAT_MEMBERS_MOST], chat_poll_fd;    /* descriptors of who is in */
static unsigned chat_count;

static inline int chat_listen(int port) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* who is accepted inherits it */
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1024) != 0) {
        perror("limit_chat");
        exit(1);
    }
    return fd;
}

/* The pieces in full; who reads slowly is waited for. */
static inline void chat_send(int fd, struct iovec *piece, int n) {
    struct pollfd writable = { .fd = fd, .events = POLLOUT };
    struct msghdr message = { .msg_iov = piece, .msg_iovlen = (size_t)n };
    ssize_t sent;

    while (message.msg_iovlen > 0) {
        sent = message.msg_iovlen == 1
                   ? send(fd, message.msg_iov->iov_base, message.msg_iov->iov_len, MSG_NOSIGNAL)
                   : sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return;
        if (sent < 0)
            poll(&writable, 1, -1);
        for (; sent > 0 && (size_t)sent >= message.msg_iov->iov_len; message.msg_iovlen--)
            sent -= (ssize_t)message.msg_iov++->iov_len;
        if (sent > 0) {
            message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + sent;
            message.msg_iov->iov_len -= (size_t)sent;
        }
    }
}

static inline void chat_add(int fd) {
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    if (fd >= CHAT_MEMBERS_MOST)
        close(fd);
    else if (fd >= 0)
        epoll_ctl(chat_poll_fd, EPOLL_CTL_ADD, fd, &event);
}

static inline void chat_join(int fd, const char *name, size_t len) {
    struct chat_member *member = &chat_member[fd];
    char text[CHAT_NAME_MOST + 64];
    struct iovec piece = { .iov_base = text };

    member->name_len = len < CHAT_NAME_MOST ? len : CHAT_NAME_MOST;
    memcpy(member->name, name, member->name_len);
    member->place = chat_count;
    chat_room[chat_count++] = fd;
    piece.iov_len = (size_t)snprintf(
        text, sizeof(text), "Welcome to the chat, %.*s!\n", (int)member->name_len, member->name);
    chat_send(fd, &piece, 1);
}

static inline void chat_leave(int fd) {
    struct chat_member *member = &chat_member[fd];

    if (member->name_len > 0) {
        chat_room[member->place] = chat_room[--chat_count];
        chat_member[chat_room[member->place]].place = member->place;
    }
    free(member->rest);
    *member = (struct chat_member){ .name_len = 0 };
    close(fd);
}

/* Made once a second. */
static inline const char *chat_time(void) {
    static char text[16];
    static time_t made;
    time_t now = time(NULL);
    struct tm tm;

    if (now != made && localtime_r(&now, &tm) != NULL)
        strftime(text, sizeof(text), "[%H:%M:%S] ", &tm);
    made = now;
    return text;
}

static inline char *chat_put(char *at, const char *data, size_t len) {
    memcpy(at, data, len);
    return at + len;
}

/* What the others read of it; dst holds CHAT_SAID_MOST. Returns how long it is. */
static inline size_t chat_write(
    char *dst, const struct chat_member *member, const char *text, size_t len) {
    const char *now = chat_time();
    char *at = chat_put(dst, now, strlen(now));

    at = chat_put(at, member->name, member->name_len);
    at = chat_put(at, ": ", 2);
    at = chat_put(at, text, len);
    *at++ = '\n';
    return (size_t)(at - dst);
}

/* One line of a member; it is said by whoever serves. */
typedef void chat_say(int fd, const char *text, size_t len);

static inline void chat_line(int fd, const char *text, size_t len, chat_say *say) {
    if (len > 0 && text[len - 1] == '\r')
        len--;
    if (len > CHAT_LINE_MOST)
        len = CHAT_LINE_MOST;
    if (chat_member[fd].name_len > 0)
        say(fd, text, len);
    else if (len > 0)
        chat_join(fd, text, len);
}

/* Put it behind the line that has begun. Returns false when that is too long. */
static inline bool chat_keep(struct chat_member *member, const char *data, size_t len) {
    if (member->rest == NULL)
        member->rest = malloc(CHAT_LINE_MOST);
    if (member->rest == NULL || len > CHAT_LINE_MOST - member->rest_len)
        return false;
    memcpy(member->rest + member->rest_len, data, len);
    member->rest_len += len;
    return true;
}

/* Read once, and say each line of it. */
static inline void chat_read(int fd, chat_say *say) {
    static char buf[64 * 1024];
    struct chat_member *member = &chat_member[fd];
    ssize_t got = recv(fd, buf, sizeof(buf), 0);
    const char *at = buf, *end = buf + (got > 0 ? got : 0), *newline;
    bool is_good = got > 0 || (got < 0 && errno == EAGAIN);

    while (is_good && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (member->rest_len == 0)
            chat_line(fd, at, (size_t)(newline - at), say);
        else if ((is_good = chat_keep(member, at, (size_t)(newline - at))))
            chat_line(fd, member->rest, member->rest_len, say);
        member->rest_len = 0;
        at = newline + 1;
    }
    if (is_good && at < end)
        is_good = chat_keep(member, at, (size_t)(end - at));
    if (!is_good)
        chat_leave(fd);
}

/* Serve for ever. turn, which may be NULL, is called when all that was there has been read. */
static inline void chat_serve(int port, chat_say *say, void (*turn)(void)) {
    struct epoll_event events[256];
    struct rlimit files;
    int listen_fd, count;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    chat_poll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_fd = chat_listen(port);
    chat_add(listen_fd);
    for (;;) {
        count = epoll_wait(chat_poll_fd, events, 256, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.fd == listen_fd)
                chat_add(accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
            else
                chat_read(events[i].data.fd, say);
        if (turn != NULL)
            turn();
    }
}

#endif
