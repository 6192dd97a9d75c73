#ifndef TESTS_UNIT_WORKERS_HANDOVER_FIXTURE_H
#define TESTS_UNIT_WORKERS_HANDOVER_FIXTURE_H

/*
 * Workers without a supervisor: the test gives them orders, and may be a worker itself as far as
 * another one can see. Each test is a process of its own.
 */

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/contract.h"
#include "shared/gate.h"
#include "shared/log.h"
#include "shared/scoreboard.h"
#include "workers/channel.h"
#include "workers/parcel.h"
#include "workers/worker.h"

#define PATIENCE_MS 5000

/* Wait until the condition holds. */
#define UNTIL(condition)                                                   \
    do {                                                                   \
        const uint64_t until_end_ms = clock_now_ms() + PATIENCE_MS;        \
        bool until_ok;                                                     \
        while (!(until_ok = (condition)) && clock_now_ms() < until_end_ms) \
            usleep(200);                                                   \
        cr_assert(until_ok, "%s:%d: %s", __FILE__, __LINE__, #condition);  \
    } while (0)

static struct gate *gate;
static struct scoreboard *board;
static int listener;
static struct net_address address;
static const struct service_ops *fixture_ops; /* NULL: echo */
static struct room *fixture_room;             /* NULL: none; a worker's row is that of the board */

struct member {
    pid_t pid;
    int row, order_fd;
};

static inline void fixture_open(const struct gate_limits *limits) {
    address = (struct net_address){ .sa.in = { .sin_family = AF_INET }, .len = sizeof(address.sa) };
    address.sa.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    signal(SIGPIPE, SIG_IGN);
    gate = gate_new(limits, 100);
    board = scoreboard_new();
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert(gate != NULL && board != NULL);
    cr_assert_eq(bind(listener, &address.sa.any, sizeof(address.sa.in)), 0);
    cr_assert_eq(listen(listener, 100), 0);
    cr_assert_eq(getsockname(listener, &address.sa.any, &address.len), 0);
}

_Noreturn static inline void fixture_run(const struct member *member, int order_fd,
    enum worker_model model, unsigned most, bool is_held) {
    static const char settings[256];
    struct worker_args *args = worker_new();

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The test's own connections end when the test closes them. */
    for (int fd = 3; fd < 256 && fixture_room == NULL; fd++)
        if (fd != order_fd && fd != listener && fd != gate_wake_fd(gate))
            close(fd);
    log_use_records(STDERR_FILENO, LOG_FORMAT_HUMAN, LOG_LEVEL_WARN, "", 0, NULL);
    *args = (struct worker_args){ .ops = fixture_ops != NULL ? fixture_ops : services_find("echo"),
        .settings = settings,
        .service_name = "echo",
        .model = model,
        .listener = { { .proto = NET_TCP, .fd = listener, .address = address } },
        .listener_count = 1,
        .gate = gate,
        .board = board,
        .row = member->row,
        .generation = (uint32_t)member->row + 1,
        .order_fd = order_fd,
        .is_held = is_held,
        .room = fixture_room,
        .room_row = member->row,
        .sessions_max = most,
        .refuses_when_full = true,
        .write_buffer_bytes = 262144 };
    worker_main(args);
}

/* A worker, READY. */
static inline struct member start(enum worker_model model, unsigned most, bool is_held) {
    struct member member;
    struct contract_record report;
    int child_fd, fds[CONTRACT_FDS_MAX];
    unsigned fd_count;

    member.row = scoreboard_claim_row(board, 0, 1, 1);
    cr_assert_eq(contract_pair(&member.order_fd, &child_fd), 0);
    gate_add_member(gate, (unsigned)member.row);
    member.pid = fork();
    if (member.pid == 0)
        fixture_run(&member, child_fd, model, most, is_held);
    close(child_fd);
    UNTIL(contract_receive(member.order_fd, &report, fds, &fd_count) == 1);
    cr_assert_eq(report.kind, REPORT_READY);
    return member;
}

static inline void order(const struct member *member, uint32_t kind, int fd) {
    const struct contract_record record = { .kind = kind, .pid = member->pid };

    cr_assert_eq(contract_send(member->order_fd, &record, &fd, fd >= 0), 0);
}

/* As the supervisor does it. */
static inline void replace(const struct member *old, const struct member *fresh) {
    int ends[2];

    cr_assert_eq(contract_pair(&ends[0], &ends[1]), 0);
    order(fresh, ORDER_TAKE, ends[1]);
    order(old, ORDER_GIVE, ends[0]);
    kill(old->pid, CONTRACT_SIGNAL_GIVE);
    close(ends[0]);
    close(ends[1]);
    order(fresh, ORDER_OPEN, -1);
}

/* The test is the new worker: its end of the channel. */
static inline int give_to_me(const struct member *old) {
    int ends[2];

    cr_assert_eq(contract_pair(&ends[0], &ends[1]), 0);
    order(old, ORDER_GIVE, ends[0]);
    kill(old->pid, CONTRACT_SIGNAL_GIVE);
    close(ends[0]);
    return ends[1];
}

/* The test is the old worker. */
static inline int take_from_me(const struct member *fresh) {
    int ends[2];

    cr_assert_eq(contract_pair(&ends[0], &ends[1]), 0);
    order(fresh, ORDER_TAKE, ends[1]);
    close(ends[1]);
    return ends[0];
}

static inline unsigned sessions(const struct member *member) {
    return board->row[member->row].sessions;
}

static inline int connect_one(void) {
    const struct timeval limit = { .tv_sec = PATIENCE_MS / 1000 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    cr_assert_eq(connect(fd, &address.sa.any, address.len), 0);
    return fd;
}

static inline bool echoes(int fd, const char *text) {
    char back[256];
    size_t len = strlen(text), got = 0;
    ssize_t n;

    if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
        return false;
    while (got < len && (n = recv(fd, back + got, len - got, 0)) > 0)
        got += (size_t)n;
    return got == len && memcmp(text, back, len) == 0;
}

/* So many connections, each with a session. */
static inline void connect_all(int *fd, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        fd[i] = connect_one();
        cr_assert(echoes(fd[i], "first"), "connection %u", i);
    }
}

static inline void close_all(const int *fd, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        close(fd[i]);
}

/* Its exit code; waits for its end. */
static inline int end_of(const struct member *member) {
    int status = -1;

    UNTIL(waitpid(member->pid, &status, WNOHANG) == member->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
