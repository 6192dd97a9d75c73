/* Sessions go on in new workers, and their peers see nothing of it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/streams.h"
#include "tests/system/suites.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)
#define SESSIONS      8u
#define UNIX_PATH     "services.d/echo.sock"

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}

static void restart(void) {
    daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
}

/* True when none of the workers that were is left. */
static bool are_new(const pid_t *before, size_t count) {
    pid_t now[DAEMON_WORKERS_MAX];
    size_t n = daemon_workers("echo", NULL, now);

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < count; k++)
            if (now[i] == before[k])
                return false;
    return n == count;
}

/* ---- persistent sessions ---- */

static void go_through_restarts(size_t m, bool is_unix) {
    const unsigned rounds = harness_scale(20, 100);
    struct daemon daemon;
    struct streams *streams;
    pid_t pid[DAEMON_WORKERS_MAX];
    size_t count;

    daemon_write_service("echo",
        "listen = [ \"tcp://127.0.0.1:0\", \"unix://echo.sock\" ]; model = \"%s\"; "
        "max_children = %u; max_recycling = 2; max_spawn_rate = 1000;",
        daemon_models[m], m == 0 ? SESSIONS : 2);
    daemon_start(&daemon);
    streams = streams_start(SESSIONS, daemon.port, is_unix ? UNIX_PATH : NULL);
    CHECK(harness_until(5000, streams->open == SESSIONS), "%u sessions", streams->open);
    for (unsigned i = 0; i < rounds; i++) {
        count = daemon_workers("echo", NULL, pid);
        restart();
        streams_go_on(streams, 20);
        CHECK(streams->failed == 0, "%s, round %u: %s", daemon_models[m], i, streams->why);
        CHECK(harness_until(5000, are_new(pid, count)), "%s, round %u: an old worker stays: %s",
            daemon_models[m], i, daemon_log());
    }
    CHECK(streams_stop(streams) == 0, "%s: %s", daemon_models[m], streams->why);
    harness_figure("%s over %s: restarts=%u answers=%lu handed over=%lu", daemon_models[m],
        is_unix ? "UNIX" : "TCP", rounds, (unsigned long)streams->answered,
        (unsigned long)daemon_number("echo", "handed_over"));
    CHECK(daemon_number("echo", "handed_over") == SESSIONS * rounds, "%s: %lu handed over",
        daemon_models[m], (unsigned long)daemon_number("echo", "handed_over"));
    CHECK(daemon_number("echo", "connections_total") == SESSIONS, "%s: counted again",
        daemon_models[m]);
    CHECK(daemon_number("echo", "cut") == 0 && daemon_number("echo", "restarts") == 0, "%s: %s",
        daemon_models[m], daemon_log());
    CHECK(harness_until(5000, daemon_number("echo", "connections") == 0), "%s: drifts",
        daemon_models[m]);
    clear(&daemon);
}

static void restarts_lose_no_request_over_tcp(void) {
    EACH_MODEL(m)
    go_through_restarts(m, false);
}

static void restarts_lose_no_request_over_unix_sockets(void) {
    EACH_MODEL(m)
    go_through_restarts(m, true);
}

static const struct harness_test tests[] = {
    { "restarts_lose_no_request_over_tcp", restarts_lose_no_request_over_tcp },
    { "restarts_lose_no_request_over_unix_sockets", restarts_lose_no_request_over_unix_sockets },
    { .name = NULL },
};

const struct harness_suite daemon_handover_suite = { "daemon_handover", tests };
