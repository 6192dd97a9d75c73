/* Reload: what changed is new, what did not is untouched, and what is wrong changes nothing. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/clients.h"
#include "tests/system/daemon.h"
#include "tests/system/streams.h"
#include "tests/system/suites.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}

/* ---- the verdict ---- */

struct verdict {
    int exit_code;
    const char *error; /* "" */
    json_t *object;    /* NULL: the answer had none */
};

static struct verdict read_verdict(json_t *lines) {
    const size_t count = json_array_size(lines);
    const json_t *last = json_array_get(lines, count - 1);
    struct verdict verdict = { .exit_code = (int)json_integer_value(json_object_get(last, "exit")),
        .error = "" };
    const char *error = json_string_value(json_object_get(last, "error"));

    if (error != NULL)
        verdict.error = error;
    for (size_t i = 0; i < count; i++)
        if (json_object_get(json_array_get(lines, i), "services") != NULL)
            verdict.object = json_array_get(lines, i);
    return verdict;
}

static struct verdict reload(void) {
    return read_verdict(daemon_ask("{\"verb\":\"reload\",\"args\":{\"wait\":true}}"));
}

static void reload_well(void) {
    struct verdict verdict = reload();

    CHECK(verdict.exit_code == 0, "%d: %s", verdict.exit_code, verdict.error);
}

/* What was done with this service: "kept". */
static const char *action_of(const struct verdict *verdict, const char *name) {
    const json_t *service;
    size_t i;

    json_array_foreach(json_object_get(verdict->object, "services"), i, service) {
        if (strcmp(json_string_value(json_object_get(service, "service")), name) == 0)
            return json_string_value(json_object_get(service, "action"));
    }
    return "not there";
}

/* ---- workers ---- */

struct pids {
    pid_t pid[DAEMON_WORKERS_MAX];
    size_t count;
};

static int compare_pids(const void *a, const void *b) {
    return *(const pid_t *)a - *(const pid_t *)b;
}

static struct pids pids_of(const char *service) {
    struct pids pids = { .count = 0 };

    pids.count = daemon_workers(service, NULL, pids.pid);
    qsort(pids.pid, pids.count, sizeof(pids.pid[0]), compare_pids);
    return pids;
}

static bool are_same(const struct pids *a, const struct pids *b) {
    return a->count == b->count && memcmp(a->pid, b->pid, a->count * sizeof(a->pid[0])) == 0;
}

static bool share_none(const struct pids *a, const struct pids *b) {
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            if (a->pid[i] == b->pid[k])
                return false;
    return true;
}

/* ---- what changes ---- */

static void changed_service_gets_new_workers_and_the_others_keep_theirs(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        struct pids echo, other, now;
        struct verdict verdict;
        uint16_t port;

        daemon_write_service("echo", "model = \"%s\"; max_children = 4;", daemon_models[m]);
        daemon_write_service("other", "model = \"%s\"; max_children = 3;", daemon_models[m]);
        daemon_start(&daemon);
        echo = pids_of("echo");
        other = pids_of("other");
        port = daemon.port;
        reload_well();
        now = pids_of("echo");
        CHECK(are_same(&echo, &now), "a reload without a change made new workers");
        daemon_write_service(
            "echo", "model = \"%s\"; max_children = 4; max_requests = 77;", daemon_models[m]);
        verdict = reload();
        CHECK(verdict.exit_code == 0, "%s", verdict.error);
        harness_figure("%s: 4 workers replaced after %.1f ms", daemon_models[m],
            (double)json_integer_value(json_object_get(verdict.object, "took_us")) / 1000);
        CHECK(strcmp(action_of(&verdict, "echo"), "replaced") == 0 &&
                  strcmp(action_of(&verdict, "other"), "kept") == 0,
            "%s, %s", action_of(&verdict, "echo"), action_of(&verdict, "other"));
        CHECK(
            harness_until(5000, (now = pids_of("echo"), now.count == 4 && share_none(&echo, &now))),
            "old workers are there still: %s", daemon_log());
        now = pids_of("other");
        CHECK(are_same(&other, &now), "a service that did not change has new workers");
        CHECK(daemon_port("echo", "tcp") == port, "the port moved");
        CHECK(daemon_exchange(port, 0) == NULL, "it does not serve");
        CHECK(daemon_number("echo", "restarts") == 0, "counted as deaths");
        clear(&daemon);
    }
}

static void what_only_the_supervisor_needs_costs_no_worker(void) {
    struct daemon daemon;
    struct pids before, now;
    struct verdict verdict;

    daemon_write_service("echo", "max_children = 2;");
    daemon_start(&daemon);
    before = pids_of("echo");
    daemon_write_service("echo", "max_children = 5; graceful_timeout = \"3s\"; backlog = 33;");
    verdict = reload();
    CHECK(verdict.exit_code == 0 && strcmp(action_of(&verdict, "echo"), "adjusted") == 0, "%s: %s",
        action_of(&verdict, "echo"), verdict.error);
    CHECK(harness_until(5000, (now = pids_of("echo")).count == 5), "%zu workers", now.count);
    CHECK(!share_none(&before, &now), "its workers are new");
    daemon_write_service("echo", "max_children = 1;");
    reload_well();
    CHECK(harness_until(5000, (now = pids_of("echo")).count == 1), "%zu workers", now.count);
    clear(&daemon);
}

static void pool_shrinks_and_grows_with_its_file(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        struct pids now;

        daemon_write_service("echo", "model = \"%s\"; max_children = 6;", daemon_models[m]);
        daemon_start(&daemon);
        for (unsigned i = 0; i < 4; i++) {
            const unsigned wanted = i % 2 == 0 ? 2 : 7;

            daemon_write_service("echo", "model = \"%s\"; max_children = %u; max_requests = %u;",
                daemon_models[m], wanted, 1000 + i);
            reload_well();
            CHECK(harness_until(5000, (now = pids_of("echo")).count == wanted),
                "%s: %zu workers and not %u: %s", daemon_models[m], now.count, wanted,
                daemon_log());
            CHECK(daemon_exchange(daemon.port, 0) == NULL, "%s", daemon_models[m]);
        }
        clear(&daemon);
    }
}

static void services_come_and_go(void) {
    struct daemon daemon;
    struct verdict verdict;
    struct pids echo, now;
    uint16_t port;
    json_t *lines;

    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    echo = pids_of("echo");
    daemon_write_service("more", "model = \"event\";");
    daemon_write_service("later", "autostart = false;");
    verdict = reload();
    CHECK(verdict.exit_code == 0 && strcmp(action_of(&verdict, "more"), "added") == 0, "%s",
        verdict.error);
    CHECK(strcmp(daemon_state("more"), "RUNNING") == 0, "%s", daemon_state("more"));
    CHECK(strcmp(daemon_state("later"), "STOPPED") == 0, "%s", daemon_state("later"));
    port = daemon_port("more", "tcp");
    CHECK(daemon_exchange(port, 0) == NULL, "the new service does not serve");
    unlink("services.d/more.conf");
    unlink("services.d/later.conf");
    verdict = reload();
    CHECK(verdict.exit_code == 0 && strcmp(action_of(&verdict, "more"), "removed") == 0, "%s",
        verdict.error);
    CHECK(harness_until(5000,
              (lines = daemon_ask("{\"verb\":\"status\"}"),
                  json_array_size(json_object_get(json_array_get(lines, 0), "services")) == 1)),
        "%s", daemon_log());
    CHECK(daemon_exchange(port, 0) != NULL, "the removed service serves");
    now = pids_of("echo");
    CHECK(are_same(&echo, &now), "echo has new workers");
    clear(&daemon);
}

/* The same name again while its old sessions are served, and again, and again. */
static void service_comes_back_while_it_leaves(void) {
    struct daemon daemon;
    int fd[3];

    daemon_write_service("echo", "%s", "");
    daemon_write_service("more", "model = \"event\";");
    daemon_start(&daemon);
    for (unsigned i = 0; i < 3; i++) {
        fd[i] = daemon_connect(daemon_port("more", "tcp"));
        CHECK(daemon_echo(fd[i], "one", 3), "echo");
        unlink("services.d/more.conf");
        reload_well();
        daemon_write_service("more", "model = \"event\";");
        reload_well();
        CHECK(strcmp(daemon_state("echo"), "RUNNING") == 0, "echo");
        CHECK(daemon_echo(fd[i], "two", 3), "the session of a removed service is lost");
    }
    for (unsigned i = 0; i < 3; i++)
        close(fd[i]);
    clear(&daemon);
}

/* ---- sockets ---- */

static void address_moves_from_one_service_to_another(void) {
    struct daemon daemon;
    struct clients *clients;
    uint16_t port;

    daemon_write_service("a", "%s", "");
    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    /* Fixed, so that it can be named. */
    port = daemon_port("a", "tcp");
    daemon_write_service("a", "listen = \"tcp://127.0.0.1:%u\"; port_policy = \"next\";", port);
    reload_well();
    port = daemon_port("a", "tcp");
    daemon_write_service("a", "listen = \"tcp://127.0.0.1:%u\"; port_policy = \"next\";", port);
    reload_well();
    CHECK(daemon_port("a", "tcp") == port, "moved");
    clients = clients_start(port, NULL);
    for (unsigned i = 0; i < 6; i++) {
        const char *has = i % 2 == 0 ? "b" : "a", *had = i % 2 == 0 ? "a" : "b";
        char path[64];

        snprintf(path, sizeof(path), "services.d/%s.conf", had);
        unlink(path);
        daemon_write_service(
            has, "listen = \"tcp://127.0.0.1:%u\"; port_policy = \"strict\";", port);
        reload_well();
        CHECK(daemon_port(has, "tcp") == port, "%s has another port", has);
    }
    CHECK(harness_until(10000, clients->done > 500), "the clients did nothing");
    clients_stop(clients);
    harness_figure("moved 6 times, exchanges=%u failed=%u", clients->done, clients->failed);
    CHECK(clients->failed == 0, "%u failed: %s", clients->failed, clients->why);
    clear(&daemon);
}

static void listeners_are_added_and_removed_beside_those_that_stay(void) {
    struct daemon daemon;
    uint16_t port;
    int fd;

    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:0\", \"unix://one.sock\" ];");
    daemon_start(&daemon);
    port = daemon.port;
    fd = daemon_connect_unix("services.d/one.sock");
    CHECK(daemon_echo(fd, "before", 6), "echo");
    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:0\", \"unix://two.sock\", "
                                 "\"udp://127.0.0.1:0\" ];");
    reload_well();
    CHECK(daemon_port("echo", "tcp") == port, "the port moved");
    CHECK(daemon_exchange(port, 0) == NULL, "tcp");
    CHECK(daemon_exchange_unix("services.d/two.sock") == NULL, "two");
    CHECK(daemon_port("echo", "udp") != 0, "udp");
    CHECK(harness_until(5000, !harness_exists("services.d/one.sock")), "the old socket is there");
    CHECK(daemon_echo(fd, "after", 5), "a session of the old socket is lost");
    close(fd);
    clear(&daemon);
}

static void rights_and_limits_follow_their_file(void) {
    struct daemon daemon;
    struct stat st;
    int fd[4];

    daemon_write_service("echo",
        "model = \"event\"; listen = [ \"tcp://127.0.0.1:0\", \"unix://e.sock\" ]; "
        "listen_mode = \"0600\"; max_connections = 1; when_full = \"refuse\";");
    daemon_start(&daemon);
    CHECK(stat("services.d/e.sock", &st) == 0 && (st.st_mode & 0777) == 0600, "%o", st.st_mode);
    fd[0] = daemon_connect(daemon.port);
    CHECK(daemon_echo(fd[0], "x", 1), "the first");
    fd[1] = daemon_connect(daemon.port);
    CHECK(daemon_is_closed(fd[1], 5000), "one more than the limit");
    daemon_write_service("echo",
        "model = \"event\"; listen = [ \"tcp://127.0.0.1:0\", \"unix://e.sock\" ]; "
        "listen_mode = \"0666\"; max_connections = 3; when_full = \"refuse\";");
    reload_well();
    CHECK(stat("services.d/e.sock", &st) == 0 && (st.st_mode & 0777) == 0666, "%o", st.st_mode);
    CHECK(daemon_echo(fd[0], "y", 1), "the first is lost");
    for (unsigned i = 1; i < 3; i++) {
        fd[i] = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd[i], "x", 1), "number %u", i);
    }
    fd[3] = daemon_connect(daemon.port);
    CHECK(daemon_is_closed(fd[3], 5000), "the new limit does not hold");
    for (unsigned i = 0; i < 4; i++)
        close(fd[i]);
    clear(&daemon);
}

/* ---- what is wrong ---- */

/* Ask for a reload that has to fail, and see that nothing is different. */
static struct verdict fail_to_reload(uint16_t port, int exit_code, const char *words) {
    struct pids before, now;
    struct verdict verdict;

    CHECK(harness_until(5000, pids_of("echo").count == daemon_number("echo", "ready")),
        "an older reload is not over");
    before = pids_of("echo");
    verdict = reload();

    CHECK(verdict.exit_code == exit_code, "%d and not %d: %s", verdict.exit_code, exit_code,
        verdict.error);
    CHECK(strstr(verdict.error, words) != NULL, "\"%s\" is not in \"%s\"", words, verdict.error);
    CHECK(strstr(verdict.error, "nothing was changed") != NULL, "%s", verdict.error);
    now = pids_of("echo");
    CHECK(are_same(&before, &now), "other workers after a reload that failed");
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
    reload_well();
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
    reload_well();
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
        reload_well();
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
    reload_well();
    clear(&daemon);
}

/* A service that cannot come up is no reason to leave the others as they are. */
static void crash_loop_does_not_hinder_a_reload(void) {
    struct daemon daemon;
    struct verdict verdict;

    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_write_service("echo", "%s", "");
    daemon_write_service("bad", "restart_delay = \"20ms\"; restart_max_delay = \"50ms\";");
    daemon_start(&daemon);
    for (unsigned i = 0; i < 5; i++) {
        daemon_write_service("echo", "max_requests = %u;", 100 + i);
        verdict = reload();
        CHECK(verdict.exit_code == 0 && strcmp(action_of(&verdict, "echo"), "replaced") == 0, "%s",
            verdict.error);
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
    reload_well();
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
            const int exit_code = reload().exit_code;

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
    reload_well();
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
    reload_well();
    CHECK(pids_of("echo").count == 2, "%zu workers", pids_of("echo").count);
    daemon_write_service("echo",
        "model = \"process\"; max_children = 1; graceful_timeout = \"60s\"; "
        "max_requests = 60;");
    pid = fork();
    if (pid == 0)
        _exit(reload().exit_code);
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

/* ---- beside it ---- */

static void log_changes_with_its_settings_and_loses_nothing(void) {
    struct daemon daemon;
    char *first, *second;

    daemon_write_service("echo", "log_messages = true;");
    daemon_start(&daemon);
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "echo");
    daemon_write_config("");
    first = harness_read_file("preforkd.conf", NULL);
    {
        char *at = strstr(first, "preforkd.log"), text[4096];

        CHECK(at != NULL, "%s", first);
        snprintf(text, sizeof(text), "%.*ssecond.log%s", (int)(at - first), first,
            at + strlen("preforkd.log"));
        harness_write_file("preforkd.conf", text, strlen(text));
    }
    reload_well();
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "echo");
    CHECK(harness_until(
              5000, harness_exists("second.log") &&
                        strstr(harness_read_file("second.log", NULL), "event=message") != NULL),
        "nothing goes to the new file");
    second = harness_read_file("second.log", NULL);
    CHECK(strstr(second, "level=warn") == NULL, "%s", second);
    first = harness_read_file("preforkd.log", NULL);
    CHECK(strstr(first, "event=message") != NULL, "%s", first);
    daemon_stop(&daemon);
}

static void diff_tells_and_changes_nothing(void) {
    struct daemon daemon;
    struct pids before, now;
    struct harness_result result;

    daemon_write_service("echo", "max_requests = 10;");
    daemon_write_service("gone", "%s", "");
    daemon_start(&daemon);
    before = pids_of("echo");
    daemon_write_service("echo", "max_requests = 20; idle_timeout = \"7s\";");
    daemon_write_service("new", "%s", "");
    unlink("services.d/gone.conf");
    result = harness_run("prefork", "--control", "control.sock", "config", "diff", NULL);
    CHECK(result.code == 0, "%s", result.err);
    CHECK(strstr(result.out, "max_requests: 10 -> 20") != NULL &&
              strstr(result.out, "idle_timeout: 5m -> 7s") != NULL &&
              strstr(result.out, "added") != NULL && strstr(result.out, "removed") != NULL,
        "%s", result.out);
    now = pids_of("echo");
    CHECK(are_same(&before, &now), "it did it");
    daemon_write_service("new", "nonsense = 1;");
    result = harness_run("prefork", "--control", "control.sock", "config", "diff", NULL);
    CHECK(result.code == 78 && strstr(result.err, "nonsense") != NULL, "%d: %s", result.code,
        result.err);
    clear(&daemon);
}

static void stopped_service_takes_the_file_at_its_next_start(void) {
    struct daemon daemon;

    daemon_write_service("echo", "%s", "");
    daemon_write_service("more", "max_children = 1;");
    daemon_start(&daemon);
    daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"more\",\"wait\":true}}");
    daemon_write_service("more", "max_children = 3; max_requests = 8;");
    reload_well();
    CHECK(strcmp(daemon_state("more"), "STOPPED") == 0, "%s", daemon_state("more"));
    daemon_do("{\"verb\":\"start\",\"args\":{\"service\":\"more\",\"wait\":true}}");
    CHECK(pids_of("more").count == 3, "%zu workers", pids_of("more").count);
    clear(&daemon);
}

/* Whom the smaller pool has no worker for goes to those it has. */
static void sessions_of_a_pool_that_shrinks_go_to_the_rest(void) {
    for (size_t m = 1; m < 3; m++) { /* a process has one session */
        struct daemon daemon;
        struct streams *streams;

        daemon_write_service("echo", "model = \"%s\"; max_children = 4;", daemon_models[m]);
        daemon_start(&daemon);
        streams = streams_start(16, daemon.port, NULL);
        CHECK(harness_until(5000, streams->open == 16), "%u sessions", streams->open);
        daemon_write_service(
            "echo", "model = \"%s\"; max_children = 1; max_requests = 9000;", daemon_models[m]);
        reload_well();
        CHECK(harness_until(5000, pids_of("echo").count == 1), "%s: %zu workers hold on",
            daemon_models[m], pids_of("echo").count);
        streams_go_on(streams, 100);
        CHECK(streams_stop(streams) == 0, "%s: %s", daemon_models[m], streams->why);
        clear(&daemon);
    }
}

static void number_in_the_file_counts_again_when_it_changes(void) {
    struct daemon daemon;

    daemon_write_service("echo", "max_children = 2;");
    daemon_start(&daemon);
    daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":5,\"wait\":true}}");
    daemon_write_service("echo", "max_children = 2; max_requests = 9;");
    reload_well();
    CHECK(harness_until(5000, pids_of("echo").count == 5), "what the operator said is forgotten");
    daemon_write_service("echo", "max_children = 3; max_requests = 9;");
    reload_well();
    CHECK(harness_until(5000, pids_of("echo").count == 3), "%zu workers", pids_of("echo").count);
    clear(&daemon);
}

static void model_and_type_may_change(void) {
    struct daemon daemon;
    int fd;

    daemon_write_service("echo", "model = \"process\"; listen = [ \"udp://127.0.0.1:0\" ]; "
                                 "type = \"ack\";");
    daemon_start(&daemon);
    daemon_write_service("echo", "model = \"event\"; listen = [ \"udp://127.0.0.1:0\", "
                                 "\"tcp://127.0.0.1:0\" ]; type = \"echo\";");
    reload_well();
    fd = daemon_connect(daemon_port("echo", "tcp"));
    CHECK(daemon_echo(fd, "hello", 5), "it does not serve");
    for (size_t m = 0; m < 3; m++) {
        daemon_write_service("echo",
            "model = \"%s\"; listen = [ \"udp://127.0.0.1:0\", "
            "\"tcp://127.0.0.1:0\" ];",
            daemon_models[m]);
        reload_well();
        CHECK(daemon_echo(fd, "again", 5), "%s: the session is lost", daemon_models[m]);
    }
    close(fd);
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
    CHECK(read_verdict(daemon_ask("{\"verb\":\"start\",\"args\":{\"service\":\"echo\"}}"))
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

/* Within the moment in which its old socket is still open for whoever waits there. */
static void service_that_comes_back_at_once_has_its_port(void) {
    struct daemon daemon;
    uint16_t port;

    daemon_write_service("echo", "%s", "");
    daemon_write_service("more", "%s", "");
    daemon_start(&daemon);
    port = daemon_port("more", "tcp");
    for (unsigned i = 0; i < 5; i++) {
        daemon_write_service(
            "more", "listen = \"tcp://127.0.0.1:%u\"; port_policy = \"strict\";", port);
        reload_well();
        CHECK(daemon_exchange(port, 0) == NULL, "it does not serve");
        unlink("services.d/more.conf");
        reload_well();
    }
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
    { "changed_service_gets_new_workers_and_the_others_keep_theirs",
        changed_service_gets_new_workers_and_the_others_keep_theirs },
    { "what_only_the_supervisor_needs_costs_no_worker",
        what_only_the_supervisor_needs_costs_no_worker },
    { "pool_shrinks_and_grows_with_its_file", pool_shrinks_and_grows_with_its_file },
    { "services_come_and_go", services_come_and_go },
    { "service_comes_back_while_it_leaves", service_comes_back_while_it_leaves },
    { "address_moves_from_one_service_to_another", address_moves_from_one_service_to_another },
    { "listeners_are_added_and_removed_beside_those_that_stay",
        listeners_are_added_and_removed_beside_those_that_stay },
    { "rights_and_limits_follow_their_file", rights_and_limits_follow_their_file },
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
    { "log_changes_with_its_settings_and_loses_nothing",
        log_changes_with_its_settings_and_loses_nothing },
    { "diff_tells_and_changes_nothing", diff_tells_and_changes_nothing },
    { "stopped_service_takes_the_file_at_its_next_start",
        stopped_service_takes_the_file_at_its_next_start },
    { "sessions_of_a_pool_that_shrinks_go_to_the_rest",
        sessions_of_a_pool_that_shrinks_go_to_the_rest },
    { "number_in_the_file_counts_again_when_it_changes",
        number_in_the_file_counts_again_when_it_changes },
    { "model_and_type_may_change", model_and_type_may_change },
    { "service_that_is_stopped_meanwhile_stays_so", service_that_is_stopped_meanwhile_stays_so },
    { "service_that_comes_back_at_once_has_its_port",
        service_that_comes_back_at_once_has_its_port },
    { "daemon_stops_in_the_middle_of_a_reload", daemon_stops_in_the_middle_of_a_reload },
    { "supervisor_killed_in_the_middle_of_a_reload_leaves_nothing",
        supervisor_killed_in_the_middle_of_a_reload_leaves_nothing },
    { .name = NULL },
};

const struct harness_suite daemon_reload_suite = { "daemon_reload", tests };
