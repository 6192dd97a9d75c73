/* A job under which the job supervisor dies, each time it is begun. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/expect.h"
#include "tests/system/jobs.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000
#define DEATHS      64 /* as prefork-job(1) says */

static bool is_in_state(const char *id, const char *state) {
    return strcmp(jobs_state(id), state) == 0;
}

/* As soon as the job is in work; false: it has ended. */
static bool strike_when_it_works(const char *id) {
    pid_t pid;

    CHECK(harness_until(PATIENCE_MS, is_in_state(id, "running") || is_in_state(id, "failed")),
        "it is %s: %s", jobs_state(id), daemon_log());
    if (is_in_state(id, "failed"))
        return false;
    pid = jobs_supervisor_pid();
    CHECK(pid > 0 && kill(pid, SIGKILL) == 0, "no job supervisor");
    CHECK(harness_until(PATIENCE_MS, jobs_supervisor_pid() > 0 && jobs_supervisor_pid() != pid),
        "%s", daemon_log());
    return true;
}

static void job_under_which_it_dies_is_set_aside_and_the_others_get_on(void) {
    const char *bad, *good = NULL;
    struct daemon daemon;
    struct harness_result r;
    unsigned deaths;

    jobs_start(&daemon, "");
    bad = jobs_submit("null", "1..4", "--chunk", "1", "--slow-for", "60s", NULL);
    for (deaths = 0; strike_when_it_works(bad); deaths++)
        if (deaths == 10)
            good = jobs_submit("divisible", "3345212", NULL);
    CHECK(deaths == DEATHS, "%u deaths", deaths);
    r = PREFORK("job", "wait", good);
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    CHECK(jobs_number(good, "records") == 1376, "%lld", jobs_number(good, "records"));
    CHECK(jobs_number(bad, "exit") == 1, "exit %lld", jobs_number(bad, "exit"));
    r = PREFORK("job", "show", bad);
    expect_words("show", r.out, "the job supervisor died 64 times in a row under it");
    expect_words("log", daemon_log(), "event=job_suspect");
    r = PREFORK("job", "retry", bad);
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    CHECK(harness_until(PATIENCE_MS, is_in_state(bad, "running")), "%s", jobs_state(bad));
    r = PREFORK("job", "cancel", bad);
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    daemon_stop(&daemon);
    jobs_reap_orphans();
}

static const struct harness_test tests[] = {
    { "job_under_which_it_dies_is_set_aside_and_the_others_get_on",
        job_under_which_it_dies_is_set_aside_and_the_others_get_on },
    { NULL, NULL },
};

const struct harness_suite daemon_jobs_trial_suite = { "daemon_jobs_trial", tests };
