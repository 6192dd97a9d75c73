/*
 * A chat whose workers are killed and whose service is reloaded, while its members talk: every
 * message that was acknowledged reaches every member once, in one order.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/suites.h"
#include "tests/system/talkers.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)
#define UNIX_PATH     "services.d/chat.sock"

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}

/* Workers for a quarter of the members, or for all when each serves one. */
static void write_chat(size_t m, const char *name, unsigned members, const char *more) {
    daemon_write_service(name,
        "type = \"chat\"; listen = [ \"tcp://127.0.0.1:0\"%s ]; "
        "model = \"%s\"; max_children = %u; max_spawn_rate = 1000; room = \"one\"; "
        "history = 32768; max_recycling = 8; flood_rate = \"unlimited\"; log_messages = false; %s",
        strcmp(name, "echo") == 0 ? ", \"unix://chat.sock\"" : "", daemon_models[m],
        m == 0 ? members + members / 4 + 2 : (members + 3) / 4, more);
}

static const char *const names[3] = { "chat-process", "chat-thread", "echo" };

static void write_three(unsigned members, const char *more) {
    EACH_MODEL(m) write_chat(m, names[m], (members + 2) / 3 + members / 9, more);
}

static bool is_up(const char *name) {
    return strcmp(daemon_state(name), "RUNNING") == 0 &&
           daemon_number(name, "ready") >= daemon_number(name, "wanted");
}

static void start_three(struct daemon *daemon, struct talkers_plan *plan) {
    daemon_start(daemon);
    EACH_MODEL(m) {
        CHECK(harness_until(20000, is_up(names[m])), "%s: %s", names[m], daemon_log());
        plan->port[m] = daemon_port(names[m], "tcp");
    }
}

static void kill_one(const char *name) {
    pid_t pid[DAEMON_WORKERS_MAX];
    size_t n = daemon_workers(name, NULL, pid);

    if (n > 0)
        kill(pid[harness_random(0, n - 1)], SIGKILL);
}

static void tell(const char *what, const struct talkers *talkers) {
    harness_figure("%s: acknowledged=%lu received=%lu returns=%u", what,
        (unsigned long)talkers->acknowledged, (unsigned long)talkers->received, talkers->returns);
}

static uint64_t count_left(const char *name) {
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(daemon_service(name), "counters"), "left"));
}

static void each_model_tells_everybody(void) {
    struct talkers_plan plan = { .count = 12, .speakers = 12, .under_way = 4, .path = UNIX_PATH };
    struct talkers *talkers;
    struct daemon daemon;

    EACH_MODEL(m) {
        write_chat(m, "echo", plan.count, "");
        daemon_start(&daemon);
        plan.port[0] = daemon.port;
        talkers = talkers_start(&plan);
        talkers_go_on(talkers, 1000);
        talkers_stop(talkers);
        CHECK(talkers->returns == 0, "%s: %u returns", daemon_models[m], talkers->returns);
        tell(daemon_models[m], talkers);
        clear(&daemon);
    }
}

static void storm_loses_and_doubles_nothing(void) {
    const unsigned reloads = harness_scale(3, 20), kills = harness_scale(10, 50);
    struct talkers_plan plan = { .count = 50,
        .speakers = 50,
        .under_way = 2,
        .pause_us = 2000,
        .path = UNIX_PATH,
        .leave_each = 100 };
    struct talkers *talkers;
    struct daemon daemon;

    write_three(plan.count, "");
    start_three(&daemon, &plan);
    talkers = talkers_start(&plan);
    for (unsigned i = 0; i < reloads; i++) {
        write_three(plan.count, i % 2 == 0 ? "write_timeout = \"50s\";" : "");
        daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":false}}");
        for (unsigned k = 0; k < kills; k++) {
            kill_one(names[k % 3]);
            talkers_go_on(talkers, 20);
        }
    }
    talkers_stop(talkers);
    tell("storm", talkers);
    clear(&daemon);
}

static void reloads_alone_end_no_connection(void) {
    const unsigned reloads = harness_scale(3, 20);
    struct talkers_plan plan = {
        .count = 18, .speakers = 18, .under_way = 2, .pause_us = 1000, .path = UNIX_PATH
    };
    struct talkers *talkers;
    struct daemon daemon;

    write_three(plan.count, "");
    start_three(&daemon, &plan);
    talkers = talkers_start(&plan);
    for (unsigned i = 0; i < reloads; i++) {
        write_three(plan.count, i % 2 == 0 ? "write_timeout = \"50s\";" : "");
        daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
        talkers_go_on(talkers, 100);
    }
    EACH_MODEL(m) CHECK(count_left(names[m]) == 0, "%s: somebody left: %s", names[m], daemon_log());
    talkers_stop(talkers);
    CHECK(talkers->returns == 0, "%u returns", talkers->returns);
    tell("reloads", talkers);
    clear(&daemon);
}

static const struct harness_test tests[] = {
    { "each_model_tells_everybody", each_model_tells_everybody },
    { "storm_loses_and_doubles_nothing", storm_loses_and_doubles_nothing },
    { "reloads_alone_end_no_connection", reloads_alone_end_no_connection },
    { .name = NULL },
};

const struct harness_suite chat_storm_suite = { "chat_storm", tests };
