/* The verbs that speak to the daemon, and what peers of the control socket may do to it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

#define PATIENCE_MS  10000
#define PREFORK(...) harness_run("prefork", "--control", "control.sock", __VA_ARGS__, NULL)

static void expect_run(
    const struct harness_result *r, int code, const char *out, const char *err, int line) {
    CHECK(r->code == code, "line %d: exit %d: %s%s", line, r->code, r->out, r->err);
    CHECK(strstr(r->out, out) != NULL, "line %d: %s, not: %s", line, out, r->out);
    CHECK(strstr(r->err, err) != NULL, "line %d: %s, not: %s", line, err, r->err);
}

/* Run the verb; it ends with code, and these words stand on stdout and on stderr. */
#define EXPECT(code, out, err, ...)                            \
    do {                                                       \
        struct harness_result expected = PREFORK(__VA_ARGS__); \
        expect_run(&expected, (code), (out), (err), __LINE__); \
    } while (0)

static int connect_control(void) {
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "control.sock" };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "%s", strerror(errno));
    return fd;
}

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
    expect_run(&r, 0, "echo", "", __LINE__);
    CHECK(setenv("PREFORK_CONTROL", "control.sock", 1) == 0, "setenv");
    r = harness_run("prefork", "status", NULL);
    expect_run(&r, 0, "echo", "", __LINE__);
    r = harness_run("prefork", "--control=/nowhere", "status", NULL);
    expect_run(&r, 69, "", "no preforkd answers at /nowhere", __LINE__);
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

/* ---- rights, and bad peers ---- */

static void reader_may_look_and_no_more(void) {
    const char *const setpriv = "/usr/bin/setpriv";
    struct daemon daemon;
    struct harness_result r;
    char socket[4096];

    if (geteuid() != 0 || !harness_exists(setpriv))
        harness_skip("needs root and setpriv");
    daemon_write_config("");
    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    CHECK(getcwd(socket, sizeof(socket) - 32) != NULL, "%s", strerror(errno));
    strcat(socket, "/control.sock");
#define AS_NOBODY(...)                                                                     \
    harness_run(setpriv, "--reuid", "65534", "--clear-groups", harness_program("prefork"), \
        "--control", socket, __VA_ARGS__, NULL)
    r = AS_NOBODY("status");
    if (r.code == 127 || r.code == 126)
        harness_skip("the build is in a folder that others may not enter");
    expect_run(&r, 77, "", "no right to open the control socket", __LINE__);
    CHECK(chmod("control.sock", 0666) == 0, "%s", strerror(errno));
    for (char *slash = strchr(socket + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        CHECK(chmod(socket, 01777) == 0 || errno == EPERM, "%s: %s", socket, strerror(errno));
        *slash = '/';
    }
    r = AS_NOBODY("status");
    expect_run(&r, 0, "echo     RUNNING", "", __LINE__);
    r = AS_NOBODY("stop", "echo");
    expect_run(&r, 77, "", "stop is for root and for the user that preforkd runs as", __LINE__);
    r = AS_NOBODY("stop");
    expect_run(&r, 77, "", "stop is for root", __LINE__);
#undef AS_NOBODY
    CHECK(strcmp(daemon_state("echo"), "RUNNING") == 0, "echo is %s", daemon_state("echo"));
    daemon_stop(&daemon);
}

static void garbage_harms_nothing(void) {
    static const char *const garbage[] = { "GET / HTTP/1.0\r\n\r\n", "{\"verb\":\"stopped\"}\n",
        "{\"verb\":[]}\n", "[[[[[[[[\n", "\n\n\n", "{\"verb\":\"stop\",\"args\":7}\n", "\xff\n" };
    static char flood[300000];
    struct daemon daemon;
    char back[65536];
    int fd;

    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        fd = connect_control();
        CHECK(write(fd, garbage[i], strlen(garbage[i])) == (ssize_t)strlen(garbage[i]), "write");
        shutdown(fd, SHUT_WR);
        while (read(fd, back, sizeof(back)) > 0)
            ;
        close(fd);
    }
    memset(flood, '[', sizeof(flood));
    fd = connect_control();
    if (send(fd, flood, sizeof(flood), MSG_NOSIGNAL) < 0)
        CHECK(errno == EPIPE || errno == ECONNRESET, "%s", strerror(errno));
    close(fd);
    fd = connect_control(); /* random bytes, and gone in the midst of them */
    for (size_t i = 0; i < sizeof(flood); i++)
        flood[i] = (char)harness_random(0, 255);
    if (send(fd, flood, 50000, MSG_NOSIGNAL) < 0)
        CHECK(errno == EPIPE || errno == ECONNRESET, "%s", strerror(errno));
    close(fd);
    EXPECT(0, "echo     RUNNING", "", "status");
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "no echo");
    daemon_stop(&daemon);
}

static void peers_that_do_not_read_harm_nothing(void) {
    static const char question[] = "{\"verb\":\"status\"}\n";
    int deaf[60], late[20];
    struct daemon daemon;
    unsigned asked = 0;
    long before_kb;

    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    before_kb = harness_status_kb(daemon.proc.pid, "VmRSS");
    for (size_t i = 0; i < 60; i++) {
        deaf[i] = connect_control();
        fcntl(deaf[i], F_SETFL, O_NONBLOCK);
    }
    for (int round = 0; round < 50; round++)
        for (size_t i = 0; i < 60; i++)
            while (send(deaf[i], question, strlen(question), MSG_NOSIGNAL) > 0)
                asked++;
    EXPECT(0, "echo     RUNNING", "", "status");
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "no echo");
    harness_figure("%u questions of 60 peers that read nothing: the supervisor grew by %ld kB",
        asked, harness_status_kb(daemon.proc.pid, "VmRSS") - before_kb);
    CHECK(harness_is_sanitized() ||
              harness_status_kb(daemon.proc.pid, "VmRSS") - before_kb < 60 * 400,
        "it grew");
    /* More than there is room for. */
    for (size_t i = 0; i < 20; i++)
        late[i] = connect_control();
    EXPECT(75, "", "64 others are connected already", "status");
    for (size_t i = 0; i < 60; i++)
        close(deaf[i]);
    CHECK(harness_until(PATIENCE_MS, PREFORK("status").code == 0), "no room is made");
    for (size_t i = 0; i < 20; i++)
        close(late[i]);
    daemon_stop(&daemon);
}

static void second_daemon_is_refused(void) {
    const char *const argv[] = { "preforkd", "-F", "-f", "preforkd.conf", NULL };
    struct harness_result second;
    struct daemon daemon;
    char words[64];

    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    second = harness_run_argv(argv);
    snprintf(words, sizeof(words), "another preforkd answers there: pid %d", daemon.proc.pid);
    expect_run(&second, 78, "", words, __LINE__);
    EXPECT(0, "echo     RUNNING", "", "status");
    daemon_stop(&daemon);
}

static void killed_daemon_leaves_nothing_in_the_way(void) {
    const char *const argv[] = { "preforkd", "-F", "-f", "preforkd.conf", NULL };
    struct daemon daemon;

    daemon_write_service("echo", " ");
    for (int i = 0; i < 3; i++) {
        harness_start(&daemon.proc, argv, 0); /* daemon_start() waits for the socket to be there */
        CHECK(harness_until(PATIENCE_MS, PREFORK("status").code == 0), "it does not start: %s",
            harness_read_file(daemon.proc.err, NULL));
        kill(daemon.proc.pid, SIGKILL);
        CHECK(harness_wait(&daemon.proc, PATIENCE_MS) == 128 + SIGKILL, "%d", daemon.proc.code);
        CHECK(harness_exists("control.sock"), "it should have stayed");
        EXPECT(69, "", "", "status"); /* a worker that was just forked may hold the socket yet */
        CHECK(harness_until(PATIENCE_MS, waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD),
            "orphans live on");
    }
}

/* ---- prefork serve, prefork echo ---- */

static void start_serving(struct harness_proc *proc, const char *model, const char *port) {
    const char *const argv[] = { "prefork", "serve", "echo", port, "--model", model, NULL };
    const char *const without[] = { "prefork", "serve", "echo", "--model", model, NULL };

    CHECK(setenv("TMPDIR", getcwd((char[4096]){ 0 }, 4096), 1) == 0, "setenv");
    harness_start(proc, port != NULL ? argv : without, 0);
    CHECK(harness_until(PATIENCE_MS, proc->is_over || strstr(harness_read_file(proc->out, NULL),
                                                          "listening on tcp://") != NULL),
        "it does not listen: %s", harness_read_file(proc->err, NULL));
}

static unsigned shown_port(const struct harness_proc *proc) {
    const char *out = harness_read_file(proc->out, NULL), *at = strstr(out, "tcp://127.0.0.1:");

    CHECK(at != NULL, "%s", out);
    return (unsigned)atoi(at + strlen("tcp://127.0.0.1:"));
}

static void free_port(char dst[8]) {
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(address);

    CHECK(bind(fd, (struct sockaddr *)&address, len) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &len) == 0,
        "%s", strerror(errno));
    close(fd);
    snprintf(dst, 8, "%u", ntohs(address.sin_port));
}

static void service_is_served_without_a_file(void) {
    struct harness_result r;
    struct harness_proc proc;
    char port[8], socket[4096];
    const char *at;

    for (size_t m = 0; m < 3; m++) {
        free_port(port);
        start_serving(&proc, daemon_models[m], port);
        CHECK(shown_port(&proc) == (unsigned)atoi(port), "%s", harness_read_file(proc.out, NULL));
        at = strstr(harness_read_file(proc.err, NULL), "--control ");
        CHECK(at != NULL && sscanf(at, "--control %4000s", socket) == 1, "no control socket");
        r = harness_run("prefork", "--control", socket, "status", NULL);
        expect_run(&r, 0, daemon_models[m], "", __LINE__);
        r = harness_run("prefork", "echo", "127.0.0.1", port, "--count", "20", NULL);
        expect_run(&r, 0, "message 20 of 20\n", "20 messages", __LINE__);
        CHECK(harness_until(PATIENCE_MS,
                  strstr(harness_read_file(proc.out, NULL), "active connections: 1") != NULL),
            "nobody is seen: %s", harness_read_file(proc.out, NULL));
        *strrchr(socket, '/') = '\0';
        CHECK(harness_exists(socket), "%s", socket);
        kill(proc.pid, m == 0 ? SIGINT : SIGTERM);
        CHECK(harness_wait(&proc, PATIENCE_MS) == 0, "exit %d", proc.code);
        CHECK(!harness_exists(socket), "%s is left", socket);
    }
}

static void chosen_port_is_strict_and_the_usual_one_is_not(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(50007), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct harness_proc proc;
    struct harness_result r;

    /* Whether it is ours or was somebody's before: it is busy. */
    if (bind(taken, (struct sockaddr *)&address, sizeof(address)) == 0)
        CHECK(listen(taken, 1) == 0, "%s", strerror(errno));
    r = harness_run("prefork", "serve", "echo", "50007", NULL);
    expect_run(&r, 78, "", "50007", __LINE__);
    start_serving(&proc, "event", NULL);
    CHECK(shown_port(&proc) != 50007, "%s", harness_read_file(proc.out, NULL));
    kill(proc.pid, SIGTERM);
    CHECK(harness_wait(&proc, PATIENCE_MS) == 0, "exit %d", proc.code);
    close(taken);
    r = harness_run("prefork", "serve", "ehco", NULL);
    expect_run(&r, 2, "", "did you mean \"echo\"?", __LINE__);
    r = harness_run("prefork", "serve", "echo", "65536", NULL);
    expect_run(&r, 2, "", "is no port: 1 to 65535", __LINE__);
}

/* Orphans come to the test. */
static void serve_says_where_it_listens_and_its_end_in_json(void) {
    const char *argv[] = { "prefork", "serve", "echo", "PORT", "--json", NULL };
    json_t *line, *end;
    struct harness_proc proc;
    struct harness_result r;
    char port[8], *text;

    free_port(port);
    argv[3] = port;
    harness_start(&proc, argv, 0);
    CHECK(harness_until(PATIENCE_MS, strchr(harness_read_file(proc.out, NULL), '\n') != NULL), "%s",
        harness_read_file(proc.err, NULL));
    line = json_loads(harness_read_file(proc.out, NULL), 0, NULL);
    CHECK(line != NULL && json_integer_value(json_object_get(line, "port")) == atoi(port) &&
              strcmp(json_string_value(json_object_get(line, "event")), "listening") == 0 &&
              strcmp(json_string_value(json_object_get(line, "proto")), "tcp") == 0,
        "%s", harness_read_file(proc.out, NULL));
    r = harness_run("prefork", "echo", "127.0.0.1", port, "--count", "3", NULL);
    expect_run(&r, 0, "message 3 of 3\n", "", __LINE__);
    r = harness_run("prefork", "--control", json_string_value(json_object_get(line, "control")),
        "status", NULL);
    expect_run(&r, 0, "echo     RUNNING", "", __LINE__);
    kill(proc.pid, SIGTERM);
    CHECK(harness_wait(&proc, PATIENCE_MS) == 0, "exit %d", proc.code);
    text = harness_read_file(proc.out, NULL);
    CHECK(expect_count_lines(text) == 2, "%s", text);
    end = json_loads(strchr(text, '\n') + 1, 0, NULL);
    CHECK(end != NULL && strcmp(json_string_value(json_object_get(end, "event")), "end") == 0 &&
              json_integer_value(json_object_get(end, "exit")) == 0,
        "%s", text);
    /* A daemon that cannot start. */
    r = harness_run("prefork", "serve", "echo", "4711", "--address", "192.0.2.1", "--json", NULL);
    expect_run(&r, 78, "{\"event\":\"end\",\"exit\":78}\n", "192.0.2.1", __LINE__);
    CHECK(expect_count_lines(r.out) == 1, "%s", r.out);
}

static void daemon_does_not_outlive_serve(void) {
    struct harness_proc proc;
    pid_t child;
    char port[8];

    free_port(port);
    start_serving(&proc, "process", port);
    CHECK(harness_children(proc.pid, &child, 1) == 1, "it has no daemon");
    kill(proc.pid, SIGKILL);
    CHECK(harness_wait(&proc, PATIENCE_MS) == 128 + SIGKILL, "exit %d", proc.code);
    CHECK(harness_until(PATIENCE_MS, waitpid(child, NULL, WNOHANG) == child), "it serves on");
    CHECK(!is_open((uint16_t)atoi(port)), "the port is open");
}

static void echo_compares_over_every_kind_of_socket(void) {
    static char lines[100000];
    struct daemon daemon;
    struct harness_result r;
    char port[8], udp[8], url[64];

    daemon_write_service("echo",
        "listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\", \"unix://e.sock\" ]; "
        "model = \"event\";");
    daemon_start(&daemon);
    snprintf(port, sizeof(port), "%u", daemon.port);
    snprintf(udp, sizeof(udp), "%u", daemon_port("echo", "udp"));
    snprintf(url, sizeof(url), "tcp://127.0.0.1:%u", daemon.port);
    r = harness_run("prefork", "echo", "localhost", port, "--message", "hello", NULL);
    expect_run(&r, 0, "hello\n", "1 message, 5 bytes, came back as sent", __LINE__);
    r = harness_run("prefork", "echo", url, "--message", "abc", "--size", "8", NULL);
    expect_run(&r, 0, "abcabcab\n", "", __LINE__);
    r = harness_run("prefork", "echo", url, "--size", "5M", "--count", "3", "--quiet", NULL);
    CHECK(r.code == 0 && r.out_len == 0 && r.err[0] == '\0', "exit %d: %s", r.code, r.err);
    r = harness_run("prefork", "echo", "127.0.0.1", udp, "--udp", "--count", "100", NULL);
    expect_run(&r, 0, "message 100 of 100\n", "100 messages", __LINE__);
    /* Letters of two bytes, and pieces that end in the midst of one. */
    r = harness_run(
        "prefork", "echo", url, "--json", "--message", "x\xc3\xa9", "--size", "30001", NULL);
    CHECK(r.code == 0 && json_loads(r.out, 0, NULL) != NULL &&
              expect_count(r.out, "x\xc3\xa9") == 10000 && expect_count(r.out, "\xef\xbf") == 0,
        "exit %d: %.80s", r.code, r.out);
    r = harness_run("prefork", "echo", "127.0.0.1", port, "--json", "--count", "2", NULL);
    expect_run(&r, 0, "\"reply\":\"message 2 of 2\\n\"}", "{\"answered\":2,", __LINE__);
    CHECK(rename("services.d/e.sock", "e.sock") == 0, "%s", strerror(errno));
    for (size_t i = 0; i < sizeof(lines); i++)
        lines[i] = i % 97 == 96 ? '\n' : (char)harness_random(0, 255);
    harness_write_file("lines", lines, sizeof(lines));
    r = harness_run("/bin/sh", "-c", "exec \"$0\" echo \"unix://$PWD/e.sock\" <lines",
        harness_program("prefork"), NULL);
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    CHECK(expect_count(r.err, "came back as sent") == 1, "%s", r.err);
    CHECK(r.out_len - (lines[sizeof(lines) - 1] != '\n') == sizeof(lines) &&
              memcmp(r.out, lines, sizeof(lines)) == 0,
        "%zu bytes came back", r.out_len);
    daemon_stop(&daemon);
    r = harness_run("prefork", "echo", "127.0.0.1", port, "--count", "1", NULL);
    expect_run(&r, 69, "", "nobody listens at 127.0.0.1", __LINE__);
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
        expect_run(&r, 0, "\nexamples:\n", "", __LINE__);
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
    { "reader_may_look_and_no_more", reader_may_look_and_no_more },
    { "garbage_harms_nothing", garbage_harms_nothing },
    { "peers_that_do_not_read_harm_nothing", peers_that_do_not_read_harm_nothing },
    { "second_daemon_is_refused", second_daemon_is_refused },
    { "killed_daemon_leaves_nothing_in_the_way", killed_daemon_leaves_nothing_in_the_way },
    { "service_is_served_without_a_file", service_is_served_without_a_file },
    { "chosen_port_is_strict_and_the_usual_one_is_not",
        chosen_port_is_strict_and_the_usual_one_is_not },
    { "serve_says_where_it_listens_and_its_end_in_json",
        serve_says_where_it_listens_and_its_end_in_json },
    { "daemon_does_not_outlive_serve", daemon_does_not_outlive_serve },
    { "echo_compares_over_every_kind_of_socket", echo_compares_over_every_kind_of_socket },
    { "every_verb_has_help_and_a_page", every_verb_has_help_and_a_page },
    { .name = NULL },
};

const struct harness_suite daemon_control_suite = { "daemon_control", tests };
