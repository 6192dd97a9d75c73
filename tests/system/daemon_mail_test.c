/*
 * Members of one room on many workers: whatever happens to the workers, every message that counts
 * reaches every member once, in one order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/members.h"
#include "tests/system/relays.h"
#include "tests/system/suites.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)
#define MEMBERS       12u

static const char *const names[3] = { "relay-process", "relay-thread", "echo" };

static void write_three(const char *more) {
    for (size_t m = 0; m < 3; m++)
        relays_write(m, names[m], MEMBERS / 3, more);
}

static bool is_up(const char *name) {
    return strcmp(daemon_state(name), "RUNNING") == 0 &&
           daemon_number(name, "ready") >= daemon_number(name, "wanted");
}

static void start_three(struct daemon *daemon, struct members_plan *plan) {
    daemon_start(daemon);
    for (size_t m = 0; m < 3; m++) {
        CHECK(harness_until(10000, is_up(names[m])), "%s: %s", names[m], daemon_log());
        plan->port[m] = daemon_port(names[m], "tcp");
        plan->udp[m] = daemon_port(names[m], "udp");
    }
}

static void kill_one(const char *name) {
    pid_t pid[DAEMON_WORKERS_MAX];
    size_t n = daemon_workers(name, NULL, pid);

    if (n > 0)
        kill(pid[harness_random(0, n - 1)], SIGKILL);
}

static void tell(const char *what, const struct members *members) {
    harness_figure("%s: counted=%lu received=%lu by datagrams=%lu returns=%u", what,
        (unsigned long)members->counted, (unsigned long)members->received,
        (unsigned long)members->datagrams, members->returns);
}

/* ---- one model ---- */

static void each_model_tells_everybody(void) {
    struct members_plan plan = { .count = MEMBERS, .datagram_count = 2, .under_way = 4 };
    struct members *members;
    struct daemon daemon;

    EACH_MODEL(m) {
        relays_write(m, "echo", MEMBERS, "");
        daemon_start(&daemon);
        plan.port[0] = daemon.port;
        plan.udp[0] = daemon_port("echo", "udp");
        members = members_start(&plan);
        members_go_on(members, 2000);
        members_stop(members);
        CHECK(members->returns == 0, "%s: %u returns", daemon_models[m], members->returns);
        tell(daemon_models[m], members);
        relays_clear(&daemon);
    }
}

/* ---- three services, one room ---- */

static void killed_workers_lose_and_double_nothing(void) {
    const unsigned kills = harness_scale(60, 1000);
    struct members_plan plan = {
        .count = MEMBERS, .datagram_count = 3, .under_way = 3, .pause_us = 500
    };
    struct members *members;
    struct daemon daemon;

    write_three("");
    start_three(&daemon, &plan);
    members = members_start(&plan);
    for (unsigned i = 0; i < kills; i++) {
        kill_one(names[i % 3]);
        members_go_on(members, 20);
    }
    members_stop(members);
    tell("killed", members);
    relays_clear(&daemon);
}

static void members_go_through_reloads(void) {
    const unsigned reloads = harness_scale(6, 20);
    struct members_plan plan = {
        .count = MEMBERS, .datagram_count = 3, .under_way = 3, .pause_us = 500
    };
    struct members *members;
    struct daemon daemon;

    write_three("");
    start_three(&daemon, &plan);
    members = members_start(&plan);
    for (unsigned i = 0; i < reloads; i++) {
        write_three(i % 2 == 0 ? "write_timeout = \"50s\";" : "");
        daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
        members_go_on(members, 50);
    }
    members_stop(members);
    CHECK(members->returns == 0, "%u returns", members->returns);
    tell("reloads", members);
    relays_clear(&daemon);
}

static void members_go_through_reloads_and_kills(void) {
    const unsigned rounds = harness_scale(4, 20), kills = harness_scale(8, 50);
    struct members_plan plan = {
        .count = MEMBERS, .datagram_count = 3, .under_way = 3, .pause_us = 500
    };
    struct members *members;
    struct daemon daemon;

    write_three("");
    start_three(&daemon, &plan);
    members = members_start(&plan);
    for (unsigned i = 0; i < rounds; i++) {
        write_three(i % 2 == 0 ? "write_timeout = \"50s\";" : "");
        daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":false}}");
        for (unsigned k = 0; k < kills; k++) {
            kill_one(names[k % 3]);
            members_go_on(members, 10);
        }
    }
    members_stop(members);
    tell("reloads and kills", members);
    relays_clear(&daemon);
}

/* ---- struck at a step ---- */

/*
 * Between publishing and what follows from it, and between the steps of handing over: who said it
 * is told by its own record, wherever it comes back.
 */
static void death_at_any_step_loses_and_doubles_nothing(void) {
    static const char *const steps[] = { "hook:40", "bus-write:30", "bus-swap:30", "bus-tail:30",
        "bus-wake:30", "give:2", "given:2", "take:2", "taken:2" };
    struct members_plan plan = { .count = 8, .under_way = 3 };
    struct members *members;
    struct daemon daemon;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        const size_t m = i % 3;

        relays_write(m, "echo", plan.count, "");
        setenv("PREFORK_FAILPOINT", steps[i], 1);
        daemon_start(&daemon);
        plan.port[0] = daemon.port;
        members = members_start(&plan);
        members_go_on(members, 100);
        if (i >= 5)
            daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
        members_go_on(members, 100);
        members_stop(members);
        CHECK(harness_until(5000, daemon_log_count("killed by SIGKILL") >= 1),
            "%s, %s: nobody was struck", steps[i], daemon_models[m]);
        relays_clear(&daemon);
    }
}

static const struct harness_test tests[] = {
    { "each_model_tells_everybody", each_model_tells_everybody },
    { "killed_workers_lose_and_double_nothing", killed_workers_lose_and_double_nothing },
    { "members_go_through_reloads", members_go_through_reloads },
    { "members_go_through_reloads_and_kills", members_go_through_reloads_and_kills },
    { "death_at_any_step_loses_and_doubles_nothing", death_at_any_step_loses_and_doubles_nothing },
    { .name = NULL },
};

const struct harness_suite daemon_mail_suite = { "daemon_mail", tests };
