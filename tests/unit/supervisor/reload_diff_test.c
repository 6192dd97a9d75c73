/* What differs between two configurations, and what it costs. */
#include "supervisor/reload_diff.h"

#include "tests/unit/supervisor/config_fixture.h"

TestSuite(reload_diff, .init = setup, .fini = teardown);

#define ECHO "type = \"echo\"; listen = \"tcp://127.0.0.1:7\"; "

static struct reload_plan plan;

/* Both as they are read: the daemon's file and that of the service s. */
static void compare(
    const char *daemon, const char *service, const char *new_daemon, const char *new_service) {
    struct config *was = read_with(daemon, service), *is = read_with(new_daemon, new_service);

    cr_assert(was != NULL && is != NULL, "%s", said);
    reload_diff(&plan, was, is);
    for (unsigned i = 0; i < plan.count; i++)
        plan.change[i].was = plan.change[i].is = NULL;
    config_free(was);
    config_free(is);
}

Test(reload_diff, same_files_differ_in_nothing) {
    compare("lang = \"en\";", ECHO, "# said otherwise\nlang = \"en\";", ECHO "max_children = 8;");
    cr_assert_eq(plan.count, 1);
    cr_assert_eq(plan.change[0].action, RELOAD_KEEP);
    cr_assert_str_empty(plan.change[0].words);
    cr_assert_not(reload_diff_has_any(&plan));
}

Test(reload_diff, keys_of_the_supervisor_cost_no_worker) {
    compare("", ECHO, "", ECHO "max_children = 5; graceful_timeout = \"5s\";");
    cr_assert_eq(plan.change[0].action, RELOAD_ADJUST);
    cr_assert_str_eq(plan.change[0].words, "max_children: 8 -> 5; graceful_timeout: 30s -> 5s");
    cr_assert(reload_diff_has_any(&plan));
}

Test(reload_diff, any_other_key_costs_new_workers) {
    static const char *const keys[] = { "max_requests = 3;", "model = \"event\";",
        "idle_timeout = \"9s\";", "log_messages = true;", "nice = 3;", "min_spare_servers = 2;",
        "max_connections = 9;", "full_line = \"no\";", "cpu_affinity = \"0\";" };
    char text[256];

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        snprintf(text, sizeof(text), ECHO "%s", keys[i]);
        compare("", ECHO, "", text);
        cr_assert_eq(plan.change[0].action, RELOAD_REPLACE, "%s", keys[i]);
        cr_assert_not(strncmp(plan.change[0].words, keys[i], strcspn(keys[i], " ")), "%s: %s",
            keys[i], plan.change[0].words);
    }
}

Test(reload_diff, another_type_is_another_service) {
    compare("", "type = \"ack\"; listen = \"udp://127.0.0.1:7\";", "",
        "type = \"echo\"; listen = \"udp://127.0.0.1:7\";");
    cr_assert_eq(plan.change[0].action, RELOAD_REPLACE);
    cr_assert_str_eq(plan.change[0].words, "type: ack -> echo");
}

Test(reload_diff, services_come_and_go_by_name) {
    struct config *was, *is;

    put("services.d/b.conf", "type = \"echo\"; listen = \"tcp://127.0.0.1:8\";");
    was = read_with("", ECHO);
    unlink("services.d/b.conf");
    put("services.d/a.conf", "type = \"echo\"; listen = \"tcp://127.0.0.1:9\";");
    put("services.d/z.conf", "type = \"echo\"; listen = \"tcp://127.0.0.1:10\";");
    is = read_with("", ECHO);
    reload_diff(&plan, was, is);
    cr_assert_eq(plan.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        static const char *const names[] = { "a", "b", "s", "z" };
        static const enum reload_action actions[] = { RELOAD_ADD, RELOAD_REMOVE, RELOAD_KEEP,
            RELOAD_ADD };

        cr_assert_str_eq(plan.change[i].name, names[i]);
        cr_assert_eq(plan.change[i].action, actions[i], "%s", names[i]);
    }
    config_free(was);
    config_free(is);
}

Test(reload_diff, what_all_workers_see_costs_all_workers) {
    compare("", ECHO, "log : { level = \"warn\"; };", ECHO);
    cr_assert_eq(plan.change[0].action, RELOAD_REPLACE);
    cr_assert(plan.log_differs);
    cr_assert_str_eq(plan.daemon_words, "log.level: info -> warn");
    compare("", ECHO, "lang = \"ru\";", ECHO);
    cr_assert_eq(plan.change[0].action, RELOAD_REPLACE);
    cr_assert_not(plan.log_differs);
    compare("", ECHO, "log : { rotate_size = \"1M\"; };", ECHO);
    cr_assert_eq(plan.change[0].action, RELOAD_KEEP);
    cr_assert(plan.log_differs);
}

Test(reload_diff, what_cannot_change_now_is_told) {
    compare("", ECHO, "control : { socket = \"/tmp/other\"; }; pid_file = \"/tmp/pid\";", ECHO);
    cr_assert_eq(plan.change[0].action, RELOAD_KEEP);
    cr_assert_not(reload_diff_has_any(&plan));
    cr_assert_not_null(
        strstr(plan.later_words, "pid_file: none -> /tmp/pid"), "%s", plan.later_words);
    cr_assert_not_null(strstr(plan.later_words, "control.socket: "), "%s", plan.later_words);
}

Test(reload_diff, long_words_are_cut_and_say_so) {
    compare("", ECHO, "",
        ECHO "max_children = 5; graceful_timeout = \"5s\"; max_requests = 1234; nice = 5; "
             "idle_timeout = \"9s\"; write_timeout = \"8s\"; max_rate = 100; max_connections = 77; "
             "max_connections_per_source = 7; max_rate_per_source = 9; backlog = 9; "
             "worker_timeout = \"3s\"; restart_delay = \"1s\";");
    cr_assert_eq(strlen(plan.change[0].words), RELOAD_WORDS_MAX - 1);
    cr_assert_str_eq(plan.change[0].words + RELOAD_WORDS_MAX - 4, "...");
}

/* ---- the job supervisor ---- */

Test(reload_diff, job_supervisor_is_kept_told_replaced_started_and_stopped) {
    static const struct {
        const char *was, *is, *what;
    } cases[] = {
        { "jobs : { };", "jobs : { enabled = true; };", "kept" },
        { "jobs : { };", "jobs : { }; max_generations = 9;", "kept" },
        { "jobs : { };", "jobs : { supervisor_timeout = \"9s\"; };", "kept" },
        { "jobs : { };", "jobs : { workers = 5; };", "told" },
        { "jobs : { };", "jobs : { max_queued = 5; submit = \"admin\"; };", "told" },
        { "jobs : { };", "jobs : { spool_dir = \"/tmp/elsewhere\"; };", "replaced" },
        { "jobs : { };", "jobs : { }; log : { level = \"debug\"; };", "replaced" },
        { "jobs : { };", "jobs : { }; log : { format = \"json\"; };", "replaced" },
        { "jobs : { };", "jobs : { }; log : { rotate_keep = 9; };", "kept" },
        { "", "jobs : { };", "started" },
        { "jobs : { };", "jobs : { enabled = false; };", "stopped" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        compare(cases[i].was, ECHO, cases[i].is, ECHO);
        cr_assert(plan.has_jobs);
        cr_assert_str_eq(reload_jobs_name(plan.jobs), cases[i].what, "%s", cases[i].is);
    }
    compare("", ECHO, "max_generations = 9;", ECHO);
    cr_assert_not(plan.has_jobs);
}

/* ---- jobs ---- */

static void put_job(const char *name, const char *text) {
    mkdir("jobs.d", 0755);
    put(name, text);
}

/* The plan when the daemon's file and the job "j" become something else; NULL: it is not there. */
static void compare_jobs(
    const char *daemon, const char *job, const char *new_daemon, const char *new_job) {
    struct config *was, *is;

    if (job != NULL)
        put_job("jobs.d/j.conf", job);
    was = read_with(daemon, ECHO);
    unlink("jobs.d/j.conf");
    if (new_job != NULL)
        put_job("jobs.d/j.conf", new_job);
    is = read_with(new_daemon, ECHO);
    unlink("jobs.d/j.conf");
    cr_assert(was != NULL && is != NULL, "%s", said);
    reload_diff(&plan, was, is);
    config_free(was);
    config_free(is);
}

#define JOB "kernel = \"divisible\"; interval = 9; "

Test(reload_diff, a_job_that_says_the_same_differs_in_nothing) {
    compare_jobs("jobs : { };", JOB, "jobs : { workers = 2; };",
        "interval = \"1..9\"; kernel = \"divisible\"; retries = 2;");
    cr_assert(plan.job_count == 1 && plan.job[0].action == RELOAD_KEEP);
    cr_assert_str_empty(plan.job[0].words);
    cr_assert(plan.jobs == RELOAD_JOBS_KEEP && !plan.jobs_differs);
    cr_assert_not(reload_diff_has_any(&plan));
}

Test(reload_diff, a_job_s_keys_are_compared_with_those_of_its_kernel) {
    compare_jobs(
        "", JOB "run = \"every 1h\";", "", JOB "run = \"every 2h\"; count = true; by = [ 3 ];");
    cr_assert_eq(plan.job[0].action, RELOAD_ADJUST);
    cr_assert_str_eq(reload_job_action_name(plan.job[0].action), "changed");
    cr_assert_str_eq(
        plan.job[0].words, "run: every 1h -> every 2h; count: false -> true; by: 11,13,17 -> 3");
    cr_assert(plan.jobs == RELOAD_JOBS_TELL && plan.jobs_differs && reload_diff_has_any(&plan));
    compare_jobs("", JOB, "", "kernel = \"null\"; interval = 9;");
    cr_assert_str_eq(plan.job[0].words, "kernel: divisible -> null");
    cr_assert_eq(plan.jobs, RELOAD_JOBS_TELL);
}

Test(reload_diff, jobs_come_and_go_by_name) {
    struct config *was, *is;

    put_job("jobs.d/b.conf", JOB);
    put_job("jobs.d/a.conf", JOB);
    was = read_with("", ECHO);
    unlink("jobs.d/a.conf");
    put_job("jobs.d/a-1.conf", JOB);
    is = read_with("", ECHO);
    reload_diff(&plan, was, is);
    cr_assert_eq(plan.job_count, 3);
    cr_assert(plan.job[0].action == RELOAD_REMOVE && strcmp(plan.job[0].name, "a") == 0);
    cr_assert(plan.job[1].action == RELOAD_ADD && strcmp(plan.job[1].name, "a-1") == 0);
    cr_assert(plan.job[2].action == RELOAD_KEEP && strcmp(plan.job[2].name, "b") == 0);
    cr_assert_eq(plan.jobs, RELOAD_JOBS_TELL);
    config_free(was);
    config_free(is);
}

Test(reload_diff, the_job_supervisor_is_told_replaced_started_and_stopped) {
    static const struct {
        const char *was, *is;
        enum reload_jobs jobs;
        const char *words;
    } rows[] = {
        { "", "", RELOAD_JOBS_KEEP, "" },
        { "jobs : { };", "jobs : { keep_for = \"720h\"; };", RELOAD_JOBS_KEEP, "" },
        { "jobs : { };", "jobs : { workers = 3; };", RELOAD_JOBS_TELL, "jobs.workers: 2 -> 3" },
        { "jobs : { };", "jobs : { spool_dir = \"/s\"; };", RELOAD_JOBS_RESTART,
            "jobs.spool_dir: /var/lib/preforkd/jobs -> /s" },
        { "", "jobs : { };", RELOAD_JOBS_START, "jobs.enabled: false -> true" },
        { "jobs : { };", "", RELOAD_JOBS_STOP, "jobs.enabled: true -> false" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        compare_jobs(rows[i].was, NULL, rows[i].is, NULL);
        cr_assert_eq(plan.jobs, rows[i].jobs, "%s: %d", rows[i].is, plan.jobs);
        cr_assert_str_eq(plan.daemon_words, rows[i].words);
        cr_assert_str_empty(plan.later_words);
        cr_assert_eq(reload_diff_has_any(&plan), rows[i].jobs != RELOAD_JOBS_KEEP);
    }
}

Test(reload_diff, a_job_that_is_not_enabled_is_nothing_to_tell) {
    compare_jobs(
        "jobs : { };", JOB "enabled = false;", "jobs : { };", JOB "enabled = false; count = true;");
    cr_assert(plan.job[0].action == RELOAD_ADJUST && plan.jobs == RELOAD_JOBS_KEEP);
    cr_assert(reload_diff_has_any(&plan), "who asks is told of it all the same");
}

Test(reload_diff, services_with_a_common_start_of_their_names_are_told_apart) {
    struct config *was, *is;

    put("services.d/s-1.conf", "type = \"echo\"; listen = \"tcp://127.0.0.1:9\";");
    was = read_with("", ECHO);
    unlink("services.d/s-1.conf");
    is = read_with("", ECHO);
    reload_diff(&plan, was, is);
    cr_assert(plan.count == 2 && plan.change[0].action == RELOAD_KEEP &&
              plan.change[1].action == RELOAD_REMOVE);
    cr_assert_str_eq(plan.change[1].name, "s-1");
    config_free(was);
    config_free(is);
}
