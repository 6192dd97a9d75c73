/* Reload: what is wrong changes nothing, many at once are few, and ends in the middle of one. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/clients.h"
#include "tests/system/daemon.h"
#include "tests/system/pids.h"
#include "tests/system/reloads.h"
#include "tests/system/suites.h"

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}

/* ---- what is wrong ---- */

/* Ask for a reload that has to fail, and see that nothing is different. */
static struct reloads_verdict fail_to_reload(uint16_t port, int exit_code, const char *words) {
    struct pids before, now;
    struct reloads_verdict verdict;

    CHECK(harness_until(5000, pids_of("echo").count == daemon_number("echo", "ready")),
        "an older reload is not over");
    before = pids_of("echo");
    verdict = reloads_ask();

    CHECK(verdict.exit_code == exit_code, "%d and not %d: %s", verdict.exit_code, exit_code,
        verdict.error);
    CHECK(strstr(verdict.error, words) != NULL, "\"%s\" is not in \"%s\"", words, verdict.error);
    CHECK(strstr(verdict.error, "nothing was changed") != NULL, "%s", verdict.error);
    now = pids_of("echo");
    CHECK(pids_are_same(&before, &now), "other workers after a reload that failed");
    CHECK(daemon_exchange(port, 0) == NULL, "it does not serve after a reload that failed");
    return verdict;
}

static void bad_files_change_nothing(void) {
    struct daemon daemon;

    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    daemon_write_service("echo", "wrokers = 3;");
    fail_to_reload(daemon.port, 78, "echo.conf:1: unknown key \"wrokers\"");
    harness_write_file("services.d/echo.conf", "type = \"echo\"; listen = [ \"tcp://1", 30);
    fail_to_reload(daemon.port, 78, "echo.conf:1");
    harness_write_file("services.d/echo.conf", "", 0);
    fail_to_reload(daemon.port, 78, "type is missing");
    daemon_write_service("echo", "user = \"nobody_of_this_name\";");
    fail_to_reload(daemon.port, 78, "nobody_of_this_name");
    /* A library that would end the process does so in a child. */
    harness_write_file("services.d/echo.conf", "@include \"/tmp\"\n", 16);
    fail_to_reload(daemon.port, 78, "echo.conf");
    daemon_write_config("log_file = 3;");
    daemon_write_service("echo", "%s", "");
    fail_to_reload(daemon.port, 78, "preforkd.conf");
    daemon_write_config("");
    reloads_do();
    CHECK(harness_until(5000, daemon_log_count("event=reload_failed") == 6), "%s", daemon_log());
    clear(&daemon);
}

static void taken_port_changes_nothing(void) {
    struct daemon daemon;
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);
    uint16_t port, tcp;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 1) == 0, "bind");
    getsockname(fd, (struct sockaddr *)&address, &len);
    port = ntohs(address.sin_port);
    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    tcp = daemon.port;
    /* One that is good is tried before the bad one, and given up with it. */
    daemon_write_service("a", "%s", "");
    daemon_write_service("echo",
        "listen = [ \"tcp://127.0.0.1:0\", \"tcp://127.0.0.1:%u\" ]; max_requests = 5;", port);
    fail_to_reload(tcp, 1, "the port is busy");
    CHECK(json_array_size(json_object_get(
              json_array_get(daemon_ask("{\"verb\":\"status\"}"), 0), "services")) == 1,
        "a service of a failed reload stays");
    close(fd);
    reloads_do();
    CHECK(daemon_exchange(tcp, 0) == NULL && daemon_exchange(port, 0) == NULL, "both serve");
    clear(&daemon);
}

static void worker_that_dies_at_once_changes_nothing(void) {
    for (size_t m = 0; m < 2; m++) { /* an event worker needs no new memory to start */
        struct daemon daemon;

        daemon_write_service("echo", "model = \"%s\";", daemon_models[m]);
        daemon_start(&daemon);
        /* No worker can start with so little memory. */
        daemon_write_service("echo", "model = \"%s\"; rlimit_as = \"1M\";", daemon_models[m]);
        fail_to_reload(daemon.port, 1, "echo: a worker of the new configuration exited with");
        daemon_write_service("echo", "model = \"%s\"; max_requests = 9;", daemon_models[m]);
        reloads_do();
        clear(&daemon);
    }
}

static void worker_that_never_gets_ready_changes_nothing(void) {
    struct daemon daemon;

    setenv("PREFORK_FAILPOINT", "worker-start@late:0:stop", 1);
    daemon_write_service("echo", "worker_boot_timeout = \"300ms\";");
    daemon_start(&daemon);
    daemon_write_service("late", "worker_boot_timeout = \"300ms\";");
    daemon_write_service("echo", "max_requests = 5;");
    fail_to_reload(daemon.port, 1, "late: a worker of the new configuration was killed");
    unlink("services.d/late.conf");
    reloads_do();
    clear(&daemon);
}

/* A service that cannot come up is no reason to leave the others as they are. */
static void crash_loop_does_not_hinder_a_reload(void) {
    struct daemon daemon;
    struct reloads_verdict verdict;

    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_write_service("echo", "%s", "");
    daemon_write_service("bad", "restart_delay = \"20ms\"; restart_max_delay = \"50ms\";");
    daemon_start(&daemon);
    for (unsigned i = 0; i < 5; i++) {
        daemon_write_service("echo", "max_requests = %u;", 100 + i);
        verdict = reloads_ask();
        CHECK(verdict.exit_code == 0 && strcmp(reloads_action(&verdict, "echo"), "replaced") == 0,
            "%s", verdict.error);
        CHECK(daemon_exchange(daemon.port, 0) == NULL, "it does not serve");
    }
    /* Changed itself it is tried, and stays as it was. */
    daemon_write_service("bad", "max_requests = 3;");
    fail_to_reload(daemon.port, 1, "bad: a worker of the new configuration");
    clear(&daemon);
}

/* ---- many at once ---- */

static void hundred_hangups_in_a_second_are_a_few_reloads(void) {
    struct daemon daemon;
    struct clients *clients;
    json_t *status;

    daemon_write_service("echo", "model = \"event\";");
    daemon_start(&daemon);
    clients = clients_start(daemon.port, NULL);
    for (unsigned i = 0; i < 100; i++) {
        if (i % 10 == 0)
            daemon_write_service("echo", "model = \"event\"; max_requests = %u;", 5000 + i);
        kill(daemon.proc.pid, SIGHUP);
        harness_pause_us(5000);
    }
    reloads_do();
    status = json_array_get(daemon_ask("{\"verb\":\"status\"}"), 0);
    clients_stop(clients);
    harness_figure("100 SIGHUP, generation=%lld, exchanges=%u failed=%u",
        (long long)json_integer_value(json_object_get(status, "generation")), clients->done,
        clients->failed);
    CHECK(clients->failed == 0, "%s", clients->why);
    CHECK(json_is_true(json_object_get(json_object_get(status, "last_reload"), "good")), "%s",
        daemon_log());
    CHECK(harness_until(10000, pids_of("echo").count == 2), "old generations pile up: %zu workers",
        pids_of("echo").count);
    clear(&daemon);
}

/* Each of them gets the verdict of what it may have written. */
static void reloads_at_once_are_all_answered(void) {
    struct daemon daemon;
    enum { ASKERS = 8 };
    pid_t pid[ASKERS];
    int status;

    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    for (unsigned i = 0; i < ASKERS; i++) {
        pid[i] = fork();
        if (pid[i] != 0)
            continue;
        for (unsigned k = 0; k < 5; k++) {
            const int exit_code = reloads_ask().exit_code;

            /* A file that is half written when it is read is refused, and nothing else is. */
            if (exit_code != 0 && exit_code != 78)
                _exit(1);
        }
        _exit(0);
    }
    for (unsigned k = 0; k < 20; k++) {
        daemon_write_service("echo", "max_requests = %u;", 500 + k);
        harness_pause_us(2000);
    }
    for (unsigned i = 0; i < ASKERS; i++) {
        waitpid(pid[i], &status, 0);
        CHECK(status == 0, "asker %u: %d", i, status);
    }
    reloads_do();
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "it does not serve");
    clear(&daemon);
}

static void old_generations_are_counted_and_waited_for(void) {
    struct daemon daemon;
    int fd[2];
    pid_t pid;
    int status;

    daemon_write_config("max_generations = 2;");
    daemon_write_service(
        "echo", "model = \"process\"; max_children = 1; graceful_timeout = \"60s\";");
    daemon_start(&daemon);
    /* A session that cannot be handed over, because its worker is inside a hook. */
    setenv("PREFORK_FAILPOINT", "", 1);
    fd[0] = daemon_connect(daemon.port);
    CHECK(daemon_echo(fd[0], "x", 1), "echo");
    kill(pids_of("echo").pid[0], SIGSTOP);
    daemon_write_service("echo",
        "model = \"process\"; max_children = 1; graceful_timeout = \"60s\"; "
        "max_requests = 50;");
    reloads_do();
    CHECK(pids_of("echo").count == 2, "%zu workers", pids_of("echo").count);
    daemon_write_service("echo",
        "model = \"process\"; max_children = 1; graceful_timeout = \"60s\"; "
        "max_requests = 60;");
    pid = fork();
    if (pid == 0)
        _exit(reloads_ask().exit_code);
    CHECK(waitpid(pid, &status, WNOHANG) == 0, "it does not wait");
    harness_pause_us(300000); /* long enough for a reload that does not wait */
    CHECK(waitpid(pid, &status, WNOHANG) == 0, "it does not wait");
    CHECK(pids_of("echo").count == 2, "%zu workers", pids_of("echo").count);
    for (unsigned i = 0; i < 2; i++)
        kill(pids_of("echo").pid[i], SIGCONT);
    close(fd[0]);
    waitpid(pid, &status, 0);
    CHECK(status == 0, "%d: %s", status, daemon_log());
    CHECK(harness_until(5000, pids_of("echo").count == 1), "%zu workers", pids_of("echo").count);
    clear(&daemon);
}

/* ---- ends meanwhile ---- */

/* The pilot of the service "late", which is stopped by a fail-point at its start. */
static pid_t await_pilot(const struct daemon *daemon, size_t others) {
    pid_t child[16];
    size_t count;

    CHECK(harness_until(5000, (count = harness_children(daemon->proc.pid, child, 16)) ==
                                  others + 2), /* the log writer, too */
        "%zu children", count);
    CHECK(harness_until(5000, harness_is_stopped(child[count - 1])), "it does not stop");
    return child[count - 1];
}

static void service_that_is_stopped_meanwhile_stays_so(void) {
    struct daemon daemon;
    pid_t pilot;

    setenv("PREFORK_FAILPOINT", "worker-start@late:0:stop", 1);
    daemon_write_service("echo", "max_children = 1;");
    daemon_start(&daemon);
    daemon_write_service("late", "max_children = 1;");
    daemon_write_service("echo", "max_children = 3; max_requests = 500;");
    daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":false}}");
    pilot = await_pilot(&daemon, 2);
    daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
    CHECK(reloads_read(daemon_ask("{\"verb\":\"start\",\"args\":{\"service\":\"echo\"}}"))
                  .exit_code == 75,
        "started in the middle");
    kill(pilot, SIGCONT);
    CHECK(harness_until(5000, daemon_log_count("event=reloaded") == 1), "%s", daemon_log());
    CHECK(strcmp(daemon_state("echo"), "STOPPED") == 0, "%s", daemon_state("echo"));
    daemon_do("{\"verb\":\"start\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
    CHECK(pids_of("echo").count == 3, "%zu workers", pids_of("echo").count);
    CHECK(daemon_exchange(daemon_port("echo", "tcp"), 0) == NULL, "it does not serve");
    clear(&daemon);
}

static void daemon_stops_in_the_middle_of_a_reload(void) {
    struct daemon daemon;

    setenv("PREFORK_FAILPOINT", "worker-start@late:0:stop", 1);
    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    daemon_write_service("late", "%s", "");
    daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":false}}");
    CHECK(harness_until(5000, harness_children(daemon.proc.pid, (pid_t[8]){ 0 }, 8) == 4),
        "no pilot");
    clear(&daemon);
}

static void supervisor_killed_in_the_middle_of_a_reload_leaves_nothing(void) {
    struct daemon daemon;
    pid_t child[16];
    size_t count;

    setenv("PREFORK_FAILPOINT", "worker-start@late:0:stop", 1);
    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    daemon_write_service("late", "%s", "");
    daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":false}}");
    CHECK(harness_until(5000, (count = harness_children(daemon.proc.pid, child, 16)) == 4),
        "no pilot");
    kill(daemon.proc.pid, SIGKILL);
    harness_wait(&daemon.proc, 5000);
    for (size_t i = 0; i < count; i++) {
        kill(child[i], SIGCONT);
        CHECK(harness_until(5000, waitpid(child[i], NULL, WNOHANG) == child[i] ||
                                      (kill(child[i], 0) < 0 && errno == ESRCH)),
            "%d is left", child[i]);
    }
    unsetenv("PREFORK_FAILPOINT");
    unlink("services.d/late.conf");
    daemon_start(&daemon);
    clear(&daemon);
}

static const struct harness_test tests[] = {
    { "bad_files_change_nothing", bad_files_change_nothing },
    { "taken_port_changes_nothing", taken_port_changes_nothing },
    { "worker_that_dies_at_once_changes_nothing", worker_that_dies_at_once_changes_nothing },
    { "worker_that_never_gets_ready_changes_nothing",
        worker_that_never_gets_ready_changes_nothing },
    { "crash_loop_does_not_hinder_a_reload", crash_loop_does_not_hinder_a_reload },
    { "hundred_hangups_in_a_second_are_a_few_reloads",
        hundred_hangups_in_a_second_are_a_few_reloads },
    { "reloads_at_once_are_all_answered", reloads_at_once_are_all_answered },
    { "old_generations_are_counted_and_waited_for", old_generations_are_counted_and_waited_for },
    { "service_that_is_stopped_meanwhile_stays_so", service_that_is_stopped_meanwhile_stays_so },
    { "daemon_stops_in_the_middle_of_a_reload", daemon_stops_in_the_middle_of_a_reload },
    { "supervisor_killed_in_the_middle_of_a_reload_leaves_nothing",
        supervisor_killed_in_the_middle_of_a_reload_leaves_nothing },
    { .name = NULL },
};

const struct harness_suite daemon_reload_fault_suite = { "daemon_reload_fault", tests };
