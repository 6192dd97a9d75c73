/* A wrong configuration starts nothing, and is told by file and line with what is allowed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

static void write_text(const char *path, const char *text) {
    harness_write_file(path, text, strlen(text));
}

/* A folder with a daemon's file and the service "s". */
static void write_files(const char *daemon, const char *service) {
    umask(022);
    mkdir("services.d", 0755);
    write_text("preforkd.conf", daemon);
    write_text("services.d/s.conf", service);
}

static struct harness_result test_files(void) {
    return harness_run("preforkd", "-t", "-f", "preforkd.conf", NULL);
}

static void good_files_are_told_to_be_good(void) {
    struct harness_result result;

    write_files("", "type = \"echo\";");
    result = test_files();
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    expect_words("stdout", result.out, "/preforkd.conf is good, services: 1\n");
    CHECK(result.err[0] == '\0', "%s", result.err);
}

static void a_warning_does_not_hinder(void) {
    struct harness_result result;

    write_files("", "type = \"echo\";\nmodel = \"event\";\nworker_connections = 900000;\n"
                    "rlimit_nofile = 1000;\nthreads_per_child = 3;\n");
    result = test_files();
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    expect_words("stderr", result.err,
        "s.conf:3: warning: worker_connections: 900000 sessions need 900064 descriptors in each "
        "worker, the limit (RLIMIT_NOFILE) is 1000\n");
    expect_words("stderr", result.err,
        "s.conf:5: warning: threads_per_child changes nothing: only model = \"thread\" heeds it\n");
}

static void all_mistakes_are_told_at_once(void) {
    struct harness_result result;
    char here[256], wanted[2048];

    write_files("process_max = 99999999999;\nuser = \"no-such-user\";\n",
        "type = \"echo\";\nwrokers = 3;\nlisten = [ \"tcp://127.0.0.1:5\",\n"
        "           \"tcp://127.0.0.1:5\" ];\nidle_timeout = 30;\n");
    CHECK(getcwd(here, sizeof(here)) != NULL, "no folder");
    snprintf(wanted, sizeof(wanted),
        "%1$s/preforkd.conf:1: 99999999999 does not fit into 32 bits: write 99999999999L\n"
        "%1$s/preforkd.conf:2: user: there is no user \"no-such-user\"\n"
        "%1$s/services.d/s.conf:2: unknown key \"wrokers\", did you mean \"max_children\"?\n"
        "%1$s/services.d/s.conf:4: listen: tcp://127.0.0.1:5 is taken by service \"s\" "
        "(%1$s/services.d/s.conf:3)\n"
        "%1$s/services.d/s.conf:5: idle_timeout: \"30\" needs a unit: write 150ms, 30s, 5m, 2h or "
        "1d\n",
        here);
    result = test_files();
    CHECK(result.code == 78, "%d", result.code);
    CHECK(strcmp(result.err, wanted) == 0, "says\n%snot\n%s", result.err, wanted);
    CHECK(result.out[0] == '\0', "%s", result.out);
}

static void a_wrong_file_starts_nothing(void) {
    struct harness_result result;

    write_files("control : { socket = \"c.sock\"; };\npid_file = \"d.pid\";\n"
                "log : { file = \"d.log\"; };\n",
        "type = \"echo\";\nlisten = \"unix://s.sock\";\nmax_children = 0;\n");
    for (int i = 0; i < 2; i++) {
        result = i == 0 ? harness_run("preforkd", "-F", "-f", "preforkd.conf", NULL)
                        : harness_run("preforkd", "-f", "preforkd.conf", NULL);
        CHECK(result.code == 78, "%d: %s", result.code, result.err);
        expect_words("stderr", result.err,
            "s.conf:3: max_children: 0 is outside the allowed range, 1 to 1 000\n");
        CHECK(!harness_exists("c.sock") && !harness_exists("d.pid") && !harness_exists("d.log") &&
                  !harness_exists("services.d/s.sock"),
            "something was left behind");
    }
}

static void what_is_no_file_is_refused_in_time(void) {
    struct harness_result result;

    write_files(
        "", "type = \"echo\";\n@include \".\"\n@include \"pipe\"\n@include \"/dev/zero\"\n");
    CHECK(mkfifo("services.d/pipe", 0644) == 0, "mkfifo");
    result = test_files();
    CHECK(result.code == 78, "%d: %s", result.code, result.err);
    expect_words("stderr", result.err, "s.conf:2: ");
    expect_words("stderr", result.err, " is a folder, a file is needed\n");
    expect_words("stderr", result.err, "s.conf:4: /dev/zero is not a regular file\n");
    CHECK(expect_count(result.err, "is not a regular file") == 2, "%s", result.err);
    result = harness_run("preforkd", "-t", "-f", "services.d", NULL);
    CHECK(result.code == 78, "%d", result.code);
    expect_words("stderr", result.err, "services.d is a folder, a file is needed\n");
    result = harness_run("preforkd", "-F", "-f", "nowhere.conf", NULL);
    CHECK(result.code == 78, "%d", result.code);
    expect_words("stderr", result.err, "nowhere.conf cannot be read: No such file or directory\n");
}

static void a_reader_that_dies_ends_nobody_else(void) {
    struct harness_result result;

    write_files("", "type = \"echo\";");
    setenv("PREFORK_FAILPOINT", "config-trial", 1);
    result = test_files();
    CHECK(result.code == 78, "%d: %s", result.code, result.err);
    CHECK(strcmp(result.err,
              "preforkd.conf: the process that read it first was killed by SIGKILL\n") == 0,
        "%s", result.err);
}

static void who_ignores_its_children_reads_all_the_same(void) {
    const char *argv[] = { "/bin/sh", "-c", "trap '' CHLD; exec \"$0\" -t -f preforkd.conf",
        harness_program("preforkd"), NULL };
    struct harness_result result;

    write_files("", "type = \"echo\";");
    result = harness_run_argv(argv);
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
}

static void the_dump_can_be_read_again(void) {
    struct harness_result result, again;
    char *part;

    write_files("lang = \"ru\";\n", "type = \"ack\";\n\nmax_children = 2;\n");
    result = harness_run("preforkd", "-T", "-f", "preforkd.conf", NULL);
    CHECK(result.code == 0, "%d: %s", result.code, result.err);
    expect_words("dump", result.out, "\nlang = \"ru\";");
    expect_words("dump", result.out, "/preforkd.conf:1\n");
    expect_words("dump", result.out, "/services.d/s.conf:3\n");
    expect_words("dump", result.out, "\nanswer = \"OK\";");
    part = strstr(result.out, "\n# file ");
    CHECK(part != NULL, "%s", result.out);
    write_text("services.d/s.conf", part);
    *part = '\0';
    write_text("preforkd.conf", result.out);
    again = harness_run("preforkd", "-T", "-f", "preforkd.conf", NULL);
    CHECK(again.code == 0, "%d: %s", again.code, again.err);
    expect_words("second dump", again.out, "\nlang = \"ru\";");
    expect_words("second dump", again.out, "\nmax_children = 2;");
    expect_words("second dump", again.out, "\nlisten = [ \"udp://127.0.0.1:5400\" ];");
    write_text("services.d/s.conf", "type = \"ack\"; x = 1;");
    result = harness_run("preforkd", "-T", "-f", "preforkd.conf", NULL);
    CHECK(result.code == 78 && result.out[0] == '\0', "%d: %s", result.code, result.out);
}

static void a_full_disk_is_told_by_who_dumps(void) {
    const char *argv[] = { "/bin/sh", "-c", "exec \"$0\" -T -f preforkd.conf >/dev/full",
        harness_program("preforkd"), NULL };
    struct harness_result result;

    write_files("", "type = \"echo\";");
    result = harness_run_argv(argv);
    CHECK(result.code == 74, "%d: %s", result.code, result.err);
}

static void wrong_options_are_told(void) {
    static const struct {
        const char *argv[3];
        const char *says;
    } rows[] = {
        { { "--tset" }, "unknown option --tset, did you mean --test?" },
        { { "-x" }, "unknown option -x" },
        { { "-Fx" }, "unknown option -Fx" },
        { { "-f" }, "-f needs a value: -f FILE" },
        { { "-tf" }, "-tf needs a value" },
        { { "--file", "" }, "--file: must not be empty" },
        { { "preforkd.conf" }, "\"preforkd.conf\" is no option, and preforkd takes no operand" },
        { { "--mdoc", "nothing" }, "there is no list \"nothing\"" },
    };
    struct harness_result result;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        result = harness_run("preforkd", rows[i].argv[0], rows[i].argv[1], NULL);
        CHECK(result.code == 2, "%s: %d: %s", rows[i].argv[0], result.code, result.err);
        expect_words(rows[i].argv[0], result.err, rows[i].says);
        CHECK(expect_count_lines(result.err) == 1, "%s", result.err);
    }
}

static void help_and_version_are_given(void) {
    struct harness_result result = harness_run("preforkd", "--help", NULL);

    CHECK(result.code == 0, "%d", result.code);
    expect_words("--help", result.out, "  -f, --file FILE ");
    expect_words("--help", result.out, "  -T, --dump ");
    CHECK(strstr(result.out, "mdoc") == NULL, "%s", result.out);
    result = harness_run("preforkd", "--version", NULL);
    CHECK(result.code == 0 && strncmp(result.out, "preforkd ", 9) == 0, "%s", result.out);
}

static void a_user_that_is_no_root_becomes_nobody_else(void) {
    const char *argv[] = { "/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534",
        "--clear-groups", harness_program("preforkd"), "-t", "-f", "preforkd.conf", NULL };
    struct harness_result result;

    if (geteuid() != 0)
        harness_skip("needs root, to be somebody else");
    if (access(argv[0], X_OK) < 0)
        harness_skip("there is no setpriv");
    write_files("", "type = \"echo\";\nuser = \"root\";\ngroup = \"root\";\n");
    CHECK(chmod(".", 0755) == 0, "chmod");
    result = harness_run_argv(argv);
    if (strstr(result.err, "Permission denied") != NULL)
        harness_skip("the checkout is closed to other users");
    CHECK(result.code == 78, "%d: %s", result.code, result.err);
    expect_words("stderr", result.err,
        "s.conf:2: user: to become \"root\" the daemon must be started as root, not as uid 65534: "
        "leave the line out, or start as root\n");
    expect_words("stderr", result.err, "s.conf:3: group: to become \"root\"");
}

static const struct harness_test tests[] = {
    { "good_files_are_told_to_be_good", good_files_are_told_to_be_good },
    { "a_warning_does_not_hinder", a_warning_does_not_hinder },
    { "all_mistakes_are_told_at_once", all_mistakes_are_told_at_once },
    { "a_wrong_file_starts_nothing", a_wrong_file_starts_nothing },
    { "what_is_no_file_is_refused_in_time", what_is_no_file_is_refused_in_time },
    { "a_reader_that_dies_ends_nobody_else", a_reader_that_dies_ends_nobody_else },
    { "who_ignores_its_children_reads_all_the_same", who_ignores_its_children_reads_all_the_same },
    { "the_dump_can_be_read_again", the_dump_can_be_read_again },
    { "a_full_disk_is_told_by_who_dumps", a_full_disk_is_told_by_who_dumps },
    { "wrong_options_are_told", wrong_options_are_told },
    { "help_and_version_are_given", help_and_version_are_given },
    { "a_user_that_is_no_root_becomes_nobody_else", a_user_that_is_no_root_becomes_nobody_else },
    { .name = NULL },
};

const struct harness_suite daemon_config_suite = { "daemon_config", tests };
