/* Reload: what changed is new, and what did not is untouched. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/pids.h"
#include "tests/system/reloads.h"
#include "tests/system/streams.h"
#include "tests/system/suites.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
}

/* ---- what changes ---- */

static void changed_service_gets_new_workers_and_the_others_keep_theirs(void) {
    EACH_MODEL(m) {
        struct daemon daemon;
        struct pids echo, other, now;
        struct reloads_verdict verdict;
        uint16_t port;

        daemon_write_service("echo", "model = \"%s\"; max_children = 4;", daemon_models[m]);
        daemon_write_service("other", "model = \"%s\"; max_children = 3;", daemon_models[m]);
        daemon_start(&daemon);
        echo = pids_of("echo");
        other = pids_of("other");
        port = daemon.port;
        reloads_do();
        now = pids_of("echo");
        CHECK(pids_are_same(&echo, &now), "a reload without a change made new workers");
        daemon_write_service(
            "echo", "model = \"%s\"; max_children = 4; max_requests = 77;", daemon_models[m]);
        verdict = reloads_ask();
        CHECK(verdict.exit_code == 0, "%s", verdict.error);
        harness_figure("%s: 4 workers replaced after %.1f ms", daemon_models[m],
            (double)json_integer_value(json_object_get(verdict.object, "took_us")) / 1000);
        CHECK(strcmp(reloads_action(&verdict, "echo"), "replaced") == 0 &&
                  strcmp(reloads_action(&verdict, "other"), "kept") == 0,
            "%s, %s", reloads_action(&verdict, "echo"), reloads_action(&verdict, "other"));
        CHECK(harness_until(
                  5000, (now = pids_of("echo"), now.count == 4 && pids_share_none(&echo, &now))),
            "old workers are there still: %s", daemon_log());
        now = pids_of("other");
        CHECK(pids_are_same(&other, &now), "a service that did not change has new workers");
        CHECK(daemon_port("echo", "tcp") == port, "the port moved");
        CHECK(daemon_exchange(port, 0) == NULL, "it does not serve");
        CHECK(daemon_number("echo", "restarts") == 0, "counted as deaths");
        clear(&daemon);
    }
}

static void what_only_the_supervisor_needs_costs_no_worker(void) {
    struct daemon daemon;
    struct pids before, now;
    struct reloads_verdict verdict;

    daemon_write_service("echo", "max_children = 2;");
    daemon_start(&daemon);
    before = pids_of("echo");
    daemon_write_service("echo", "max_children = 5; graceful_timeout = \"3s\"; backlog = 33;");
    verdict = reloads_ask();
    CHECK(verdict.exit_code == 0 && strcmp(reloads_action(&verdict, "echo"), "adjusted") == 0,
        "%s: %s", reloads_action(&verdict, "echo"), verdict.error);
    CHECK(harness_until(5000, (now = pids_of("echo")).count == 5), "%zu workers", now.count);
    CHECK(!pids_share_none(&before, &now), "its workers are new");
    daemon_write_service("echo", "max_children = 1;");
    reloads_do();
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
            reloads_do();
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
    struct reloads_verdict verdict;
    struct pids echo, now;
    uint16_t port;
    json_t *lines;

    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    echo = pids_of("echo");
    daemon_write_service("more", "model = \"event\";");
    daemon_write_service("later", "autostart = false;");
    verdict = reloads_ask();
    CHECK(verdict.exit_code == 0 && strcmp(reloads_action(&verdict, "more"), "added") == 0, "%s",
        verdict.error);
    CHECK(strcmp(daemon_state("more"), "RUNNING") == 0, "%s", daemon_state("more"));
    CHECK(strcmp(daemon_state("later"), "STOPPED") == 0, "%s", daemon_state("later"));
    port = daemon_port("more", "tcp");
    CHECK(daemon_exchange(port, 0) == NULL, "the new service does not serve");
    unlink("services.d/more.conf");
    unlink("services.d/later.conf");
    verdict = reloads_ask();
    CHECK(verdict.exit_code == 0 && strcmp(reloads_action(&verdict, "more"), "removed") == 0, "%s",
        verdict.error);
    CHECK(harness_until(5000,
              (lines = daemon_ask("{\"verb\":\"status\"}"),
                  json_array_size(json_object_get(json_array_get(lines, 0), "services")) == 1)),
        "%s", daemon_log());
    CHECK(daemon_exchange(port, 0) != NULL, "the removed service serves");
    now = pids_of("echo");
    CHECK(pids_are_same(&echo, &now), "echo has new workers");
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
        reloads_do();
        daemon_write_service("more", "model = \"event\";");
        reloads_do();
        CHECK(strcmp(daemon_state("echo"), "RUNNING") == 0, "echo");
        CHECK(daemon_echo(fd[i], "two", 3), "the session of a removed service is lost");
    }
    for (unsigned i = 0; i < 3; i++)
        close(fd[i]);
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
    reloads_do();
    fd = daemon_connect(daemon_port("echo", "tcp"));
    CHECK(daemon_echo(fd, "hello", 5), "it does not serve");
    for (size_t m = 0; m < 3; m++) {
        daemon_write_service("echo",
            "model = \"%s\"; listen = [ \"udp://127.0.0.1:0\", "
            "\"tcp://127.0.0.1:0\" ];",
            daemon_models[m]);
        reloads_do();
        CHECK(daemon_echo(fd, "again", 5), "%s: the session is lost", daemon_models[m]);
    }
    close(fd);
    clear(&daemon);
}

/* ---- what counts for it ---- */

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
        reloads_do();
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
    reloads_do();
    CHECK(harness_until(5000, pids_of("echo").count == 5), "what the operator said is forgotten");
    daemon_write_service("echo", "max_children = 3; max_requests = 9;");
    reloads_do();
    CHECK(harness_until(5000, pids_of("echo").count == 3), "%zu workers", pids_of("echo").count);
    clear(&daemon);
}

static void stopped_service_takes_the_file_at_its_next_start(void) {
    struct daemon daemon;

    daemon_write_service("echo", "%s", "");
    daemon_write_service("more", "max_children = 1;");
    daemon_start(&daemon);
    daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"more\",\"wait\":true}}");
    daemon_write_service("more", "max_children = 3; max_requests = 8;");
    reloads_do();
    CHECK(strcmp(daemon_state("more"), "STOPPED") == 0, "%s", daemon_state("more"));
    daemon_do("{\"verb\":\"start\",\"args\":{\"service\":\"more\",\"wait\":true}}");
    CHECK(pids_of("more").count == 3, "%zu workers", pids_of("more").count);
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
    reloads_do();
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
    CHECK(pids_are_same(&before, &now), "it did it");
    daemon_write_service("new", "nonsense = 1;");
    result = harness_run("prefork", "--control", "control.sock", "config", "diff", NULL);
    CHECK(result.code == 78 && strstr(result.err, "nonsense") != NULL, "%d: %s", result.code,
        result.err);
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
    { "model_and_type_may_change", model_and_type_may_change },
    { "sessions_of_a_pool_that_shrinks_go_to_the_rest",
        sessions_of_a_pool_that_shrinks_go_to_the_rest },
    { "number_in_the_file_counts_again_when_it_changes",
        number_in_the_file_counts_again_when_it_changes },
    { "stopped_service_takes_the_file_at_its_next_start",
        stopped_service_takes_the_file_at_its_next_start },
    { "log_changes_with_its_settings_and_loses_nothing",
        log_changes_with_its_settings_and_loses_nothing },
    { "diff_tells_and_changes_nothing", diff_tells_and_changes_nothing },
    { .name = NULL },
};

const struct harness_suite daemon_reload_suite = { "daemon_reload", tests };
