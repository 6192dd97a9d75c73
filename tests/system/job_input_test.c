/* Bad input gets one line that says what, where and what is allowed, and harms nothing. */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/harness.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

/* One refused command line: its words behind "prefork", its exit code, what the line says. */
struct refusal {
    const char *argv[12];
    int code;
    const char *says;
};

static const struct refusal refusals[] = {
    { { "job", "run", "divisible", "5..4" }, 2, "did you mean 4..5?" },
    { { "job", "run", "divisible", "1", "000..4" }, 2, "did you mean 4..1 000?" },
    { { "job", "run", "divisible", "-5" }, 2,
        "\"-5\" is negative: whole numbers from 0 to 2^64-1" },
    { { "job", "run", "divisible", "-5..10" }, 2, "is negative" },
    { { "job", "run", "divisible", "1.5" }, 2, "is a fraction" },
    { { "job", "run", "divisible", "1e3.5" }, 2, "is a fraction" },
    { { "job", "run", "divisible", "18446744073709551616" }, 2,
        "is above 18446744073709551615 (2^64-1)" },
    { { "job", "run", "divisible", "1e20" }, 2, "is above 18446744073709551615 (2^64-1)" },
    { { "job", "run", "divisible", "3 34 212" }, 2, "is not grouped by threes" },
    { { "job", "run", "divisible", "3 345,212" }, 2, "mixes separators" },
    { { "job", "run", "divisible", "0x10" }, 2, "is not a number" },
    { { "job", "run", "divisible", "" }, 2, "an interval is needed" },
    { { "job", "run", "divisible" }, 2, "an interval is needed" },
    { { "job", "run", "divisible", "100", "--chunk", "0" }, 2,
        "--chunk: 0 is outside the allowed range, 1 to" },
    { { "job", "run", "divisible", "0..18446744073709551615", "--chunk", "1" }, 2,
        "use 2 or more" },
    { { "job", "run", "divisable", "100" }, 2, "did you mean \"divisible\"?" },
    { { "job", "run", "zzz", "100" }, 2, "there are: divisible, primes, command, null" },
    { { "job", "run" }, 2, "a kernel is needed" },
    { { "job", "run", "divisible", "100", "--engine", "thraed" }, 2,
        "--engine: unknown \"thraed\", did you mean \"thread\"? allowed: process, thread, event" },
    { { "job", "run", "divisible", "100", "--by", "0" }, 2,
        "--by: 0 is outside the allowed range, 1 to 18 446 744 073 709 551 615" },
    { { "job", "run", "divisible", "100", "--by", "18446744073709551615,18446744073709551614" }, 2,
        "the least common multiple is above 18446744073709551615" },
    { { "job", "run", "divisible", "100", "--by", "11,,13" }, 2, "--by: \"\" is empty" },
    { { "job", "run", "divisible", "100", "--wrokers", "2" }, 2, "did you mean --workers?" },
    { { "job", "run", "divisible", "100", "--workers", "0" }, 2, "--workers: 0 is outside" },
    { { "job", "run", "divisible", "100", "--workers" }, 2, "--workers needs a value" },
    { { "job", "run", "divisible", "100", "--engine", "thread", "--workers", "2" }, 2,
        "use --threads" },
    { { "job", "run", "divisible", "100", "--threads", "2" }, 2,
        "--threads is for --engine thread" },
    { { "job", "run", "divisible", "100", "--inflight", "2" }, 2,
        "--inflight is for --engine event" },
    { { "job", "run", "divisible", "100", "--timeout", "5" }, 2,
        "--timeout: \"5\" needs a unit: write 150ms, 30s" },
    { { "job", "run", "divisible", "100", "--buffer", "4X" }, 2, "--buffer: \"4X\" is not a size" },
    { { "job", "run", "divisible", "100", "--verify", "101%" }, 2,
        "--verify: \"101%\" is not a share" },
    { { "job", "run", "divisible", "100", "--resume" }, 2, "--resume needs --output FILE" },
    { { "job", "run", "divisible", "100", "--json", "--csv" }, 2, "exclude each other" },
    { { "job", "run", "divisible", "100", "--quiet", "200" }, 2,
        "write the interval in one piece" },
    { { "job", "run", "divisible", "100", "--", "true" }, 2, "takes no command" },
    { { "job", "run", "command", "100" }, 2, "needs a command" },
    { { "job", "run", "command", "100", "--" }, 2, "there is no command after \"--\"" },
    { { "job", "run", "command", "100", "--count", "--", "true" }, 2, "is bytes, not numbers" },
    { { "job", "run", "command", "100", "--verify", "5%", "--", "true" }, 2,
        "need not give the same result twice" },
    { { "job", "run", "command", "100", "--", "no-such-program-here" }, 2, "not found in PATH" },
    { { "job", "run", "command", "100", "--", "./no-such-program" }, 2, "No such file" },
    { { "job", "run", "divisible", "100", "--output", "/nonexistent/out" }, 74,
        "/nonexistent/out" },
    { { "job", "run", "divisible", "100", "--output", "." }, 74, "Is a directory" },
    { { "job", "rnu", "divisible" }, 2, "did you mean \"job run\"?" },
    { { "compare", "job", "divisible", "100", "--engines", "process,thraed" }, 2,
        "did you mean \"thread\"?" },
    { { "compare", "job", "divisible", "100", "--by", "0" }, 2, "--by: 0 is outside" },
    { { "help", "nothing" }, 2, "unknown verb \"nothing\"" },
};

static void bad_input_gets_one_line(void) {
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const char *argv[14] = { "prefork" };
        memcpy(argv + 1, refusals[i].argv, sizeof(refusals[i].argv));
        struct harness_result r = harness_run_argv(argv);
        CHECK(r.code == refusals[i].code, "%s: exit %d: %s", refusals[i].says, r.code, r.err);
        CHECK(r.out_len == 0, "%s: stdout has %s", refusals[i].says, r.out);
        CHECK(expect_count_lines(r.err) == 1, "%s: not one line: %s", refusals[i].says, r.err);
        expect_words("stderr", r.err, refusals[i].says);
    }
    harness_figure("refusals=%zu", sizeof(refusals) / sizeof(refusals[0]));
}

static void control_characters_are_not_echoed(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "divisible", "1\033[31m2", NULL);

    CHECK(r.code == 2, "exit %d", r.code);
    CHECK(strchr(r.err, '\033') == NULL, "an escape reached the terminal");
    expect_words("stderr", r.err, "1\\x1b[31m2");
}

static void locked_journal_is_busy(void) {
    struct harness_result r;
    int fd;

    r = harness_run("prefork", "job", "run", "null", "1..10", "--fault", "fail", "--retries", "0",
        "--output", "out", NULL);
    CHECK(r.code == 3, "exit %d", r.code);
    fd = open("out.journal", O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0, "flock");
    r = harness_run("prefork", "job", "run", "null", "1..10", "--fault", "fail", "--retries", "0",
        "--output", "out", "--resume", NULL);
    CHECK(r.code == 75, "exit %d: %s", r.code, r.err);
    expect_words("stderr", r.err, "out.journal is locked");
    CHECK(expect_count_lines(r.err) == 1, "not one line: %s", r.err);
}

static void journal_of_another_job_is_refused(void) {
    struct harness_result r = harness_run("prefork", "job", "run", "null", "1..10", "--fault",
        "fail", "--retries", "0", "--output", "out", NULL);

    CHECK(r.code == 3, "exit %d", r.code);
    r = harness_run("prefork", "job", "run", "null", "1..11", "--fault", "fail", "--retries", "0",
        "--output", "out", "--resume", NULL);
    CHECK(r.code == 65, "exit %d: %s", r.code, r.err);
    expect_words("stderr", r.err,
        "out.journal: is of another job: interval is \"1..10\" there and \"1..11\" here");
    r = harness_run(
        "prefork", "job", "run", "divisible", "1..10", "--output", "out", "--resume", NULL);
    CHECK(r.code == 65, "exit %d: %s", r.code, r.err);
    expect_words("stderr", r.err, "kernel is \"null\" there and \"divisible\" here");
}

static void unfinished_job_is_not_overwritten(void) {
    const char *const argv[] = { "prefork", "job", "run", "null", "1..10", "--emit", "1", "--fault",
        "fail", "--fault-at", "5", "--retries", "0", "--output", "out", NULL };
    struct harness_result r = harness_run_argv(argv);

    CHECK(r.code == 3, "exit %d", r.code);
    r = harness_run_argv(argv);
    CHECK(r.code == 2, "exit %d", r.code);
    expect_words("stderr", r.err, "--resume goes on with it, or remove");
    CHECK(strcmp(harness_read_file("out", NULL), "1\n2\n3\n4\n") == 0, "the output is gone");
}

static void foreign_file_is_not_taken_for_a_journal(void) {
    struct harness_result r;

    harness_write_file("out.journal", "my diary, dear to me", 20);
    r = harness_run(
        "prefork", "job", "run", "divisible", "100", "--output", "out", "--resume", NULL);
    CHECK(r.code == 65, "exit %d: %s", r.code, r.err);
    expect_words("stderr", r.err, "is not a journal");
    CHECK(strcmp(harness_read_file("out.journal", NULL), "my diary, dear to me") == 0, "changed");
}

/* Type the answers at a terminal; returns what the screen showed and the exit code. */
static char *converse(const char *const *answers, int *out_code) {
    static char screen[65536];
    size_t len = 0, prompts = 0;
    ssize_t n;
    int master, status;
    pid_t pid = forkpty(&master, NULL, NULL, NULL);

    CHECK(pid >= 0, "forkpty");
    if (pid == 0) {
        execl(harness_program("prefork"), "prefork", "job", "run", "divisible", "--count", NULL);
        _exit(127);
    }
    while ((n = read(master, screen + len, sizeof(screen) - 1 - len)) > 0) {
        len += (size_t)n;
        screen[len] = '\0';
        if (expect_count(screen, "100..200: ") > prompts && answers[prompts] != NULL) {
            n = write(master, answers[prompts], strlen(answers[prompts]));
            CHECK(n > 0, "write");
            prompts++;
        }
    }
    CHECK(waitpid(pid, &status, 0) == pid, "waitpid");
    close(master);
    *out_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    return screen;
}

static void interval_is_asked_for_on_a_terminal(void) {
    static const char *const good[] = { "3 345 212\n", NULL };
    static const char *const late[] = { "x\n", "5..4\n", "1..2431\n", NULL };
    static const char *const bad[] = { "x\n", "y\n", "z\n", NULL };
    static const char *const end[] = { "\004", NULL };
    char *screen;
    int code;

    screen = converse(good, &code);
    CHECK(code == 0, "exit %d: %s", code, screen);
    expect_words("screen", screen, "1376\r\n");
    screen = converse(late, &code);
    CHECK(code == 0, "exit %d: %s", code, screen);
    expect_words("screen", screen, "did you mean 4..5?");
    screen = converse(bad, &code);
    CHECK(code == 2, "exit %d: %s", code, screen);
    CHECK(expect_count(screen, "is not a number") == 3, "%s", screen);
    screen = converse(end, &code);
    CHECK(code == 2, "exit %d: %s", code, screen);
    expect_words("screen", screen, "no interval was given");
}

static void help_is_for_every_verb(void) {
    static const char *const verbs[] = { "job run", "compare job", "help" };
    struct harness_result r = harness_run("prefork", "--help", NULL);

    CHECK(r.code == 0 && r.err[0] == '\0', "exit %d", r.code);
    for (size_t i = 0; i < 3; i++)
        expect_words("help", r.out, verbs[i]);
    r = harness_run("prefork", "job", "run", "--help", NULL);
    CHECK(r.code == 0 && r.err[0] == '\0', "exit %d", r.code);
    expect_words("help", r.out, "--chunk-timeout TIME");
    expect_words("help", r.out, "options of divisible:");
    r = harness_run("prefork", "help", "job", "run", NULL);
    expect_words("help", r.out, "--chunk-timeout TIME");
    r = harness_run("prefork", NULL);
    CHECK(r.code == 2 && r.out_len == 0, "exit %d", r.code);
    r = harness_run("prefork", "job", NULL);
    CHECK(r.code == 2 && r.out_len == 0, "exit %d", r.code);
    expect_words("group", r.err, "job run");
    r = harness_run("prefork", "--version", NULL);
    CHECK(r.code == 0 && strncmp(r.out, "prefork ", 8) == 0, "%s", r.out);
}

static void help_has_topics(void) {
    struct harness_result r = harness_run("prefork", "help", "exit-codes", NULL);

    CHECK(r.code == 0 && expect_count_lines(r.out) == 15, "%s", r.out);
    expect_words("code", r.out, "124  the time limit was reached");
    r = harness_run("prefork", "help", "kernels", NULL);
    CHECK(r.code == 0, "exit %d", r.code);
    expect_words("kernels", r.out, "options of divisible:");
    r = harness_run("prefork", "help", "job", NULL);
    CHECK(r.code == 0, "exit %d", r.code);
    expect_words("group", r.out, "job run");
    r = harness_run("prefork", "help", "--help", NULL);
    CHECK(r.code == 0, "exit %d", r.code);
    r = harness_run("prefork", "help", "--wrong", NULL);
    CHECK(r.code == 2, "exit %d", r.code);
}

/* The lists of options, verbs, kernels and exit codes in man/ are those of the program. */
static void manual_pages_have_the_lists_of_the_program(void) {
    char command[4096];

    snprintf(command, sizeof(command),
        "cd '%s' && tests/support/manual.sh check \"$(dirname '%s')\"", harness_root(),
        harness_program("prefork"));
    CHECK(system(command) == 0, "make man writes them anew");
}

static void installation_puts_and_removes_its_files(void) {
    char command[4096], cwd[2048];

    CHECK(getcwd(cwd, sizeof(cwd)) != NULL, "getcwd");
    snprintf(command, sizeof(command),
        "cd '%s' && make -s install BUILD=\"$(dirname '%s')\" DESTDIR='%s/root' PREFIX=/usr "
        ">/dev/null",
        harness_root(), harness_program("prefork"), cwd);
    CHECK(system(command) == 0, "make install");
    CHECK(harness_exists("root/usr/bin/prefork"), "no program");
    CHECK(harness_exists("root/usr/share/man/man1/prefork-job.1"), "no page");
    snprintf(command, sizeof(command), "cd '%s' && make -s uninstall DESTDIR='%s/root' PREFIX=/usr",
        harness_root(), cwd);
    CHECK(system(command) == 0, "make uninstall");
    CHECK(system("test -z \"$(find root -type f ! -path '*/etc/*')\"") == 0, "files are left");
}

static const struct harness_test tests[] = {
    { "bad_input_gets_one_line", bad_input_gets_one_line },
    { "control_characters_are_not_echoed", control_characters_are_not_echoed },
    { "locked_journal_is_busy", locked_journal_is_busy },
    { "journal_of_another_job_is_refused", journal_of_another_job_is_refused },
    { "unfinished_job_is_not_overwritten", unfinished_job_is_not_overwritten },
    { "foreign_file_is_not_taken_for_a_journal", foreign_file_is_not_taken_for_a_journal },
    { "interval_is_asked_for_on_a_terminal", interval_is_asked_for_on_a_terminal },
    { "help_is_for_every_verb", help_is_for_every_verb },
    { "help_has_topics", help_has_topics },
    { "manual_pages_have_the_lists_of_the_program", manual_pages_have_the_lists_of_the_program },
    { "installation_puts_and_removes_its_files", installation_puts_and_removes_its_files },
    { NULL, NULL },
};

const struct harness_suite job_input_suite = { "job_input", tests };
