/*
 * The control socket: who comes, who is gone, and the last events for those who ask later. What
 * one peer asks is its request's matter; nothing here knows a verb. A timer runs only while there
 * is somebody to be tired of, so that an idle daemon sleeps.
 */
#include "supervisor/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/control_peer.h"
#include "supervisor/control_private.h"
#include "supervisor/supervisor.h"
#include "supervisor/unix_socket.h"

#define PEERS_MAX   64
#define READERS_MAX 48 /* the rest is kept for those who may do something about it */
#define TIMER_S     5

TAILQ_HEAD(peer_list, control_peer);

struct control {
    struct supervisor *supervisor;
    char path[sizeof((struct sockaddr_un){ 0 }.sun_path)];
    int lock_fd;
    struct loop_watch listener, timer;
    bool is_deaf; /* no descriptors left: listens again when the timer comes */
    struct peer_list peers;
    unsigned peer_count; /* those that are gone and not yet freed included */
    uint64_t next_id;
    char *event[CONTROL_EVENTS_KEPT]; /* a ring */
    uint64_t event_count;             /* ever */
};

static void set_timer(struct control *control, bool on) {
    struct itimerspec every = { .it_interval.tv_sec = on ? TIMER_S : 0,
        .it_value.tv_sec = on ? TIMER_S : 0 };

    timerfd_settime(control->timer.fd, 0, &every, NULL);
}

/* One too many: it is told and closed. */
static void turn_away(int fd) {
    char line[128];
    int len;

    len = snprintf(line, sizeof(line),
        "{\"done\":true,\"exit\":%d,\"error\":\"%d others are connected already\"}\n",
        EXIT_CODE_BUSY, PEERS_MAX);
    if (send(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        /* It does not listen: nothing is lost. */
    }
    close(fd);
}

static void admit(struct control *control, int fd) {
    struct control_peer *peer;

    if (control->peer_count >= (control_peer_is_admin(fd) ? PEERS_MAX : READERS_MAX)) {
        turn_away(fd);
        return;
    }
    peer = control_peer_new(control->supervisor, fd, ++control->next_id);
    if (peer == NULL)
        return;
    TAILQ_INSERT_TAIL(&control->peers, peer, link);
    if (control->peer_count++ == 0)
        set_timer(control, true);
}

static void sweep(struct control *control) {
    struct control_peer *peer, *next;

    TAILQ_FOREACH_SAFE (peer, &control->peers, link, next) {
        if (peer->watch.fd >= 0)
            continue;
        TAILQ_REMOVE(&control->peers, peer, link);
        control_peer_free(peer);
        if (--control->peer_count == 0 && !control->is_deaf)
            set_timer(control, false);
    }
}

/* One a turn: whoever connects in a loop does not keep the supervisor here. */
static void accept_one(struct loop_watch *watch, uint32_t events) {
    struct control *control = watch->owner;
    int fd;

    (void)events;
    control->supervisor->now_ns = clock_now_ns();
    sweep(control);
    /* cppcheck-suppress nullPointer */
    fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        admit(control, fd);
        return;
    }
    if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
        return;
    /* The connection stays in the queue, and the queue stays readable: look away for a while. */
    loop_remove(control->supervisor->loop, watch);
    control->is_deaf = true;
    set_timer(control, true);
}

static void tick(struct loop_watch *watch, uint32_t events) {
    struct control *control = watch->owner;
    uint64_t times;

    (void)events;
    if (read(watch->fd, &times, sizeof(times)) < 0)
        return;
    if (control->is_deaf && loop_add(control->supervisor->loop, &control->listener, EPOLLIN) == 0) {
        control->is_deaf = false;
        set_timer(control, control->peer_count > 0);
    }
}

int control_open(struct supervisor *supervisor, struct complaint *complaint) {
    const struct config *config = supervisor->config;
    struct control *control = calloc(1, sizeof(*control));

    if (control == NULL)
        return complaint_set(complaint, "%s: no memory", config->control.socket);
    control->supervisor = supervisor;
    TAILQ_INIT(&control->peers);
    snprintf(control->path, sizeof(control->path), "%s", config->control.socket);
    control->listener = (struct loop_watch){ .fd = -1, .ready = accept_one, .owner = control };
    control->timer = (struct loop_watch){ .ready = tick, .owner = control };
    control->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (control->timer.fd < 0) {
        complaint_set(complaint, "cannot make a timer: %s", strerror(errno));
        goto out;
    }
    control->listener.fd = unix_socket_open(&(struct unix_socket_wanted){ .path = control->path,
                                                .mode = (mode_t)config->control.mode,
                                                .uid = (uid_t)-1,
                                                .gid = config->gid,
                                                .backlog = PEERS_MAX },
        &control->lock_fd, complaint);
    if (control->listener.fd < 0)
        goto out;
    if (loop_add(supervisor->loop, &control->listener, EPOLLIN) == 0 &&
        loop_add(supervisor->loop, &control->timer, EPOLLIN) == 0) {
        supervisor->control = control;
        return 0;
    }
    complaint_set(complaint, "%s: cannot watch it: %s", control->path, strerror(errno));
    loop_remove(supervisor->loop, &control->listener);
    unlink(control->path);
    close(control->listener.fd);
    close(control->lock_fd);
out:
    if (control->timer.fd >= 0)
        close(control->timer.fd);
    free(control);
    return -1;
}

void control_close(struct control *control) {
    struct control_peer *peer;

    if (control == NULL)
        return;
    TAILQ_FOREACH (peer, &control->peers, link) {
        control_request_end(&peer->request);
        control_peer_close(peer);
    }
    sweep(control);
    if (!control->is_deaf)
        loop_remove(control->supervisor->loop, &control->listener);
    loop_remove(control->supervisor->loop, &control->timer);
    close(control->timer.fd);
    unlink(control->path);
    close(control->listener.fd);
    close(control->lock_fd);
    for (size_t i = 0; i < CONTROL_EVENTS_KEPT; i++)
        free(control->event[i]);
    control->supervisor->control = NULL;
    free(control);
}

/* The loop is the parent's: only descriptors are touched here. */
void control_forget(struct control *control) {
    struct control_peer *peer;

    if (control == NULL)
        return;
    TAILQ_FOREACH (peer, &control->peers, link)
        if (peer->watch.fd >= 0)
            close(peer->watch.fd);
    close(control->timer.fd);
    close(control->listener.fd);
    close(control->lock_fd);
}

void control_tend(struct control *control) {
    struct control_peer *peer;

    if (control == NULL)
        return;
    TAILQ_FOREACH (peer, &control->peers, link)
        control_peer_tend(peer, control->supervisor->now_ns);
    sweep(control);
}

void control_publish(struct control *control, const char *json_line) {
    struct control_peer *peer;
    char **place;
    size_t len;

    if (control == NULL)
        return;
    len = strcspn(json_line, "\n");
    TAILQ_FOREACH (peer, &control->peers, link)
        if (peer->request.is_following)
            control_peer_send(peer, json_line, len);
    place = &control->event[control->event_count++ % CONTROL_EVENTS_KEPT];
    free(*place);
    *place = strndup(json_line, len);
}

void control_replay(struct control *control, uint64_t most,
    void (*each)(void *owner, const char *line), void *owner) {
    uint64_t at = 0;

    if (most > CONTROL_EVENTS_KEPT)
        most = CONTROL_EVENTS_KEPT;
    if (control->event_count > most)
        at = control->event_count - most;
    for (; at < control->event_count; at++)
        if (control->event[at % CONTROL_EVENTS_KEPT] != NULL)
            each(owner, control->event[at % CONTROL_EVENTS_KEPT]);
}

struct control_request *control_find_request(struct control *control, uint64_t id) {
    struct control_peer *peer;

    if (control != NULL)
        TAILQ_FOREACH (peer, &control->peers, link)
            if (peer->request.id == id && peer->watch.fd >= 0)
                return &peer->request;
    return NULL;
}
