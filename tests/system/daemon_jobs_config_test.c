/* Jobs that files define: checked, shown and compared by the real programs. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

#define PREFORK(...) harness_run("prefork", "--control", "control.sock", __VA_ARGS__, NULL)

static void write_text(const char *path, const char *text) {
    harness_write_file(path, text, strlen(text));
}

static void write_job(const char *name, const char *text) {
    char path[128];

    mkdir("jobs.d", 0755);
    snprintf(path, sizeof(path), "jobs.d/%s.conf", name);
    write_text(path, text);
}

/* A daemon's file and a service that can serve. */
static void write_files(const char *daemon) {
    umask(022);
    mkdir("services.d", 0755);
    write_text("preforkd.conf", daemon);
    write_text("services.d/s.conf", "type = \"echo\";");
}

static struct harness_result test_files(void) {
    return harness_run("preforkd", "-t", "-f", "preforkd.conf", NULL);
}

static void good_jobs_are_told_to_be_good(void) {
    struct harness_result result;

    write_files("jobs : { commands = \"admin\"; };");
    write_job("sheet", "kernel = \"divisible\"; interval = 3345212; run = \"every 1h\";");
    write_job(
        "echo", "kernel = \"command\"; interval = \"1..9\"; command = [ \"echo\", \"{lo}\" ];");
    result = test_files();
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    expect_words("stdout", result.out, "/preforkd.conf is good, services: 1, jobs: 2\n");
    CHECK(result.err[0] == '\0', "%s", result.err);
}

static void all_mistakes_about_jobs_are_told_at_once(void) {
    struct harness_result result;
    char here[256], wanted[4096];

    write_files("jobs : {\n  wrokers = 3;\n  max_result = 5q;\n};\n");
    write_job("7", "kernel = \"null\"; interval = 1;");
    write_job("a", "kernel = \"divisable\";\ninterval = \"9..1\";\n");
    write_job("b", "kernel = \"null\";\ninterval = 5;\nrun = \"hourly\";\n\noutput = \"/tmp/\";");
    CHECK(getcwd(here, sizeof(here)) != NULL, "no folder");
    snprintf(wanted, sizeof(wanted),
        "%1$s/jobs.d/7.conf: the file's name is the job's: not digits alone, jobs that run have "
        "such names\n"
        "%1$s/jobs.d/a.conf:1: unknown kernel \"divisable\", did you mean \"divisible\"? there "
        "are: divisible, primes, command, null\n"
        "%1$s/jobs.d/a.conf:2: interval: 9..1 runs backwards: the first number must not be above "
        "the second; did you mean 1..9?\n"
        "%1$s/jobs.d/b.conf:3: run: \"hourly\" is no schedule: \"start\", \"every 1h\", \"at "
        "03:00\", \"at mon,fri 03:00\" or \"manual\"\n"
        "%1$s/jobs.d/b.conf:5: output: /tmp/ is a folder, a file is needed\n"
        "%1$s/preforkd.conf:2: unknown key \"wrokers\", did you mean \"workers\"?\n"
        "%1$s/preforkd.conf:3: 5q needs quotes: write \"5q\"\n",
        here);
    result = test_files();
    CHECK(result.code == 78, "%d", result.code);
    CHECK(strcmp(result.err, wanted) == 0, "says\n%snot\n%s", result.err, wanted);
    CHECK(result.out[0] == '\0', "%s", result.out);
}

/* What `prefork job run` refuses, a file cannot define. */
static void what_the_command_line_refuses_a_file_is_refused(void) {
    static const struct {
        const char *argv[7];
        const char *job, *says;
    } rows[] = {
        { { "null", "1", "--csv", "--json" }, "kernel = \"null\"; format = \"csv,json\";",
            "format: unknown \"csv,json\"" },
        { { "divisible", "1", "--by", "0" }, "kernel = \"divisible\"; by = [ 0 ];",
            "by: 0 is outside the allowed range" },
        { { "divisible", "1", "--by", "4294967296,4294967297,4294967299" },
            "kernel = \"divisible\"; by = [ 4294967296L, 4294967297L, 4294967299L ];",
            "by 4294967296,4294967297,4294967299: the least common multiple is above" },
        { { "command", "1", "--", "no-such-program" },
            "kernel = \"command\"; command = \"no-such-program\";",
            "command \"no-such-program\" is not a program that can be run" },
        { { "command", "1", "--count", "--", "true" },
            "kernel = \"command\"; command = \"true\"; count = true;",
            "count: the result of kernel command is bytes" },
        { { "command", "1", "--verify", "5%", "--", "true" },
            "kernel = \"command\"; command = \"true\"; verify = \"5%\";",
            "verify: kernel command need not give the same result twice" },
        { { "command", "1" }, "kernel = \"command\";", "kernel command needs a command" },
        { { "null", "1", "--", "true" }, "kernel = \"null\"; command = \"true\";",
            "command: kernel null takes no command" },
        { { "null", "0..18446744073709551615", "--chunk", "1" },
            "kernel = \"null\"; interval = \"0..18446744073709551615\"; chunk = 1;",
            "chunk: 1 cuts 0..2^64-1 into 2^64 chunks" },
    };
    struct harness_result result;
    char text[512];

    write_files("jobs : { commands = \"admin\"; };");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *argv[16] = { harness_program("prefork"), "job", "run" };

        memcpy(argv + 3, rows[i].argv, sizeof(rows[i].argv));
        result = harness_run_argv(argv);
        CHECK(result.code == 2, "%s: %d: %s", rows[i].job, result.code, result.err);
        snprintf(text, sizeof(text), "%s%s", rows[i].job,
            strstr(rows[i].job, "interval") == NULL ? " interval = 1;" : "");
        write_job("j", text);
        result = test_files();
        CHECK(result.code == 78, "%s: %d: %s", text, result.code, result.err);
        expect_words(text, result.err, "/jobs.d/j.conf:1: ");
        expect_words(text, result.err, rows[i].says);
        CHECK(expect_count_lines(result.err) == 1, "%s: %s", text, result.err);
    }
}

static void the_dump_of_a_job_can_be_read_again(void) {
    struct harness_result result;
    char *service, *job;

    write_files("");
    write_job("j", "kernel = \"divisible\"; by = [ 3, 5 ];\ninterval = 1000; run = \"at 3:00\";");
    result = harness_run("preforkd", "-T", "-f", "preforkd.conf", NULL);
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    service = strstr(result.out, "\n# file ");
    CHECK(service != NULL, "%s", result.out);
    job = strstr(service + 1, "\n# file ");
    CHECK(job != NULL, "%s", result.out);
    expect_words("dump", job, "/jobs.d/j.conf:2\n");
    write_text("jobs.d/j.conf", job);
    *job = '\0';
    write_text("services.d/s.conf", service);
    *service = '\0';
    write_text("preforkd.conf", result.out);
    result = harness_run("preforkd", "-T", "-f", "preforkd.conf", NULL);
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    expect_words("second dump", result.out, "\ninterval = \"1..1000\";");
    expect_words("second dump", result.out, "\nby = [ 3, 5 ];");
    result = harness_run("prefork", "config", "show", "--json", "preforkd.conf", NULL);
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    expect_words("json", result.out, "\"definitions\":[{\"name\":\"j\",");
}

static void a_diff_tells_what_becomes_of_each_job(void) {
    struct daemon daemon;
    struct harness_result result;

    write_files("");
    daemon_write_service("echo", "max_children = 2;");
    unlink("services.d/s.conf");
    daemon_write_config("jobs : { enabled = false; };");
    write_job("a", "kernel = \"null\"; interval = 5;");
    write_job("b", "kernel = \"null\"; interval = 5;");
    write_job("c", "kernel = \"null\"; interval = 5;");
    daemon_start(&daemon);
    unlink("jobs.d/a.conf");
    write_job("b", "kernel = \"null\"; interval = 6; run = \"every 1h\";");
    write_job("d", "kernel = \"null\"; interval = 5;");
    daemon_write_config("jobs : { enabled = false; workers = 5; };");
    result = PREFORK("config", "diff");
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    expect_words("diff", result.out, "\nJOB");
    expect_words("diff", result.out, "\na    removed");
    expect_words(
        "diff", result.out, "\nb    changed  interval: 1..5 -> 1..6; run: manual -> every 1h\n");
    expect_words("diff", result.out, "\nc    kept");
    expect_words("diff", result.out, "\nd    added");
    expect_words("diff", result.out, "\njobs.workers: 2 -> 5\n");
    result = PREFORK("config", "diff", "--json");
    expect_words("diff --json", result.out,
        "\"jobs\":[{\"job\":\"a\",\"action\":\"removed\",\"changes\":null},");
    write_job("d", "kernel = \"null\";\ninterval = \"x\";");
    result = PREFORK("reload");
    CHECK(result.code == 78, "%d: %s%s", result.code, result.out, result.err);
    expect_words("reload", result.err, "nothing was changed: ");
    expect_words("reload", result.err, "/jobs.d/d.conf:2: interval: \"x\" is not a number");
    daemon_stop(&daemon);
}

static const struct harness_test tests[] = {
    { "good_jobs_are_told_to_be_good", good_jobs_are_told_to_be_good },
    { "all_mistakes_about_jobs_are_told_at_once", all_mistakes_about_jobs_are_told_at_once },
    { "what_the_command_line_refuses_a_file_is_refused",
        what_the_command_line_refuses_a_file_is_refused },
    { "the_dump_of_a_job_can_be_read_again", the_dump_of_a_job_can_be_read_again },
    { "a_diff_tells_what_becomes_of_each_job", a_diff_tells_what_becomes_of_each_job },
    { .name = NULL },
};

const struct harness_suite daemon_jobs_config_suite = { "daemon_jobs_config", tests };
