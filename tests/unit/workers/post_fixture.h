#ifndef TESTS_UNIT_WORKERS_POST_FIXTURE_H
#define TESTS_UNIT_WORKERS_POST_FIXTURE_H

/*
 * A post without a process of its own: the test is its loop and its clock. Its service writes down
 * what each hook was given, and answers as the test likes.
 */

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/gate.h"
#include "shared/log.h"
#include "shared/scoreboard.h"
#include "workers/dialect.h"
#include "workers/post.h"
#include "workers/services/post.h"
#include "workers/worker_state.h"

#define AHEAD_MS 3600000ull /* of the real clock, which is looked at where a turn is long */

static struct worker *worker;
static struct worker_args args;
static struct service_ops ops;
static char told[1 << 16]; /* "open|message one|close 0|" */
static void (*answer)(struct session *session, const char *data, size_t len); /* NULL: none */

static inline void tell(const char *what, const char *data, size_t len) {
    const size_t at = strlen(told);

    snprintf(told + at, sizeof(told) - at, "%s%.*s|", what, (int)len, data);
}

static inline void fixture_message(struct session *session, const char *data, size_t len) {
    tell("", data, len);
    if (answer != NULL)
        answer(session, data, len);
}

static inline void fixture_writable(struct session *session) {
    (void)session;
    tell("writable", "", 0);
}

static inline void fixture_drain(struct session *session) {
    session_send(session, "good bye", 8);
}

static inline void fixture_close(struct session *session, enum session_end end) {
    char text[16];

    (void)session;
    snprintf(text, sizeof(text), "end %d", end);
    tell(text, "", 0);
}

/* The service of a test may be changed until the first session. */
static inline void fixture_open(void) {
    static char data[65536];

    signal(SIGPIPE, SIG_IGN);
    log_use_records(-1, LOG_FORMAT_HUMAN, LOG_LEVEL_ERROR, "", 0, NULL);
    log_set_quiet(true);
    ops = (struct service_ops){ .name = "double",
        .flags = SERVICE_STREAM | SERVICE_TEXT,
        .session_size = 64,
        .message = fixture_message,
        .writable = fixture_writable,
        .drain = fixture_drain,
        .close = fixture_close };
    args = (struct worker_args){ .ops = &ops,
        .service_name = "double",
        .model = WORKER_EVENT,
        .gate = gate_new(&(struct gate_limits){ 0 }, 100),
        .board = scoreboard_new(),
        .sessions_max = 100,
        .capacity = 100,
        .idle_timeout_ms = 500000,
        .write_timeout_ms = 60000,
        .first_message_timeout_ms = 300000,
        .write_buffer_bytes = 1 << 20 };
    args.row = scoreboard_claim_row(args.board, 0, 1, 1);
    gate_add_member(args.gate, (unsigned)args.row);
    worker = calloc(1, sizeof(*worker));
    worker->args = &args;
    worker->model = &model_event;
    worker->row = &args.board->row[args.row];
    worker->lanes = args.board->lane[args.row];
    worker->now_ns = (clock_now_ms() + AHEAD_MS) * 1000000;
    worker->wire_rules = wire_rules_default;
    worker->loop = loop_new();
    worker->post.data = data;
    worker->post.data_size = sizeof(data);
    cr_assert_eq(
        post_init(&worker->post, worker, worker->loop, &worker->now_ns, data, sizeof(data)), 0);
}

/* A session; returns the peer's end. */
static inline int fixture_connect(enum net_proto proto) {
    struct sockaddr_in here = { .sin_family = AF_INET };
    socklen_t len = sizeof(here);
    struct connection *connection = connection_new(worker);
    const struct timeval limit = { .tv_usec = 200000 };
    int fd[2], listener;

    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (proto == NET_UNIX) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    } else {
        listener = socket(AF_INET, SOCK_STREAM, 0);
        bind(listener, (struct sockaddr *)&here, sizeof(here));
        listen(listener, 1);
        getsockname(listener, (struct sockaddr *)&here, &len);
        fd[1] = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_eq(connect(fd[1], (struct sockaddr *)&here, len), 0);
        fd[0] = accept(listener, NULL, NULL);
        close(listener);
    }
    setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    connection->fd = fd[0];
    connection->slot = GATE_NO_SLOT;
    connection->session.proto = proto;
    connection->session.peer = (struct net_address){ .len = 2 };
    connection->session.peer.sa.any.sa_family = AF_UNIX;
    worker_begin_session(worker, connection);
    post_serve(&worker->post, connection);
    return fd[1];
}

/* All that is ready, and what follows from it. */
static inline void fixture_run(void) {
    int called;

    do {
        post_look(&worker->post);
        called = loop_turn(worker->loop, 0);
        post_work(&worker->post);
    } while (called > 0);
}

static inline void fixture_pass(uint64_t ms) {
    worker->now_ns += ms * 1000000;
    fixture_run();
}

static inline void fixture_say(int fd, const char *text) {
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    fixture_run();
}

/* What was told since the last time. */
static inline const char *fixture_told(void) {
    static char copy[sizeof(told)];

    strcpy(copy, told);
    told[0] = '\0';
    return copy;
}

/* One read of the peer's, terminated; "" when there is nothing, "<end>" at the end. */
static inline const char *fixture_read(int fd, size_t most) {
    static char text[1 << 16];
    ssize_t n = recv(fd, text, most, MSG_DONTWAIT);

    if (n == 0)
        return "<end>";
    text[n > 0 ? n : 0] = '\0';
    return text;
}

#endif
