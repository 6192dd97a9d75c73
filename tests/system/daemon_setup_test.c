/* What a worker is given before it serves: user, limits, place; and what it listens on. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/suites.h"

/* The words behind "Name:" in /proc/PID/status. */
static const char *status_of(pid_t pid, const char *name) {
    static char words[256];
    char path[64], *line;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    line = strstr(harness_read_file(path, NULL), name);
    CHECK(line != NULL, "%s has no %s", path, name);
    snprintf(words, sizeof(words), "%.*s", (int)strcspn(line, "\n"), line);
    return words;
}

static void worker_runs_as_its_user_and_dies_with_its_parent(void) {
    const struct passwd *nobody = getpwnam("nobody");
    struct daemon daemon;
    pid_t pid[DAEMON_WORKERS_MAX];
    char wanted[64], here[4096];

    if (geteuid() != 0 || nobody == NULL)
        harness_skip("only root becomes somebody else");
    CHECK(chmod(getcwd(here, sizeof(here)), 0755) == 0, "chmod");
    for (size_t m = 0; m < 3; m++) {
        daemon_write_service("echo", "model = \"%s\"; user = \"nobody\";", daemon_models[m]);
        daemon_start(&daemon);
        CHECK(daemon_workers("echo", NULL, pid) == 2, "workers");
        snprintf(wanted, sizeof(wanted), "Uid:\t%u\t%u\t%u\t%u", nobody->pw_uid, nobody->pw_uid,
            nobody->pw_uid, nobody->pw_uid);
        CHECK(strcmp(status_of(pid[0], "Uid:"), wanted) == 0, "%s", status_of(pid[0], "Uid:"));
        CHECK(strstr(status_of(pid[0], "NoNewPrivs:"), "\t1") != NULL, "may get privileges");
        CHECK(strcmp(status_of(pid[0], "CapEff:"), "CapEff:\t0000000000000000") == 0, "%s",
            status_of(pid[0], "CapEff:"));
        CHECK(strstr(status_of(daemon.proc.pid, "Uid:"), "\t0\t0") != NULL, "supervisor");
        CHECK(daemon_exchange(daemon.port, 0) == NULL, "%s: does not serve", daemon_models[m]);
        /* A change of user makes the kernel forget the death signal: it has to be set after. */
        kill(daemon.proc.pid, SIGKILL);
        harness_wait(&daemon.proc, 5000);
        CHECK(harness_until(5000, waitpid(-1, NULL, WNOHANG) < 0), "%s: something lives on",
            daemon_models[m]);
        unlink("preforkd.log");
    }
}

static void limits_and_place_are_set(void) {
    struct daemon daemon;
    pid_t pid[DAEMON_WORKERS_MAX];
    struct rlimit files, core;
    cpu_set_t cpus;

    daemon_write_service(
        "echo", "rlimit_nofile = 200; rlimit_core = 0; nice = 3; cpu_affinity = \"0\";");
    daemon_start(&daemon);
    CHECK(daemon_workers("echo", NULL, pid) == 2, "workers");
    CHECK(prlimit(pid[0], RLIMIT_NOFILE, NULL, &files) == 0 && files.rlim_cur == 200, "%lu files",
        (unsigned long)files.rlim_cur);
    CHECK(prlimit(pid[0], RLIMIT_CORE, NULL, &core) == 0 && core.rlim_cur == 0, "core");
    CHECK(getpriority(PRIO_PROCESS, (id_t)pid[0]) == 3, "nice %d",
        getpriority(PRIO_PROCESS, (id_t)pid[0]));
    CHECK(sched_getaffinity(pid[0], sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) == 1 &&
              CPU_ISSET(0, &cpus),
        "%d CPUs", CPU_COUNT(&cpus));
    daemon_stop(&daemon);
}

static void worker_keeps_no_descriptor_that_is_not_its_own(void) {
    struct daemon daemon;
    pid_t pid[DAEMON_WORKERS_MAX];
    char path[64], target[256];
    size_t most = 0, now;

    daemon_write_service("echo", "max_children = 6;");
    daemon_write_service("other", "max_children = 2;");
    daemon_start(&daemon);
    CHECK(daemon_workers("echo", NULL, pid) == 6, "workers");
    for (size_t i = 0; i < 6; i++) {
        now = harness_descriptors(pid[i]);
        most = now > most ? now : most;
    }
    harness_figure("most descriptors of a worker=%zu", most);
    /* Streams, listener, orders, record pipe, gate, wake-up, loop; and one that looks. */
    CHECK(most <= 11, "%zu descriptors", most);
    snprintf(path, sizeof(path), "/proc/%d/fd/0", pid[0]);
    memset(target, 0, sizeof(target));
    CHECK(readlink(path, target, sizeof(target) - 1) > 0, "readlink");
    daemon_stop(&daemon);
}

static int connect_six(uint16_t port) {
    struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        harness_skip("no IPv6 here: %s", strerror(errno));
    to.sin6_addr = in6addr_loopback;
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno == EADDRNOTAVAIL)
        harness_skip("no IPv6 address here");
    return fd;
}

static void one_listener_serves_both_families(void) {
    struct daemon daemon;
    uint16_t port;
    int fd;

    daemon_write_service("echo", "listen = [ \"tcp://[::]:0\" ]; max_connections_per_source = 3;");
    daemon_start(&daemon);
    port = daemon_port("echo", "tcp");
    CHECK(daemon_exchange(port, 0) == NULL, "over IPv4");
    fd = connect_six(port);
    CHECK(daemon_echo(fd, "six", 3), "over IPv6");
    close(fd);
    CHECK(harness_until(5000, strstr(daemon_log(), "peer=127.0.0.1:") != NULL), "%s", daemon_log());
    CHECK(harness_until(5000, strstr(daemon_log(), "peer=[::1]:") != NULL), "%s", daemon_log());
    daemon_stop(&daemon);
}

static void rate_of_datagrams_is_kept_and_the_rest_counted(void) {
    for (size_t m = 0; m < 3; m++) {
        struct sockaddr_in to = { .sin_family = AF_INET };
        const struct timeval limit = { .tv_usec = 300000 };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct daemon daemon;
        unsigned answered = 0;
        char byte;

        daemon_write_service("echo",
            "listen = [ \"udp://127.0.0.1:0\" ]; model = \"%s\"; max_rate_per_source = 25;",
            daemon_models[m]);
        daemon_start(&daemon);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        to.sin_port = htons(daemon_port("echo", "udp"));
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        for (int i = 0; i < 100; i++)
            CHECK(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1, "send");
        while (recv(fd, &byte, 1, 0) == 1)
            answered++;
        CHECK(answered >= 25 && answered <= 40, "%s: %u answers", daemon_models[m], answered);
        CHECK(daemon_number("echo", "dropped") == 100 - answered, "%s: %lu dropped",
            daemon_models[m], (unsigned long)daemon_number("echo", "dropped"));
        close(fd);
        daemon_stop(&daemon);
        unlink("preforkd.log");
    }
}

static const struct harness_test tests[] = {
    { "worker_runs_as_its_user_and_dies_with_its_parent",
        worker_runs_as_its_user_and_dies_with_its_parent },
    { "limits_and_place_are_set", limits_and_place_are_set },
    { "worker_keeps_no_descriptor_that_is_not_its_own",
        worker_keeps_no_descriptor_that_is_not_its_own },
    { "one_listener_serves_both_families", one_listener_serves_both_families },
    { "rate_of_datagrams_is_kept_and_the_rest_counted",
        rate_of_datagrams_is_kept_and_the_rest_counted },
    { .name = NULL },
};

const struct harness_suite daemon_setup_suite = { "daemon_setup", tests };
