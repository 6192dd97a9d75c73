/* The three models do the same: byte for byte, over each kind of socket, with the same limits. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/suites.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)

/* Stop the daemon and forget its files, for the next round of a test. */
static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
}

/* ---- echo ---- */

static void fill(char *data, size_t len) {
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 131 + i / 256);
}

static void any_bytes_come_back(void) {
    static char data[1 << 20];
    struct daemon daemon;

    fill(data, sizeof(data));
    EACH_MODEL(m) {
        int fd;

        daemon_write_service("echo",
            "listen = [ \"tcp://127.0.0.1:0\", \"unix://echo.sock\" ]; model = \"%s\";",
            daemon_models[m]);
        daemon_start(&daemon);
        fd = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd, "\0\n\r\377", 4), "%s: short", daemon_models[m]);
        CHECK(daemon_echo(fd, data, sizeof(data)), "%s: long", daemon_models[m]);
        close(fd);
        fd = daemon_connect_unix("services.d/echo.sock");
        CHECK(daemon_echo(fd, data, sizeof(data)), "%s: over a UNIX socket", daemon_models[m]);
        close(fd);
        clear(&daemon);
    }
}

static void half_close_is_answered_to_the_end(void) {
    static char data[200000], back[200000];
    struct daemon daemon;

    fill(data, sizeof(data));
    EACH_MODEL(m) {
        size_t got = 0;
        ssize_t n;
        int fd, size = 1 << 20;

        daemon_write_service("echo", "model = \"%s\";", daemon_models[m]);
        daemon_start(&daemon);
        fd = daemon_connect(daemon.port);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        CHECK(send(fd, data, sizeof(data), MSG_NOSIGNAL) == sizeof(data), "send");
        shutdown(fd, SHUT_WR);
        while (got < sizeof(back) && (n = recv(fd, back + got, sizeof(back) - got, 0)) > 0)
            got += (size_t)n;
        CHECK(got == sizeof(back) && memcmp(data, back, got) == 0, "%s: %zu bytes",
            daemon_models[m], got);
        CHECK(daemon_is_closed(fd, 5000), "%s: no end", daemon_models[m]);
        close(fd);
        clear(&daemon);
    }
}

static void active_connections_are_told(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        int a, b;

        daemon_write_service("echo", "model = \"%s\";", daemon_models[m]);
        daemon_start(&daemon);
        a = daemon_connect(daemon.port);
        CHECK(daemon_echo(a, "a", 1), "echo");
        b = daemon_connect(daemon.port);
        CHECK(daemon_echo(b, "b", 1), "echo");
        CHECK(daemon_number("echo", "connections") == 2, "%s", daemon_models[m]);
        close(a);
        CHECK(harness_until(5000, daemon_number("echo", "connections") == 1), "one is left");
        close(b);
        CHECK(harness_until(5000, daemon_number("echo", "connections") == 0), "none is left");
        CHECK(harness_until(5000, daemon_log_count("event=disconnected") == 2), "%s", daemon_log());
        CHECK(daemon_log_count("active connections: 2") == 1, "%s", daemon_log());
        CHECK(daemon_log_count("active connections: 1") == 2, "%s", daemon_log());
        CHECK(daemon_log_count("active connections: 0") == 1, "%s", daemon_log());
        clear(&daemon);
    }
}

/* ---- limits ---- */

static void limit_of_connections_is_exact_and_refuses_with_a_line(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        int fd[5], extra;
        char line[64] = "";
        ssize_t n;

        daemon_write_service("echo",
            "model = \"%s\"; max_children = 8; max_connections = 5; when_full = \"refuse\"; "
            "full_line = \"come later\";",
            daemon_models[m]);
        daemon_start(&daemon);
        for (int i = 0; i < 5; i++) {
            fd[i] = daemon_connect(daemon.port);
            CHECK(daemon_echo(fd[i], "x", 1), "%s: connection %d", daemon_models[m], i);
        }
        extra = daemon_connect(daemon.port);
        n = recv(extra, line, sizeof(line) - 1, 0);
        CHECK(
            n == 11 && strcmp(line, "come later\n") == 0, "%s: %zd: %s", daemon_models[m], n, line);
        CHECK(daemon_is_closed(extra, 5000), "%s: not closed", daemon_models[m]);
        close(extra);
        close(fd[2]);
        CHECK(harness_until(5000, daemon_number("echo", "connections") == 4), "no room");
        fd[2] = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd[2], "x", 1), "%s: after one left", daemon_models[m]);
        CHECK(daemon_number("echo", "refused") == 1, "%s", daemon_models[m]);
        for (int i = 0; i < 5; i++)
            close(fd[i]);
        clear(&daemon);
    }
}

static void full_service_lets_wait_and_then_serves(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        int fd[3], waiting[2];
        struct pollfd watch;

        daemon_write_service(
            "echo", "model = \"%s\"; max_children = 8; max_connections = 3;", daemon_models[m]);
        daemon_start(&daemon);
        for (int i = 0; i < 3; i++) {
            fd[i] = daemon_connect(daemon.port);
            CHECK(daemon_echo(fd[i], "x", 1), "%s: connection %d", daemon_models[m], i);
        }
        for (int i = 0; i < 2; i++) {
            waiting[i] = daemon_connect(daemon.port);
            CHECK(send(waiting[i], "y", 1, 0) == 1, "send");
        }
        watch = (struct pollfd){ .fd = waiting[0], .events = POLLIN };
        CHECK(poll(&watch, 1, 200) == 0, "%s: the limit does not hold", daemon_models[m]);
        CHECK(daemon_number("echo", "connections") == 3, "%s", daemon_models[m]);
        close(fd[0]);
        close(fd[1]);
        for (int i = 0; i < 2; i++) {
            char byte = 0;
            CHECK(recv(waiting[i], &byte, 1, 0) == 1 && byte == 'y', "%s: waiting one %d: %s",
                daemon_models[m], i, strerror(errno));
            close(waiting[i]);
        }
        close(fd[2]);
        clear(&daemon);
    }
}

static void each_source_has_its_limit(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        int mine[2], other, extra;

        daemon_write_service("echo",
            "model = \"%s\"; max_children = 8; max_connections_per_source = 2;", daemon_models[m]);
        daemon_start(&daemon);
        for (int i = 0; i < 2; i++) {
            mine[i] = daemon_connect_from(daemon.port, 2);
            CHECK(daemon_echo(mine[i], "x", 1), "%s: connection %d", daemon_models[m], i);
        }
        extra = daemon_connect_from(daemon.port, 2);
        CHECK(daemon_is_closed(extra, 5000), "%s: a third is served", daemon_models[m]);
        close(extra);
        other = daemon_connect_from(daemon.port, 3);
        CHECK(daemon_echo(other, "x", 1), "%s: another source", daemon_models[m]);
        close(mine[0]);
        CHECK(harness_until(5000, daemon_number("echo", "connections") == 2), "no room");
        mine[0] = daemon_connect_from(daemon.port, 2);
        CHECK(daemon_echo(mine[0], "x", 1), "%s: after one left", daemon_models[m]);
        close(mine[0]);
        close(mine[1]);
        close(other);
        clear(&daemon);
    }
}

static void rate_is_the_same_in_each_model(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        unsigned served = 0;
        uint64_t began_ns;

        daemon_write_service(
            "echo", "model = \"%s\"; max_children = 4; max_rate = 20;", daemon_models[m]);
        daemon_start(&daemon);
        began_ns = harness_now_ns();
        for (int i = 0; i < 60; i++)
            served += daemon_exchange(daemon.port, 0) == NULL;
        /* A second's worth at once, and what came due meanwhile. */
        CHECK(served >= 20 && served <= 21 + 20 * (harness_now_ns() - began_ns) / 1000000000,
            "%s: %u served", daemon_models[m], served);
        CHECK(daemon_number("echo", "refused") == 60 - served, "%s", daemon_models[m]);
        clear(&daemon);
    }
}

static void idle_session_is_ended_and_a_busy_one_is_not(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        int idle, busy;
        uint64_t began_ns;

        daemon_write_service("echo", "model = \"%s\"; idle_timeout = \"400ms\";", daemon_models[m]);
        daemon_start(&daemon);
        idle = daemon_connect(daemon.port);
        busy = daemon_connect(daemon.port);
        CHECK(daemon_echo(idle, "x", 1) && daemon_echo(busy, "x", 1), "echo");
        began_ns = harness_now_ns();
        while (!daemon_is_closed(idle, 250)) {
            CHECK(daemon_echo(busy, "x", 1), "%s: the busy one is cut", daemon_models[m]);
            CHECK(harness_now_ns() - began_ns < 5000000000ull, "%s: never", daemon_models[m]);
        }
        CHECK(harness_now_ns() - began_ns > 300000000ull, "%s: too early", daemon_models[m]);
        CHECK(daemon_echo(busy, "x", 1), "%s: the busy one is cut", daemon_models[m]);
        CHECK(harness_until(5000, daemon_number("echo", "timed_out") == 1), "%s", daemon_models[m]);
        close(idle);
        close(busy);
        clear(&daemon);
    }
}

/* Fill both sockets' buffers without reading. */
static void flood(int fd) {
    static char data[65536];
    unsigned full = 0;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (full < 50)
        if (send(fd, data, sizeof(data), MSG_NOSIGNAL) < 0) {
            full++;
            harness_pause_us(2000);
        }
}

static void peer_that_does_not_read_is_ended_and_slows_nobody(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        int slow, other;

        daemon_write_service("echo", "model = \"%s\"; write_timeout = \"600ms\"; max_children = 2;",
            daemon_models[m]);
        daemon_start(&daemon);
        slow = daemon_connect(daemon.port);
        flood(slow);
        other = daemon_connect(daemon.port);
        CHECK(daemon_echo(other, "fast", 4), "%s: the other one waits", daemon_models[m]);
        CHECK(harness_until(5000, daemon_number("echo", "timed_out") == 1), "%s: not ended",
            daemon_models[m]);
        CHECK(daemon_echo(other, "fast", 4), "%s: the other one is gone", daemon_models[m]);
        close(slow);
        close(other);
        clear(&daemon);
    }
}

static void thousands_of_idle_connections_slow_nobody(void) {
    const unsigned count = harness_scale(2000, 10000), slow = count / 100;
    struct daemon daemon;
    struct rlimit files;
    int *fd = calloc(count, sizeof(*fd)), other;
    uint64_t began_ns, slowest_ns = 0;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < count + 100)
        harness_skip("only %lu descriptors are allowed", (unsigned long)files.rlim_max);
    daemon_write_service("echo",
        "model = \"event\"; max_children = 2; worker_connections = %u; backlog = 4096;", count);
    daemon_start(&daemon);
    for (unsigned i = 0; i < count; i++) {
        fd[i] = daemon_connect_from(daemon.port, 2 + i % 200);
        if (i < slow)
            CHECK(daemon_echo(fd[i], "s", 1), "connection %u", i);
    }
    for (unsigned i = 0; i < slow; i++) {
        static char data[65536];
        fcntl(fd[i], F_SETFL, O_NONBLOCK);
        while (send(fd[i], data, sizeof(data), MSG_NOSIGNAL) > 0)
            ;
    }
    other = daemon_connect(daemon.port);
    for (int i = 0; i < 200; i++) {
        began_ns = harness_now_ns();
        CHECK(daemon_echo(other, "hello", 5), "no echo");
        if (harness_now_ns() - began_ns > slowest_ns)
            slowest_ns = harness_now_ns() - began_ns;
    }
    CHECK(harness_until(20000, daemon_number("echo", "connections") == count + 1), "%lu",
        (unsigned long)daemon_number("echo", "connections"));
    harness_figure("connections=%u, of them not reading=%u, slowest of 200 echoes=%lu us", count,
        slow, (unsigned long)(slowest_ns / 1000));
    CHECK(slowest_ns < 1000000000ull, "an echo took %lu ms", (unsigned long)(slowest_ns / 1000000));
    for (unsigned i = 0; i < count; i++)
        close(fd[i]);
    close(other);
    clear(&daemon);
}

/* A worker without descriptors waits; nobody is turned away. */
static void worker_without_descriptors_serves_when_it_has_some(void) {
    struct daemon daemon;
    int fd[40];

    daemon_write_service("echo", "model = \"event\"; max_children = 1; rlimit_nofile = 24;");
    daemon_start(&daemon);
    for (int i = 0; i < 40; i++) {
        fd[i] = daemon_connect(daemon.port);
        CHECK(send(fd[i], "z", 1, 0) == 1, "send");
    }
    CHECK(harness_until(5000, strstr(daemon_log(), "no connection can be accepted") != NULL), "%s",
        daemon_log());
    for (int i = 0; i < 40; i++) {
        char byte = 0;
        CHECK(
            recv(fd[i], &byte, 1, 0) == 1 && byte == 'z', "connection %d: %s", i, strerror(errno));
        close(fd[i]);
    }
    clear(&daemon);
}

/* ---- datagrams ---- */

static int open_udp(uint16_t from_port, uint16_t to_port) {
    const struct timeval limit = { .tv_sec = 5 };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(from_port) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind: %s", strerror(errno));
    address.sin_port = htons(to_port);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
    return fd;
}

static void datagrams_are_echoed_whole(void) {
    static char data[60000], back[65536];
    struct daemon daemon;

    fill(data, sizeof(data));
    EACH_MODEL(m) {
        static const size_t sizes[] = { 1, 64, 1472, 9000, sizeof(data), 0 };
        int fd;

        daemon_write_service(
            "echo", "listen = [ \"udp://127.0.0.1:0\" ]; model = \"%s\";", daemon_models[m]);
        daemon_start(&daemon);
        fd = open_udp(0, daemon_port("echo", "udp"));
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            CHECK(send(fd, data, sizes[i], 0) == (ssize_t)sizes[i], "send");
            CHECK(recv(fd, back, sizeof(back), 0) == (ssize_t)sizes[i] &&
                      memcmp(data, back, sizes[i]) == 0,
                "%s: %zu bytes: %s", daemon_models[m], sizes[i], strerror(errno));
        }
        close(fd);
        clear(&daemon);
    }
}

static void datagrams_that_could_loop_are_not_answered(void) {
    struct daemon daemon;
    struct pollfd watch;
    int low, good;
    uint16_t port;

    daemon_write_service("echo", "listen = [ \"udp://127.0.0.1:0\" ]; model = \"event\";");
    daemon_start(&daemon);
    port = daemon_port("echo", "udp");
    if (geteuid() == 0)
        low = open_udp(777, port);
    else
        low = open_udp(2049, port);
    good = open_udp(0, port);
    CHECK(send(low, "loop", 4, 0) == 4 && send(good, "fine", 4, 0) == 4, "send");
    watch = (struct pollfd){ .fd = good, .events = POLLIN };
    CHECK(poll(&watch, 1, 5000) == 1, "the good one has no answer");
    watch.fd = low;
    CHECK(poll(&watch, 1, 100) == 0, "a port below 1024 was answered");
    CHECK(daemon_number("echo", "dropped") == 1, "not counted");
    close(low);
    close(good);
    clear(&daemon);
}

static void ack_answers_and_shows_what_it_got(void) {
    struct daemon daemon;
    char back[64] = "";
    int fd;

    daemon_write_service("echo", "%s", "");
    daemon_write_service("ack",
        "type = \"ack\"; listen = [ \"udp://127.0.0.1:0\" ]; model = \"event\"; max_children = 1;");
    daemon_start(&daemon);
    fd = open_udp(0, daemon_port("ack", "udp"));
    CHECK(send(fd, "say \033[31mred\n", 13, 0) == 13, "send");
    CHECK(recv(fd, back, sizeof(back), 0) == 2 && memcmp(back, "OK", 2) == 0, "%s", back);
    CHECK(harness_until(5000, daemon_log_count("event=datagram") == 1), "%s", daemon_log());
    CHECK(strchr(daemon_log(), '\033') == NULL, "an escape sequence stands in the log");
    CHECK(strstr(daemon_log(), "red\\n") != NULL, "%s", daemon_log());
    close(fd);
    clear(&daemon);
}

static void unused_service_stops_when_so_configured(void) {
    struct daemon daemon;
    char back[8];
    int fd;

    daemon_write_service("echo", "%s", "");
    daemon_write_service("ack",
        "type = \"ack\"; listen = [ \"udp://127.0.0.1:0\" ]; model = \"event\"; max_children = 2; "
        "idle_stop = \"700ms\";");
    daemon_start(&daemon);
    fd = open_udp(0, daemon_port("ack", "udp"));
    for (int i = 0; i < 6; i++) { /* in use it goes on */
        CHECK(send(fd, "x", 1, 0) == 1 && recv(fd, back, sizeof(back), 0) == 2, "round %d", i);
        harness_pause_us(200000);
    }
    CHECK(harness_until(5000, strcmp(daemon_state("ack"), "STOPPED") == 0), "%s",
        daemon_state("ack"));
    CHECK(strcmp(json_string_value(json_object_get(daemon_service("ack"), "state_reason")),
              "idle") == 0,
        "no reason");
    CHECK(strcmp(daemon_state("echo"), "RUNNING") == 0, "the other service stopped too");
    close(fd);
    clear(&daemon);
}

static const struct harness_test tests[] = {
    { "any_bytes_come_back", any_bytes_come_back },
    { "half_close_is_answered_to_the_end", half_close_is_answered_to_the_end },
    { "active_connections_are_told", active_connections_are_told },
    { "limit_of_connections_is_exact_and_refuses_with_a_line",
        limit_of_connections_is_exact_and_refuses_with_a_line },
    { "full_service_lets_wait_and_then_serves", full_service_lets_wait_and_then_serves },
    { "each_source_has_its_limit", each_source_has_its_limit },
    { "rate_is_the_same_in_each_model", rate_is_the_same_in_each_model },
    { "idle_session_is_ended_and_a_busy_one_is_not", idle_session_is_ended_and_a_busy_one_is_not },
    { "peer_that_does_not_read_is_ended_and_slows_nobody",
        peer_that_does_not_read_is_ended_and_slows_nobody },
    { "thousands_of_idle_connections_slow_nobody", thousands_of_idle_connections_slow_nobody },
    { "worker_without_descriptors_serves_when_it_has_some",
        worker_without_descriptors_serves_when_it_has_some },
    { "datagrams_are_echoed_whole", datagrams_are_echoed_whole },
    { "datagrams_that_could_loop_are_not_answered", datagrams_that_could_loop_are_not_answered },
    { "ack_answers_and_shows_what_it_got", ack_answers_and_shows_what_it_got },
    { "unused_service_stops_when_so_configured", unused_service_stops_when_so_configured },
    { .name = NULL },
};

const struct harness_suite daemon_model_suite = { "daemon_model", tests };
