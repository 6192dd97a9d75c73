/* Sessions go on in new workers, and their peers see nothing of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/streams.h"
#include "tests/system/suites.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)
#define SESSIONS      8u
#define UNIX_PATH     "services.d/echo.sock"

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}

static void restart(void) {
    daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
}

/* True when none of the workers that were is left. */
static bool are_new(const pid_t *before, size_t count) {
    pid_t now[DAEMON_WORKERS_MAX];
    size_t n = daemon_workers("echo", NULL, now);

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < count; k++)
            if (now[i] == before[k])
                return false;
    return n == count;
}

/* ---- persistent sessions ---- */

static void go_through_restarts(size_t m, bool is_unix) {
    const unsigned rounds = harness_scale(20, 100);
    struct daemon daemon;
    struct streams *streams;
    pid_t pid[DAEMON_WORKERS_MAX];
    size_t count;

    daemon_write_service("echo",
        "listen = [ \"tcp://127.0.0.1:0\", \"unix://echo.sock\" ]; model = \"%s\"; "
        "max_children = %u; max_recycling = 2; max_spawn_rate = 1000;",
        daemon_models[m], m == 0 ? SESSIONS : 2);
    daemon_start(&daemon);
    streams = streams_start(SESSIONS, daemon.port, is_unix ? UNIX_PATH : NULL);
    CHECK(harness_until(5000, daemon_number("echo", "connections") == SESSIONS), "%lu sessions",
        (unsigned long)daemon_number("echo", "connections"));
    for (unsigned i = 0; i < rounds; i++) {
        count = daemon_workers("echo", NULL, pid);
        restart();
        streams_go_on(streams, 20);
        CHECK(streams->failed == 0, "%s, round %u: %s", daemon_models[m], i, streams->why);
        CHECK(harness_until(5000, are_new(pid, count)), "%s, round %u: an old worker stays: %s",
            daemon_models[m], i, daemon_log());
    }
    CHECK(streams_stop(streams) == 0, "%s: %s", daemon_models[m], streams->why);
    harness_figure("%s over %s: restarts=%u answers=%lu handed over=%lu", daemon_models[m],
        is_unix ? "UNIX" : "TCP", rounds, (unsigned long)streams->answered,
        (unsigned long)daemon_number("echo", "handed_over"));
    CHECK(daemon_number("echo", "handed_over") == SESSIONS * rounds, "%s: %lu handed over",
        daemon_models[m], (unsigned long)daemon_number("echo", "handed_over"));
    CHECK(daemon_number("echo", "connections_total") == SESSIONS, "%s: counted again",
        daemon_models[m]);
    CHECK(daemon_number("echo", "cut") == 0 && daemon_number("echo", "restarts") == 0, "%s: %s",
        daemon_models[m], daemon_log());
    CHECK(harness_until(5000, daemon_number("echo", "connections") == 0), "%s: drifts",
        daemon_models[m]);
    clear(&daemon);
}

static void restarts_lose_no_request_over_tcp(void) {
    EACH_MODEL(m)
    go_through_restarts(m, false);
}

static void restarts_lose_no_request_over_unix_sockets(void) {
    EACH_MODEL(m)
    go_through_restarts(m, true);
}

/* The next restart does not wait for the end of the last one: what comes goes on through. */
static void restarts_on_each_other_s_heels_lose_no_request(void) {
    const unsigned rounds = harness_scale(40, 400);

    EACH_MODEL(m) {
        struct daemon daemon;
        struct streams *streams;
        pid_t pid[DAEMON_WORKERS_MAX];

        daemon_write_service("echo",
            "model = \"%s\"; max_children = %u; max_recycling = 100; max_spawn_rate = 1000;",
            daemon_models[m], m == 0 ? SESSIONS : 2);
        daemon_start(&daemon);
        streams = streams_start(SESSIONS, daemon.port, NULL);
        CHECK(harness_until(5000, daemon_number("echo", "connections") == SESSIONS), "%lu sessions",
            (unsigned long)daemon_number("echo", "connections"));
        for (unsigned i = 0; i < rounds; i++)
            restart();
        CHECK(harness_until(5000, daemon_workers("echo", NULL, pid) == (m == 0 ? SESSIONS : 2)),
            "%s: old workers stay: %s", daemon_models[m], daemon_log());
        streams_go_on(streams, 20);
        CHECK(streams_stop(streams) == 0, "%s: %s", daemon_models[m], streams->why);
        harness_figure("%s: restarts=%u answers=%lu handed over=%lu", daemon_models[m], rounds,
            (unsigned long)streams->answered, (unsigned long)daemon_number("echo", "handed_over"));
        CHECK(daemon_number("echo", "cut") == 0 && daemon_number("echo", "restarts") == 0, "%s: %s",
            daemon_models[m], daemon_log());
        clear(&daemon);
    }
}

/* ---- what a peer does not read ---- */

static char pattern(size_t at) {
    return (char)(at * 131 + at / 251);
}

/* Until neither side's buffers take more. Returns how many bytes went in. */
static size_t flood(int fd) {
    char data[32768];
    size_t sent = 0;
    ssize_t n;

    for (unsigned full = 0; full < 20;) {
        for (size_t i = 0; i < sizeof(data); i++)
            data[i] = pattern(sent + i);
        n = send(fd, data, sizeof(data), MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        full = n > 0 ? 0 : full + 1;
        if (n < 0)
            harness_pause_us(1000);
    }
    return sent;
}

static void slow_reader_keeps_its_bytes_in_order(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        size_t sent, got = 0;
        char data[32768];
        ssize_t n;
        int fd;

        daemon_write_service("echo", "model = \"%s\"; max_children = 1;", daemon_models[m]);
        daemon_start(&daemon);
        fd = daemon_connect(daemon.port);
        sent = flood(fd);
        for (unsigned i = 0; i < 3; i++) {
            restart();
            CHECK(harness_until(5000, daemon_number("echo", "handed_over") == i + 1), "%s: %lu",
                daemon_models[m], (unsigned long)daemon_number("echo", "handed_over"));
        }
        while (got < sent && (n = recv(fd, data, sizeof(data), 0)) > 0)
            for (ssize_t i = 0; i < n && data[i] == pattern(got); i++)
                got++;
        CHECK(got == sent, "%s: %zu of %zu bytes", daemon_models[m], got, sent);
        CHECK(daemon_echo(fd, "more", 4), "%s: it does not go on", daemon_models[m]);
        close(fd);
        clear(&daemon);
    }
}

/* ---- what does not give, and what does not take ---- */

/* The old one stops inside a hook: the new one serves, and the session goes on when it can. */
static void hung_old_worker_keeps_nobody_waiting(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        pid_t old[DAEMON_WORKERS_MAX], now[DAEMON_WORKERS_MAX];
        char back[8] = "";
        uint64_t began_ns;
        int fd;

        setenv("PREFORK_FAILPOINT", "hook:2:stop", 1);
        daemon_write_service("echo", "model = \"%s\"; max_children = 1;", daemon_models[m]);
        daemon_start(&daemon);
        CHECK(daemon_workers("echo", NULL, old) == 1, "workers");
        fd = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd, "one", 3) && send(fd, "two", 3, 0) == 3, "echo");
        CHECK(harness_until(5000, daemon_number("echo", "requests") == 2), "not in the hook");
        restart();
        began_ns = harness_now_ns();
        CHECK(daemon_exchange(daemon.port, 0) == NULL, "%s: the new one", daemon_models[m]);
        harness_figure("%s: served after %.0f ms", daemon_models[m],
            (double)(harness_now_ns() - began_ns) / 1e6);
        CHECK(harness_now_ns() - began_ns < 2000000000ull, "%s: late", daemon_models[m]);
        CHECK(kill(old[0], SIGCONT) == 0, "%s: it is gone", daemon_models[m]);
        CHECK(recv(fd, back, sizeof(back), 0) == 3, "%s: %s", daemon_models[m], strerror(errno));
        CHECK(daemon_echo(fd, "three", 5), "%s: it does not go on", daemon_models[m]);
        /* The process had a session of its own meanwhile: then the old one keeps this. */
        CHECK(m == 0 || harness_until(5000, daemon_number("echo", "handed_over") == 1), "%s",
            daemon_models[m]);
        close(fd);
        CHECK(harness_until(5000, daemon_workers("echo", NULL, now) == 1), "it stays");
        clear(&daemon);
    }
}

/* The one that has stopped goes on; CHECKs that there is one. */
static void wake_stopped(const char *service) {
    pid_t pid[DAEMON_WORKERS_MAX];

    CHECK(harness_until(5000, daemon_workers(service, NULL, pid) == 2 &&
                                  (harness_is_stopped(pid[0]) || harness_is_stopped(pid[1]))),
        "%s: nobody has stopped", service);
    kill(harness_is_stopped(pid[0]) ? pid[0] : pid[1], SIGCONT);
}

/*
 * The new one stops before it has said that it has the session: then the old one has it. One
 * service for each model, since each has to wait for some seconds.
 */
static void new_worker_that_stops_leaves_sessions_where_they_are(void) {
    static const char *const service[] = { "echo", "threads", "events" };
    struct daemon daemon;
    pid_t pid[DAEMON_WORKERS_MAX];
    char back[8];
    int fd[3];

    setenv("PREFORK_FAILPOINT", "take:0:stop", 1);
    EACH_MODEL(m)
    daemon_write_service(
        service[m], "model = \"%s\"; max_children = 1; max_connections = 1;", daemon_models[m]);
    daemon_start(&daemon);
    EACH_MODEL(m) {
        CHECK(harness_until(5000, daemon_number(service[m], "ready") == 1), "%s", service[m]);
        fd[m] = daemon_connect(daemon_port(service[m], "tcp"));
        CHECK(daemon_echo(fd[m], "one", 3), "echo");
    }
    EACH_MODEL(m)
    daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"%s\",\"wait\":true}}", service[m]);
    EACH_MODEL(m) {
        CHECK(send(fd[m], "two", 3, MSG_NOSIGNAL) == 3, "send");
        CHECK(recv(fd[m], back, sizeof(back), 0) == 3, "%s: it does not go on", service[m]);
    }
    EACH_MODEL(m) {
        wake_stopped(service[m]);
        CHECK(daemon_echo(fd[m], "three", 5), "%s: it does not go on", service[m]);
        CHECK(daemon_number(service[m], "handed_over") == 0, "%s", service[m]);
        close(fd[m]);
        CHECK(harness_until(5000, daemon_workers(service[m], NULL, pid) == 1), "it stays");
        CHECK(daemon_exchange(daemon_port(service[m], "tcp"), 0) == NULL, "%s: a slot is lost",
            service[m]);
    }
    clear(&daemon);
}

/* ---- kills ---- */

/* How many sessions break when somebody with one session is killed there. */
static const struct {
    const char *failpoint;
    unsigned least, most;
    unsigned most_of_many; /* where a worker has more than one */
} kills[] = {
    { "give:3", 1, 1, SESSIONS }, /* the old one, before the parcel leaves */
    /* the old one, after it: the new one may have said that it has it */
    { "given:3", 0, 1, SESSIONS }, { "take:3", 0, 0, 2 }, /* the new one, before it says so */
    { "taken:3", 1, 1, 3 },                               /* the new one, after it */
};

static void die_at(size_t k, size_t m) {
    const unsigned workers = m == 0 ? SESSIONS + 1 : 2; /* one that refuses */
    struct daemon daemon;
    struct streams *streams;
    pid_t pid[DAEMON_WORKERS_MAX];
    unsigned failed;
    int fd[SESSIONS];

    setenv("PREFORK_FAILPOINT", kills[k].failpoint, 1);
    daemon_write_service("echo",
        "model = \"%s\"; max_children = %u; max_connections = %u; when_full = \"refuse\"; "
        "max_spawn_rate = 1000;",
        daemon_models[m], workers, SESSIONS);
    daemon_start(&daemon);
    streams = streams_start(SESSIONS, daemon.port, NULL);
    CHECK(harness_until(5000, daemon_number("echo", "connections") == SESSIONS), "%lu sessions",
        (unsigned long)daemon_number("echo", "connections"));
    streams_go_on(streams, SESSIONS);
    restart();
    CHECK(harness_until(5000, daemon_number("echo", "ready") == workers), "%s: %s",
        kills[k].failpoint, daemon_log());
    CHECK(harness_until(5000, strstr(daemon_log(), "SIGKILL") != NULL), "%s: nobody died",
        kills[k].failpoint);
    /* Each is served or broken, and has seen which. */
    streams_go_on(streams, 20 * SESSIONS);
    CHECK(harness_until(5000, streams->failed + daemon_number("echo", "connections") == SESSIONS),
        "%s, %s: %u broke, %lu are served", daemon_models[m], kills[k].failpoint, streams->failed,
        (unsigned long)daemon_number("echo", "connections"));
    failed = streams->failed;
    CHECK(failed >= (m == 0 ? kills[k].least : 0) &&
              failed <= (m == 0 ? kills[k].most : kills[k].most_of_many),
        "%s, %s: %u sessions broke: %s", daemon_models[m], kills[k].failpoint, failed,
        streams->why);
    CHECK(
        streams_stop(streams) == failed, "%s: one more broke: %s", daemon_models[m], streams->why);
    /* All slots are free again when the old ones are gone: no more, no less. */
    CHECK(harness_until(5000, daemon_number("echo", "connections") == 0 &&
                                  daemon_workers("echo", NULL, pid) == workers),
        "%s: drifts", daemon_models[m]);
    for (unsigned i = 0; i < SESSIONS; i++) {
        fd[i] = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd[i], "x", 1), "%s, %s: connection %u", daemon_models[m],
            kills[k].failpoint, i);
    }
    CHECK(daemon_exchange(daemon.port, 0) != NULL, "%s, %s: one more", daemon_models[m],
        kills[k].failpoint);
    for (unsigned i = 0; i < SESSIONS; i++)
        close(fd[i]);
    clear(&daemon);
}

static void kill_at_any_step_costs_the_killed_one_s_sessions(void) {
    for (size_t k = 0; k < sizeof(kills) / sizeof(kills[0]); k++)
        EACH_MODEL(m)
    die_at(k, m);
}

/* ---- limits ---- */

static void limits_hold_through_restarts(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        int fd[5];

        daemon_write_service("echo",
            "model = \"%s\"; max_children = 6; max_connections = 5; when_full = \"refuse\"; "
            "max_connections_per_source = 4;",
            daemon_models[m]);
        daemon_start(&daemon);
        for (unsigned i = 0; i < 5; i++) {
            fd[i] = daemon_connect_from(daemon.port, i < 4 ? 2 : 3);
            CHECK(daemon_echo(fd[i], "x", 1), "%s: connection %u", daemon_models[m], i);
        }
        for (unsigned round = 0; round < 3; round++) {
            restart();
            CHECK(harness_until(5000, daemon_number("echo", "handed_over") == 5 * (round + 1)),
                "%s: %lu", daemon_models[m], (unsigned long)daemon_number("echo", "handed_over"));
            CHECK(daemon_exchange(daemon.port, 4) != NULL, "%s: a sixth", daemon_models[m]);
            for (unsigned i = 0; i < 5; i++)
                CHECK(daemon_echo(fd[i], "y", 1), "%s: connection %u", daemon_models[m], i);
        }
        close(fd[4]);
        CHECK(harness_until(5000, daemon_number("echo", "connections") == 4), "one is left");
        CHECK(daemon_exchange(daemon.port, 2) != NULL, "%s: its source has four", daemon_models[m]);
        CHECK(harness_until(5000, daemon_exchange(daemon.port, 3) == NULL), "%s: there is room",
            daemon_models[m]);
        for (unsigned i = 0; i < 4; i++)
            close(fd[i]);
        clear(&daemon);
    }
}

/* ---- those that stay ---- */

static void request_that_meets_the_cut_is_counted(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        pid_t pid[DAEMON_WORKERS_MAX];
        char byte;
        int fd;

        setenv("PREFORK_FAILPOINT", "pack:0:fail", 1);
        daemon_write_service("echo",
            "model = \"%s\"; max_children = 1; graceful_timeout = \"150ms\";", daemon_models[m]);
        daemon_start(&daemon);
        fd = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd, "before", 6), "echo");
        restart();
        CHECK(daemon_echo(fd, "draining", 8), "%s: cut at once", daemon_models[m]);
        CHECK(recv(fd, &byte, 1, 0) == 0, "%s: no end", daemon_models[m]);
        CHECK(send(fd, "too late", 8, MSG_NOSIGNAL) == 8, "send");
        CHECK(harness_until(5000, daemon_number("echo", "cut_unanswered") == 1), "%s: %lu",
            daemon_models[m], (unsigned long)daemon_number("echo", "cut_unanswered"));
        close(fd);
        CHECK(harness_until(5000, daemon_workers("echo", NULL, pid) == 1), "it stays");
        CHECK(daemon_number("echo", "cut") == 1 && daemon_number("echo", "handed_over") == 0, "%s",
            daemon_models[m]);
        clear(&daemon);
    }
}

/* ---- datagrams ---- */

struct datagram_client {
    _Atomic unsigned answered, lost;
    _Atomic bool is_over;
    pid_t pid;
};

static struct datagram_client *start_datagrams(uint16_t port) {
    struct datagram_client *client = mmap(
        NULL, sizeof(*client), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    const struct timeval limit = { .tv_sec = 2 };
    uint32_t back = 0;
    pid_t pid;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect: %s", strerror(errno));
    pid = fork();
    for (uint32_t i = 0; pid == 0 && !client->is_over; i++)
        if (send(fd, &i, sizeof(i), 0) == sizeof(i) &&
            recv(fd, &back, sizeof(back), 0) == sizeof(back) && back == i)
            client->answered++;
        else
            client->lost++;
    if (pid == 0)
        _exit(0);
    client->pid = pid;
    close(fd);
    return client;
}

static void stop_datagrams(struct datagram_client *client) {
    client->is_over = true;
    waitpid(client->pid, NULL, 0);
}

static void datagrams_are_answered_through_restarts(void) {
    const unsigned rounds = harness_scale(20, 100);

    EACH_MODEL(m) {
        struct daemon daemon;
        struct datagram_client *client;

        daemon_write_service("echo",
            "listen = [ \"udp://127.0.0.1:0\" ]; model = \"%s\"; max_recycling = 2; "
            "max_spawn_rate = 1000;",
            daemon_models[m]);
        daemon_start(&daemon);
        client = start_datagrams(daemon_port("echo", "udp"));
        for (unsigned i = 0; i < rounds; i++) {
            unsigned before = client->answered;
            restart();
            CHECK(harness_until(5000, client->answered > before), "%s, round %u: no answer",
                daemon_models[m], i);
        }
        stop_datagrams(client);
        harness_figure("%s: restarts=%u datagrams=%u lost=%u", daemon_models[m], rounds,
            client->answered, client->lost);
        CHECK(client->lost == 0 && client->answered >= rounds, "%s: %u of %u lost",
            daemon_models[m], client->lost, client->answered);
        clear(&daemon);
    }
}

static const struct harness_test tests[] = {
    { "restarts_lose_no_request_over_tcp", restarts_lose_no_request_over_tcp },
    { "restarts_lose_no_request_over_unix_sockets", restarts_lose_no_request_over_unix_sockets },
    { "restarts_on_each_other_s_heels_lose_no_request",
        restarts_on_each_other_s_heels_lose_no_request },
    { "slow_reader_keeps_its_bytes_in_order", slow_reader_keeps_its_bytes_in_order },
    { "hung_old_worker_keeps_nobody_waiting", hung_old_worker_keeps_nobody_waiting },
    { "new_worker_that_stops_leaves_sessions_where_they_are",
        new_worker_that_stops_leaves_sessions_where_they_are },
    { "kill_at_any_step_costs_the_killed_one_s_sessions",
        kill_at_any_step_costs_the_killed_one_s_sessions },
    { "limits_hold_through_restarts", limits_hold_through_restarts },
    { "request_that_meets_the_cut_is_counted", request_that_meets_the_cut_is_counted },
    { "datagrams_are_answered_through_restarts", datagrams_are_answered_through_restarts },
    { .name = NULL },
};

const struct harness_suite daemon_handover_suite = { "daemon_handover", tests };
