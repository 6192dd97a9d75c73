/*
 * Bytes in and bytes out. One question at a time: while one is in hand, further lines wait in the
 * buffer, and when that is full nothing more is read. A peer that asks and does not read gets no
 * new answer beyond OUT_PAUSE; only events can fill its buffer up to the limit, and then it is cut.
 */
#include "supervisor/control_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "supervisor/supervisor.h"

#define IN_FIRST  1024u
#define IN_MAX    (CONTROL_REQUEST_LINE_MAX + 1u) /* a line and its newline */
#define OUT_PAUSE 65536u
#define NS_IN_S   1000000000ull

static bool is_gone(const struct control_peer *peer) {
    return peer->watch.fd < 0;
}

void control_peer_close(struct control_peer *peer) {
    if (is_gone(peer))
        return;
    loop_remove(peer->request.supervisor->loop, &peer->watch);
    close(peer->watch.fd);
    peer->watch.fd = -1;
    free(peer->in);
    free(peer->out);
    peer->in = peer->out = NULL;
    peer->in_len = peer->in_size = peer->out_len = peer->out_size = peer->line_len = 0;
}

void control_peer_free(struct control_peer *peer) {
    control_peer_close(peer);
    control_request_drop(&peer->request);
    free(peer);
}

/* Watch for what can be used now, and no more: what is level-triggered would call for ever. */
static void watch(struct control_peer *peer) {
    struct loop *loop = peer->request.supervisor->loop;
    uint32_t events = 0;

    if (is_gone(peer))
        return;
    if (!peer->has_ended && !peer->is_leaving && peer->in_len < IN_MAX)
        events |= EPOLLIN;
    if (peer->out_len > 0)
        events |= EPOLLOUT;
    if (events == peer->watched)
        return;
    peer->watched = events;
    if (loop_modify(loop, &peer->watch, events) < 0)
        control_peer_close(peer);
}

static void flush(struct control_peer *peer) {
    ssize_t n;

    if (is_gone(peer) || peer->out_len == 0)
        return;
    n = send(peer->watch.fd, peer->out, peer->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            control_peer_close(peer);
        return;
    }
    peer->moved_at_ns = peer->request.supervisor->now_ns;
    peer->out_len -= (size_t)n;
    if (peer->out_len > 0) {
        memmove(peer->out, peer->out + n, peer->out_len);
        return;
    }
    free(peer->out); /* the heap of the parent of all stays small */
    peer->out = NULL;
    peer->out_size = 0;
}

/* Room for len more bytes behind used. Returns false when there is no memory. */
static bool grow(char **buf, size_t *size, size_t used, size_t len) {
    size_t wanted = *size > 0 ? *size : IN_FIRST;
    char *bigger;

    if (used + len <= *size)
        return true;
    while (wanted < used + len)
        wanted *= 2;
    bigger = realloc(*buf, wanted);
    if (bigger == NULL)
        return false;
    *buf = bigger;
    *size = wanted;
    return true;
}

void control_peer_send(struct control_peer *peer, const char *line, size_t len) {
    if (is_gone(peer))
        return;
    if (peer->out_len + len + 1 > CONTROL_PEER_OUT_MAX ||
        !grow(&peer->out, &peer->out_size, peer->out_len, len + 1)) {
        control_peer_close(peer);
        return;
    }
    memcpy(peer->out + peer->out_len, line, len);
    peer->out[peer->out_len + len] = '\n';
    peer->out_len += len + 1;
    flush(peer);
    watch(peer);
}

static void send_object(void *owner, json_t *object) {
    struct control_peer *peer = owner;
    char *line = json_dumps(object, JSON_COMPACT);

    if (line != NULL)
        control_peer_send(peer, line, strlen(line));
    else
        control_peer_close(peer); /* no memory: half an answer would be a wrong one */
    free(line);
}

/* The last line may end with the stream, and without a newline. */
static bool is_written(const struct control_peer *peer, int fd) {
    const size_t len = peer->in_len;

    return pwrite(fd, peer->in, len, 0) == (ssize_t)len &&
           (!peer->has_ended || peer->in[len - 1] == '\n' || pwrite(fd, "\n", 1, (off_t)len) == 1);
}

/* A file in memory of all that was read and not answered. Returns -1 with errno. */
static int make_file(const struct control_peer *peer) {
    int fd = memfd_create("preforkd peer", MFD_CLOEXEC), saved_errno;

    if (fd < 0 || is_written(peer, fd))
        return fd;
    saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return -1;
}

/* What was said before has to be out first: nobody else has it. */
static int give_to_jobs(void *owner) {
    struct control_peer *peer = owner;
    int bytes_fd, rc, saved_errno;

    if (is_gone(peer) || peer->out_len > 0) {
        errno = EAGAIN;
        return -1;
    }
    bytes_fd = make_file(peer);
    if (bytes_fd < 0)
        return -1;
    rc = jobs_keeper_give(peer->request.supervisor, peer->watch.fd, bytes_fd);
    saved_errno = errno;
    close(bytes_fd);
    if (rc == 0)
        control_peer_close(peer);
    errno = saved_errno;
    return rc;
}

/* One line, without its newline; empty ones say nothing. */
static void take_line(struct control_peer *peer, const char *line, size_t len) {
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len > 0)
        control_request_take(&peer->request, line, len);
}

/* Its question is answered. */
static void drop_line(struct control_peer *peer) {
    if (is_gone(peer) || peer->request.verb != NULL || peer->line_len == 0)
        return;
    peer->in_len -= peer->line_len;
    memmove(peer->in, peer->in + peer->line_len, peer->in_len);
    peer->line_len = 0;
}

static bool can_take(const struct control_peer *peer) {
    return !is_gone(peer) && !peer->is_leaving && peer->request.verb == NULL &&
           peer->out_len < OUT_PAUSE && peer->in_len > 0;
}

/* Answer the lines that are whole. */
static void take_lines(struct control_peer *peer) {
    char *newline;
    size_t len;

    for (drop_line(peer); can_take(peer); drop_line(peer)) {
        newline = memchr(peer->in, '\n', peer->in_len);
        if (newline == NULL && peer->in_len >= IN_MAX) {
            peer->is_leaving = true;
            control_request_finish(&peer->request, EXIT_CODE_USAGE,
                "a line is longer than %d bytes", CONTROL_REQUEST_LINE_MAX);
            break;
        }
        if (newline == NULL && !peer->has_ended)
            break;
        len = newline != NULL ? (size_t)(newline - peer->in) : peer->in_len;
        peer->line_len = len + (newline != NULL);
        take_line(peer, peer->in, len);
    }
    if (peer->in_len == 0) {
        free(peer->in);
        peer->in = NULL;
        peer->in_size = 0;
    }
}

/* Go on: answer, send, and go when there is nothing more to do. */
static void proceed(struct control_peer *peer) {
    bool is_done;

    take_lines(peer);
    flush(peer);
    if (is_gone(peer))
        return;
    is_done = peer->has_ended && peer->in_len == 0 && peer->request.verb == NULL;
    if ((is_done || peer->is_leaving) && peer->out_len == 0)
        control_peer_close(peer);
    watch(peer);
}

static void receive(struct control_peer *peer) {
    size_t room;
    ssize_t n;

    if (peer->in_len >= IN_MAX || peer->has_ended || peer->is_leaving)
        return;
    if (!grow(&peer->in, &peer->in_size, peer->in_len, 1)) {
        control_peer_close(peer);
        return;
    }
    room = peer->in_size < IN_MAX ? peer->in_size : IN_MAX;
    n = recv(peer->watch.fd, peer->in + peer->in_len, room - peer->in_len, MSG_DONTWAIT);
    if (n > 0) {
        peer->in_len += (size_t)n;
        peer->moved_at_ns = peer->request.supervisor->now_ns;
    } else if (n == 0) {
        peer->has_ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        control_peer_close(peer);
    }
}

static void ready(struct loop_watch *ready_watch, uint32_t events) {
    struct control_peer *peer = ready_watch->owner;

    peer->request.supervisor->now_ns = clock_now_ns(); /* the turn may have waited for long */
    if (events & EPOLLIN)
        receive(peer);
    proceed(peer);
    /* Closed on its side: nobody is there to read what it still waits for. */
    if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN))
        control_peer_close(peer);
}

bool control_peer_is_admin(int fd) {
    struct ucred cred;
    socklen_t len = sizeof(cred);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
           (cred.uid == 0 || cred.uid == geteuid());
}

struct control_peer *control_peer_new(struct supervisor *supervisor, int fd, uint64_t id) {
    struct control_peer *peer = calloc(1, sizeof(*peer));
    socklen_t cred_len = sizeof(struct ucred);
    struct ucred cred;

    if (peer == NULL) {
        close(fd);
        return NULL;
    }
    peer->watch = (struct loop_watch){ .fd = fd, .ready = ready, .owner = peer };
    peer->moved_at_ns = supervisor->now_ns;
    peer->request.supervisor = supervisor;
    peer->request.send = send_object;
    peer->request.give = give_to_jobs;
    peer->request.owner = peer;
    peer->request.id = id;
    peer->request.is_admin = control_peer_is_admin(fd);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len) == 0) {
        peer->request.uid = cred.uid;
        peer->request.pid = cred.pid;
    }
    peer->watched = EPOLLIN;
    if (loop_add(supervisor->loop, &peer->watch, EPOLLIN) < 0) {
        close(fd);
        free(peer);
        return NULL;
    }
    return peer;
}

void control_peer_tend(struct control_peer *peer, uint64_t now_ns) {
    bool is_waiting;

    if (is_gone(peer))
        return;
    control_request_look(&peer->request);
    proceed(peer);
    is_waiting = peer->request.verb != NULL && peer->out_len == 0;
    if (!is_gone(peer) && !is_waiting && now_ns > peer->moved_at_ns &&
        now_ns - peer->moved_at_ns >= CONTROL_PEER_IDLE_S * NS_IN_S)
        control_peer_close(peer);
}
