/* Faults that come to the supervisor itself: no descriptors, signals, stops, lies, bad starts. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/load.h"
#include "tests/system/logged.h"
#include "tests/system/records.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000

/* One of each model. */
static const char *const services[] = { "echo", "echo2", "echo3" };

/* Processor time of a process, in ticks of 10 ms. */
static unsigned long cpu_ticks(pid_t pid) {
    char path[64], *text;
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    text = harness_read_file(path, NULL);
    CHECK(sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
              &system) == 2,
        "%s", text);
    return user + system;
}

static bool is_ready(const char *service, unsigned workers) {
    return daemon_number(service, "ready") == workers;
}

/* ---- no descriptors ---- */

/* From now on it can open nothing. Returns the limit it had. */
static struct rlimit take_descriptors(pid_t pid) {
    struct rlimit had, none;

    CHECK(prlimit(pid, RLIMIT_NOFILE, NULL, &had) == 0, "%s", strerror(errno));
    none = (struct rlimit){ .rlim_cur = 8, .rlim_max = had.rlim_max };
    if (prlimit(pid, RLIMIT_NOFILE, &none, NULL) < 0)
        harness_skip("prlimit: %s", strerror(errno));
    return had;
}

static void supervisor_without_descriptors_says_so_and_recovers(void) {
    struct rlimit enough;
    pid_t pid[DAEMON_WORKERS_MAX];
    struct daemon daemon;
    unsigned long ticks;
    struct load *load;

    daemon_write_service("echo", "model = \"event\"; max_children = 2; log_messages = true;");
    daemon_start(&daemon);
    CHECK(daemon_workers("echo", NULL, pid) == 2, "workers");
    enough = take_descriptors(daemon.proc.pid);
    kill(pid[0], SIGKILL);
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("no worker could be forked: Too many open "
                                                      "files; trying again in a second") > 0),
        "%s", daemon_log());
    load = load_start(daemon.port, 10000); /* by the worker that is left */
    ticks = cpu_ticks(daemon.proc.pid);
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("no worker could be forked") >= 2), "once");
    CHECK(daemon_log_count("no worker could be forked") <= 3, "%s", daemon_log());
    CHECK(harness_is_sanitized() || cpu_ticks(daemon.proc.pid) - ticks < 20, "it spins: %lu ticks",
        cpu_ticks(daemon.proc.pid) - ticks);
    CHECK(prlimit(daemon.proc.pid, RLIMIT_NOFILE, &enough, NULL) == 0, "%s", strerror(errno));
    CHECK(harness_until(PATIENCE_MS, is_ready("echo", 2)), "it does not recover: %s", daemon_log());
    load_stop(load);
    CHECK(load_done(load) > 10, "nobody was served");
    CHECK(daemon_number("echo", "restarts") == 1, "a fork that failed is called a death");
    daemon_stop(&daemon);
    records_read(LOG);
}

/* Nobody can be accepted: who asks is served when there are descriptors again. */
static void operator_waits_while_there_are_no_descriptors(void) {
    struct rlimit enough;
    const char *const argv[] = { "prefork", "--control", "control.sock", "status", NULL };
    struct harness_proc status;
    struct daemon daemon;
    unsigned long ticks;

    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    enough = take_descriptors(daemon.proc.pid);
    ticks = cpu_ticks(daemon.proc.pid);
    harness_start(&status, argv, 0);
    for (int i = 0; i < 20; i++) {
        CHECK(daemon_exchange(daemon.port, 0) == NULL, "exchange %d", i);
        harness_pause_us(10000);
    }
    CHECK(harness_is_sanitized() || cpu_ticks(daemon.proc.pid) - ticks < 10, "it spins: %lu ticks",
        cpu_ticks(daemon.proc.pid) - ticks);
    CHECK(waitpid(status.pid, NULL, WNOHANG) == 0, "it was answered");
    CHECK(prlimit(daemon.proc.pid, RLIMIT_NOFILE, &enough, NULL) == 0, "%s", strerror(errno));
    CHECK(harness_wait(&status, PATIENCE_MS) == 0, "exit %d: %s", status.code,
        harness_read_file(status.err, NULL));
    daemon_stop(&daemon);
}

/* ---- signals ---- */

static void signals_in_a_row_harm_nothing(void) {
    static const int numbers[] = { SIGUSR1, SIGHUP, SIGTTIN, SIGUSR2, SIGTTOU, SIGPIPE, SIGALRM,
        SIGWINCH, SIGCHLD, SIGIO, SIGURG, SIGVTALRM };
    enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };
    struct daemon daemon;
    struct load *load;
    unsigned done;

    daemon_write_service("echo", "model = \"thread\"; max_children = 3;");
    daemon_start(&daemon);
    load = load_start(daemon.port, 1000);
    CHECK(harness_until(PATIENCE_MS, load_done(load) > 10), "nobody is served");
    for (int i = 0; i < 10 * NUMBERS; i++)
        CHECK(kill(daemon.proc.pid, numbers[i % NUMBERS]) == 0, "%s", strerror(errno));
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        CHECK(kill(daemon.proc.pid, number) == 0, "%s", strerror(errno));
    daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":4,\"wait\":true}}");
    CHECK(harness_until(PATIENCE_MS, is_ready("echo", 4) && daemon_number("echo", "wanted") == 4),
        "%s", daemon_log());
    done = load_done(load);
    CHECK(harness_until(PATIENCE_MS, load_done(load) > done + 10), "nobody is served");
    load_stop(load);
    CHECK(daemon_number("echo", "restarts") == 0, "somebody died: %s", daemon_log());
    CHECK(strcmp(daemon_state("echo"), "RUNNING") == 0, "echo is %s", daemon_state("echo"));
    CHECK(daemon_log_count("event=signal") > 0 && daemon_log_count("event=log_reopened") > 0, "%s",
        daemon_log());
    harness_figure(
        "signals=%d exchanges=%u", 10 * NUMBERS + SIGRTMAX - SIGRTMIN + 1, load_done(load));
    daemon_stop(&daemon);
    records_read(LOG);
}

/* What was not looked at for two seconds is not hung. */
static void stopped_supervisor_holds_up_nobody_and_judges_nobody(void) {
    struct daemon daemon;
    struct load *load[3];
    unsigned before[3];
    int held[3];

    for (size_t m = 0; m < 3; m++)
        daemon_write_service(services[m],
            "model = \"%s\"; max_children = 6; worker_timeout = \"500ms\"; "
            "worker_boot_timeout = \"500ms\";",
            daemon_models[m]);
    daemon_start(&daemon);
    for (size_t m = 0; m < 3; m++) {
        CHECK(harness_until(PATIENCE_MS, is_ready(services[m], 6)), "%s", services[m]);
        held[m] = daemon_connect(daemon_port(services[m], "tcp"));
        CHECK(daemon_echo(held[m], "x", 1), "echo");
        load[m] = load_start(daemon_port(services[m], "tcp"), 20000);
    }
    kill(daemon.proc.pid, SIGSTOP);
    for (size_t m = 0; m < 3; m++)
        before[m] = load_done(load[m]);
    harness_pause_us(2000000); /* the fault itself */
    for (size_t m = 0; m < 3; m++)
        CHECK(load_done(load[m]) > before[m] + 20, "%s: only %u were served meanwhile",
            daemon_models[m], load_done(load[m]) - before[m]);
    kill(daemon.proc.pid, SIGCONT);
    daemon_do("{\"verb\":\"status\"}");
    harness_pause_us(1200000); /* it looks at everybody, more than once */
    for (size_t m = 0; m < 3; m++) {
        load_stop(load[m]);
        CHECK(daemon_echo(held[m], "y", 1), "%s: the session was cut", daemon_models[m]);
        close(held[m]);
        CHECK(daemon_number(services[m], "restarts") == 0 && is_ready(services[m], 6), "%s: %s",
            daemon_models[m], daemon_log());
    }
    CHECK(daemon_log_count("event=worker_hung") == 0, "%s", daemon_log());
    CHECK(daemon_log_count("event=worker_exit") == 0, "%s", daemon_log());
    daemon_stop(&daemon);
}

/* ---- lies ---- */

/* A worker's end of the pair by which it is ordered and reports. */
static int steal_order_socket(pid_t pid) {
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), fd, type;
    socklen_t len = sizeof(type);

    for (int i = 3; i < 256; i++) {
        fd = (int)syscall(SYS_pidfd_getfd, pidfd, i, 0);
        if (fd < 0 && errno != EBADF)
            harness_skip("pidfd_getfd: %s", strerror(errno));
        if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
            type == SOCK_SEQPACKET) {
            close(pidfd);
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    harness_fail(__FILE__, __LINE__, "order socket", "worker %d has none", pid);
}

static void worker_that_reports_rubbish_is_not_believed(void) {
    const unsigned count = harness_scale(3000, 100000);
    pid_t pid[DAEMON_WORKERS_MAX], after[DAEMON_WORKERS_MAX];
    struct daemon daemon;
    char rubbish[256];
    int fd;

    daemon_write_service("echo", "max_children = 2;");
    daemon_start(&daemon);
    CHECK(daemon_workers("echo", NULL, pid) == 2, "workers");
    fd = steal_order_socket(pid[0]);
    for (unsigned i = 0; i < count; i++) {
        size_t len = harness_random(1, sizeof(rubbish));
        for (size_t k = 0; k < len; k++)
            rubbish[k] = (char)harness_random(0, 255);
        if (send(fd, rubbish, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            harness_pause_us(200);
    }
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("event=bad_report") > 0), "not told: %s",
        daemon_log());
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "no echo");
    CHECK(daemon_workers("echo", NULL, after) == 2 && after[0] == pid[0] && after[1] == pid[1],
        "the workers are others: %.3000s", daemon_log());
    harness_figure(
        "reports of rubbish=%u, records of it=%u", count, daemon_log_count("event=bad_report"));
    CHECK(daemon_log_count("event=bad_report") < 50, "the log is flooded");
    close(fd);
    daemon_stop(&daemon);
    records_read(LOG);
}

/* ---- into the background ---- */

static struct harness_result start_in_background(void) {
    return harness_run("preforkd", "-f", "preforkd.conf", NULL);
}

/* Its pid, and later its end: an orphan comes to the test. */
static pid_t find_daemon(void) {
    json_t *status = json_array_get(daemon_ask("{\"verb\":\"status\"}"), 0);

    return (pid_t)json_integer_value(json_object_get(status, "pid"));
}

static void end_daemon(pid_t pid) {
    int status = -1;

    kill(pid, SIGTERM);
    CHECK(harness_until(PATIENCE_MS, waitpid(pid, &status, WNOHANG) == pid), "it does not end");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
}

static void background_start_returns_when_it_serves(void) {
    struct harness_result started;
    char path[64], link[64] = "";
    pid_t pid;

    for (size_t m = 0; m < 3; m++) {
        daemon_write_service("echo", "model = \"%s\"; max_children = 4;", daemon_models[m]);
        started = start_in_background();
        CHECK(started.code == 0 && started.err[0] == '\0' && started.out[0] == '\0',
            "exit %d: %s%s", started.code, started.out, started.err);
        pid = find_daemon(); /* at once: no waiting */
        CHECK(daemon_number("echo", "ready") >= 1, "%s: nobody is ready", daemon_models[m]);
        CHECK(daemon_exchange(daemon_port("echo", "tcp"), 0) == NULL, "%s: it does not serve",
            daemon_models[m]);
        CHECK(getsid(pid) == pid, "it is in our session");
        for (int fd = 0; fd <= 2; fd++) {
            snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
            CHECK(readlink(path, link, sizeof(link) - 1) > 0 && strcmp(link, "/dev/null") == 0,
                "%s is %s", path, link);
        }
        end_daemon(pid);
        records_read(LOG);
        unlink(LOG);
    }
}

static void expect_no_start(size_t others, const char *words) {
    struct harness_result started = start_in_background();
    pid_t pid[2];

    CHECK(started.code == 78, "exit %d: %s", started.code, started.err);
    CHECK(strstr(started.err, words) != NULL, "%s, not: %s", words, started.err);
    /* What began and gave up comes to the test, and is over. */
    CHECK(harness_until(PATIENCE_MS,
              (waitpid(-1, NULL, WNOHANG), harness_children(getpid(), pid, 2) == others)),
        "something lives on");
}

static void background_start_tells_what_has_not_come_up(void) {
    struct harness_result started;
    pid_t pid;

    CHECK(setenv("PREFORK_FAILPOINT", "worker-start@sick:0", 1) == 0, "setenv");
    daemon_write_service("echo", "%s", "");
    daemon_write_service("sick", "restart_delay = \"60s\";");
    started = start_in_background();
    CHECK(started.code == 3, "exit %d: %s", started.code, started.err);
    CHECK(strstr(started.err, "sick is BACKOFF: was killed by SIGKILL") != NULL, "%s", started.err);
    CHECK(strstr(started.err, "echo") == NULL, "%s", started.err);
    pid = find_daemon();
    CHECK(daemon_exchange(daemon_port("echo", "tcp"), 0) == NULL, "the other one does not serve");
    end_daemon(pid);
    CHECK(harness_until(PATIENCE_MS, waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD), "orphans");
}

static void background_start_that_fails_says_so(void) {
    struct daemon daemon;
    char *text;
    pid_t pid;

    daemon_write_service("echo", "wrokers = 2;");
    expect_no_start(0, "unknown key \"wrokers\"");
    CHECK(!harness_exists("control.sock"), "a control socket of nobody");

    daemon_write_service("echo", "%s", "");
    logged_write_config("file = \"nowhere/preforkd.log\";", "");
    expect_no_start(0, "nowhere/preforkd.log");
    daemon_write_config("");

    daemon_start(&daemon);
    unlink("control.sock"); /* so that only the port is in the way */
    CHECK(asprintf(&text, "services_dir = \"services.d\"; control : { socket = \"other.sock\"; };\n"
                          "log : { file = \"other.log\"; };\n") > 0,
        "no memory");
    harness_write_file("preforkd.conf", text, strlen(text));
    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:%u\" ];", daemon.port);
    expect_no_start(1, "the port is busy");
    CHECK(!harness_exists("other.sock"), "a control socket of nobody");
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "the first one suffers");
    kill(daemon.proc.pid, SIGTERM);
    CHECK(harness_wait(&daemon.proc, PATIENCE_MS) == 0, "exit %d", daemon.proc.code);

    daemon_write_config("");
    daemon_write_service("echo", "%s", "");
    CHECK(start_in_background().code == 0, "it does not start");
    pid = find_daemon();
    CHECK(asprintf(&text, "another preforkd answers there: pid %d", pid) > 0, "no memory");
    expect_no_start(1, text);
    CHECK(find_daemon() == pid, "the first one is gone");
    end_daemon(pid);
    CHECK(harness_until(PATIENCE_MS, waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD), "orphans");
}

static const struct harness_test tests[] = {
    { "supervisor_without_descriptors_says_so_and_recovers",
        supervisor_without_descriptors_says_so_and_recovers },
    { "operator_waits_while_there_are_no_descriptors",
        operator_waits_while_there_are_no_descriptors },
    { "signals_in_a_row_harm_nothing", signals_in_a_row_harm_nothing },
    { "stopped_supervisor_holds_up_nobody_and_judges_nobody",
        stopped_supervisor_holds_up_nobody_and_judges_nobody },
    { "worker_that_reports_rubbish_is_not_believed", worker_that_reports_rubbish_is_not_believed },
    { "background_start_returns_when_it_serves", background_start_returns_when_it_serves },
    { "background_start_tells_what_has_not_come_up", background_start_tells_what_has_not_come_up },
    { "background_start_that_fails_says_so", background_start_that_fails_says_so },
    { .name = NULL },
};

const struct harness_suite daemon_fault_suite = { "daemon_fault", tests };
