/* The verbs that speak to the daemon. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/commands.h"
#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000

/* ---- looking ---- */

static void status_answers_when_every_worker_is_stopped(void) {
    pid_t workers[DAEMON_WORKERS_MAX];
    struct daemon daemon;
    size_t count;

    daemon_write_service("echo", "model = \"process\"; worker_timeout = \"0\";");
    daemon_write_service("ack", "type = \"ack\"; listen = [ \"udp://127.0.0.1:0\" ]; "
                                "autostart = false;");
    daemon_start(&daemon);
    count = daemon_workers("echo", NULL, workers);
    CHECK(count == 2, "%zu workers", count);
    for (size_t i = 0; i < count; i++)
        kill(workers[i], SIGSTOP);
    EXPECT(0, "1 of 2 services running, 2 workers, 0 connections", "", "status");
    EXPECT(0, "echo     RUNNING", "", "status");
    EXPECT(0, "ack      STOPPED", "", "status");
    EXPECT(0, "2 ready of 2 wanted", "", "status", "echo");
    EXPECT(0, "\"services\":[{\"name\":\"ack\"", "", "status", "--json");
    EXPECT(2, "", "unknown service \"ehco\", did you mean \"echo\"?", "status", "ehco");
    for (size_t i = 0; i < count; i++)
        kill(workers[i], SIGCONT);
    daemon_stop(&daemon);
}

static void socket_may_be_named_in_three_ways(void) {
    struct daemon daemon;
    struct harness_result r;

    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    EXPECT(0, "echo", "", "status");
    r = harness_run("prefork", "status", "--control", "control.sock", NULL);
    commands_expect(&r, 0, "echo", "", __LINE__);
    CHECK(setenv("PREFORK_CONTROL", "control.sock", 1) == 0, "setenv");
    r = harness_run("prefork", "status", NULL);
    commands_expect(&r, 0, "echo", "", __LINE__);
    r = harness_run("prefork", "--control=/nowhere", "status", NULL);
    commands_expect(&r, 69, "", "no preforkd answers at /nowhere", __LINE__);
    daemon_stop(&daemon);
    EXPECT(69, "", "no preforkd answers at control.sock: is it running?", "status");
}

static void ports_name_the_one_that_was_taken(void) {
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(address);
    struct daemon daemon;
    char wanted[64];

    CHECK(bind(taken, (struct sockaddr *)&address, len) == 0 && listen(taken, 1) == 0 &&
              getsockname(taken, (struct sockaddr *)&address, &len) == 0,
        "%s", strerror(errno));
    daemon_write_service("echo",
        "listen = [ \"tcp://127.0.0.1:%u\", \"unix://e.sock\" ]; port_policy = \"next\";",
        ntohs(address.sin_port));
    daemon_start(&daemon);
    CHECK(daemon.port != 0 && daemon.port != ntohs(address.sin_port), "port %u", daemon.port);
    snprintf(
        wanted, sizeof(wanted), "\"port\":%u,\"wanted\":%u", daemon.port, ntohs(address.sin_port));
    EXPECT(0, wanted, "", "ports", "--json");
    EXPECT(0, "echo     tcp    127.0.0.1", "", "ports");
    EXPECT(0, "e.sock", "", "ports");
    daemon_stop(&daemon);
}

static void config_is_shown_and_tested(void) {
    static const char bad[] = "wrokers = 2;\n";
    struct daemon daemon;

    daemon_write_service("echo", "max_children = 3;");
    daemon_start(&daemon);
    EXPECT(0, "max_children = 3;", "", "config", "show");
    EXPECT(0, "is good", "", "config", "test");
    EXPECT(0, "{\"good\":true,\"config\":{\"file\":\"", "", "config", "show", "--json");
    harness_write_file("services.d/bad.conf", bad, strlen(bad));
    EXPECT(78, "", "bad.conf:1: unknown key \"wrokers\"", "config", "test");
    EXPECT(78, "", "bad.conf:1", "config", "show");
    EXPECT(
        78, "{\"good\":false,\"config\":null,\"complaints\":[\"", "", "config", "show", "--json");
    EXPECT(78, "{\"good\":false,\"lines\":[],\"complaints\":[\"", "", "config", "test", "--json");
    CHECK(strcmp(daemon_state("echo"), "RUNNING") == 0, "echo is %s", daemon_state("echo"));
    daemon_stop(&daemon);
    EXPECT(69, "", "no preforkd", "config", "show");
    EXPECT(78, "", "bad.conf:1", "config", "test", "preforkd.conf");
}

/* ---- changing ---- */

static bool is_open(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    close(fd);
    return ok;
}

static void service_is_stopped_and_started(void) {
    struct daemon daemon;

    for (size_t m = 0; m < 3; m++) {
        daemon_write_service("echo", "model = \"%s\";", daemon_models[m]);
        daemon_start(&daemon);
        EXPECT(0, "", "echo is STOPPED", "stop", "echo");
        CHECK(!is_open(daemon.port), "%s: the port is still open", daemon_models[m]);
        CHECK(daemon_workers("echo", NULL, (pid_t[DAEMON_WORKERS_MAX]){ 0 }) == 0, "workers");
        EXPECT(0, "stopped by the operator", "", "status", "echo");
        EXPECT(0, "", "echo is STOPPED", "stop", "echo");
        EXPECT(1, "", "echo is STOPPED; start it first", "scale", "echo", "3");
        EXPECT(0, "", "echo is RUNNING with 2 workers", "start", "echo");
        CHECK(daemon_exchange(daemon_port("echo", "tcp"), 0) == NULL, "no echo");
        EXPECT(0, "", "echo is RUNNING with 2 workers", "start", "echo");
        daemon_stop(&daemon);
    }
}

static void stop_waits_for_sessions_unless_told_not_to(void) {
    struct daemon daemon;
    int fd;

    daemon_write_service("echo", "graceful_timeout = \"60s\";");
    daemon_start(&daemon);
    fd = daemon_connect(daemon.port);
    CHECK(daemon_echo(fd, "hello", 5), "no echo");
    EXPECT(0, "\"state\":\"STOPPING\"", "", "stop", "echo", "--no-wait", "--json");
    EXPECT(124, "", "not done after 100 ms; echo: 1 worker to leave", "stop", "echo", "--timeout",
        "100ms");
    EXPECT(1, "", "echo is STOPPING; start it when it is STOPPED", "start", "echo");
    CHECK(daemon_echo(fd, "still here", 10), "the session was cut");
    close(fd);
    EXPECT(0, "", "echo is STOPPED", "stop", "echo");
    daemon_stop(&daemon);
}

static void expect_others(
    const pid_t *before, size_t before_count, const pid_t *after, size_t after_count) {
    for (size_t i = 0; i < before_count; i++)
        for (size_t k = 0; k < after_count; k++)
            CHECK(before[i] != after[k], "%d is still there", before[i]);
}

static void restart_replaces_every_worker(void) {
    pid_t before[DAEMON_WORKERS_MAX], after[DAEMON_WORKERS_MAX];
    struct daemon daemon;
    size_t count;

    for (size_t m = 0; m < 3; m++) {
        daemon_write_service("echo", "model = \"%s\"; max_children = 3;", daemon_models[m]);
        daemon_start(&daemon);
        count = daemon_workers("echo", NULL, before);
        EXPECT(0, "{\"service\":\"echo\",\"state\":\"RUNNING\"", "", "restart", "echo", "--json");
        CHECK(daemon_workers("echo", "idle", after) == 3, "%s: not 3", daemon_models[m]);
        expect_others(before, count, after, 3);
        CHECK(harness_until(PATIENCE_MS, daemon_workers("echo", NULL, after) == 3),
            "old workers stay");
        expect_others(before, count, after, 3);
        CHECK(daemon_number("echo", "restarts") == 0, "a restart counts as no death");
        daemon_stop(&daemon);
    }
}

static void scale_changes_the_number_of_workers(void) {
    struct daemon daemon;

    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    EXPECT(0, "", "echo is RUNNING with 5 workers", "scale", "echo", "5");
    EXPECT(0, "", "echo is RUNNING with 4 workers", "scale", "echo", "-1");
    CHECK(daemon_number("echo", "ready") == 4, "not 4");
    EXPECT(0, "", "echo is RUNNING with 6 workers", "scale", "echo", "+2");
    EXPECT(0, "", "echo is RUNNING with 2 workers", "scale", "echo", "0");
    EXPECT(2, "", "echo may have 1 to", "scale", "echo", "-2");
    EXPECT(2, "", "is not a number", "scale", "echo", "many");
    EXPECT(2, "", "usage: prefork scale SERVICE N|+N|-N", "scale", "echo");
    daemon_stop(&daemon);
}

static void start_that_cannot_be_is_told(void) {
    struct daemon daemon;

    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    daemon_stop(&daemon);
    /* The port of echo, taken again by the service that is started by hand. */
    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:%u\" ];", daemon.port);
    daemon_write_service("late", "listen = [ \"unix://echo/deep/late.sock\" ]; autostart = false;");
    daemon_start(&daemon);
    EXPECT(1, "", "late: ", "start", "late");
    CHECK(strcmp(daemon_state("late"), "STOPPED") == 0, "late is %s", daemon_state("late"));
    CHECK(mkdir("services.d/echo", 0755) == 0, "%s", strerror(errno));
    EXPECT(0, "", "late is RUNNING with 2 workers", "start", "late");
    daemon_stop(&daemon);
}

/* The first worker of that service dies before it is ready. */
static void start_of_what_dies_is_told(void) {
    struct daemon daemon;

    CHECK(setenv("PREFORK_FAILPOINT", "worker-start@sick:1", 1) == 0, "setenv");
    daemon_write_service("echo", " ");
    daemon_write_service("sick", "max_children = 1; restart_delay = \"60s\"; autostart = false;");
    daemon_start(&daemon);
    EXPECT(1, "", "sick is BACKOFF: a worker was killed by SIGKILL", "start", "sick");
    CHECK(daemon_number("sick", "restarts") >= 1, "no death is counted");
    EXPECT(0, "sick is BACKOFF for", "", "status");
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "echo suffers");
    EXPECT(0, "", "sick is STOPPED", "stop", "sick");
    daemon_stop(&daemon);
}

static void daemon_is_gone_when_stop_returns(void) {
    struct daemon daemon;
    int fd;

    daemon_write_config("pid_file = \"preforkd.pid\";\n");
    daemon_write_service("echo", "graceful_timeout = \"60s\";");
    daemon_start(&daemon);
    EXPECT(0, "", "preforkd has stopped", "stop");
    CHECK(harness_wait(&daemon.proc, 0) == 0, "exit %d", daemon.proc.code);
    CHECK(!harness_exists("control.sock"), "the socket is still there");
    daemon_start(&daemon);
    fd = daemon_connect(daemon.port);
    CHECK(daemon_echo(fd, "hello", 5), "no echo");
    EXPECT(0, "", "was told to stop", "stop", "--no-wait");
    EXPECT(124, "", "1 worker to leave", "stop", "--timeout", "100ms");
    EXPECT(0, "{\"stopped\":true}", "", "stop", "--fast", "--json", "--timeout", "20s");
    CHECK(daemon_is_closed(fd, PATIENCE_MS), "the session goes on");
    CHECK(harness_wait(&daemon.proc, 0) == 0, "exit %d", daemon.proc.code);
    close(fd);
}

static void reopen_moves_to_a_new_file(void) {
    struct daemon daemon;

    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    /* A log writer that has only begun would open the file after it was moved. */
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("listening on") > 0), "%s", daemon_log());
    CHECK(rename("preforkd.log", "old.log") == 0, "%s", strerror(errno));
    EXPECT(0, "", "", "reopen");
    CHECK(harness_exists("preforkd.log"), "there is no new file");
    EXPECT(0, "{\"reopened\":true}", "", "reopen", "--json");
    daemon_stop(&daemon);
    expect_words("the old log", harness_read_file("old.log", NULL), "listening on");
    expect_words("the new log", harness_read_file("preforkd.log", NULL), "preforkd stops");
}

/* ---- events ---- */

/* Read the follower's output until these words stand in it. */
static void follow_until(int fd, char *got, size_t size, const char *words) {
    struct pollfd watch = { .fd = fd, .events = POLLIN };
    size_t len = strlen(got);
    ssize_t n;

    while (strstr(got, words) == NULL) {
        CHECK(poll(&watch, 1, PATIENCE_MS) == 1, "\"%s\" does not come: %s", words, got);
        n = read(fd, got + len, size - 1 - len);
        CHECK(n > 0, "it ended before \"%s\": %s", words, got);
        len += (size_t)n;
        got[len] = '\0';
    }
}

static void follower_sees_a_death_and_the_end(void) {
    const char *const argv[] = { "prefork", "events", "--follow", "--json", "--control",
        "control.sock", NULL };
    pid_t workers[DAEMON_WORKERS_MAX];
    struct harness_proc follower;
    static char got[65536];
    struct daemon daemon;

    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    harness_start(&follower, argv, HARNESS_STDOUT_PIPE);
    CHECK(harness_until(PATIENCE_MS,
              harness_exists(follower.err) &&
                  strstr(harness_read_file(follower.err, NULL), "waiting for events") != NULL),
        "it does not follow");
    CHECK(daemon_workers("echo", NULL, workers) == 2, "workers");
    kill(workers[0], SIGKILL);
    follow_until(follower.stdout_fd, got, sizeof(got), "\"event\":\"worker_exit\"");
    CHECK(strstr(got, "SIGKILL") != NULL, "%s", got);
    EXPECT(0, "SIGKILL", "", "events");
    EXPECT(0, "echo is RUNNING", "", "events", "--last", "100");
    daemon_stop(&daemon);
    follow_until(follower.stdout_fd, got, sizeof(got), "the daemon stops");
    CHECK(harness_wait(&follower, PATIENCE_MS) == 0, "exit %d", follower.code);
}

static void follower_ends_when_nobody_reads_it(void) {
    const char *const argv[] = { "prefork", "events", "-f", "--control", "control.sock", NULL };
    struct harness_proc follower;
    struct daemon daemon;

    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    harness_start(&follower, argv, HARNESS_STDOUT_PIPE);
    close(follower.stdout_fd);
    follower.stdout_fd = -1;
    CHECK(harness_wait(&follower, PATIENCE_MS) == 74, "exit %d", follower.code);
    daemon_stop(&daemon);
}

/* ---- help ---- */

static void every_verb_has_help_and_a_page(void) {
    struct harness_result list = harness_run("prefork", "help", NULL), r;
    char command[512], *line = strchr(list.out, '\n') + 2, *next;
    unsigned count = 0;

    for (; strncmp(line, "  ", 2) == 0; line = next) {
        char name[16];

        next = strchr(line, '\n') + 1;
        snprintf(name, sizeof(name), "%.14s", line + 2);
        for (size_t len = strlen(name); len > 0 && name[len - 1] == ' '; len--)
            name[len - 1] = '\0';
        if (strcmp(name, "help") == 0)
            continue;
        snprintf(command, sizeof(command), "'%s' %s --help", harness_program("prefork"), name);
        r = harness_run("/bin/sh", "-c", command, NULL);
        commands_expect(&r, 0, "\nexamples:\n", "", __LINE__);
        CHECK(r.err[0] == '\0', "%s: %s", name, r.err);
        snprintf(command, sizeof(command), "grep -qx '\\.\\\\\" list: %s' '%s'/man/*.1", name,
            harness_root());
        r = harness_run("/bin/sh", "-c", command, NULL);
        CHECK(r.code == 0, "no manual page lists the options of %s", name);
        count++;
    }
    CHECK(count >= 14, "%u verbs", count);
}

static const struct harness_test tests[] = {
    { "status_answers_when_every_worker_is_stopped", status_answers_when_every_worker_is_stopped },
    { "socket_may_be_named_in_three_ways", socket_may_be_named_in_three_ways },
    { "ports_name_the_one_that_was_taken", ports_name_the_one_that_was_taken },
    { "config_is_shown_and_tested", config_is_shown_and_tested },
    { "service_is_stopped_and_started", service_is_stopped_and_started },
    { "stop_waits_for_sessions_unless_told_not_to", stop_waits_for_sessions_unless_told_not_to },
    { "restart_replaces_every_worker", restart_replaces_every_worker },
    { "scale_changes_the_number_of_workers", scale_changes_the_number_of_workers },
    { "start_that_cannot_be_is_told", start_that_cannot_be_is_told },
    { "start_of_what_dies_is_told", start_of_what_dies_is_told },
    { "daemon_is_gone_when_stop_returns", daemon_is_gone_when_stop_returns },
    { "reopen_moves_to_a_new_file", reopen_moves_to_a_new_file },
    { "follower_sees_a_death_and_the_end", follower_sees_a_death_and_the_end },
    { "follower_ends_when_nobody_reads_it", follower_ends_when_nobody_reads_it },
    { "every_verb_has_help_and_a_page", every_verb_has_help_and_a_page },
    { .name = NULL },
};

const struct harness_suite daemon_control_suite = { "daemon_control", tests };
