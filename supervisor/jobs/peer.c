/* One connection: what comes in, when it is answered, and when it is over. */
#include "supervisor/jobs/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "supervisor/jobs/book.h"

#define IN_FIRST 1024u
#define IN_MAX   (REQUEST_LINE_MAX + 1u) /* a line and its newline */
#define IDLE_NS  (PEER_IDLE_S * 1000000000ull)

bool peer_is_gone(const struct peer *peer) {
    return peer->watch.fd < 0;
}

/* A child that is being forked may hold a copy of the socket: shutdown(2) reaches the other side
   all the same. */
void peer_close(struct peer *peer) {
    if (peer_is_gone(peer))
        return;
    request_drop(&peer->request);
    loop_remove(peer->loop, &peer->watch);
    shutdown(peer->watch.fd, SHUT_RDWR);
    close(peer->watch.fd);
    peer->watch.fd = peer->outlet.fd = -1;
    outlet_fini(&peer->outlet);
    free(peer->in);
    peer->in = NULL;
    peer->in_len = peer->in_size = 0;
}

void peer_free(struct peer *peer) {
    peer_close(peer);
    free(peer);
}

/* Watch for what can be used now, and no more: what is level-triggered would call for ever. */
static void watch(struct peer *peer) {
    uint32_t events = 0;

    if (!peer->has_ended && !peer->is_leaving && peer->in_len < IN_MAX)
        events |= EPOLLIN;
    if (peer->outlet.len > 0 || peer->request.wants_room ||
        stream_is_in_piece(&peer->request.stream))
        events |= EPOLLOUT;
    if (events == peer->watched)
        return;
    peer->watched = events;
    if (loop_modify(peer->loop, &peer->watch, events) < 0)
        peer_close(peer);
}

/* ---- in ---- */

/* Room for len more bytes, IN_MAX in all at most. Returns false when there is no memory. */
static bool grow(struct peer *peer, size_t len) {
    size_t wanted = peer->in_size > 0 ? peer->in_size : IN_FIRST;
    char *bigger;

    if (peer->in_len + len <= peer->in_size)
        return true;
    while (wanted < peer->in_len + len)
        wanted *= 2;
    bigger = realloc(peer->in, wanted);
    if (bigger == NULL)
        return false;
    peer->in = bigger;
    peer->in_size = wanted;
    return true;
}

static void receive(struct peer *peer) {
    size_t room;
    ssize_t n;

    if (peer->in_len >= IN_MAX || peer->has_ended || peer->is_leaving)
        return;
    if (!grow(peer, 1)) {
        peer_close(peer);
        return;
    }
    room = peer->in_size < IN_MAX ? peer->in_size : IN_MAX;
    n = recv(peer->watch.fd, peer->in + peer->in_len, room - peer->in_len, MSG_DONTWAIT);
    if (n > 0) {
        peer->in_len += (size_t)n;
        peer->moved_at_ns = *peer->now_ns;
    } else if (n == 0) {
        peer->has_ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        peer_close(peer);
    }
}

/* What he said before he was handed over. */
static int take_over(struct peer *peer, int bytes_fd) {
    struct stat status;

    if (fstat(bytes_fd, &status) < 0)
        return -1;
    if (status.st_size < 0 || status.st_size > IN_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    if (!grow(peer, (size_t)status.st_size))
        return -1;
    if (pread(bytes_fd, peer->in, (size_t)status.st_size, 0) != status.st_size) {
        errno = EIO;
        return -1;
    }
    peer->in_len = (size_t)status.st_size;
    return 0;
}

/* One line, without its newline; empty ones say nothing. */
static void take_line(struct peer *peer, const char *line, size_t len) {
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len > 0)
        request_take(&peer->request, line, len, *peer->now_ns);
}

/* There may be a line to be answered. */
static bool has_line(const struct peer *peer) {
    return !peer->is_leaving && peer->request.verb == NULL && peer->in_len > 0;
}

/* Answer the lines that are whole. */
static void take_lines(struct peer *peer) {
    char *newline;
    size_t len;

    while (has_line(peer)) {
        if (outlet_room(&peer->outlet) == 0) {
            peer->request.wants_room = true; /* he is to read what he was told before */
            break;
        }
        newline = memchr(peer->in, '\n', peer->in_len);
        if (newline == NULL && peer->in_len >= IN_MAX) {
            peer->is_leaving = true;
            request_finish(&peer->request, EXIT_CODE_USAGE, "a line is longer than %d bytes",
                REQUEST_LINE_MAX);
            break;
        }
        if (newline == NULL && !peer->has_ended)
            break;
        len = newline != NULL ? (size_t)(newline - peer->in) : peer->in_len;
        take_line(peer, peer->in, len);
        len += newline != NULL;
        peer->in_len -= len;
        memmove(peer->in, peer->in + len, peer->in_len);
    }
    if (peer->in_len == 0) {
        free(peer->in);
        peer->in = NULL;
        peer->in_size = 0;
    }
}

static void ready(struct loop_watch *ready_watch, uint32_t events) {
    struct peer *peer = ready_watch->owner;

    peer->is_touched = true;
    if (events & EPOLLIN)
        receive(peer);
    if (!peer_is_gone(peer))
        take_lines(peer); /* a job that is wanted begins in this turn */
    /* Closed on his side: nobody is there to read what he still waits for. */
    if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN))
        peer_close(peer);
}

static void moved(struct entry_watcher *watcher) {
    struct peer *peer = watcher->owner;

    peer->is_touched = true;
}

/* ---- the life of it ---- */

struct peer *peer_new(const struct peer_args *args, int fd, int bytes_fd) {
    struct peer *peer = calloc(1, sizeof(*peer));
    int saved_errno;

    if (peer == NULL) {
        close(fd);
        close(bytes_fd);
        return NULL;
    }
    peer->loop = args->loop;
    peer->now_ns = args->now_ns;
    peer->moved_at_ns = *args->now_ns;
    peer->watch = (struct loop_watch){ .fd = fd, .ready = ready, .owner = peer };
    peer->watched = EPOLLIN;
    peer->outlet.fd = fd;
    peer->is_touched = true;
    peer->request = (struct request){ .book = args->book,
        .outlet = &peer->outlet,
        .asker = args->asker,
        .wake_at_ns = UINT64_MAX,
        .watcher = { .moved = moved, .owner = peer } };
    if (take_over(peer, bytes_fd) == 0 && loop_add(peer->loop, &peer->watch, EPOLLIN) == 0) {
        close(bytes_fd);
        take_lines(peer);
        return peer;
    }
    saved_errno = errno;
    close(bytes_fd);
    close(fd);
    free(peer->in);
    free(peer);
    errno = saved_errno;
    return NULL;
}

void peer_dismiss(struct peer *peer) {
    if (peer_is_gone(peer))
        return;
    /* In the midst of a piece a line would be taken for data: the end says it, too. */
    if (peer->request.verb != NULL && !stream_is_in_piece(&peer->request.stream)) {
        request_finish(&peer->request, EXIT_CODE_UNAVAILABLE,
            "the job supervisor is leaving: ask again in a moment");
        outlet_flush(&peer->outlet);
    }
    peer_close(peer);
}

/* Idle, or not reading an answer; whoever reads a result may take his time. */
static uint64_t tired_at_ns(const struct peer *peer) {
    if (peer->request.stream.entry != NULL || (peer->request.verb != NULL && peer->outlet.len == 0))
        return UINT64_MAX;
    return peer->moved_at_ns + IDLE_NS;
}

uint64_t peer_wake_at_ns(const struct peer *peer) {
    const uint64_t tired_at = tired_at_ns(peer), wake_at = peer->request.wake_at_ns;

    return wake_at < tired_at ? wake_at : tired_at;
}

static bool is_over(const struct peer *peer) {
    const bool has_asked_all = peer->has_ended && peer->in_len == 0 && peer->request.verb == NULL;

    return peer->outlet.is_broken || ((has_asked_all || peer->is_leaving) && peer->outlet.len == 0);
}

void peer_tend(struct peer *peer) {
    if (peer_is_gone(peer) || (!peer->is_touched && *peer->now_ns < peer_wake_at_ns(peer)))
        return;
    peer->is_touched = false;
    request_go_on(&peer->request, *peer->now_ns);
    take_lines(peer);
    outlet_flush(&peer->outlet);
    if (peer->outlet.sent != peer->sent) {
        peer->sent = peer->outlet.sent;
        peer->moved_at_ns = *peer->now_ns;
    }
    if (is_over(peer) || *peer->now_ns >= tired_at_ns(peer))
        peer_close(peer);
    else
        watch(peer);
}
