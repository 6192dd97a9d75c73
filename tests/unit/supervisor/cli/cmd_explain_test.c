/* What prefork explain makes of the daemon's facts. */
#include "supervisor/cli/cmd_explain.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/cli/prose.h"

static char *text;
static size_t len;

static void end(void) {
    free(text);
}

TestSuite(explain, .fini = end);

/* A pool of three, all well; more goes over it. */
static void explain(const char *more, unsigned width) {
    static const char base[] =
        "{\"service\":\"echo\",\"state\":\"RUNNING\",\"state_reason\":null,\"state_for_ms\":200000,"
        "\"pool\":{\"pm\":\"dynamic\",\"workers\":3,\"with_room\":1,\"idle\":1,\"starting\":0,"
        "\"max_children\":8,\"min_spare_servers\":1,\"max_spare_servers\":3,\"sessions_each\":1}}";
    json_t *facts = json_loads(base, 0, NULL), *over = json_loads(more, 0, NULL);
    FILE *out = open_memstream(&text, &len);

    cr_assert_not_null(facts);
    cr_assert_not_null(over, "%s", more);
    json_object_update_recursive(facts, over);
    cmd_explain_write(out, width, facts);
    fclose(out);
    json_decref(facts);
    json_decref(over);
}

static void expect(const char *words) {
    cr_assert_not_null(strstr(text, words), "\"%s\" is not in\n%s", words, text);
}

Test(explain, a_pool_that_is_well_is_told_in_two_lines) {
    explain("{}", 0);
    cr_assert_str_eq(text,
        "echo is RUNNING for 3 min 20 s.\n"
        "size      3 workers of 1 session each, of which 1 has room: pm = dynamic; "
        "min_spare_servers = 1 is met; at most max_children = 8.\n");
}

Test(explain, a_pool_at_its_limit_names_the_limit_and_who_waits) {
    explain("{\"pool\":{\"workers\":8,\"with_room\":0,\"idle\":0},"
            "\"queue\":{\"waiting\":4,\"limit\":511}}",
        0);
    expect("min_spare_servers = 1 is not met, but max_children = 8 is reached.");
    expect("queue     4 connections of 511 wait to be accepted: all 8 workers are full, and "
           "max_children = 8 is reached.");
}

Test(explain, a_pool_that_cannot_grow_says_why) {
    explain("{\"pool\":{\"with_room\":0},\"fork\":{\"held_back_by\":\"max_spawn_rate\","
            "\"max_spawn_rate\":32,\"held_back_ms\":300}}",
        0);
    expect("is not met; max_spawn_rate = 32 a second is used up for now; at most");
}

Test(explain, a_fork_that_failed_says_when_it_is_tried_again) {
    explain("{\"pool\":{\"pm\":\"static\",\"max_children\":4},\"fork\":{\"held_back_by\":\"fork\","
            "\"held_back_ms\":700}}",
        0);
    expect("pm = static keeps max_children = 4; fork failed, it is tried again in 700 ms.");
}

Test(explain, a_pool_with_too_many_idle_ones_says_so) {
    explain("{\"pool\":{\"workers\":5,\"with_room\":5,\"idle\":5}}", 0);
    expect("max_spare_servers = 3 is passed: idle ones leave");
}

Test(explain, a_pool_on_demand_says_when_it_grows_and_shrinks) {
    explain("{\"pool\":{\"pm\":\"ondemand\",\"workers\":0,\"with_room\":0,"
            "\"process_idle_timeout_ms\":10000}}",
        0);
    expect("0 workers of 1 session each: pm = ondemand forks one when somebody comes and none has "
           "room, at most max_children = 8; one that is idle for process_idle_timeout = 10 s "
           "leaves.");
}

Test(explain, a_backoff_says_when_the_next_try_comes) {
    explain("{\"state\":\"BACKOFF\",\"state_reason\":\"its workers die before they are ready\","
            "\"fork\":{\"deaths_in_row\":4,\"next_try_ms\":3900,\"restart_delay_ms\":100,"
            "\"restart_max_delay_ms\":60000,\"start_retries\":10},"
            "\"restarts\":4,\"last_death\":{\"words\":\"exited with 77 after 2.0 ms\","
            "\"ago_ms\":2000},"
            "\"deaths\":[{\"ts\":\"2026-11-21T15:52:38.702Z\",\"pid\":823,"
            "\"words\":\"exited with 77 after 2.0 ms\",\"reason\":\"it was \\u001b[2Jit\"}]}",
        0);
    expect("echo is BACKOFF for 3 min 20 s: its workers die before they are ready.");
    expect("restarts  4 workers in a row died before they were ready; the next try comes in 3.9 s. "
           "The wait doubles from restart_delay = 100 ms to restart_max_delay = 1 min; with "
           "start_retries = 10 deaths the service is FATAL.");
    expect("deaths    4 workers ended untold since the start, the last 2 s ago: it exited with 77");
    expect("death     2026-11-21T15:52:38.702Z pid 823 exited with 77 after 2.0 ms: it was "
           "\\x1b[2Jit.");
}

Test(explain, a_service_that_gave_up_says_what_starts_it) {
    explain("{\"state\":\"FATAL\",\"fork\":{\"deaths_in_row\":3,\"start_retries\":3}}", 0);
    expect("3 workers in a row died before they were ready, and start_retries = 3: nothing is "
           "tried any more until \"prefork start echo\".");
    cr_assert_null(strstr(text, "size"), "%s", text);
}

Test(explain, a_drain_names_who_holds_it_and_when_it_is_cut) {
    explain("{\"leaving\":[{\"slot\":2,\"pid\":77,\"state\":\"draining\",\"sessions\":1,"
            "\"reason\":\"restarted by the operator\",\"last_peer\":\"127.0.0.1:5\","
            "\"since_ms\":1500,\"deadline_ms\":28500},"
            "{\"slot\":3,\"pid\":78,\"state\":\"cut\",\"sessions\":2,\"last_peer\":null,"
            "\"since_ms\":31000,\"deadline_ms\":2000}]}",
        0);
    expect("leaving   pid 77 (slot 2) leaves since 1.5 s, for: restarted by the operator. 1 "
           "session holds it, the last one from 127.0.0.1:5; what is left is cut in 28 s.");
    expect("leaving   pid 78 (slot 3) leaves since 31 s. 2 sessions hold it, the last one from a "
           "local socket; it is killed in 2 s.");
}

Test(explain, a_scale_names_who_and_how_to_take_it_back) {
    explain("{\"scale\":{\"max_children\":9,\"configured\":2,\"by\":\"uid 0 with pid 5\","
            "\"ago_ms\":3600000}}",
        0);
    expect("scaled    max_children is 9 and not 2 as configured: uid 0 with pid 5 changed it 1 h "
           "ago; \"prefork scale echo 0\" takes that back.");
}

Test(explain, what_was_refused_is_told_by_its_limit) {
    explain("{\"refused\":{\"connections\":15,\"by_max_connections\":1,"
            "\"by_max_connections_per_source\":2,\"by_rate\":4,\"datagrams\":9,"
            "\"datagrams_by_rate\":6,\"timed_out\":10,\"cut\":11},"
            "\"limits\":{\"max_connections\":100,\"max_connections_per_source\":5,"
            "\"max_rate_per_source\":7}}",
        0);
    expect("refused   Since the start: 1 connection by max_connections = 100; 2 connections by "
           "max_connections_per_source = 5; 4 connections by max_rate_per_source; 8 connections by "
           "want of memory; 6 datagrams by max_rate_per_source; 3 datagrams by the loop guard, or "
           "want of room; 10 sessions by idle_timeout or write_timeout; 11 sessions by the end of "
           "graceful_timeout.\n");
}

Test(explain, replacement_names_the_rules_and_who_is_next) {
    explain("{\"replacing\":{\"max_requests\":1000,\"max_requests_jitter\":50,"
            "\"max_worker_lifetime_ms\":86400000,\"reload_on_pss_bytes\":1048576,"
            "\"max_recycling\":2,\"wanted\":[{\"pid\":5,\"reason\":\"it has served max_requests\","
            "\"has_begun\":true},{\"pid\":6,\"reason\":\"restarted by the operator\","
            "\"has_begun\":false}]},"
            "\"workers\":[{\"pid\":5,\"served\":1000,\"age_ms\":1000,\"pss_bytes\":1},"
            "{\"pid\":6,\"served\":10,\"age_ms\":43200000,\"pss_bytes\":524288}]}",
        0);
    expect("replaced  A worker is replaced after max_requests = 1000 and up to 50 more sessions or "
           "datagrams, at the age of max_worker_lifetime = 1 d (a tenth more by its slot), when it "
           "holds more than reload_on_pss = 1.0 MiB; at most max_recycling = 2 at once. Nearest by "
           "sessions: pid 5, at 100%. Nearest by age: pid 6, at 50%. Nearest by memory: pid 6, at "
           "50%. pid 5 is replaced: it has served max_requests; the new one starts. pid 6 is "
           "replaced: restarted by the operator; it waits for its turn.\n");
}

Test(explain, an_idle_service_says_when_it_stops) {
    explain("{\"limits\":{\"idle_stop_ms\":7200000},\"unused_ms\":60000}", 0);
    expect("idle      No message came for 1 min; with idle_stop = 2 h it stops.");
}

Test(explain, lines_end_where_the_terminal_does) {
    explain("{\"refused\":{\"connections\":15,\"by_max_connections\":15},\"limits\":{"
            "\"max_connections\":100}}",
        80);
    for (char *line = text, *next; *line != '\0'; line = next + 1) {
        next = strchr(line, '\n');
        cr_assert(next - line <= 80, "%.*s", (int)(next - line), line);
        cr_assert(line == text || strncmp(line, "          ", 10) == 0 || line[0] != ' ');
    }
}

/* Of another version, or no daemon of ours at all. */
Test(explain, answer_without_keys_is_no_mistake) {
    explain("{\"pool\":null,\"leaving\":[{},7],\"deaths\":{},\"queue\":[],\"workers\":3}", 80);
}

Test(explain, a_word_that_is_too_long_stands_alone) {
    struct prose prose = { .len = 0 };
    FILE *out = open_memstream(&text, &len);

    prose_add(&prose, "a %s b", "\xd1\x8d\xd1\x8d\xd1\x8d\xd1\x8d\xd1\x8d\xd1\x8d");
    prose_write(&prose, out, "x", 2, 6);
    fclose(out);
    cr_assert_str_eq(text, "x a\n  \xd1\x8d\xd1\x8d\xd1\x8d\xd1\x8d\xd1\x8d\xd1\x8d\n  b\n");
}

/* ---- the job supervisor ---- */

/* One that is well; more goes over it. */
static void explain_jobs(const char *more) {
    static const char base[] =
        "{\"service\":\"jobs\",\"kind\":\"jobs\",\"is_wanted\":true,\"file\":\"/p.conf\",\"pid\":9,"
        "\"state\":\"RUNNING\",\"state_reason\":null,\"state_for_ms\":5000,\"next_try_ms\":null,"
        "\"deaths_in_row\":0,\"restarts\":0,\"last_death\":null,\"deaths\":[],\"leaving\":null,"
        "\"spool_dir\":\"/spool\",\"workers_wanted\":2,\"running\":0,\"queued\":0,\"paused\":0,"
        "\"workers\":[{\"pid\":11,\"state\":\"idle\",\"job\":null},"
        "{\"pid\":12,\"state\":\"idle\",\"job\":null}]}";
    json_t *facts = json_loads(base, 0, NULL), *over = json_loads(more, 0, NULL);
    FILE *out = open_memstream(&text, &len);

    cr_assert_not_null(facts);
    cr_assert_not_null(over, "%s", more);
    json_object_update(facts, over);
    cmd_explain_write(out, 0, facts);
    fclose(out);
    json_decref(facts);
    json_decref(over);
}

Test(explain, a_job_supervisor_that_is_well_is_told_in_two_lines) {
    explain_jobs("{}");
    cr_assert_str_eq(text, "the job supervisor is RUNNING for 5 s.\n"
                           "work      0 jobs are in work; 2 workers wait; jobs.workers = 2.\n");
}

Test(explain, who_works_for_which_job_is_told) {
    explain_jobs("{\"running\":2,\"queued\":3,\"paused\":1,\"workers\":["
                 "{\"pid\":11,\"state\":\"busy\",\"job\":17},"
                 "{\"pid\":12,\"state\":\"yielding\",\"job\":18},"
                 "{\"pid\":13,\"state\":\"idle\",\"job\":null}]}");
    expect(
        "work      2 jobs are in work, 3 queued, 1 paused for want of room: prefork job list says "
        "why; pid 11 works for job 17, pid 12 works for job 18 and leaves it; 1 worker waits; "
        "jobs.workers = 2.");
}

Test(explain, a_job_supervisor_that_nobody_wants_says_what_to_write) {
    explain_jobs("{\"is_wanted\":false,\"state\":\"STOPPED\",\"running\":null,\"workers\":[]}");
    expect("wanted    nobody wants it: /p.conf has no group \"jobs\" and there is no file in "
           "jobs_dir, "
           "or jobs.enabled = false. To have one, write \"jobs : { enabled = true; };\" there");
    cr_assert_null(strstr(text, "in work"));
}

Test(explain, a_job_supervisor_that_dies_before_it_is_ready_says_when_it_is_tried_again) {
    explain_jobs("{\"state\":\"BACKOFF\",\"state_reason\":\"it dies before it is ready\","
                 "\"deaths_in_row\":4,\"next_try_ms\":700,\"restarts\":6,\"running\":null,"
                 "\"last_death\":{\"words\":\"exited with 77 after 3 ms\",\"ago_ms\":100},"
                 "\"deaths\":[{\"ts\":\"T\",\"pid\":5,\"words\":\"exited with 77 after 3 ms\"}]}");
    expect("the job supervisor is BACKOFF for 5 s: it dies before it is ready.");
    expect(
        "restarts  it died 4 times in a row before it was ready; the next try is in 700 ms, or at "
        "the next reload. The log says why; prefork doctor looks whether /spool can be used.");
    expect("deaths    it ended 6 times without being told to; the last exited with 77 after 3 ms, "
           "100 ms ago.");
    expect("death     T pid 5 exited with 77 after 3 ms.");
}

Test(explain, a_job_supervisor_that_leaves_says_how_long_it_may) {
    explain_jobs("{\"state\":\"STOPPING\",\"leaving\":{\"since_ms\":2000,\"deadline_ms\":9500}}");
    expect(
        "leaving   it was told to 2 s ago, and finishes what its workers have begun; it is killed "
        "in 9.5 s");
}
