/* The text for the job supervisor: what the files say arrives, and nothing else is taken. */
#include "supervisor/jobs/jobs_config.h"

#include "supervisor/config_jobs.h"
#include "tests/unit/supervisor/config_fixture.h"

static void setup_jobs(void) {
    setup();
    put("services.d/s.conf", "type = \"echo\";");
    cr_assert_eq(mkdir("jobs.d", 0755), 0);
}

TestSuite(jobs_config, .init = setup_jobs, .fini = teardown);

static struct complaint complaint;

/* What the job supervisor is told of the files; to be freed. */
static char *write_files(const char *daemon) {
    struct config *config = read_good(daemon, NULL);
    char *text = config_jobs_write(config);

    config_free(config);
    return text;
}

static struct jobs_config *read_files(const char *daemon) {
    char *text = write_files(daemon);
    struct jobs_config *config;

    cr_assert_not_null(text);
    config = jobs_config_read(text, strlen(text), &complaint);
    cr_assert_not_null(config, "%s\n%s", complaint.text, text);
    free(text);
    return config;
}

Test(jobs_config, nothing_is_told_where_no_job_supervisor_is_wanted) {
    cr_assert_null(write_files(""));
    cr_assert_null(write_files("jobs : { enabled = false; };"));
}

Test(jobs_config, the_defaults_arrive) {
    struct jobs_config *config = read_files("jobs : { };");

    cr_assert(config->workers == 2 && config->engine == 0 && config->definition_count == 0);
    cr_assert_str_eq(config->spool_dir, "/var/lib/preforkd/jobs");
    cr_assert(config->submit == JOBS_ALL && config->commands == JOBS_NOBODY &&
              config->command_user == NULL && config->command_uid == (uid_t)-1 &&
              config->admin_uid == geteuid());
    cr_assert(config->max_running == 8 && config->max_queued == 1000 &&
              config->max_per_user == 100 && config->max_result_bytes == 1ull << 30 &&
              config->max_spool_bytes == 10ull << 30);
    cr_assert(config->keep_jobs == 1000 && config->keep_for_ms == 30ull * 86400000 &&
              config->graceful_timeout_ms == 10000);
    jobs_config_free(config);
}

Test(jobs_config, what_the_group_says_arrives) {
    struct jobs_config *config;

    if (geteuid() != 0)
        cr_skip_test("needs root, to name other users");
    config = read_files("jobs : { workers = 5; engine = \"thread\"; spool_dir = \"/s\";\n"
                        "submit = \"admin\"; commands = \"all\"; user = \"4711\";\n"
                        "command_user = \"4712\"; max_running = 1; max_queued = 2;\n"
                        "max_per_user = 3; max_result = 4; max_spool = 5; keep_jobs = 6;\n"
                        "keep_for = \"7s\"; graceful_timeout = \"8s\"; };");
    cr_assert(config->workers == 5 && config->engine == 1 && config->submit == JOBS_ADMIN &&
              config->commands == JOBS_ALL && config->command_uid == 4712);
    cr_assert_str_eq(config->spool_dir, "/s");
    cr_assert_str_eq(config->command_user, "4712");
    cr_assert(config->max_running == 1 && config->max_queued == 2 && config->max_per_user == 3 &&
              config->max_result_bytes == 4 && config->max_spool_bytes == 5 &&
              config->keep_jobs == 6 && config->keep_for_ms == 7000 &&
              config->graceful_timeout_ms == 8000);
    jobs_config_free(config);
}

Test(jobs_config, enabled_jobs_arrive_by_name) {
    const struct jobs_definition *definition;
    struct jobs_config *config;
    char path[128];

    put("jobs.d/b.conf", "kernel = \"null\"; interval = 5; run = \"At  Mon,Fri 3:05\";");
    put("jobs.d/off.conf", "kernel = \"null\"; interval = 5; enabled = false;");
    put("jobs.d/a.conf",
        "kernel = \"divisible\"; interval = 7; run = \"every 2h\";\n"
        "jitter = \"9s\"; overlap = \"queue\"; missed = \"once\"; output = \"o\";");
    config = read_files("");
    cr_assert_eq(config->definition_count, 2);
    definition = jobs_config_find(config, "a");
    cr_assert_eq(definition, &config->definition[0]);
    snprintf(path, sizeof(path), "%s/jobs.d/o", dir);
    cr_assert_str_eq(definition->output, path);
    cr_assert(definition->schedule.kind == SCHEDULE_EVERY &&
              definition->schedule.every_ms == 7200000 && definition->schedule.jitter_ms == 9000 &&
              definition->overlap == JOBS_OVERLAP_QUEUE && definition->missed == JOBS_MISSED_ONCE);
    cr_assert_str_eq(json_string_value(json_object_get(definition->what, "interval")), "1..7");
    definition = jobs_config_find(config, "b");
    cr_assert(definition->schedule.kind == SCHEDULE_AT && definition->schedule.minute == 185 &&
              definition->schedule.weekdays == 34 && definition->output == NULL &&
              definition->overlap == JOBS_OVERLAP_SKIP && definition->missed == JOBS_MISSED_SKIP);
    cr_assert_null(jobs_config_find(config, "off"));
    jobs_config_free(config);
}

Test(jobs_config, texts_are_equal_when_nothing_differs) {
    char *one, *other;

    put("jobs.d/a.conf", "kernel = \"divisible\"; interval = 1000; run = \"every 60m\";");
    one = write_files("jobs : { max_spool = \"1G\"; keep_for = \"24h\"; };");
    put("jobs.d/a.conf", "# as before\n interval = \"1..1 000\"; kernel = \"divisible\";\n"
                         "by = [ 11, 13, 17 ]; run = \"every 1h\"; overlap = \"skip\";");
    put("jobs.d/off.conf", "kernel = \"null\"; interval = 5; enabled = false;");
    other = write_files("jobs : { keep_for = \"1d\"; max_spool = 1073741824; workers = 2; };");
    cr_assert_str_eq(one, other);
    free(other);
    put("jobs.d/a.conf", "kernel = \"divisible\"; interval = 1001; run = \"every 60m\";");
    other = write_files("jobs : { max_spool = \"1G\"; keep_for = \"24h\"; };");
    cr_assert_str_neq(one, other);
    free(other);
    free(one);
}

/* ---- what is no such text ---- */

#define DEFINITION                                                                               \
    "{\"name\":\"a\",\"what\":{},\"output\":null,\"run\":\"start\",\"jitter_ms\":0,\"overlap\":" \
    "\"skip\",\"missed\":\"skip\"}"

static const char good[] =
    "{\"workers\":2,\"engine\":\"process\",\"spool_dir\":\"/s\",\"admin_uid\":0,\"submit\":\"all\","
    "\"commands\":\"none\",\"command_user\":null,\"command_uid\":-1,\"command_gid\":4294967295,"
    "\"max_running\":8,\"max_queued\":9,\"max_per_user\":7,\"max_result_bytes\":6,"
    "\"max_spool_bytes\":5,\"keep_jobs\":4,\"keep_for_ms\":3,\"graceful_timeout_ms\":1,"
    "\"definitions\":[" DEFINITION "]}";

Test(jobs_config, a_text_lacks_nothing_and_has_everything_in_its_kind) {
    static const char *const changes[][3] = {
        /* what stands there, what stands there instead, what is said */
        { "\"workers\":2", "\"workers\":\"2\"", "workers: a whole number is needed" },
        { "\"workers\":2", "\"workers\":-2", "workers: a whole number is needed" },
        { "\"workers\":2", "\"workers\":0", "workers: at least 1 is needed" },
        { "\"keep_jobs\":4,", "", "keep_jobs: a whole number is needed" },
        { "\"process\"", "\"fork\"", "engine: \"fork\" is none of the words" },
        { "\"submit\":\"all\"", "\"submit\":1", "submit: \"\" is none of the words" },
        { "\"admin_uid\":0", "\"admin_uid\":4294967296", "admin_uid: an id is needed" },
        { "\"/s\"", "null", "spool_dir: a text is needed" },
        { "\"/s\"", "7", "spool_dir: a text is needed" },
        { "\"command_user\":null,", "", "command_user: a text is needed" },
        { "[" DEFINITION "]", "{}", "definitions: a list of at most 1024 is needed" },
        { "[" DEFINITION "]", "[7]", "definition 1: what: an object is needed" },
        { "[" DEFINITION "]", "[" DEFINITION "," DEFINITION "]",
            "definition 2: they must be in order" },
        { "\"what\":{}", "\"what\":[]", "definition 1: what: an object is needed" },
        { "\"name\":\"a\"", "\"name\":\"\"", "definition 1: name: a text of 1 to 31 bytes" },
        { "\"name\":\"a\"", "\"name\":\"01234567890123456789012345678901\"",
            "definition 1: name: a text of 1 to 31 bytes is needed" },
        { "\"start\"", "\"stat\"", "definition 1: run: \"stat\" is no schedule" },
        { "\"jitter_ms\":0,", "", "definition 1: jitter_ms: a whole number is needed" },
        { "\"overlap\":\"skip\"", "\"overlap\":\"x\"", "definition 1: overlap: \"x\" is none" },
        { "\"missed\":\"skip\"", "\"missed\":null", "definition 1: missed: \"\" is none" },
        { "{\"workers\"", "[\"workers\"", "" },
        { "\"workers\":2", "\"workers\":2,\"workers\":2", "duplicate object key" },
    };
    struct jobs_config *config = jobs_config_read(good, strlen(good), &complaint);
    char text[2048];
    const char *at;

    cr_assert_not_null(config, "%s", complaint.text);
    jobs_config_free(config);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        at = strstr(good, changes[i][0]);
        cr_assert_not_null(at, "%s", changes[i][0]);
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, changes[i][1],
            at + strlen(changes[i][0]));
        cr_assert_null(jobs_config_read(text, strlen(text), &complaint), "%s", text);
        cr_assert(strncmp(complaint.text, "the job supervisor's configuration: ", 36) == 0);
        cr_assert_not_null(strstr(complaint.text, changes[i][2]), "%s\n%s", text, complaint.text);
    }
}

Test(jobs_config, a_text_that_is_cut_anywhere_is_refused) {
    for (size_t len = 0; len < strlen(good); len++)
        cr_assert_null(jobs_config_read(good, len, &complaint), "%zu", len);
}

/* ---- what costs a new job supervisor ---- */

Test(jobs_config, another_user_or_spool_costs_a_new_job_supervisor) {
    static const struct {
        const char *daemon;
        bool needs_restart;
    } rows[] = {
        { "jobs : { };", false },
        { "jobs : { workers = 7; engine = \"event\"; keep_for = 0; };", false },
        { "jobs : { spool_dir = \"/s\"; };", true },
        { "jobs : { user = \"4711\"; };", true },
        { "jobs : { group = \"4711\"; };", true },
        { "user = \"4711\"; jobs : { };", true },
        { "user = \"4711\"; jobs : { user = \"4712\"; };", true },
    };
    struct config *was = read_good("jobs : { };", NULL), *is;

    if (geteuid() != 0)
        cr_skip_test("needs root, to name other users");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        is = read_good(rows[i].daemon, NULL);
        cr_assert_eq(
            config_jobs_needs_restart(was, is), rows[i].needs_restart, "%s", rows[i].daemon);
        config_free(is);
    }
    config_free(was);
}
