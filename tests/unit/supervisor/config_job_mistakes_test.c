/* What is wrong about jobs is told with file, line and words, all of it in one run. */
#include "tests/unit/supervisor/config_fixture.h"

static void setup_jobs(void) {
    setup();
    put("services.d/s.conf", "type = \"echo\";");
    cr_assert_eq(mkdir("jobs.d", 0755), 0);
}

TestSuite(config_job_mistakes, .init = setup_jobs, .fini = teardown);

#define COMMANDS "jobs : { commands = \"admin\"; };"

/* One wrong line behind a kernel and an interval, and what is said of it. */
static void expect_refusals(const char *first, const char *const (*rows)[2], size_t count) {
    char text[1024], words[512];

    put("preforkd.conf", COMMANDS);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%s\n%s\n", first, rows[i][0]);
        put("jobs.d/j.conf", text);
        cr_assert_null(reread(), "%s", rows[i][0]);
        snprintf(words, sizeof(words), "jobs.d/j.conf:%s", rows[i][1]);
        expect_said(words, rows[i][0]);
        cr_assert_eq(count_lines(said), 1, "%s\nsays more than one thing:\n%s", rows[i][0], said);
    }
}

Test(config_job_mistakes, a_wrong_job_is_told_line_by_line) {
    static const char *const rows[][2] = {
        { "intreval = 5;", "2: unknown key \"intreval\", did you mean \"interval\"?" },
        { "timeout = \"5s\";", "2: unknown key \"timeout\", did you mean \"deadline\"?" },
        { "schedule = \"every 1h\";", "2: unknown key \"schedule\", did you mean \"run\"?" },
        { "workers = 3;",
            "2: unknown key \"workers\", did you mean \"workers\" in the group \"jobs\"?" },
        { "user = \"x\";",
            "2: unknown key \"user\", did you mean \"command_user\" in the group \"jobs\"?" },
        { "listen = \"x\";", "2: unknown key \"listen\" here: it belongs into a service's file" },
        { "bye = [ 3 ];", "2: unknown key \"bye\", did you mean \"by\"?" },
        { "by = [ 0 ];", "2: by: 0 is outside the allowed range, 1 to 18 446 744 073 709 551 615" },
        { "by = \"11\";", "2: by: must be whole numbers in [ ]" },
        { "by = [ 9223372036854775807L, 9223372036854775806L ];",
            "2: by 9223372036854775807,9223372036854775806: the least common multiple is above" },
        { "method = \"tset\";", "2: method: unknown \"tset\", did you mean \"test\"?" },
        { "enabled = 1;", "2: enabled: must be true or false" },
        { "run = \"every day\";", "2: run: " },
        { "run = \"each 1h\";", "2: run: \"each 1h\" is no schedule: " },
        { "run = \"every 1ms\";", "2: run: \"every 1ms\": it must be between 100ms and 3660d" },
        { "run = 5; jitter = \"1m\";", "2: run: must be a text in quotes" },
        { "run = \"\";", "2: run: must not be empty" },
        { "run = \"every 1h\"; jitter = \"1h\";",
            "2: jitter: the jitter must be shorter than the time between two runs" },
        { "run = \"start\";\njitter = \"1d\";",
            "3: jitter: the jitter must be shorter than a day" },
        { "jitter = 5;", "2: jitter: \"5\" needs a unit: write 150ms, 30s, 5m, 2h or 1d" },
        { "jitter = \"400d\";", "2: jitter: 400d is outside the allowed range, 0 to 365d" },
        { "overlap = \"kill\";", "2: overlap: unknown \"kill\"; allowed: skip, queue" },
        { "missed = \"all\";", "2: missed: unknown \"all\"; allowed: skip, once" },
        { "format = \"xml\";", "2: format: unknown \"xml\"; allowed: text, sheet, json, csv" },
        { "count = \"yes\";", "2: count: must be true or false" },
        { "chunk = -1;", "2: chunk: \"-1\" is negative" },
        { "retries = 1001;", "2: retries: 1001 is outside the allowed range, 0 to 1 000" },
        { "on_held = \"go\";", "2: on_held: unknown \"go\"; allowed: stop, mark, skip" },
        { "verify = \"101%\";", "2: verify: \"101%\" is not a share" },
        { "deadline = 30;", "2: deadline: \"30\" needs a unit" },
        { "command = \"true\";", "2: command: kernel divisible takes no command" },
        { "output = \"\";", "2: output: must not be empty" },
        { "output = \"/tmp/\";", "2: output: /tmp/ is a folder, a file is needed" },
        { "output = \"/tmp/\\xff\";", "2: output: must be UTF-8" },
        { "interval = 6;", "2: \"interval\" is set twice, first in jobs.d/j.conf:1" },
        { "chunk = 99999999999;", "2: 99999999999 does not fit into 32 bits" },
    };

    expect_refusals("kernel = \"divisible\"; interval = 5;", rows, sizeof(rows) / sizeof(rows[0]));
}

Test(config_job_mistakes, what_the_kernel_cannot_do_is_told_where_it_is_asked_for) {
    static const char *const rows[][2] = {
        { "", "1: kernel command needs a command: write command = [ \"PROGRAM\", " },
        { "command = [ ];", "2: command: must not be empty" },
        { "command = \"\";", "2: command: must begin with a program" },
        { "command = [ \"true\",\n\"a\\xff\" ];", "3: command: must be UTF-8" },
        { "command = [ 5 ];", "2: command: must be a text in quotes, or several in [ ]" },
        { "command = \"no-such-program\";", "1: command \"no-such-program\" is not a program that "
                                            "can be run: not found in PATH" },
        { "command = \"true\";\nformat = \"csv\";",
            "3: format: the result of kernel command is bytes, not numbers: write \"text\" or "
            "\"json\"" },
        { "command = \"true\";\ncount = true;",
            "3: count: the result of kernel command is bytes, not numbers" },
        { "command = \"true\";\nverify = \"1%\";",
            "3: verify: kernel command need not give the same result twice" },
    };

    expect_refusals("kernel = \"command\"; interval = 5;", rows, sizeof(rows) / sizeof(rows[0]));
}

Test(config_job_mistakes, a_kernel_and_an_interval_are_asked_for) {
    put("preforkd.conf", "");
    put("jobs.d/j.conf", "");
    cr_assert_null(reread());
    cr_assert_str_eq(said,
        "jobs.d/j.conf: kernel is missing: write kernel = \"NAME\"; there are: divisible, primes, "
        "command, null\n"
        "jobs.d/j.conf: interval is missing: write interval = 3345212 or \"100..200\"\n");
    put("jobs.d/j.conf", "\nkernel = \"divisable\"; by = [ 5 ]; intrval = 3;");
    cr_assert_null(reread());
    expect_said("jobs.d/j.conf:2: unknown kernel \"divisable\", did you mean \"divisible\"? ", "");
    expect_said("jobs.d/j.conf:2: unknown key \"intrval\", did you mean \"interval\"?\n", "");
    expect_said("jobs.d/j.conf: interval is missing", "");
    cr_assert_eq(count_lines(said), 3, "%s", said);
    put("jobs.d/j.conf", "kernel = 5; interval = 1;");
    cr_assert_null(reread());
    cr_assert_str_eq(said, "jobs.d/j.conf:1: kernel: must be a text in quotes\n");
    put("jobs.d/j.conf", "kernel = null; interval = 1;");
    cr_assert_null(reread());
    cr_assert_str_eq(said, "jobs.d/j.conf:1: null needs quotes: write \"null\"\n");
}

Test(config_job_mistakes, a_wrong_interval_is_told) {
    static const char *const rows[][2] = {
        { "interval = \"5..4\";", "2: interval: 5..4 runs backwards: " },
        { "interval = \"x\";", "2: interval: \"x\" is not a number" },
        { "interval = -5;", "2: interval: " },
        { "interval = 1.5;", "2: interval: must be a number, or a text as \"1..1000\"" },
        { "interval = \"0..18446744073709551615\"; chunk = 1;",
            "2: chunk: 1 cuts 0..2^64-1 into 2^64 chunks" },
    };

    expect_refusals("kernel = \"null\";", rows, sizeof(rows) / sizeof(rows[0]));
}

Test(config_job_mistakes, a_wrong_group_is_told_line_by_line) {
    static const char *const rows[][2] = {
        { "wrokers = 5;", "unknown key \"wrokers\", did you mean \"workers\"?" },
        { "threads = 5;", "unknown key \"threads\", did you mean \"workers\"?" },
        { "workers = 0;", "jobs.workers: 0 is outside the allowed range, 1 to 1 000" },
        { "engine = \"fork\";", "jobs.engine: unknown \"fork\"; allowed: process, thread, event" },
        { "spool_dir = \"\";", "jobs.spool_dir: must not be empty" },
        { "spool_dir = \"/tmp/\\xff\";", "jobs.spool_dir: must be UTF-8" },
        { "user = \"no-such-user\";", "jobs.user: there is no user \"no-such-user\"" },
        { "group = \"no-such-group\";", "jobs.group: there is no group \"no-such-group\"" },
        { "commands = \"admin\"; command_user = \"no-such-user\";",
            "jobs.command_user: there is no user \"no-such-user\"" },
        { "submit = \"none\";", "jobs.submit: unknown \"none\"; allowed: admin, all" },
        { "commands = \"everybody\";",
            "jobs.commands: unknown \"everybody\"; allowed: none, admin, all" },
        { "commands = \"all\";", "jobs.commands: \"all\" needs a command_user: what runs as the "
                                 "job supervisor can read the jobs of all" },
        { "commands = \"all\"; user = \"4711\"; command_user = \"4711\";",
            "jobs.command_user: with commands = \"all\" it must be another user than the job "
            "supervisor's: what runs as \"4711\" can read the jobs of all" },
        { "commands = \"all\"; user = \"4711\"; command_user = \"0\";",
            "jobs.command_user: with commands = \"all\" it must be another user than root: " },
        { "max_result = \"2k\"; max_spool = \"1k\";",
            "jobs.max_result, 2048 bytes, must not be above jobs.max_spool, 1024 bytes" },
        { "max_running = 0;", "jobs.max_running: 0 is outside the allowed range, 1 to 1 000" },
        { "keep_jobs = 0;", "jobs.keep_jobs: 0 is outside the allowed range, 1 to 1 000 000" },
        { "keep_for = 30;", "jobs.keep_for: \"30\" needs a unit" },
        { "enabled = \"yes\";", "jobs.enabled: must be true or false" },
    };
    char text[256], words[512];

    if (geteuid() != 0)
        cr_skip_test("needs root, to name other users");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "jobs : {\n%s };", rows[i][0]);
        cr_assert_null(read_with(text, NULL), "%s", rows[i][0]);
        snprintf(words, sizeof(words), "preforkd.conf:2: %s", rows[i][1]);
        expect_said(words, rows[i][0]);
        cr_assert_eq(count_lines(said), 1, "%s\nsays:\n%s", rows[i][0], said);
    }
}

Test(config_job_mistakes, keys_that_stand_in_the_wrong_file_are_sent_on) {
    cr_assert_null(read_with("interval = 5;", NULL));
    cr_assert_str_eq(
        said, "preforkd.conf:1: unknown key \"interval\" here: it belongs into a job's file\n");
    cr_assert_null(read_with("max_queued = 5;", NULL));
    cr_assert_str_eq(said, "preforkd.conf:1: unknown key \"max_queued\" here: it belongs into the "
                           "group \"jobs\" of the daemon's file\n");
}

Test(config_job_mistakes, a_command_needs_to_be_allowed) {
    put("preforkd.conf", "");
    put("jobs.d/j.conf", "interval = 5;\nkernel = \"command\";\ncommand = \"true\";");
    cr_assert_null(reread());
    cr_assert_str_eq(said,
        "jobs.d/j.conf:2: kernel command runs commands, which jobs.commands does not allow: write "
        "commands = \"admin\" in the group \"jobs\"\n");
    put("preforkd.conf", "jobs : { commands = \"adm\"; };");
    cr_assert_null(reread());
    expect_said("preforkd.conf:1: jobs.commands: unknown \"adm\"", "");
    cr_assert_eq(count_lines(said), 1, "%s", said);
}

Test(config_job_mistakes, two_jobs_do_not_write_one_file) {
    put("preforkd.conf", "");
    put("jobs.d/a.conf", "kernel = \"null\"; interval = 5;\noutput = \"/tmp/x\";");
    put("jobs.d/b.conf", "kernel = \"null\"; interval = 5; output = \"/tmp/x\";");
    cr_assert_null(reread());
    cr_assert_str_eq(
        said, "jobs.d/b.conf:1: output: /tmp/x is taken by job \"a\" (jobs.d/a.conf:2)\n");
}

Test(config_job_mistakes, no_job_writes_into_the_spool) {
    char text[256];

    snprintf(text, sizeof(text), "jobs : { spool_dir = \"%s/\"; };", dir);
    put("preforkd.conf", text);
    snprintf(text, sizeof(text), "kernel = \"null\"; interval = 5; output = \"%s/x\";", dir);
    put("jobs.d/j.conf", text);
    cr_assert_null(reread());
    cr_assert_str_eq(
        said, "jobs.d/j.conf:1: output: x is in jobs.spool_dir, which is the jobs' own\n");
}

Test(config_job_mistakes, all_are_told_in_one_run_by_file_and_line) {
    put("jobs.d/b.conf", "kernel = \"null\";\nrun = \"often\"; retries = 2000;\ninterval = 1;");
    put("jobs.d/a.conf", "kernel = \"nul\";\n\ninterval = \"9..1\";");
    put("services.d/s.conf", "type = \"echo\";\nnice = 99;");
    cr_assert_null(read_with("jobs : {\n keep_for = \"1y\";\n};", NULL));
    cr_assert_str_eq(said,
        "jobs.d/a.conf:1: unknown kernel \"nul\", did you mean \"null\"? there are: divisible, "
        "primes, command, null\n"
        "jobs.d/a.conf:3: interval: 9..1 runs backwards: the first number must not be above the "
        "second; did you mean 1..9?\n"
        "jobs.d/b.conf:2: retries: 2000 is outside the allowed range, 0 to 1 000\n"
        "jobs.d/b.conf:2: run: \"often\" is no schedule: \"start\", \"every 1h\", \"at 03:00\", "
        "\"at mon,fri 03:00\" or \"manual\"\n"
        "preforkd.conf:2: jobs.keep_for: \"1y\" needs a unit: write 150ms, 30s, 5m, 2h or 1d\n"
        "services.d/s.conf:2: nice: 99 is outside the allowed range, -20 to 19\n",
        "%s", said);
}

Test(config_job_mistakes, a_user_that_is_no_root_names_nobody_else) {
    struct config *config;

    if (geteuid() != 0)
        cr_skip_test("needs root, to be somebody else");
    put("preforkd.conf", "jobs : { user = \"0\";\ncommands = \"admin\";\ncommand_user = \"1\"; };");
    cr_assert_eq(seteuid(65534), 0);
    config = reread();
    cr_assert_eq(seteuid(0), 0);
    cr_assert_null(config);
    expect_said("preforkd.conf:1: jobs.user: to become \"0\" the daemon must be started as root, "
                "not as uid 65534: leave the line out, or start as root\n",
        "");
    expect_said("preforkd.conf:3: jobs.command_user: to become \"1\" the daemon must be", "");
}
