/* Jobs that files define, and the group "jobs": what they default to, what is taken, what is not.
 */
#include <jansson.h>

#include "supervisor/job/job_json.h"
#include "supervisor/job/job_spec.h"
#include "tests/unit/supervisor/config_fixture.h"
#include "workers/kernels/kernel.h"

static void setup_jobs(void) {
    setup();
    put("services.d/s.conf", "type = \"echo\";");
    cr_assert_eq(mkdir("jobs.d", 0755), 0);
}

TestSuite(config_job, .init = setup_jobs, .fini = teardown);

static struct config *read_job(const char *daemon, const char *job) {
    put("preforkd.conf", daemon);
    put("jobs.d/j.conf", job);
    return reread();
}

static struct config *read_good_job(const char *daemon, const char *job) {
    struct config *config = read_job(daemon, job);

    cr_assert_not_null(config, "%s", said);
    return config;
}

#define NULL_JOB "kernel = \"null\"; interval = 5;"

Test(config_job, defaults_of_the_group) {
    struct config *config = read_good_job("jobs : { };", NULL_JOB);

    cr_assert_str_eq(said, "");
    cr_assert(config->jobs.workers == 2 && config->jobs.engine == 0);
    cr_assert_str_eq(config->jobs.spool_dir, "/var/lib/preforkd/jobs");
    cr_assert(config->jobs.user == NULL && config->jobs.uid == (uid_t)-1 &&
              config->jobs.command_user == NULL && config->jobs.command_uid == (uid_t)-1);
    cr_assert(config->jobs.submit == SUBMIT_ALL && config->jobs.commands == COMMANDS_NONE);
    cr_assert(config->jobs.max_running == 8 && config->jobs.max_queued == 1000 &&
              config->jobs.max_per_user == 100);
    cr_assert(
        config->jobs.max_result_bytes == 1ull << 30 && config->jobs.max_spool_bytes == 10ull << 30);
    cr_assert(config->jobs.keep_jobs == 1000 && config->jobs.keep_for_ms == 30ull * 86400000 &&
              config->jobs.graceful_timeout_ms == 10000);
    config_free(config);
}

Test(config_job, defaults_of_a_job) {
    struct config *config = read_good_job("", "kernel = \"divisible\"; interval = 3345212;");
    const struct config_job *job = &config->job[0];

    cr_assert_str_eq(said, "");
    cr_assert(config->job_count == 1 && strcmp(job->name, "j") == 0 && job->enabled);
    cr_assert(job->kernel == kernels_find("divisible") && job->interval.lo == 1 &&
              job->interval.hi == 3345212);
    cr_assert(job->schedule.kind == SCHEDULE_MANUAL && job->schedule.jitter_ms == 0 &&
              job->overlap == OVERLAP_SKIP && job->missed == MISSED_SKIP);
    cr_assert(job->output == NULL && job->format == RESULT_TEXT && !job->count && job->chunk == 0);
    cr_assert(job->deadline_ms == 0 && job->chunk_timeout_ms == 0 && job->stall_ms == 30000 &&
              job->retries == 2 && job->on_held == 0 && job->verify == 0);
    cr_assert_str_eq(job->what, "{\"kernel\":\"divisible\",\"interval\":\"1..3345212\"}");
    config_free(config);
}

Test(config_job, there_is_a_job_supervisor_when_somebody_speaks_of_jobs) {
    static const struct {
        const char *daemon;
        bool has_job, is_enabled;
    } rows[] = {
        { "", false, false },
        { "jobs : { };", false, true },
        { "", true, true },
        { "jobs : { enabled = false; };", true, false },
        { "jobs : { enabled = true; };", false, true },
    };
    struct config *config;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unlink("jobs.d/j.conf");
        if (rows[i].has_job)
            put("jobs.d/j.conf", NULL_JOB);
        config = read_good(rows[i].daemon, NULL);
        cr_assert_eq(config->jobs.enabled, rows[i].is_enabled, "%s", rows[i].daemon);
        config_free(config);
    }
}

Test(config_job, values_are_taken_as_written) {
    struct config *config = read_good_job(
        "jobs : { workers = 9; engine = \"event\"; spool_dir = \"sp\"; submit = \"admin\";\n"
        "commands = \"admin\"; max_running = 3; max_result = 77; keep_for = 0; };",
        "kernel = \"command\"; command = [ \"true\", \"\", \"a,b\", \"{lo}\" ];\n"
        "interval = \"10..29\"; chunk = 10; format = \"json\"; output = \"o.txt\";\n"
        "run = \"every 90m\"; jitter = \"5m\"; overlap = \"queue\"; missed = \"once\";\n"
        "deadline = \"1h\"; chunk_timeout = \"7s\"; stall = \"9s\"; retries = 0;\n"
        "on_held = \"skip\"; enabled = false;");
    const struct config_job *job = &config->job[0];
    char path[128];

    cr_assert_str_eq(said, "");
    snprintf(path, sizeof(path), "%s/sp", dir);
    cr_assert_str_eq(config->jobs.spool_dir, path);
    cr_assert(config->jobs.workers == 9 && config->jobs.engine == 2 &&
              config->jobs.submit == SUBMIT_ADMIN && config->jobs.commands == COMMANDS_ADMIN &&
              config->jobs.max_result_bytes == 77 && config->jobs.keep_for_ms == 0);
    snprintf(path, sizeof(path), "%s/jobs.d/o.txt", dir);
    cr_assert_str_eq(job->output, path);
    cr_assert(job->schedule.kind == SCHEDULE_EVERY && job->schedule.every_ms == 5400000 &&
              job->schedule.jitter_ms == 300000 && job->overlap == OVERLAP_QUEUE &&
              job->missed == MISSED_ONCE && !job->enabled);
    cr_assert_str_eq(job->what,
        "{\"kernel\":\"command\",\"interval\":\"10..29\",\"argv\":[\"true\",\"\",\"a,b\","
        "\"{lo}\"],\"options\":{\"chunk\":\"10\",\"json\":\"true\",\"timeout\":\"1h\","
        "\"chunk_timeout\":\"7s\",\"stall\":\"9s\",\"retries\":\"0\",\"on_held\":\"skip\"}}");
    config_free(config);
}

Test(config_job, each_format_is_an_option_of_the_command_line) {
    static const char *const rows[][2] = {
        { "text", "" },
        { "sheet", ",\"options\":{\"seed_format\":\"true\"}" },
        { "json", ",\"options\":{\"json\":\"true\"}" },
        { "csv", ",\"options\":{\"csv\":\"true\"}" },
    };
    char text[256], wanted[256];
    struct config *config;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), NULL_JOB "format = \"%s\";", rows[i][0]);
        snprintf(
            wanted, sizeof(wanted), "{\"kernel\":\"null\",\"interval\":\"1..5\"%s}", rows[i][1]);
        config = read_good_job("", text);
        cr_assert_str_eq(config->job[0].what, wanted);
        config_free(config);
    }
}

Test(config_job, what_is_written_for_the_job_supervisor_is_read_as_the_same_job) {
    struct config *config = read_good_job("", "kernel = \"divisible\"; by = [ 7, 9 ];\n"
                                              "interval = 100; count = true; verify = \"2.5%\";");
    json_t *what = json_loads(config->job[0].what, 0, NULL);
    struct complaint complaint;
    struct job_spec spec;
    int code;

    cr_assert_eq(job_json_read(what, &spec, &complaint, &code), 0, "%s", complaint.text);
    cr_assert(spec.options.count && spec.options.verify == 2.5 && spec.split.hi == 100);
    job_json_fini(&spec);
    json_decref(what);
    config_free(config);
}

Test(config_job, jobs_are_sorted_by_name_and_other_files_left_alone) {
    struct config *config;

    put("jobs.d/a.conf", NULL_JOB);
    put("jobs.d/a-1.conf", NULL_JOB);
    put("jobs.d/.hidden.conf", "!");
    put("jobs.d/README", "!");
    config = read_good_job("", NULL_JOB);
    cr_assert_eq(config->job_count, 3);
    cr_assert_str_eq(config->job[0].name, "a");
    cr_assert_str_eq(config->job[1].name, "a-1");
    cr_assert_str_eq(config->job[2].name, "j");
    config_free(config);
}

Test(config_job, names_are_checked) {
    static const char *const names[] = { "jobs.d/.conf", "jobs.d/-a.conf", "jobs.d/a b.conf",
        "jobs.d/0123456789012345678901234567890a.conf" };

    for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
        put(names[i], NULL_JOB);
        cr_assert_null(read_job("", NULL_JOB), "%s", names[i]);
        expect_said(": the file's name is the job's: 1 to 31 letters, digits, ", names[i]);
        unlink(names[i]);
    }
    put("jobs.d/017.conf", NULL_JOB);
    cr_assert_null(read_job("", NULL_JOB));
    cr_assert_str_eq(said, "jobs.d/017.conf: the file's name is the job's: not digits alone, jobs "
                           "that run have such names\n");
}

Test(config_job, the_folder_may_be_elsewhere_but_must_be_there) {
    struct config *config;

    cr_assert_eq(rename("jobs.d", "other"), 0);
    put("other/k.conf", NULL_JOB);
    config = read_good("", NULL);
    cr_assert(config->job_count == 0 && config->jobs_dir == NULL);
    config_free(config);
    config = read_good("jobs_dir = \"other\";", NULL);
    cr_assert(config->job_count == 1 && strcmp(config->job[0].name, "k") == 0);
    config_free(config);
    cr_assert_null(read_with("jobs_dir = \"nowhere\";", NULL));
    cr_assert_str_eq(said, "preforkd.conf:1: jobs_dir: the folder nowhere cannot be read: No such "
                           "file or directory\n");
}

Test(config_job, sixty_five_jobs_are_one_too_many) {
    char name[64];

    for (int i = 0; i < 65; i++) {
        snprintf(name, sizeof(name), "jobs.d/x%d.conf", i);
        put(name, NULL_JOB);
    }
    cr_assert_null(read_with("", NULL));
    expect_said("preforkd.conf: jobs_dir: jobs.d has 65 jobs, at most 64 are allowed\n", "");
}

/* What no file can say in two ways: a kernel's keys and those that all jobs have. */
Test(config_job, no_kernel_has_a_key_that_all_jobs_have) {
    for (size_t i = 0; kernels_table[i] != NULL; i++)
        for (const struct setting *row = kernels_table[i]->params; row->name != NULL; row++)
            cr_assert_null(settings_find(config_job_settings, row->name), "%s of %s", row->name,
                kernels_table[i]->name);
}

static bool is_same_list(const char *const *a, const char *const *b) {
    size_t i = 0;

    if (a == NULL || b == NULL)
        return a == b;
    for (; a[i] != NULL && b[i] != NULL && strcmp(a[i], b[i]) == 0; i++)
        continue;
    return a[i] == NULL && b[i] == NULL;
}

Test(config_job, keys_that_are_options_of_the_command_line_mean_the_same) {
    static const char *const pairs[][2] = { { "count", "count" }, { "deadline", "timeout" },
        { "chunk_timeout", "chunk_timeout" }, { "stall", "stall" }, { "retries", "retries" },
        { "on_held", "on_held" }, { "verify", "verify" } };
    const struct setting *key, *option;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        key = settings_find(config_job_settings, pairs[i][0]);
        option = settings_find(job_spec_settings, pairs[i][1]);
        cr_assert(key->type == option->type && key->min == option->min && key->max == option->max,
            "%s", pairs[i][0]);
        cr_assert(is_same_list(key->choices, option->choices), "%s", pairs[i][0]);
        if (option->fallback != NULL)
            cr_assert_str_eq(key->fallback, option->fallback);
    }
}

Test(config_job, what_changes_nothing_is_warned_of) {
    struct config *config = read_good_job("jobs : { command_user = \"0\"; };",
        NULL_JOB "\njitter = \"1m\";\noverlap = \"queue\";\nmissed = \"once\";");

    cr_assert_str_eq(said,
        "jobs.d/j.conf:2: warning: jitter changes nothing: it is run by hand alone\n"
        "jobs.d/j.conf:3: warning: overlap changes nothing: it is run by hand alone\n"
        "jobs.d/j.conf:4: warning: missed changes nothing: only run = \"every ...\" and \"at "
        "...\" heed it\n"
        "preforkd.conf:1: warning: jobs.command_user changes nothing: jobs.commands is "
        "\"none\"\n");
    config_free(config);
    config = read_good_job("", NULL_JOB "run = \"start\"; jitter = \"1m\"; missed = \"once\";");
    cr_assert_str_eq(said, "jobs.d/j.conf:1: warning: missed changes nothing: only run = \"every "
                           "...\" and \"at ...\" heed it\n");
    config_free(config);
    config = read_good_job("", NULL_JOB "output = \"nowhere/x\";");
    cr_assert_str_eq(said, "jobs.d/j.conf:1: warning: output: there is no folder jobs.d/nowhere\n");
    config_free(config);
}

Test(config_job, the_largest_result_bends_to_the_spool) {
    struct config *config = read_good_job("jobs : { max_spool = \"500M\"; };", NULL_JOB);

    cr_assert(config->jobs.max_result_bytes == 500u << 20);
    config_free(config);
}

Test(config_job, files_that_were_found_good_are_read_without_trying_the_kernel) {
    struct config *config;

    put("preforkd.conf", "jobs : { commands = \"admin\"; };");
    put("jobs.d/j.conf", "kernel = \"command\"; command = \"no-such-program\"; interval = 1;");
    cr_assert_null(reread());
    config = config_read_again("preforkd.conf", stderr);
    cr_assert_not_null(config);
    cr_assert_str_eq(config->job[0].what,
        "{\"kernel\":\"command\",\"interval\":\"1..1\",\"argv\":[\"no-such-program\"]}");
    config_free(config);
}
