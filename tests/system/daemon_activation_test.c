/* Sockets that are handed over by LISTEN_FDS: used, kept, or closed and told. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000

/* ---- what is handed over ---- */

/* Bound and, if it is a stream, listening, at the number where the daemon expects it. */
static void hand_over(int at, int fd) {
    CHECK(fd >= 0 && dup2(fd, at) == at, "dup2: %s", strerror(errno));
    if (fd != at)
        close(fd);
}

static uint16_t hand_over_port(int at, int type) {
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, type, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&address, len) == 0, "bind: %s", strerror(errno));
    CHECK(type != SOCK_STREAM || listen(fd, 64) == 0, "listen: %s", strerror(errno));
    getsockname(fd, (struct sockaddr *)&address, &len);
    hand_over(at, fd);
    return ntohs(address.sin_port);
}

static void hand_over_path(int at, const char *path) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    CHECK(strlen(path) < sizeof(address.sun_path), "%s", path);
    strcpy(address.sun_path, path);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind: %s", strerror(errno));
    CHECK(listen(fd, 64) == 0, "listen: %s", strerror(errno));
    hand_over(at, fd);
}

static ino_t inode_of(int fd) {
    struct stat st;

    CHECK(fstat(fd, &st) == 0, "%d: %s", fd, strerror(errno));
    return st.st_ino;
}

/* Whether a process has this socket open. */
static bool has_socket(pid_t pid, ino_t inode) {
    char path[64], target[64], wanted[64];
    ssize_t n;

    snprintf(wanted, sizeof(wanted), "socket:[%lu]", (unsigned long)inode);
    for (int fd = 0; fd < 100; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
        n = readlink(path, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        if (strcmp(target, wanted) == 0)
            return true;
    }
    return false;
}

/* exec keeps the pid, so the shell's is the daemon's. */
static void start(struct daemon *daemon, unsigned count, const char *names) {
    char line[256];
    const char *const argv[] = { "/bin/sh", "-c", line, harness_program("preforkd"), NULL };

    snprintf(line, sizeof(line),
        "LISTEN_PID=$$ LISTEN_FDS=%u LISTEN_FDNAMES='%s' exec \"$0\" -F -f preforkd.conf", count,
        names);
    harness_start(&daemon->proc, argv, 0);
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("echo is RUNNING") > 0), "%s %s",
        daemon_log(), harness_read_file(daemon->proc.err, NULL));
}

static bool answers_datagram(uint16_t port) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    const struct timeval limit = { .tv_sec = 5 };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char byte = 'x';
    bool is_good;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    is_good = sendto(fd, &byte, 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1 &&
              recv(fd, &byte, 1, 0) == 1;
    close(fd);
    return is_good;
}

/* ---- */

static void sockets_that_are_handed_over_are_served(void) {
    for (size_t m = 0; m < 3; m++) {
        uint16_t tcp = hand_over_port(3, SOCK_STREAM), udp = hand_over_port(4, SOCK_DGRAM);
        struct daemon daemon;
        char here[64], path[128];

        CHECK(getcwd(here, sizeof(here)) != NULL, "no folder");
        snprintf(path, sizeof(path), "%s/echo.sock", here);
        hand_over_path(5, path);
        /* With strict, to bind one of them anew would fail. */
        daemon_write_service("echo",
            "model = \"%s\"; listen = [ \"tcp://127.0.0.1:%u\", \"udp://127.0.0.1:%u\", "
            "\"unix://%s\" ]; port_policy = \"strict\";",
            daemon_models[m], tcp, udp, path);
        start(&daemon, 3, "echo:echo:echo");
        CHECK(daemon_exchange(tcp, 0) == NULL, "%s: tcp: %s", daemon_models[m],
            daemon_exchange(tcp, 0));
        CHECK(answers_datagram(udp), "%s: udp", daemon_models[m]);
        CHECK(daemon_exchange_unix(path) == NULL, "%s: unix: %s", daemon_models[m],
            daemon_exchange_unix(path));
        CHECK(!harness_exists("echo.sock.lock"), "it was locked as if it were ours");
        CHECK(daemon_log_count("event=socket_unused") == 0, "%s", daemon_log());
        daemon_stop(&daemon);
        CHECK(harness_exists(path), "%s: the socket is unlinked", daemon_models[m]);
        unlink(path);
        unlink("preforkd.log");
    }
}

static void stopped_service_keeps_its_socket_and_starts_again(void) {
    for (int is_ondemand = 0; is_ondemand < 2; is_ondemand++) {
        uint16_t port = hand_over_port(3, SOCK_STREAM);
        struct daemon daemon;
        int early;

        daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:%u\" ]; pm = \"%s\";", port,
            is_ondemand ? "ondemand" : "static");
        start(&daemon, 1, "echo");
        CHECK(daemon_exchange(port, 0) == NULL, "before");
        daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"echo\"}}");
        CHECK(strcmp(daemon_state("echo"), "STOPPED") == 0, "%s", daemon_state("echo"));
        CHECK(json_array_size(json_object_get(daemon_service("echo"), "listen")) == 0, "listens");
        /* Nobody is turned away: who comes now is served when it starts again. */
        early = daemon_connect(port);
        daemon_do("{\"verb\":\"start\",\"args\":{\"service\":\"echo\"}}");
        CHECK(daemon_echo(early, "early", 5), "who waited is not served");
        close(early);
        CHECK(daemon_exchange(port, 0) == NULL, "after: %s", daemon_exchange(port, 0));
        CHECK(daemon_log_count("event=backlog_lost") == 0, "%s", daemon_log());
        daemon_stop(&daemon);
        unlink("preforkd.log");
    }
}

/* The queue outlives the stop, so nobody in it is lost, and nobody is told to be. */
static void who_waits_at_a_stop_is_served_after_the_start(void) {
    uint16_t port = hand_over_port(3, SOCK_STREAM);
    struct daemon daemon;
    int served, waiting;

    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:%u\" ]; max_children = 1;", port);
    start(&daemon, 1, "echo");
    served = daemon_connect(port);
    CHECK(daemon_echo(served, "one", 3), "the first is not served");
    waiting = daemon_connect(port);
    daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"echo\",\"wait\":false}}");
    CHECK(harness_until(
              PATIENCE_MS, json_array_size(json_object_get(daemon_service("echo"), "listen")) == 0),
        "it listens on");
    CHECK(strcmp(daemon_state("echo"), "STOPPING") == 0, "%s", daemon_state("echo"));
    close(served);
    CHECK(harness_until(PATIENCE_MS, strcmp(daemon_state("echo"), "STOPPED") == 0), "%s",
        daemon_state("echo"));
    daemon_do("{\"verb\":\"start\",\"args\":{\"service\":\"echo\"}}");
    CHECK(daemon_echo(waiting, "two", 3), "who waited is not served");
    close(waiting);
    CHECK(daemon_log_count("event=backlog_lost") == 0, "%s", daemon_log());
    daemon_stop(&daemon);
}

static void what_nobody_listens_on_is_closed_and_told(void) {
    struct daemon daemon;
    uint16_t port = hand_over_port(3, SOCK_STREAM), lost = hand_over_port(4, SOCK_STREAM);
    char wanted[256];
    ino_t unused = inode_of(4);

    hand_over(5, open("/dev/null", O_RDONLY));
    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:%u\" ];", port);
    start(&daemon, 3, "echo:stray:null");
    CHECK(daemon_exchange(port, 0) == NULL, "does not serve");
    snprintf(wanted, sizeof(wanted),
        "level=warn pid=%d event=socket_unused msg=\"descriptor 4 (\\\"stray\\\") was handed over "
        "and is closed: no service listens on tcp://127.0.0.1:%u\"",
        daemon.proc.pid, lost);
    CHECK(strstr(daemon_log(), wanted) != NULL, "%s", daemon_log());
    CHECK(strstr(daemon_log(), "descriptor 5 (\\\"null\\\") was handed over and is closed: it is "
                               "no socket") != NULL,
        "%s", daemon_log());
    CHECK(!has_socket(daemon.proc.pid, unused), "it is open");
    daemon_stop(&daemon);
}

static void children_have_only_their_own(void) {
    struct daemon daemon;
    uint16_t port[2] = { hand_over_port(3, SOCK_STREAM), hand_over_port(4, SOCK_STREAM) };
    ino_t inode[2] = { inode_of(3), inode_of(4) };
    pid_t pid[DAEMON_WORKERS_MAX], child[64];
    size_t count;

    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:%u\" ];", port[0]);
    daemon_write_service("second", "listen = [ \"tcp://127.0.0.1:%u\" ];", port[1]);
    start(&daemon, 2, "echo:second");
    CHECK(daemon_exchange(port[1], 0) == NULL, "second does not serve");
    CHECK(has_socket(daemon.proc.pid, inode[0]) && has_socket(daemon.proc.pid, inode[1]), "lost");
    CHECK(daemon_workers("echo", NULL, pid) == 2, "workers");
    CHECK(has_socket(pid[0], inode[0]) && !has_socket(pid[0], inode[1]), "echo's worker");
    CHECK(daemon_workers("second", NULL, pid) == 2, "workers");
    CHECK(!has_socket(pid[0], inode[0]) && has_socket(pid[0], inode[1]), "second's worker");
    count = harness_children(daemon.proc.pid, child, 64);
    CHECK(count == 5 && !has_socket(child[0], inode[0]) && !has_socket(child[0], inode[1]),
        "the log writer, the first of %zu children", count);
    daemon_stop(&daemon);
}

static void sockets_of_another_process_are_left_alone(void) {
    struct daemon daemon;
    uint16_t port = hand_over_port(3, SOCK_STREAM);

    setenv("LISTEN_PID", "1", 1);
    setenv("LISTEN_FDS", "1", 1);
    daemon_write_service(
        "echo", "listen = [ \"tcp://127.0.0.1:%u\" ]; port_policy = \"next\";", port);
    daemon_start(&daemon);
    CHECK(daemon.port != port, "it is used");
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "does not serve");
    CHECK(daemon_log_count("event=socket_unused") == 0, "%s", daemon_log());
    daemon_stop(&daemon);
}

/* The port is bound by whoever may; the daemon never needs the right. */
static void low_port_needs_no_privilege(void) {
    struct sockaddr_in address = { .sin_family = AF_INET };
    char line[512], here[64];
    const char *const argv[] = { "/bin/sh", "-c", line, NULL };
    struct daemon daemon;
    uint16_t port = 0;
    int fd = -1;

    if (geteuid() != 0)
        harness_skip("only root binds a low port");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (uint16_t try = 1000; port == 0 && try > 900; try--) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        address.sin_port = htons(try);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 8) == 0)
            port = try;
        else
            close(fd);
    }
    CHECK(port != 0, "no low port is free");
    hand_over(3, fd);
    CHECK(chmod(getcwd(here, sizeof(here)), 0777) == 0, "chmod");
    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:%u\" ];", port);
    snprintf(line, sizeof(line),
        "LISTEN_PID=$$ LISTEN_FDS=1 exec setpriv --reuid=nobody --regid=nogroup --clear-groups "
        "%s -F -f preforkd.conf",
        harness_program("preforkd"));
    harness_start(&daemon.proc, argv, 0);
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("echo is RUNNING") > 0), "%s %s",
        daemon_log(), harness_read_file(daemon.proc.err, NULL));
    CHECK(daemon_exchange(port, 0) == NULL, "%s", daemon_exchange(port, 0));
    daemon_stop(&daemon);
}

static const struct harness_test tests[] = {
    { "sockets_that_are_handed_over_are_served", sockets_that_are_handed_over_are_served },
    { "stopped_service_keeps_its_socket_and_starts_again",
        stopped_service_keeps_its_socket_and_starts_again },
    { "who_waits_at_a_stop_is_served_after_the_start",
        who_waits_at_a_stop_is_served_after_the_start },
    { "what_nobody_listens_on_is_closed_and_told", what_nobody_listens_on_is_closed_and_told },
    { "children_have_only_their_own", children_have_only_their_own },
    { "sockets_of_another_process_are_left_alone", sockets_of_another_process_are_left_alone },
    { "low_port_needs_no_privilege", low_port_needs_no_privilege },
    { .name = NULL },
};

const struct harness_suite daemon_activation_suite = { "daemon_activation", tests };
