/*
 * Where connections come in: listeners that all workers of the service share, watched with
 * EPOLLEXCLUSIVE so that one worker wakes for one connection. One accept a wake: the others have
 * the rest. A shortage of our own (descriptors, memory) closes the door for a moment and nobody's
 * connection.
 */
#include "workers/door.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "workers/datagrams.h"
#include "workers/owning.h"
#include "workers/worker_state.h"

#define REST_MS  100
#define EMPTY_NS 1000000000ull
#define BATCHES  64 /* of datagrams, before it leaves */

/* People sit there and say nothing; a raw one cannot be asked whether it is still there. */
static void keep_alive(int fd) {
    const int on = 1, idle_s = 60, interval_s = 10, count = 3, unread_ms = 30000;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unread_ms, sizeof(unread_ms));
}

/*
 * What an accepted TCP socket inherits costs no call of its own: no delay of small answers, and
 * how long a blocking recv and send may take.
 */
static void set_inherited(const struct worker *worker, int fd) {
    const int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection_set_timeouts(worker, fd);
    if ((worker->args->ops->flags & SERVICE_TEXT) != 0)
        keep_alive(fd);
}

/* limit: the counter of what keeps it out; NULL when that is no limit. */
static void refuse(struct worker *worker, int fd, _Atomic uint64_t *limit) {
    const char *line = worker->args->full_line;
    size_t len;

    worker_count(worker, &worker->row->counts.refused, 1);
    if (limit != NULL)
        worker_count(worker, limit, 1);
    if (line != NULL) {
        len = strlen(line);
        send(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
        if (len > 0 && line[len - 1] != '\n')
            send(fd, "\n", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
    }
    close(fd);
}

/* Limits that need to know who comes. Returns the counter of the one that is passed, or NULL. */
static _Atomic uint64_t *find_passed_limit(
    struct worker *worker, uint32_t slot, const struct net_address *peer) {
    const struct worker_args *args = worker->args;
    uint64_t source = net_source_hash(peer);

    if (!gate_name_source(args->gate, slot, source))
        return &worker->row->counts.refused_source;
    if ((args->max_rate == 0 && args->max_rate_per_source == 0) ||
        gate_pass_rate(args->gate, source, clock_now_ns()))
        return NULL;
    return &worker->row->counts.refused_rate;
}

static void take(struct worker *worker, int fd, uint32_t slot, enum net_proto proto,
    const struct net_address *peer) {
    _Atomic uint64_t *limit = find_passed_limit(worker, slot, peer);
    struct connection *connection;

    if (limit != NULL) {
        refuse(worker, fd, limit);
        gate_leave(worker->args->gate, slot);
        return;
    }
    connection = connection_new(worker);
    if (connection == NULL) {
        log_warn("a connection had to be turned away");
        refuse(worker, fd, NULL);
        gate_leave(worker->args->gate, slot);
        return;
    }
    connection->fd = fd;
    connection->slot = slot;
    connection->session.proto = proto;
    connection->session.peer = *peer;
    if (proto == NET_UNIX)
        set_inherited(worker, fd);
    worker_begin_session(worker, connection);
    worker->model->serve(worker, connection);
}

static void rest(struct worker *worker) {
    log_warn("no connection can be accepted for now");
    worker->door = DOOR_RESTING;
    worker->rest_until_ns = clock_now_ns() + REST_MS * 1000000ull;
}

/* Returns false when the service is full: then a wake-up is asked for. */
static bool enter(struct worker *worker, uint32_t *out_slot) {
    if (gate_enter(worker->args->gate, (unsigned)worker->args->row, out_slot))
        return true;
    if (worker->args->refuses_when_full)
        return false;
    gate_wait(worker->args->gate);
    if (gate_enter(worker->args->gate, (unsigned)worker->args->row, out_slot)) {
        gate_wait_done(worker->args->gate);
        return true;
    }
    worker->door = DOOR_WAITING;
    return false;
}

static void accept_one(struct worker *worker, const struct worker_listener *listener) {
    const bool refuses = worker->args->refuses_when_full;
    struct net_address peer = { .len = sizeof(peer.sa) };
    uint32_t slot = GATE_NO_SLOT;
    int fd;

    if (!refuses && !enter(worker, &slot))
        return;
    fd = accept4(listener->fd, &peer.sa.any, &peer.len, SOCK_CLOEXEC | worker->model->accept_flags);
    if (fd < 0) {
        gate_leave(worker->args->gate, slot);
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            rest(worker);
        return;
    }
    if (refuses && !enter(worker, &slot)) {
        refuse(worker, fd, &worker->row->counts.refused_full);
        return;
    }
    take(worker, fd, slot, listener->proto, &peer);
}

static void listener_ready(struct loop_watch *watch, uint32_t events) {
    struct worker *worker = watch->owner;
    const struct worker_listener *listener = &worker->args->listener[watch - worker->listen_watch];

    (void)events;
    if (listener->proto == NET_UDP)
        datagrams_serve(worker->datagrams, listener);
    else if (worker->door == DOOR_OPEN && taker_leaves_room(worker))
        accept_one(worker, listener);
    else
        worker->was_skipped = true;
}

static void watch_streams(struct worker *worker, bool on) {
    for (unsigned i = 0; i < worker->args->listener_count; i++) {
        struct loop_watch *watch = &worker->listen_watch[i];
        bool is_watched = watch->ready != NULL;

        if (worker->args->listener[i].proto == NET_UDP || on == is_watched)
            continue;
        watch->ready = on ? listener_ready : NULL;
        if (!on)
            loop_remove(worker->loop, watch);
        else if (loop_add(worker->loop, watch, EPOLLIN | EPOLLEXCLUSIVE) < 0)
            log_fatal(EXIT_CODE_SYSTEM, "a listener cannot be watched");
    }
}

static void try_each(struct worker *worker) {
    for (unsigned i = 0; i < worker->args->listener_count; i++)
        if (worker->args->listener[i].proto != NET_UDP && worker->door == DOOR_OPEN &&
            taker_leaves_room(worker))
            accept_one(worker, &worker->args->listener[i]);
}

/* What is watched anew is looked at: if more wait than one, they are found. */
void door_look(struct worker *worker) {
    try_each(worker);
    watch_streams(worker, false);
}

void door_empty(struct worker *worker) {
    const uint64_t until_ns = clock_now_ns() + EMPTY_NS;
    uint64_t before;

    do {
        before = worker->row->counts.connections + worker->row->counts.refused;
        try_each(worker);
        if (worker->door == DOOR_OPEN && !taker_leaves_room(worker))
            return;
    } while (worker->row->counts.connections + worker->row->counts.refused != before &&
             clock_now_ns() < until_ns);
}

static void gate_ready(struct loop_watch *watch, uint32_t events) {
    struct worker *worker = watch->owner;

    (void)events;
    loop_remove(worker->loop, watch);
    watch->ready = NULL;
    gate_wait_done(worker->args->gate);
    if (worker->door == DOOR_WAITING)
        worker->door = DOOR_OPEN;
}

void door_tend(struct worker *worker) {
    if (worker->door == DOOR_RESTING && worker->now_ns >= worker->rest_until_ns)
        worker->door = DOOR_OPEN;
    if (worker->door == DOOR_FULL && taker_leaves_room(worker))
        worker->door = DOOR_OPEN;
    if (worker->door == DOOR_OPEN && !taker_leaves_room(worker)) {
        worker->door = DOOR_FULL;
        if (taker_leaves_room(worker)) /* a thread has just ended, and saw the door open */
            worker->door = DOOR_OPEN;
    }
    if (worker->door == DOOR_WAITING && worker->gate_watch.ready == NULL) {
        worker->gate_watch.ready = gate_ready;
        loop_add(worker->loop, &worker->gate_watch, EPOLLIN);
    }
    worker_show_room(worker);
    watch_streams(worker, worker->door == DOOR_OPEN);
    if (worker->was_skipped && worker->door != DOOR_OPEN)
        worker_report(worker, REPORT_LOOK, 0);
    worker->was_skipped = false;
}

/*
 * Who is woken for something is the only one who is: what it does not take any more is taken here
 * (datagrams), or the others are told to look.
 */
static void leave_nothing(struct worker *worker, unsigned index) {
    const struct worker_listener *listener = &worker->args->listener[index];
    struct pollfd watch = { .fd = listener->fd, .events = POLLIN };

    if (listener->proto != NET_UDP && poll(&watch, 1, 0) == 1)
        worker_report(worker, REPORT_LOOK, 0);
    for (unsigned i = 0; listener->proto == NET_UDP && i < BATCHES; i++)
        if (datagrams_serve(worker->datagrams, listener) == 0)
            break;
}

void door_shut(struct worker *worker) {
    const bool was_held = worker->door == DOOR_HELD;

    if (worker->door == DOOR_WAITING)
        gate_wait_done(worker->args->gate);
    worker->door = DOOR_SHUT;
    watch_streams(worker, false);
    for (unsigned i = 0; i < worker->args->listener_count && !was_held; i++) {
        if (worker->args->listener[i].proto == NET_UDP && owning_is_needed(worker))
            continue;
        if (worker->args->listener[i].proto == NET_UDP)
            loop_remove(worker->loop, &worker->listen_watch[i]);
        leave_nothing(worker, i);
    }
    if (owning_is_needed(worker) && !was_held)
        owning_end(worker);
}

int door_open(struct worker *worker) {
    if (worker->door != DOOR_HELD)
        return 0;
    worker->door = DOOR_OPEN;
    for (unsigned i = 0; i < worker->args->listener_count; i++) {
        const struct worker_listener *listener = &worker->args->listener[i];
        struct loop_watch *watch = &worker->listen_watch[i];

        if (listener->proto == NET_TCP)
            set_inherited(worker, listener->fd);
        if (listener->proto != NET_UDP || owning_is_needed(worker))
            continue;
        watch->ready = listener_ready;
        if (loop_add(worker->loop, watch, EPOLLIN | EPOLLEXCLUSIVE) < 0)
            return -1;
    }
    return owning_is_needed(worker) ? owning_begin(worker) : 0;
}

int door_init(struct worker *worker) {
    for (unsigned i = 0; i < worker->args->listener_count; i++) {
        worker->listen_watch[i].fd = worker->args->listener[i].fd;
        worker->listen_watch[i].owner = worker;
    }
    worker->gate_watch.fd = gate_wake_fd(worker->args->gate);
    worker->gate_watch.owner = worker;
    worker->door = DOOR_HELD;
    return worker->args->is_held ? 0 : door_open(worker);
}
