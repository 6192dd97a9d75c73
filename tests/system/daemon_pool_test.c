/* Pools: sizes, deaths, hangs, replacements; and what the clients see of it, which is nothing. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/clients.h"
#include "tests/system/daemon.h"
#include "tests/system/suites.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}

/* Dead; and reaped here when its parent is dead too. */
static bool is_gone(pid_t pid) {
    return waitpid(pid, NULL, WNOHANG) == pid || (kill(pid, 0) < 0 && errno == ESRCH);
}

static size_t count_workers(const char *service) {
    pid_t pid[DAEMON_WORKERS_MAX];

    return daemon_workers(service, NULL, pid);
}

/* ---- deaths ---- */

static void killed_worker_costs_its_sessions_and_is_replaced(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        pid_t pid[DAEMON_WORKERS_MAX], left[DAEMON_WORKERS_MAX];
        uint64_t began_ns;
        size_t count;
        int fd;

        daemon_write_service("echo", "model = \"%s\"; max_children = 3;", daemon_models[m]);
        daemon_start(&daemon);
        count = daemon_workers("echo", "idle", pid);
        CHECK(count == 3, "%zu workers", count);
        fd = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd, "x", 1), "echo");
        for (size_t i = 0; i < count; i++) {
            bool has_session = daemon_workers("echo", "idle", left) == 2 && left[0] != pid[i] &&
                               left[1] != pid[i];
            if (!has_session)
                continue;
            began_ns = harness_now_ns();
            kill(pid[i], SIGKILL);
            CHECK(daemon_is_closed(fd, 5000), "%s: the session lives on", daemon_models[m]);
            CHECK(
                harness_until(5000, daemon_workers("echo", "idle", left) == 3), "%s", daemon_log());
            harness_figure("%s: three again after %.1f ms, as asked", daemon_models[m],
                (double)(harness_now_ns() - began_ns) / 1e6);
            break;
        }
        close(fd);
        CHECK(daemon_number("echo", "restarts") == 1, "%s", daemon_models[m]);
        CHECK(daemon_number("echo", "connections") == 0, "%s: counted on", daemon_models[m]);
        CHECK(harness_until(5000, strstr(daemon_log(), "was killed by SIGKILL after") != NULL),
            "%s", daemon_log());
        CHECK(strstr(daemon_log(), "with 1 session, the last from 127.0.0.1:") != NULL, "%s",
            daemon_log());
        clear(&daemon);
    }
}

static void storm_of_kills_costs_no_more_than_the_killed(void) {
    const unsigned kills = harness_scale(100, 1000);

    EACH_MODEL(m) {
        struct daemon daemon;
        struct clients *clients;
        pid_t pid[DAEMON_WORKERS_MAX];
        size_t count;

        daemon_write_service(
            "echo", "model = \"%s\"; max_children = 6; max_spawn_rate = 1000;", daemon_models[m]);
        daemon_start(&daemon);
        clients = clients_start(daemon.port, NULL);
        for (unsigned i = 0; i < kills; i++) {
            count = daemon_workers("echo", NULL, pid);
            if (count > 0)
                kill(pid[harness_random(0, count - 1)], SIGKILL);
            harness_pause_us((unsigned)harness_random(0, 4000));
        }
        clients_stop(clients);
        CHECK(harness_until(5000, daemon_workers("echo", "idle", pid) == 6), "%s", daemon_log());
        harness_figure("%s: kills=%u exchanges=%u failed=%u", daemon_models[m], kills,
            clients->done, clients->failed);
        /* A kill takes what its worker had: a session, or one more in each client's hand. */
        CHECK(clients->failed <= kills * (m == 0 ? 1 : CLIENTS), "%s: %u of %u failed: %s",
            daemon_models[m], clients->failed, clients->done, clients->why);
        CHECK(clients->done > kills, "the clients did nothing");
        CHECK(daemon_number("echo", "connections") == 0, "%s: drifts", daemon_models[m]);
        clear(&daemon);
    }
}

static void workers_that_die_young_wait_and_harm_nobody(void) {
    struct daemon daemon;
    uint64_t deaths;

    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_write_service("echo", "%s", "");
    daemon_write_service("bad", "restart_delay = \"100ms\"; "
                                "restart_max_delay = \"1s\";");
    daemon_start(&daemon);
    CHECK(harness_until(5000, strcmp(daemon_state("bad"), "BACKOFF") == 0), "%s",
        daemon_state("bad"));
    /* 100, 200, 400, 800, 1000 ms less a quarter of jitter: two workers, six rounds at most. */
    harness_pause_us(2000000);
    deaths = daemon_number("bad", "restarts");
    harness_figure("deaths in two seconds=%lu", (unsigned long)deaths);
    CHECK(deaths >= 2 && deaths <= 14, "%lu deaths", (unsigned long)deaths);
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "the other service suffers");
    CHECK(daemon_number("echo", "restarts") == 0, "the other service suffers");
    clear(&daemon);
}

static void service_gives_up_when_so_configured_and_starts_again_by_hand(void) {
    struct daemon daemon;
    json_t *lines;

    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_write_service("echo", "%s", "");
    daemon_write_service("bad", "restart_delay = \"10ms\"; "
                                "start_retries = 3; max_children = 1;");
    daemon_start(&daemon);
    CHECK(
        harness_until(5000, strcmp(daemon_state("bad"), "FATAL") == 0), "%s", daemon_state("bad"));
    CHECK(daemon_number("bad", "restarts") == 3, "%lu",
        (unsigned long)daemon_number("bad", "restarts"));
    lines = daemon_ask("{\"verb\":\"start\",\"args\":{\"service\":\"bad\",\"wait\":true}}");
    CHECK(json_integer_value(
              json_object_get(json_array_get(lines, json_array_size(lines) - 1), "exit")) != 0,
        "a start that fails is called done");
    CHECK(daemon_number("bad", "restarts") == 6, "not tried again");
    clear(&daemon);
}

static void worker_that_never_gets_ready_is_ended(void) {
    struct daemon daemon;

    setenv("PREFORK_FAILPOINT", "worker-ready:2:stop", 1);
    daemon_write_service("echo", "worker_boot_timeout = \"300ms\";");
    daemon_start_unsettled(&daemon);
    CHECK(harness_until(5000, strstr(daemon_log(), "it was not ready in time") != NULL), "%s",
        daemon_log());
    CHECK(harness_until(5000, daemon_number("echo", "ready") == 2), "%s", daemon_log());
    clear(&daemon);
}

static void hook_that_hangs_is_ended_and_idleness_is_not(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        int hung, fine;

        setenv("PREFORK_FAILPOINT", "hook:3:stop", 1);
        daemon_write_service("echo",
            "model = \"%s\"; worker_timeout = \"800ms\"; max_children = 2;", daemon_models[m]);
        daemon_start(&daemon);
        fine = daemon_connect(daemon.port);
        CHECK(daemon_echo(fine, "x", 1), "echo");
        CHECK(daemon_echo(fine, "x", 1), "echo");
        hung = daemon_connect(daemon.port);
        CHECK(send(hung, "y", 1, 0) == 1, "send");
        CHECK(harness_until(5000, strstr(daemon_log(), "event=worker_hung") != NULL), "%s: %s",
            daemon_models[m], daemon_log());
        CHECK(harness_until(5000,
                  daemon_number("echo", "restarts") == 0 && daemon_number("echo", "ready") == 2),
            "%s: %s", daemon_models[m], daemon_log());
        CHECK(daemon_log_count("event=worker_hung") == 1, "%s", daemon_log());
        CHECK(daemon_exchange(daemon.port, 0) == NULL, "%s: not replaced", daemon_models[m]);
        close(hung);
        close(fine);
        clear(&daemon);
    }
}

static void stopped_worker_is_found_while_it_is_idle(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        pid_t pid[DAEMON_WORKERS_MAX];

        daemon_write_service(
            "echo", "model = \"%s\"; worker_timeout = \"600ms\";", daemon_models[m]);
        daemon_start(&daemon);
        CHECK(daemon_workers("echo", NULL, pid) == 2, "workers");
        kill(pid[0], SIGSTOP);
        for (int i = 0; i < 20; i++)
            CHECK(daemon_exchange(daemon.port, 0) == NULL, "%s: exchange %d", daemon_models[m], i);
        CHECK(harness_until(5000, strstr(daemon_log(), "worker does not answer") != NULL), "%s: %s",
            daemon_models[m], daemon_log());
        CHECK(harness_until(5000, is_gone(pid[0]) && daemon_number("echo", "ready") == 2), "%s: %s",
            daemon_models[m], daemon_log());
        CHECK(kill(pid[1], 0) == 0, "%s: the other one was ended too", daemon_models[m]);
        clear(&daemon);
    }
}

static void fork_that_fails_is_tried_again(void) {
    struct daemon daemon;

    setenv("PREFORK_FAILPOINT", "fork:3:fail", 1); /* the log writer's is the first */
    daemon_write_service("echo", "max_children = 3;");
    daemon_start(&daemon);
    CHECK(daemon_number("echo", "ready") == 3, "not all");
    CHECK(
        strstr(daemon_log(), "no worker could be forked: Resource temporarily unavailable") != NULL,
        "%s", daemon_log());
    clear(&daemon);
}

/* ---- sizes ---- */

static void dynamic_pool_grows_with_its_clients_and_shrinks(void) {
    struct daemon daemon;
    int fd[6];

    daemon_write_service("echo",
        "model = \"process\"; pm = \"dynamic\"; max_children = 6; start_servers = 2; "
        "min_spare_servers = 1; max_spare_servers = 2; worker_timeout = \"400ms\";");
    daemon_start(&daemon);
    CHECK(count_workers("echo") == 2, "%zu at the start", count_workers("echo"));
    for (int i = 0; i < 6; i++) {
        fd[i] = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd[i], "x", 1), "connection %d", i);
    }
    CHECK(harness_until(5000, count_workers("echo") == 6), "%zu for six", count_workers("echo"));
    for (int i = 0; i < 6; i++)
        close(fd[i]);
    CHECK(
        harness_until(10000, count_workers("echo") == 2), "%zu at the end", count_workers("echo"));
    harness_pause_us(300000);
    CHECK(count_workers("echo") == 2, "it shrinks on");
    clear(&daemon);
}

static void ondemand_pool_starts_from_nothing_and_ends_there(void) {
    EACH_MODEL(m) {
        struct daemon daemon;

        daemon_write_service("echo",
            "model = \"%s\"; pm = \"ondemand\"; max_children = 3; "
            "process_idle_timeout = \"400ms\";",
            daemon_models[m]);
        daemon_start_unsettled(&daemon);
        CHECK(harness_until(5000, strcmp(daemon_state("echo"), "RUNNING") == 0), "%s",
            daemon_state("echo"));
        CHECK(count_workers("echo") == 0, "%zu at the start", count_workers("echo"));
        daemon.port = daemon_port("echo", "tcp");
        CHECK(daemon_exchange(daemon.port, 0) == NULL, "%s: nobody came", daemon_models[m]);
        CHECK(count_workers("echo") == 1, "%zu for one", count_workers("echo"));
        CHECK(harness_until(5000, count_workers("echo") == 0), "%s: it stays", daemon_models[m]);
        CHECK(daemon_exchange(daemon.port, 0) == NULL, "%s: nobody came again", daemon_models[m]);
        clear(&daemon);
    }
}

static void pool_scales_by_hand(void) {
    struct daemon daemon;

    daemon_write_service("echo", "max_children = 2;");
    daemon_start(&daemon);
    daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":5,\"wait\":true}}");
    CHECK(count_workers("echo") == 5, "%zu", count_workers("echo"));
    daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"by\":-4,\"wait\":true}}");
    CHECK(harness_until(5000, count_workers("echo") == 1), "%zu", count_workers("echo"));
    kill(daemon.proc.pid, SIGTTIN);
    CHECK(harness_until(5000, count_workers("echo") == 2), "%zu", count_workers("echo"));
    clear(&daemon);
}

/* ---- replacing ---- */

static void worker_that_has_served_its_share_is_replaced_one_at_a_time(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        pid_t before[DAEMON_WORKERS_MAX], after[DAEMON_WORKERS_MAX];
        unsigned least = 4;

        daemon_write_service("echo",
            "model = \"%s\"; max_children = 4; max_requests = 25; max_requests_jitter = 5; "
            "max_spawn_rate = 1000;",
            daemon_models[m]);
        daemon_start(&daemon);
        daemon_workers("echo", NULL, before);
        for (unsigned i = 0; i < 400; i++) {
            CHECK(daemon_exchange(daemon.port, 0) == NULL, "%s: exchange %u", daemon_models[m], i);
            if (daemon_number("echo", "ready") < least)
                least = (unsigned)daemon_number("echo", "ready");
        }
        CHECK(harness_until(5000, daemon_log_count("it has served max_requests") >= 8), "%s: %u",
            daemon_models[m], daemon_log_count("it has served max_requests"));
        CHECK(least == 4, "%s: only %u were ready", daemon_models[m], least);
        CHECK(daemon_number("echo", "restarts") == 0, "%s: called a death", daemon_models[m]);
        daemon_workers("echo", NULL, after);
        CHECK(before[0] != after[0], "%s: the same", daemon_models[m]);
        clear(&daemon);
    }
}

static void old_and_fat_workers_are_replaced(void) {
    struct daemon daemon;

    daemon_write_service("echo", "max_worker_lifetime = \"500ms\";");
    daemon_start(&daemon);
    CHECK(harness_until(5000, daemon_log_count("it has reached max_worker_lifetime") >= 2), "%s",
        daemon_log());
    clear(&daemon);
    daemon_write_service("echo", "model = \"event\"; reload_on_pss = \"64k\";");
    daemon_start(&daemon);
    CHECK(harness_until(5000, daemon_log_count("it has grown past reload_on_pss") >= 1), "%s",
        daemon_log());
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "exchange");
    clear(&daemon);
}

/* Restart, scale and recycle while clients exchange: none may see any of it. */
static void replacing_workers_loses_no_connection(void) {
    const unsigned exchanges = harness_scale(4000, 100000);

    EACH_MODEL(m) {
        struct daemon daemon;
        struct clients *clients;
        unsigned rounds = 0;

        daemon_write_service("echo",
            "listen = [ \"tcp://127.0.0.1:0\", \"unix://echo.sock\" ]; model = \"%s\"; "
            "max_children = 4; max_requests = 100; max_recycling = 2; max_spawn_rate = 1000;",
            daemon_models[m]);
        daemon_start(&daemon);
        clients = clients_start(daemon.port, "services.d/echo.sock");
        for (; clients->done < exchanges; rounds++) {
            daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
            daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":%u,\"wait\":true}}",
                rounds % 2 == 0 ? 7 : 3);
            CHECK(clients->failed == 0, "%s: %u of %u failed: %s", daemon_models[m],
                clients->failed, clients->done, clients->why);
        }
        clients_stop(clients);
        harness_figure("%s: exchanges=%u lost=%u, restarts=%u, recycled=%u", daemon_models[m],
            clients->done, clients->failed, rounds, daemon_log_count("has served max_requests"));
        CHECK(clients->failed == 0, "%s: %u of %u failed: %s", daemon_models[m], clients->failed,
            clients->done, clients->why);
        CHECK(rounds + daemon_log_count("has served max_requests") >= 10, "only %u rounds", rounds);
        clear(&daemon);
    }
}

/* Sessions that stay are served on by the old worker, and cut when its time is over. */
static void drained_worker_serves_its_sessions_until_the_deadline(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        int fd;
        uint64_t began_ns;

        daemon_write_service("echo",
            "model = \"%s\"; max_children = 1; graceful_timeout = \"700ms\";", daemon_models[m]);
        setenv("PREFORK_FAILPOINT", "pack:0:fail", 1);
        daemon_start(&daemon);
        fd = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd, "before", 6), "echo");
        daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
        began_ns = harness_now_ns();
        CHECK(daemon_echo(fd, "draining", 8), "%s: cut at once", daemon_models[m]);
        CHECK(daemon_exchange(daemon.port, 0) == NULL, "%s: the new one does not serve",
            daemon_models[m]);
        CHECK(daemon_echo(fd, "still", 5), "%s: cut at once", daemon_models[m]);
        CHECK(daemon_is_closed(fd, 5000), "%s: never cut", daemon_models[m]);
        CHECK(harness_now_ns() - began_ns > 500000000ull, "%s: too early", daemon_models[m]);
        close(fd);
        CHECK(harness_until(5000, count_workers("echo") == 1), "%s: the old one stays",
            daemon_models[m]);
        CHECK(daemon_number("echo", "cut") == 1, "%s: not counted", daemon_models[m]);
        clear(&daemon);
    }
}

static void stopped_service_serves_its_sessions_and_starts_again(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        int fd;

        daemon_write_service("echo", "model = \"%s\";", daemon_models[m]);
        daemon_start(&daemon);
        fd = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd, "x", 1), "echo");
        daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"echo\",\"wait\":false}}");
        CHECK(harness_until(5000, daemon_exchange(daemon.port, 0) != NULL), "%s: still accepts",
            daemon_models[m]);
        CHECK(daemon_echo(fd, "y", 1), "%s: cut", daemon_models[m]);
        close(fd);
        CHECK(harness_until(5000, strcmp(daemon_state("echo"), "STOPPED") == 0), "%s",
            daemon_state("echo"));
        daemon_do("{\"verb\":\"start\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
        CHECK(daemon_exchange(daemon_port("echo", "tcp"), 0) == NULL, "%s: not again",
            daemon_models[m]);
        clear(&daemon);
    }
}

/* ---- the supervisor's own death ---- */

static void killed_supervisor_leaves_nothing_behind(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        pid_t pid[DAEMON_WORKERS_MAX];
        size_t count;
        int fd;

        daemon_write_service("echo",
            "listen = [ \"tcp://127.0.0.1:0\", \"unix://echo.sock\" ]; model = \"%s\"; "
            "max_children = 3;",
            daemon_models[m]);
        daemon_start(&daemon);
        fd = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd, "x", 1), "echo");
        count = daemon_workers("echo", NULL, pid);
        kill(daemon.proc.pid, SIGKILL);
        harness_wait(&daemon.proc, 5000);
        CHECK(count == 3, "%zu workers", count);
        CHECK(harness_until(5000, waitpid(-1, NULL, WNOHANG) < 0), "%s: something lives on",
            daemon_models[m]);
        CHECK(harness_exists("control.sock") && harness_exists("services.d/echo.sock"),
            "nothing stale to test with");
        close(fd);
        daemon_start(&daemon);
        CHECK(daemon_exchange_unix("services.d/echo.sock") == NULL, "%s: no second start",
            daemon_models[m]);
        clear(&daemon);
        CHECK(!harness_exists("control.sock") && !harness_exists("services.d/echo.sock"),
            "a clean stop leaves its sockets");
    }
}

static void taken_ports_and_sockets_are_told(void) {
    const char *const argv[] = { "preforkd", "-F", "-f", "other.conf", NULL };
    static const char other[] = "services_dir = \"other.d\"; control : { socket = \"o.sock\"; };\n"
                                "log : { file = \"other.log\"; };\n";
    char text[512], *err;
    struct daemon daemon;
    struct harness_proc second;

    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    harness_write_file("other.conf", other, sizeof(other) - 1);
    CHECK(system("mkdir other.d") == 0, "mkdir");
    snprintf(text, sizeof(text),
        "type = \"echo\"; listen = [ \"tcp://127.0.0.1:%u\" ]; pm = \"static\"; max_children = "
        "1;\n",
        daemon.port);
    harness_write_file("other.d/echo.conf", text, strlen(text));
    harness_start(&second, argv, 0);
    CHECK(harness_wait(&second, 5000) == 78, "exit %d", second.code);
    err = harness_read_file(second.err, NULL);
    snprintf(text, sizeof(text), "pid %d, preforkd", daemon.proc.pid);
    CHECK(strstr(err, "the port is busy") != NULL && strstr(err, "other.d/echo.conf") != NULL &&
              strstr(err, text) != NULL,
        "%s", err);
    CHECK(daemon_exchange(daemon.port, 0) == NULL, "the first one suffers");

    snprintf(text, sizeof(text),
        "type = \"echo\"; listen = [ \"tcp://127.0.0.1:%u\" ]; pm = \"static\"; max_children = 1; "
        "port_policy = \"next\";\n",
        daemon.port);
    harness_write_file("other.d/echo.conf", text, strlen(text));
    harness_start(&second, argv, 0);
    CHECK(harness_until(5000, harness_exists("other.log") &&
                                  strstr(harness_read_file("other.log", NULL), "instead") != NULL),
        "%s", harness_read_file(second.err, NULL));
    kill(second.pid, SIGTERM);
    CHECK(harness_wait(&second, 5000) == 0, "exit %d", second.code);
    clear(&daemon);
}

static const struct harness_test tests[] = {
    { "killed_worker_costs_its_sessions_and_is_replaced",
        killed_worker_costs_its_sessions_and_is_replaced },
    { "storm_of_kills_costs_no_more_than_the_killed",
        storm_of_kills_costs_no_more_than_the_killed },
    { "workers_that_die_young_wait_and_harm_nobody", workers_that_die_young_wait_and_harm_nobody },
    { "service_gives_up_when_so_configured_and_starts_again_by_hand",
        service_gives_up_when_so_configured_and_starts_again_by_hand },
    { "worker_that_never_gets_ready_is_ended", worker_that_never_gets_ready_is_ended },
    { "hook_that_hangs_is_ended_and_idleness_is_not",
        hook_that_hangs_is_ended_and_idleness_is_not },
    { "stopped_worker_is_found_while_it_is_idle", stopped_worker_is_found_while_it_is_idle },
    { "fork_that_fails_is_tried_again", fork_that_fails_is_tried_again },
    { "dynamic_pool_grows_with_its_clients_and_shrinks",
        dynamic_pool_grows_with_its_clients_and_shrinks },
    { "ondemand_pool_starts_from_nothing_and_ends_there",
        ondemand_pool_starts_from_nothing_and_ends_there },
    { "pool_scales_by_hand", pool_scales_by_hand },
    { "worker_that_has_served_its_share_is_replaced_one_at_a_time",
        worker_that_has_served_its_share_is_replaced_one_at_a_time },
    { "old_and_fat_workers_are_replaced", old_and_fat_workers_are_replaced },
    { "replacing_workers_loses_no_connection", replacing_workers_loses_no_connection },
    { "drained_worker_serves_its_sessions_until_the_deadline",
        drained_worker_serves_its_sessions_until_the_deadline },
    { "stopped_service_serves_its_sessions_and_starts_again",
        stopped_service_serves_its_sessions_and_starts_again },
    { "killed_supervisor_leaves_nothing_behind", killed_supervisor_leaves_nothing_behind },
    { "taken_ports_and_sockets_are_told", taken_ports_and_sockets_are_told },
    { .name = NULL },
};

const struct harness_suite daemon_pool_suite = { "daemon_pool", tests };
