/* prefork explain: what it tells of a real daemon is what has happened there. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

/* What it says of the service, in one line for each topic. */
static char *explain(const char *service) {
    struct harness_result r = harness_run(
        "prefork", "--control", "control.sock", "explain", service, NULL);

    CHECK(r.code == 0 && r.err[0] == '\0', "exit %d: %s", r.code, r.err);
    return r.out;
}

#define EXPLAINS(service, words)                                                                \
    CHECK(harness_until(5000, strstr(explain(service), words) != NULL), "%s, not: %s", (words), \
        explain(service))

static const json_t *facts(const char *service) {
    json_t *lines = daemon_ask("{\"verb\":\"explain\",\"args\":{\"service\":\"%s\"}}", service);

    CHECK(json_array_size(lines) == 2, "%zu lines", json_array_size(lines));
    return json_array_get(lines, 0);
}

static uint64_t fact(const char *service, const char *group, const char *key) {
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(facts(service), group), key));
}

static uint16_t own_port(int fd) {
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0, "%s", strerror(errno));
    return ntohs(address.sin_port);
}

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}

/* ---- */

static void size_of_a_pool_follows_from_the_key_that_is_named(void) {
    struct daemon daemon;
    int fd[4];

    daemon_write_service("echo", "pm = \"dynamic\"; max_children = 2; min_spare_servers = 1; "
                                 "max_spare_servers = 1;");
    daemon_write_service("quiet", "pm = \"ondemand\"; max_children = 5;");
    daemon_start(&daemon);
    EXPLAINS("echo", "1 worker of 1 session each, of which 1 has room: pm = dynamic; "
                     "min_spare_servers = 1 is met; at most max_children = 2.");
    EXPLAINS("quiet", "0 workers of 1 session each: pm = ondemand");
    for (size_t i = 0; i < 2; i++) {
        fd[i] = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd[i], "x", 1), "echo");
    }
    EXPLAINS("echo", "2 workers of 1 session each, of which 0 have room");
    EXPLAINS("echo", "min_spare_servers = 1 is not met, but max_children = 2 is reached.");
    CHECK(strstr(explain("echo"), "queue") == NULL, "%s", explain("echo"));
    fd[2] = daemon_connect(daemon.port);
    fd[3] = daemon_connect(daemon.port);
    EXPLAINS("echo", "queue     2 connections of 511 wait to be accepted: all 2 workers are full, "
                     "and max_children = 2 is reached.");
    for (size_t i = 0; i < 4; i++)
        close(fd[i]);
    EXPLAINS("echo", "min_spare_servers = 1 is met");
    CHECK(strstr(explain("echo"), "queue") == NULL, "%s", explain("echo"));
    clear(&daemon);
}

static void service_that_is_full_says_who_waits_for_what(void) {
    struct daemon daemon;
    int fd[3];

    daemon_write_service("echo", "model = \"event\"; max_connections = 2;");
    daemon_start(&daemon);
    for (size_t i = 0; i < 3; i++)
        fd[i] = daemon_connect(daemon.port);
    for (size_t i = 0; i < 2; i++)
        CHECK(daemon_echo(fd[i], "x", 1), "echo");
    EXPLAINS("echo", "1 connection of 511 waits to be accepted: max_connections = 2 is reached, "
                     "and when_full = wait.");
    close(fd[0]);
    CHECK(daemon_echo(fd[2], "x", 1), "echo");
    CHECK(strstr(explain("echo"), "queue") == NULL, "%s", explain("echo"));
    close(fd[1]);
    close(fd[2]);
    clear(&daemon);
}

static void backoff_names_the_deaths_and_the_next_try(void) {
    struct daemon daemon;

    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_write_service("echo", "%s", "");
    daemon_write_service("bad", "restart_delay = \"40s\"; max_children = 1; start_retries = 2;");
    daemon_start(&daemon);
    EXPLAINS("bad", "bad is BACKOFF for ");
    EXPLAINS("bad", "its workers die before they are ready");
    EXPLAINS("bad", "0 workers of 1 session each: pm = static keeps max_children = 1; the next is "
                    "forked in ");
    EXPLAINS("bad", "1 worker in a row died before it was ready; the next try comes in ");
    EXPLAINS("bad", "from restart_delay = 40 s to restart_max_delay = 1 min; with start_retries = "
                    "2 deaths the service is FATAL.");
    EXPLAINS("bad", "1 worker ended untold since the start, the last ");
    EXPLAINS("bad", "was killed by SIGKILL after ");
    CHECK(fact("bad", "fork", "next_try_ms") > 25000 && fact("bad", "fork", "next_try_ms") <= 40000,
        "the next try comes in %lu ms", (unsigned long)fact("bad", "fork", "next_try_ms"));
    CHECK(json_array_size(json_object_get(facts("bad"), "deaths")) == 1, "%s", explain("bad"));
    CHECK(strstr(explain("echo"), "death") == NULL, "%s", explain("echo"));
    clear(&daemon);
}

static void service_that_gave_up_says_so(void) {
    struct daemon daemon;

    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_write_service("echo", "%s", "");
    daemon_write_service("bad", "restart_delay = \"1ms\"; max_children = 1; start_retries = 5;");
    daemon_start(&daemon);
    EXPLAINS("bad", "bad is FATAL for ");
    EXPLAINS("bad", "5 workers in a row died before they were ready, and start_retries = 5: "
                    "nothing is tried any more until \"prefork start bad\".");
    /* The last ones, no more. */
    CHECK(json_array_size(json_object_get(facts("bad"), "deaths")) == 3, "%s", explain("bad"));
    clear(&daemon);
}

static void drain_names_who_holds_it_open(void) {
    for (size_t m = 0; m < 3; m++) {
        struct daemon daemon;
        pid_t pid[DAEMON_WORKERS_MAX];
        const json_t *leaving;
        char words[128];
        int fd;

        daemon_write_service("echo",
            "model = \"%s\"; max_children = 1; graceful_timeout = \"50s\";", daemon_models[m]);
        daemon_start(&daemon);
        fd = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd, "x", 1), "echo");
        CHECK(daemon_workers("echo", NULL, pid) == 1, "%s", daemon_log());
        daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"echo\",\"wait\":false}}");
        leaving = json_array_get(json_object_get(facts("echo"), "leaving"), 0);
        CHECK(json_integer_value(json_object_get(leaving, "pid")) == pid[0], "%s: another worker",
            daemon_models[m]);
        CHECK(json_integer_value(json_object_get(leaving, "deadline_ms")) > 40000 &&
                  json_integer_value(json_object_get(leaving, "since_ms")) < 10000,
            "%s: %s", daemon_models[m], explain("echo"));
        snprintf(words, sizeof(words), "leaving   pid %d (slot 1) leaves since ", pid[0]);
        EXPLAINS("echo", words);
        snprintf(words, sizeof(words),
            "for: stopped by the operator. 1 session holds it, the last one from 127.0.0.1:%u; "
            "what is left is cut in ",
            own_port(fd));
        EXPLAINS("echo", words);
        close(fd);
        CHECK(harness_until(5000, strstr(explain("echo"), "leaving") == NULL), "%s: %s",
            daemon_models[m], explain("echo"));
        clear(&daemon);
    }
}

static void replacement_names_its_rule_and_waits_for_its_turn(void) {
    struct daemon daemon;
    pid_t pid[DAEMON_WORKERS_MAX];
    char words[128];
    int fd;

    daemon_write_service("echo", "max_children = 1; max_requests = 4; max_requests_jitter = 0; "
                                 "max_worker_lifetime = \"1d\"; reload_on_pss = \"1G\";");
    daemon_start(&daemon);
    CHECK(daemon_workers("echo", NULL, pid) == 1, "workers");
    fd = daemon_connect(daemon.port);
    CHECK(daemon_echo(fd, "x", 1), "echo");
    EXPLAINS("echo",
        "A worker is replaced after max_requests = 4 sessions or datagrams, at the age of "
        "max_worker_lifetime = 1 d (a tenth more by its slot), when it holds more than "
        "reload_on_pss = 1.0 GiB; at most max_recycling = 1 at once.");
    snprintf(words, sizeof(words), "Nearest by sessions: pid %d, at 25%%.", pid[0]);
    EXPLAINS("echo", words);
    close(fd);
    /* One that never gets ready: the old one stays, and is named. */
    clear(&daemon);
    setenv("PREFORK_FAILPOINT", "worker-ready:2:stop", 1);
    daemon_start(&daemon);
    CHECK(daemon_workers("echo", NULL, pid) == 1, "workers");
    daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":false}}");
    snprintf(words, sizeof(words),
        "pid %d is replaced: restarted by the operator; the new one starts.", pid[0]);
    EXPLAINS("echo", words);
    CHECK(daemon_workers("echo", "starting", pid) == 1, "%s", explain("echo"));
    CHECK(harness_until(5000, harness_is_stopped(pid[0])), "it does not stop");
    kill(pid[0], SIGCONT);
    clear(&daemon);
}

static void refusals_are_told_by_their_limit(void) {
    for (size_t m = 0; m < 3; m++) {
        struct daemon daemon;
        int fd[3];

        daemon_write_service("echo",
            "model = \"%s\"; max_children = 4; max_connections = 2; when_full = \"refuse\"; "
            "max_rate = 1000000;",
            daemon_models[m]);
        daemon_write_service("source",
            "model = \"%s\"; max_children = 4; max_connections_per_source = 1;", daemon_models[m]);
        daemon_write_service("rate",
            "model = \"%s\"; max_rate_per_source = 1; "
            "listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\" ];",
            daemon_models[m]);
        daemon_start(&daemon);
        for (size_t i = 0; i < 3; i++) {
            fd[i] = daemon_connect(daemon.port);
            CHECK(daemon_echo(fd[i], "x", 1) == (i < 2), "%s", daemon_models[m]);
        }
        EXPLAINS("echo", "refused   Since the start: 1 connection by max_connections = 2.");
        for (size_t i = 0; i < 3; i++)
            close(fd[i]);
        for (size_t i = 0; i < 3; i++) {
            fd[i] = daemon_connect(daemon_port("source", "tcp"));
            CHECK(daemon_echo(fd[i], "x", 1) == (i < 1), "%s", daemon_models[m]);
        }
        EXPLAINS("source", "Since the start: 2 connections by max_connections_per_source = 1.");
        for (size_t i = 0; i < 3; i++)
            close(fd[i]);
        for (size_t i = 0; i < 2; i++)
            (void)daemon_exchange(daemon_port("rate", "tcp"), 0);
        EXPLAINS("rate", "Since the start: 1 connection by max_rate_per_source.");
        clear(&daemon);
    }
}

static void datagrams_that_were_dropped_are_told_by_their_limit(void) {
    struct sockaddr_in to = { .sin_family = AF_INET };
    struct daemon daemon;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    daemon_write_service("echo", "listen = [ \"udp://127.0.0.1:0\" ]; max_rate = 3;");
    daemon_start(&daemon);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(daemon_port("echo", "udp"));
    for (int i = 0; i < 40; i++)
        CHECK(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1, "send");
    CHECK(harness_until(5000, daemon_number("echo", "datagrams") == 40), "%s", explain("echo"));
    EXPLAINS("echo", " datagrams by max_rate.");
    CHECK(fact("echo", "refused", "datagrams_by_rate") >= 30 &&
              fact("echo", "refused", "datagrams_by_rate") == fact("echo", "refused", "datagrams"),
        "%s", explain("echo"));
    close(fd);
    clear(&daemon);
}

static void scale_names_who_did_it(void) {
    struct daemon daemon;
    char words[128];

    daemon_write_service("echo", "max_children = 2;");
    daemon_start(&daemon);
    CHECK(strstr(explain("echo"), "scaled") == NULL, "%s", explain("echo"));
    daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":4}}");
    snprintf(words, sizeof(words),
        "max_children is 4 and not 2 as configured: uid %u with pid %d changed it ", geteuid(),
        getpid());
    EXPLAINS("echo", words);
    EXPLAINS("echo", "4 workers of 1 session each, of which 4 have room: pm = static keeps "
                     "max_children = 4.");
    kill(daemon.proc.pid, SIGTTIN);
    EXPLAINS("echo", "max_children is 5 and not 2 as configured: a SIGTTIN changed it ");
    daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":0}}");
    CHECK(strstr(explain("echo"), "scaled") == NULL, "%s", explain("echo"));
    clear(&daemon);
}

static void words_fit_eighty_columns(void) {
    static const char *const verbs[][2] = { { "explain", "echo" }, { "status", NULL },
        { "status", "echo" } };
    struct harness_result r;
    struct daemon daemon;
    char *line, *next;

    daemon_write_service("echo",
        "listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\", \"tcp://127.0.0.2:0\" ]; "
        "max_requests = 1000; max_worker_lifetime = \"1d\"; reload_on_pss = \"1G\";");
    daemon_write_service("bad", "restart_delay = \"40s\";");
    setenv("PREFORK_FAILPOINT", "worker-start@bad:0", 1);
    daemon_start(&daemon);
    EXPLAINS("bad", "bad is BACKOFF");
    setenv("COLUMNS", "80", 1);
    for (size_t i = 0; i < 3; i++) {
        r = harness_run("prefork", "--control", "control.sock", verbs[i][0], verbs[i][1], NULL);
        CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
        for (line = r.out; *line != '\0'; line = next + 1) {
            next = strchr(line, '\n');
            CHECK(next - line <= 80, "%.*s", (int)(next - line), line);
        }
    }
    unsetenv("COLUMNS");
    clear(&daemon);
}

static void who_is_asked_of_what_is_not_there_says_so(void) {
    struct harness_result r = harness_run("prefork", "explain", "echo", "--control", "none", NULL);
    struct daemon daemon;

    CHECK(r.code == 69, "exit %d", r.code);
    r = harness_run("prefork", "explain", NULL);
    CHECK(r.code == 2 && strstr(r.err, "something is missing") != NULL, "%d: %s", r.code, r.err);
    daemon_write_service("echo", " ");
    daemon_start(&daemon);
    r = harness_run("prefork", "--control", "control.sock", "explain", "ehco", NULL);
    CHECK(r.code == 2 && strstr(r.err, "did you mean \"echo\"?") != NULL, "%d: %s", r.code, r.err);
    r = harness_run("prefork", "--control", "control.sock", "explain", "echo", "--json", NULL);
    CHECK(r.code == 0 && json_loads(r.out, 0, NULL) != NULL, "%d: %s", r.code, r.out);
    clear(&daemon);
}

static const struct harness_test tests[] = {
    { "size_of_a_pool_follows_from_the_key_that_is_named",
        size_of_a_pool_follows_from_the_key_that_is_named },
    { "service_that_is_full_says_who_waits_for_what",
        service_that_is_full_says_who_waits_for_what },
    { "backoff_names_the_deaths_and_the_next_try", backoff_names_the_deaths_and_the_next_try },
    { "service_that_gave_up_says_so", service_that_gave_up_says_so },
    { "drain_names_who_holds_it_open", drain_names_who_holds_it_open },
    { "replacement_names_its_rule_and_waits_for_its_turn",
        replacement_names_its_rule_and_waits_for_its_turn },
    { "refusals_are_told_by_their_limit", refusals_are_told_by_their_limit },
    { "datagrams_that_were_dropped_are_told_by_their_limit",
        datagrams_that_were_dropped_are_told_by_their_limit },
    { "scale_names_who_did_it", scale_names_who_did_it },
    { "words_fit_eighty_columns", words_fit_eighty_columns },
    { "who_is_asked_of_what_is_not_there_says_so", who_is_asked_of_what_is_not_there_says_so },
    { .name = NULL },
};

const struct harness_suite daemon_explain_suite = { "daemon_explain", tests };
