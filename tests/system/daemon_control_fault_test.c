/* What peers of the control socket may do to it, and who may not; a second daemon, a killed one. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/commands.h"
#include "tests/system/daemon.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000

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
    commands_expect(&r, 77, "", "no right to open the control socket", __LINE__);
    CHECK(chmod("control.sock", 0666) == 0, "%s", strerror(errno));
    for (char *slash = strchr(socket + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        CHECK(chmod(socket, 01777) == 0 || errno == EPERM, "%s: %s", socket, strerror(errno));
        *slash = '/';
    }
    r = AS_NOBODY("status");
    commands_expect(&r, 0, "echo     RUNNING", "", __LINE__);
    r = AS_NOBODY("stop", "echo");
    commands_expect(
        &r, 77, "", "stop is for root and for the user that preforkd runs as", __LINE__);
    r = AS_NOBODY("stop");
    commands_expect(&r, 77, "", "stop is for root", __LINE__);
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
        fd = commands_connect();
        CHECK(write(fd, garbage[i], strlen(garbage[i])) == (ssize_t)strlen(garbage[i]), "write");
        shutdown(fd, SHUT_WR);
        while (read(fd, back, sizeof(back)) > 0)
            ;
        close(fd);
    }
    memset(flood, '[', sizeof(flood));
    fd = commands_connect();
    if (send(fd, flood, sizeof(flood), MSG_NOSIGNAL) < 0)
        CHECK(errno == EPIPE || errno == ECONNRESET, "%s", strerror(errno));
    close(fd);
    fd = commands_connect(); /* random bytes, and gone in the midst of them */
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
        deaf[i] = commands_connect();
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
        late[i] = commands_connect();
    EXPECT(75, "", "64 others are connected already", "status");
    for (size_t i = 0; i < 60; i++)
        close(deaf[i]);
    CHECK(harness_until(PATIENCE_MS, PREFORK("status").code == 0), "no room is made");
    for (size_t i = 0; i < 20; i++)
        close(late[i]);
    daemon_stop(&daemon);
}

/* ---- one after the other ---- */

static void second_daemon_is_refused(void) {
    const char *const argv[] = { "preforkd", "-F", "-f", "preforkd.conf", NULL };
    struct harness_result second;
    struct daemon daemon;
    char words[64];

    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    second = harness_run_argv(argv);
    snprintf(words, sizeof(words), "another preforkd answers there: pid %d", daemon.proc.pid);
    commands_expect(&second, 78, "", words, __LINE__);
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

static const struct harness_test tests[] = {
    { "reader_may_look_and_no_more", reader_may_look_and_no_more },
    { "garbage_harms_nothing", garbage_harms_nothing },
    { "peers_that_do_not_read_harm_nothing", peers_that_do_not_read_harm_nothing },
    { "second_daemon_is_refused", second_daemon_is_refused },
    { "killed_daemon_leaves_nothing_in_the_way", killed_daemon_leaves_nothing_in_the_way },
    { .name = NULL },
};

const struct harness_suite daemon_control_fault_suite = { "daemon_control_fault", tests };
