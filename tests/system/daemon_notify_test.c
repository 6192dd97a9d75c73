/* What a daemon tells whoever started it, over a socket of the test's own; and when it is silent.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000
#define PERIOD_MS   400 /* of the watchdog: fed at half of it */

/* The socket that the daemon is told of; "@NAME" is abstract. */
static int listen_at(const char *place) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const size_t len = strlen(place);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, place, len);
    if (place[0] == '@')
        address.sun_path[0] = '\0';
    CHECK(bind(fd, (struct sockaddr *)&address,
              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0,
        "%s: %s", place, strerror(errno));
    setenv("NOTIFY_SOCKET", place, 1);
    return fd;
}

static int listen_here(void) {
    static char place[128];
    char here[64];

    CHECK(getcwd(here, sizeof(here)) != NULL, "no folder");
    snprintf(place, sizeof(place), "%s/notify", here);
    return listen_at(place);
}

static void use_watchdog(void) {
    char text[32];

    snprintf(text, sizeof(text), "%u", PERIOD_MS * 1000u);
    setenv("WATCHDOG_USEC", text, 1);
}

/* The next datagram; NULL when none comes within the time. */
static const char *hear(int fd, int timeout_ms) {
    static char text[2048];
    struct pollfd watch = { .fd = fd, .events = POLLIN };
    ssize_t n;

    if (poll(&watch, 1, timeout_ms) != 1)
        return NULL;
    n = recv(fd, text, sizeof(text) - 1, 0);
    CHECK(n > 0, "recv: %s", strerror(errno));
    text[n] = '\0';
    return text;
}

/* Read until one holds these words. */
static const char *expect(int fd, const char *words) {
    const uint64_t until_ns = harness_now_ns() + PATIENCE_MS * 1000000ull;
    const char *text;

    do {
        text = hear(fd, PATIENCE_MS);
        CHECK(text != NULL && harness_now_ns() < until_ns, "\"%s\" was not told", words);
    } while (strstr(text, words) == NULL);
    return text;
}

/* Until a whole period of silence has passed none may hold these words. */
static bool is_silent_about(int fd, const char *words) {
    const uint64_t until_ns = harness_now_ns() + PERIOD_MS * 1000000ull;
    const char *text;

    while (harness_now_ns() < until_ns) {
        text = hear(fd, PERIOD_MS / 4);
        if (text != NULL && strstr(text, words) != NULL)
            return false;
    }
    return true;
}

/* What has come by now; so that what comes later is known to be later. */
static void forget(int fd) {
    while (hear(fd, 0) != NULL)
        ;
}

static void launch(struct daemon *daemon) {
    const char *const argv[] = { "preforkd", "-F", "-f", "preforkd.conf", NULL };

    harness_start(&daemon->proc, argv, 0);
}

static pid_t find_log_writer(const struct daemon *daemon) {
    pid_t pid[64];
    char path[64];
    size_t count = harness_children(daemon->proc.pid, pid, 64);

    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "/proc/%d/cmdline", pid[i]);
        if (strcmp(harness_read_file(path, NULL), "preforkd: log") == 0)
            return pid[i];
    }
    harness_fail(__FILE__, __LINE__, "log writer", "there is none");
}

/* ---- start and stop ---- */

static void ready_is_told_when_services_answer(void) {
    struct daemon daemon;
    uint64_t started_ns;
    const char *text;
    int fd = listen_here();

    daemon_write_service("echo", "max_children = 3;");
    daemon_write_service("second", "listen = [ \"unix://second.sock\" ];");
    daemon_write_service("third", "autostart = false;");
    started_ns = harness_now_ns();
    launch(&daemon);
    text = expect(fd, "READY=1\n");
    CHECK(daemon_exchange_unix("services.d/second.sock") == NULL, "second does not answer");
    harness_figure("ready after %.1f ms", (double)(harness_now_ns() - started_ns) / 1e6);
    CHECK(strstr(text, "\nSTATUS=2 of 3 services running, 5 workers\n") != NULL, "%s", text);
    CHECK(daemon_exchange(daemon_port("echo", "tcp"), 0) == NULL, "echo does not answer");
    CHECK(hear(fd, 0) == NULL, "it says more");
    kill(daemon.proc.pid, SIGTERM);
    text = expect(fd, "STOPPING=1\n");
    CHECK(harness_wait(&daemon.proc, PATIENCE_MS) == 0, "exit %d", daemon.proc.code);
}

static void ready_waits_for_the_last_service(void) {
    struct daemon daemon;
    pid_t held;
    int fd = listen_here();

    setenv("PREFORK_FAILPOINT", "worker-start@slow:1:stop", 1);
    daemon_write_service("echo", "max_children = 1;");
    daemon_write_service("slow", "max_children = 1;");
    daemon_start(&daemon);
    CHECK(harness_until(PATIENCE_MS, daemon_workers("slow", "starting", &held) == 1), "no worker");
    CHECK(is_silent_about(fd, "READY=1"), "ready while %s is %s", "slow", daemon_state("slow"));
    kill(held, SIGCONT);
    expect(fd, "READY=1\nSTATUS=2 of 2 services running, 2 workers\n");
    daemon_stop(&daemon);
}

static void ready_does_not_wait_for_what_cannot_come(void) {
    struct daemon daemon;
    const char *text;
    int fd = listen_here();

    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_write_service("bad", "restart_delay = \"30s\";");
    daemon_write_service("echo", "%s", "");
    launch(&daemon);
    text = expect(fd, "READY=1\n");
    CHECK(strstr(text, "STATUS=1 of 2 services running, ") != NULL, "%s", text);
    CHECK(strstr(text, "; bad is BACKOFF: was killed by SIGKILL after ") != NULL, "%s", text);
    daemon_stop(&daemon);
}

static void status_tells_of_a_job_supervisor_that_does_not_come_up(void) {
    struct daemon daemon;
    const char *text;
    int fd = listen_here();

    setenv("PREFORK_FAILPOINT", "jobs-start:0", 1);
    daemon_write_config("jobs : { spool_dir = \"spool\"; };");
    daemon_write_service("echo", "%s", "");
    launch(&daemon);
    text = expect(fd, "READY=1\n");
    CHECK(
        strstr(text, "STATUS=1 of 1 service running, 2 workers; the job supervisor is BACKOFF: it "
                     "was killed by SIGKILL after ") != NULL,
        "%s", text);
    daemon_stop(&daemon);
}

static void status_follows_the_services(void) {
    struct daemon daemon;
    int fd = listen_here();

    daemon_write_service("echo", "%s", "");
    daemon_write_service("second", "%s", "");
    daemon_start(&daemon);
    expect(fd, "READY=1\n");
    daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"second\"}}");
    expect(fd, "STATUS=1 of 2 services running, 2 workers\n");
    daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":5}}");
    expect(fd, "STATUS=1 of 2 services running, 5 workers\n");
    daemon_stop(&daemon);
}

static void abstract_sockets_are_told_and_missing_ones_are_no_mistake(void) {
    struct daemon daemon;
    char name[64];
    int fd;

    snprintf(name, sizeof(name), "@preforkd-test-%d", getpid());
    fd = listen_at(name);
    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    expect(fd, "READY=1\n");
    daemon_stop(&daemon);
    expect(fd, "STOPPING=1\n");
    close(fd);
    use_watchdog();
    daemon_start(&daemon);
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "does not serve");
    daemon_stop(&daemon);
}

/* Who does not read is not waited for, and finds all that still matters when it does. */
static void full_socket_is_not_waited_for(void) {
    struct daemon daemon;
    const char *text;
    int fd = listen_here(), own = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", getenv("NOTIFY_SOCKET"));
    while (sendto(own, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) == 1)
        ;
    CHECK(errno == EAGAIN, "%s", strerror(errno));
    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "does not serve");
    do
        text = hear(fd, PATIENCE_MS);
    while (text != NULL && strcmp(text, "x") == 0);
    CHECK(text != NULL && strcmp(text, "READY=1\nSTATUS=1 of 1 service running, 2 workers\n") == 0,
        "%s", text);
    daemon_stop(&daemon);
}

/* A manager reads its log from the journal: what a console is for is of no use there. */
static void nothing_goes_to_a_console_under_a_manager(void) {
    char text[4096] = "";
    int master, slave, saved = dup(STDOUT_FILENO), fd = listen_here();
    struct daemon daemon;
    struct pollfd watch;

    CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0, "openpty");
    daemon_write_service("echo", "%s", "");
    daemon.proc = (struct harness_proc){ .stdin_fd = -1, .stdout_fd = -1, .err = "err.pty" };
    daemon.proc.pid = fork();
    if (daemon.proc.pid == 0) {
        dup2(slave, STDOUT_FILENO);
        dup2(open("err.pty", O_WRONLY | O_CREAT | O_TRUNC, 0644), STDERR_FILENO);
        execl(harness_program("preforkd"), "preforkd", "-F", "-f", "preforkd.conf", NULL);
        _exit(127);
    }
    close(slave);
    close(saved);
    expect(fd, "READY=1\n");
    daemon_stop(&daemon);
    watch = (struct pollfd){ .fd = master, .events = POLLIN };
    CHECK(poll(&watch, 1, PATIENCE_MS) == 1, "the terminal is not closed");
    CHECK(read(master, text, sizeof(text) - 1) <= 0, "says: %s", text);
}

/* ---- the watchdog ---- */

static void watchdog_is_fed_at_half_of_its_time(void) {
    uint64_t last_ns, gap_ns, most_ns = 0;
    struct daemon daemon;
    int fd = listen_here();

    use_watchdog();
    daemon_write_service("echo", "watchdog = true;");
    daemon_start(&daemon);
    expect(fd, "WATCHDOG=1\n");
    last_ns = harness_now_ns();
    for (int i = 0; i < 4; i++) {
        expect(fd, "WATCHDOG=1\n");
        gap_ns = harness_now_ns() - last_ns;
        last_ns += gap_ns;
        most_ns = gap_ns > most_ns ? gap_ns : most_ns;
    }
    harness_figure("watchdog of %u ms, longest wait=%.1f ms", PERIOD_MS, (double)most_ns / 1e6);
    CHECK(most_ns < PERIOD_MS * 1000000ull || harness_is_sanitized(), "%.1f ms",
        (double)most_ns / 1e6);
    daemon_stop(&daemon);
}

static void watchdog_is_hungry_when_the_log_writer_does_not_answer(void) {
    struct daemon daemon;
    pid_t writer;
    int fd = listen_here();

    use_watchdog();
    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    expect(fd, "WATCHDOG=1\n");
    writer = find_log_writer(&daemon);
    kill(writer, SIGSTOP);
    expect(fd, "; the watchdog is not fed: the log writer does not answer\n");
    CHECK(is_silent_about(fd, "WATCHDOG=1"), "it is fed");
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "does not serve");
    kill(writer, SIGCONT);
    expect(fd, "WATCHDOG=1\n");
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("event=watchdog_hungry") == 1), "%s",
        daemon_log());
    CHECK(daemon_log_count("the watchdog is not fed: the log writer does not answer") == 1, "%s",
        daemon_log());
    /* One that is replaced does not keep it hungry. */
    forget(fd);
    kill(writer, SIGKILL);
    expect(fd, "WATCHDOG=1\n");
    expect(fd, "WATCHDOG=1\n");
    daemon_stop(&daemon);
}

static void watchdog_is_hungry_for_services_that_are_marked(void) {
    struct daemon daemon;
    char wanted[256];
    int fd = listen_here();

    use_watchdog();
    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_write_service("echo", "watchdog = true;");
    daemon_write_service("bad", "autostart = false; restart_delay = \"30s\"; watchdog = true;");
    daemon_write_service("lazy", "pm = \"ondemand\"; watchdog = true;");
    daemon_start(&daemon);
    expect(fd, "WATCHDOG=1\n");
    expect(fd, "WATCHDOG=1\n");
    daemon_ask("{\"verb\":\"start\",\"args\":{\"service\":\"bad\"}}");
    CHECK(harness_until(PATIENCE_MS, strcmp(daemon_state("bad"), "BACKOFF") == 0), "bad is %s",
        daemon_state("bad"));
    forget(fd);
    CHECK(is_silent_about(fd, "WATCHDOG=1"), "it is fed while bad is %s", daemon_state("bad"));
    snprintf(wanted, sizeof(wanted),
        "level=warn service=bad pid=%d event=watchdog_hungry msg=\"the watchdog is not fed: a "
        "service "
        "has no worker that is ready\"",
        daemon.proc.pid);
    CHECK(harness_until(PATIENCE_MS, strstr(daemon_log(), wanted) != NULL), "%s", daemon_log());
    daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"bad\"}}");
    expect(fd, "WATCHDOG=1\n");
    daemon_stop(&daemon);
}

static void watchdog_does_not_mind_services_that_are_not_marked_or_given_up(void) {
    struct daemon daemon;
    int fd = listen_here();

    use_watchdog();
    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_write_service("echo", "%s", "");
    daemon_write_service("bad", "restart_delay = \"30s\";");
    daemon_start(&daemon);
    CHECK(strcmp(daemon_state("bad"), "BACKOFF") == 0, "bad is %s", daemon_state("bad"));
    expect(fd, "WATCHDOG=1\n");
    forget(fd);
    expect(fd, "WATCHDOG=1\n");
    daemon_stop(&daemon);
    daemon_write_service("bad", "restart_delay = \"1ms\"; start_retries = 2; watchdog = true;");
    forget(fd);
    daemon_start(&daemon);
    CHECK(harness_until(PATIENCE_MS, strcmp(daemon_state("bad"), "FATAL") == 0), "bad is %s",
        daemon_state("bad"));
    forget(fd);
    expect(fd, "WATCHDOG=1\n");
    daemon_stop(&daemon);
}

static void watchdog_of_another_process_is_not_fed(void) {
    const char *const argv[] = { "/bin/sh", "-c", "WATCHDOG_PID=$$ exec \"$0\" -F -f preforkd.conf",
        harness_program("preforkd"), NULL };
    struct daemon daemon;
    int fd = listen_here();

    use_watchdog();
    daemon_write_service("echo", "%s", "");
    harness_start(&daemon.proc, argv, 0);
    expect(fd, "WATCHDOG=1\n");
    daemon_stop(&daemon);
    forget(fd);
    setenv("WATCHDOG_PID", "1", 1);
    daemon_start(&daemon);
    expect(fd, "READY=1\n");
    CHECK(is_silent_about(fd, "WATCHDOG=1"), "it is fed");
    daemon_stop(&daemon);
}

static const struct harness_test tests[] = {
    { "ready_is_told_when_services_answer", ready_is_told_when_services_answer },
    { "ready_waits_for_the_last_service", ready_waits_for_the_last_service },
    { "ready_does_not_wait_for_what_cannot_come", ready_does_not_wait_for_what_cannot_come },
    { "status_tells_of_a_job_supervisor_that_does_not_come_up",
        status_tells_of_a_job_supervisor_that_does_not_come_up },
    { "status_follows_the_services", status_follows_the_services },
    { "abstract_sockets_are_told_and_missing_ones_are_no_mistake",
        abstract_sockets_are_told_and_missing_ones_are_no_mistake },
    { "full_socket_is_not_waited_for", full_socket_is_not_waited_for },
    { "nothing_goes_to_a_console_under_a_manager", nothing_goes_to_a_console_under_a_manager },
    { "watchdog_is_fed_at_half_of_its_time", watchdog_is_fed_at_half_of_its_time },
    { "watchdog_is_hungry_when_the_log_writer_does_not_answer",
        watchdog_is_hungry_when_the_log_writer_does_not_answer },
    { "watchdog_is_hungry_for_services_that_are_marked",
        watchdog_is_hungry_for_services_that_are_marked },
    { "watchdog_does_not_mind_services_that_are_not_marked_or_given_up",
        watchdog_does_not_mind_services_that_are_not_marked_or_given_up },
    { "watchdog_of_another_process_is_not_fed", watchdog_of_another_process_is_not_fed },
    { .name = NULL },
};

const struct harness_suite daemon_notify_suite = { "daemon_notify", tests };
