/*
 * A chat whose workers are killed and whose service is reloaded, while its members talk: every
 * message that was acknowledged reaches every member once, in one order.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/suites.h"
#include "tests/system/talkers.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)
#define UNIX_PATH     "services.d/chat.sock"

static const char *const names[3] = { "chat-process", "chat-thread", "echo" };

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
    EACH_MODEL(m) {
        char path[64];

        snprintf(path, sizeof(path), "services.d/%s.conf", names[m]);
        unlink(path);
    }
}

/* Which models the room is shared by. One alone is called echo. */
struct form {
    const char *name;
    bool has[3];
};

enum { PROCESS, THREAD, EVENT, ALL_THREE };

static const struct form forms[] = {
    [PROCESS] = { "process", { true, false, false } },
    [THREAD] = { "thread", { false, true, false } },
    [EVENT] = { "event", { false, false, true } },
    [ALL_THREE] = { "all three", { true, true, true } },
};

static unsigned count_models(const struct form *form) {
    return form->has[0] + form->has[1] + form->has[2];
}

static const char *name_of(const struct form *form, size_t m) {
    return count_models(form) == 1 ? "echo" : names[m];
}

/* A worker for each member, or for four or more when one serves many. */
static void write_chat(const struct form *form, size_t m, unsigned members, const char *more) {
    const char *name = name_of(form, m);
    const unsigned own = (members + count_models(form) - 1) / count_models(form);

    daemon_write_service(name,
        "type = \"chat\"; listen = [ \"tcp://127.0.0.1:0\"%s ]; model = \"%s\"; "
        "max_children = %u; max_spawn_rate = 1000; room = \"one\"; history = 32768; "
        "max_recycling = 8; flood_rate = \"unlimited\"; log_messages = false; %s",
        strcmp(name, "echo") == 0 ? ", \"unix://chat.sock\"" : "", daemon_models[m],
        m == 0 ? own : own / 4, more);
}

static void write_all(const struct form *form, unsigned members, const char *more) {
    EACH_MODEL(m)
    if (form->has[m])
        write_chat(form, m, members, more);
}

static bool is_up(const char *name) {
    return strcmp(daemon_state(name), "RUNNING") == 0 &&
           daemon_number(name, "ready") >= daemon_number(name, "wanted");
}

static void wait_all(const struct form *form) {
    EACH_MODEL(m)
    CHECK(!form->has[m] || harness_until(20000, is_up(name_of(form, m))), "%s: %s",
        name_of(form, m), daemon_log());
}

static void start_all(struct daemon *daemon, const struct form *form, struct talkers_plan *plan) {
    size_t places = 0;

    daemon_start(daemon);
    wait_all(form);
    memset(plan->port, 0, sizeof(plan->port));
    EACH_MODEL(m)
    if (form->has[m])
        plan->port[places++] = daemon_port(name_of(form, m), "tcp");
}

/* Returns how many: one, or none where all have just been killed. */
static unsigned kill_one(const char *name) {
    pid_t pid[DAEMON_WORKERS_MAX];
    size_t n = daemon_workers(name, NULL, pid);

    return n > 0 && kill(pid[harness_random(0, n - 1)], SIGKILL) == 0;
}

static unsigned kill_any(const struct form *form) {
    size_t m;

    do
        m = harness_random(0, 2);
    while (!form->has[m]);
    return kill_one(name_of(form, m));
}

static void tell(const char *what, const struct talkers *talkers) {
    harness_figure("%s: acknowledged=%lu received=%lu returns=%u slowest_ms=%u", what,
        (unsigned long)talkers->acknowledged, (unsigned long)talkers->received, talkers->returns,
        talkers->slowest_ms);
}

static uint64_t count_left(const char *name) {
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(daemon_service(name), "counters"), "left"));
}

static void each_model_tells_everybody(void) {
    struct talkers_plan plan = { .count = 12, .speakers = 12, .under_way = 4, .path = UNIX_PATH };
    struct talkers *talkers;
    struct daemon daemon;

    for (size_t i = 0; i < ALL_THREE; i++) {
        write_all(&forms[i], plan.count, "");
        start_all(&daemon, &forms[i], &plan);
        talkers = talkers_start(&plan);
        talkers_go_on(talkers, 1000);
        talkers_stop(talkers);
        CHECK(talkers->returns == 0, "%s: %u returns", forms[i].name, talkers->returns);
        tell(forms[i].name, talkers);
        clear(&daemon);
    }
}

/* Workers are killed by chance, while reloads are under way and when they are not. */
static void storm(const struct form *form) {
    const unsigned reloads = harness_scale(3, 20), kills = harness_scale(8, 50);
    struct talkers_plan plan = { .count = 50,
        .speakers = 50,
        .under_way = 2,
        .pause_us = 2000,
        .path = UNIX_PATH,
        .leave_each = 100,
        .rename_each = 30,
        .comes_over = true };
    struct talkers *talkers;
    struct daemon daemon;
    unsigned killed = 0;

    write_all(form, plan.count, "");
    start_all(&daemon, form, &plan);
    talkers = talkers_start(&plan);
    for (unsigned i = 1; i <= reloads; i++) {
        write_all(form, plan.count, i % 2 == 1 ? "write_timeout = \"50s\";" : "");
        daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":false}}");
        while (killed < i * kills) {
            killed += kill_any(form);
            talkers_go_on(talkers, 20);
        }
    }
    talkers_stop(talkers);
    tell(form->name, talkers);
    wait_all(form);
    clear(&daemon);
}

static void process_in_a_storm_loses_and_doubles_nothing(void) {
    storm(&forms[PROCESS]);
}

static void thread_in_a_storm_loses_and_doubles_nothing(void) {
    storm(&forms[THREAD]);
}

static void event_in_a_storm_loses_and_doubles_nothing(void) {
    storm(&forms[EVENT]);
}

static void all_three_in_a_storm_lose_and_double_nothing(void) {
    storm(&forms[ALL_THREE]);
}

/* Between any two steps of what a worker does, under each model. */
static void strike(const struct form *form, const char *step) {
    struct talkers_plan plan = { .count = 8,
        .speakers = 8,
        .under_way = 2,
        .path = UNIX_PATH,
        .leave_each = 20,
        .rename_each = 5,
        .comes_over = strstr(step, "lea") == NULL && strstr(step, "left") == NULL };
    struct talkers *talkers;
    struct daemon daemon;
    char what[64];

    snprintf(what, sizeof(what), "%s, %s", form->name, step);
    plan.what = what;
    write_all(form, plan.count, "");
    setenv("PREFORK_FAILPOINT", step, 1);
    start_all(&daemon, form, &plan);
    talkers = talkers_start(&plan);
    talkers_go_on(talkers, 100);
    if (strstr(step, "give") != NULL || strstr(step, "take") != NULL)
        daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
    for (unsigned i = 0; i < 200 && daemon_log_count("killed by SIGKILL") == 0; i++)
        talkers_go_on(talkers, 20);
    CHECK(daemon_log_count("killed by SIGKILL") > 0, "%s: nobody was struck", what);
    talkers_go_on(talkers, 50);
    talkers_stop(talkers);
    wait_all(form);
    clear(&daemon);
}

static void death_at_any_step_loses_and_doubles_nothing(void) {
    static const char *const steps[] = { "bus-write:30", "bus-swap:30", "bus-tail:30",
        "bus-wake:30", "bus-woken:30", "bus-sleep:30", "bus-read:30", "chat-trying:6",
        "chat-looked:6", "chat-held:6", "chat-joined:6", "chat-back:3", "chat-renaming:3",
        "chat-yielded:3", "chat-introduced:3", "chat-leaving:3", "chat-left:3", "hook:30", "give:2",
        "given:2", "take:2", "taken:2" };

    /* Each under one model, or where there is time under all. */
    for (size_t i = 0; i < ALL_THREE; i++)
        for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
            if (harness_scale(k % 3 == i, true))
                strike(&forms[i], steps[k]);
}

static void reloads_alone_end_no_connection(void) {
    const unsigned reloads = harness_scale(3, 20);
    struct talkers_plan plan = {
        .count = 18, .speakers = 18, .under_way = 2, .pause_us = 1000, .path = UNIX_PATH
    };
    const struct form *all = &forms[ALL_THREE];
    struct talkers *talkers;
    struct daemon daemon;

    write_all(all, plan.count, "");
    start_all(&daemon, all, &plan);
    talkers = talkers_start(&plan);
    for (unsigned i = 0; i < reloads; i++) {
        write_all(all, plan.count, i % 2 == 0 ? "write_timeout = \"50s\";" : "");
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
    { "process_in_a_storm_loses_and_doubles_nothing",
        process_in_a_storm_loses_and_doubles_nothing },
    { "thread_in_a_storm_loses_and_doubles_nothing", thread_in_a_storm_loses_and_doubles_nothing },
    { "event_in_a_storm_loses_and_doubles_nothing", event_in_a_storm_loses_and_doubles_nothing },
    { "all_three_in_a_storm_lose_and_double_nothing",
        all_three_in_a_storm_lose_and_double_nothing },
    { "death_at_any_step_loses_and_doubles_nothing", death_at_any_step_loses_and_doubles_nothing },
    { "reloads_alone_end_no_connection", reloads_alone_end_no_connection },
    { .name = NULL },
};

const struct harness_suite chat_storm_suite = { "chat_storm", tests };
