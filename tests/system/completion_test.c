/* prefork completion: bash itself is asked what it would offer. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

#define OFFER_MAX 65536

/* What bash offers for these words, NULL-terminated, the last one under the cursor; " a b c ". */
static char *offer(const char *const *words) {
    char *script = malloc(OFFER_MAX), *offered = calloc(1, OFFER_MAX);
    struct harness_result r;
    size_t used = 0, count = 0;

    used += (size_t)snprintf(script, OFFER_MAX, "source ./completion.bash; COMP_WORDS=('%s'",
        harness_program("prefork"));
    for (; words[count] != NULL; count++)
        used += (size_t)snprintf(script + used, OFFER_MAX - used, " '%s'", words[count]);
    snprintf(script + used, OFFER_MAX - used,
        "); COMP_CWORD=%zu; _prefork; wait; printf '%%s\\n' \"${COMPREPLY[@]}\" | sort -u", count);
    r = harness_run("/bin/bash", "-c", script, NULL);
    CHECK(r.code == 0 && r.err[0] == '\0', "exit %d: %s", r.code, r.err);
    for (char *c = r.out; (c = strchr(c, '\n')) != NULL;)
        *c = ' ';
    snprintf(offered, OFFER_MAX, " %s", r.out);
    return strcmp(offered, "  ") == 0 ? " " : offered;
}

#define OFFERS(wanted, ...)                                                                     \
    do {                                                                                        \
        const char *const words_[] = { __VA_ARGS__, NULL };                                     \
        char *offered_ = offer(words_);                                                         \
        CHECK(strcmp(offered_, wanted) == 0, "line %d: \"%s\", not \"%s\"", __LINE__, offered_, \
            wanted);                                                                            \
    } while (0)

static void write_script(void) {
    struct harness_result r = harness_run("prefork", "completion", "bash", NULL);

    CHECK(r.code == 0 && r.err[0] == '\0', "exit %d: %s", r.code, r.err);
    harness_write_file("completion.bash", r.out, r.out_len);
}

/* ---- against the tables, as --help shows them ---- */

static int compare_words(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words sorted, each once, as " a b c ". */
static char *join_sorted(char **words, size_t count) {
    char *text = calloc(1, OFFER_MAX);
    size_t used = 1;

    setenv("LC_ALL", "C", 1);
    qsort(words, count, sizeof(char *), compare_words);
    strcpy(text, " ");
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(words[i], words[i - 1]) != 0)
            used += (size_t)snprintf(text + used, OFFER_MAX - used, "%s ", words[i]);
    return text;
}

/* The options in a part of a help text, behind those in words. Returns how many there are now. */
static size_t take_options(char *help, char **words, size_t count) {
    char *rest = NULL, *option, *more;

    for (char *line = strtok_r(help, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "  -", 3) != 0)
            continue;
        for (option = strtok_r(line, " ,", &more); option != NULL && option[0] == '-';
             option = strtok_r(NULL, " ,", &more))
            words[count++] = option;
    }
    return count;
}

/* The verbs there are; returns how many. */
static size_t list_verbs(char *names[], size_t most) {
    struct harness_result r = harness_run("prefork", "help", NULL);
    char *rest = NULL, *line = strtok_r(r.out, "\n", &rest);
    size_t count = 0;

    while ((line = strtok_r(NULL, "\n", &rest)) != NULL && count < most)
        if (strncmp(line, "  ", 2) == 0) {
            names[count] = strndup(line + 2, 14);
            names[count][strcspn(names[count], " ")] =
                names[count][strcspn(names[count], " ") + 1] == ' ' ? '\0' : ' ';
            for (size_t len = strlen(names[count]); names[count][len - 1] == ' '; len--)
                names[count][len - 1] = '\0';
            count++;
        }
    return count;
}

static void every_verb_is_offered_and_no_other(void) {
    char *names[64], *first[64];
    size_t count = list_verbs(names, 64);

    write_script();
    for (size_t i = 0; i < count; i++)
        first[i] = strndup(names[i], strcspn(names[i], " "));
    OFFERS(join_sorted(first, count), "");
    OFFERS(" start status ", "sta");
    OFFERS(" ", "stx");
    OFFERS(" diff show test ", "config", "");
    OFFERS(" cancel list result retry run show submit wait ", "job", "");
    OFFERS(" job ", "compare", "j");
    OFFERS(" --control --help --version -h ", "-");
    OFFERS(" diff show test ", "--control", "none", "config", "");
    OFFERS(" ", "nonsense", "");
    harness_figure("verbs=%zu", count);
    CHECK(count >= 17, "%zu verbs", count);
}

static void every_option_is_offered_and_no_other(void) {
    char *names[64], *wanted[128] = { "--help", "-h" }, *end;
    size_t count = list_verbs(names, 64), options, sum = 0;
    struct harness_result r;

    write_script();
    for (size_t i = 0; i < count; i++) {
        char *second = strchr(names[i], ' ');

        if (second != NULL)
            *second++ = '\0';
        r = harness_run("prefork", "help", names[i], second, NULL);
        CHECK(r.code == 0, "%s: exit %d", names[i], r.code);
        end = strstr(r.out, "\nexamples:\n");
        *(strstr(r.out, "\nkernels:\n") != NULL ? strstr(r.out, "\nkernels:\n") : end) = '\0';
        options = take_options(r.out, wanted, 2);
        if (second != NULL)
            OFFERS(join_sorted(wanted, options), names[i], second, "-");
        else
            OFFERS(join_sorted(wanted, options), names[i], "-");
        sum += options - 2;
        wanted[0] = "--help"; /* sorting has moved them */
        wanted[1] = "-h";
    }
    harness_figure("options=%zu", sum);
    CHECK(sum > 60, "%zu options", sum);
}

static void options_of_a_kernel_come_with_the_kernel(void) {
    char *wanted[128] = { "--help", "-h" };
    struct harness_result r = harness_run("prefork", "help", "job", "run", NULL);
    size_t count;

    write_script();
    *strstr(r.out, "\nkernels:\n") = '\0';
    count = take_options(r.out, wanted, 2);
    r = harness_run("prefork", "help", "kernel", "divisible", NULL);
    count = take_options(r.out, wanted, count);
    OFFERS(join_sorted(wanted, count), "job", "run", "divisible", "1..9", "-");
    OFFERS(" stride test ", "job", "run", "divisible", "--method", "");
    OFFERS(" ", "job", "run", "primes", "--method", "s");
    OFFERS(" kill ", "compare", "job", "null", "--fault", "=", "k");
}

/* ---- values and operands ---- */

static void values_are_offered_where_they_are_known(void) {
    write_script();
    OFFERS(" event process thread ", "serve", "--model", "");
    OFFERS(" event process thread ", "serve", "--model", "=");
    OFFERS(" thread ", "serve", "echo", "--model", "=", "th");
    OFFERS(" ", "serve", "--workers", "");
    OFFERS(" process,event process,process process,thread ", "compare", "job", "--engines",
        "process,");
    OFFERS(" process,thread ", "compare", "job", "--engines", "process,th");
    OFFERS(" ack chat echo message_log relay ", "serve", "");
    OFFERS(" ", "serve", "echo", "");
    OFFERS(" command divisible null primes ", "job", "run", "");
    OFFERS(" divisible ", "compare", "job", "--quiet", "d");
    OFFERS(" ", "job", "run", "divisible", "");
    OFFERS(" bash ", "completion", "");
    OFFERS(" exit-codes explain ", "help", "ex");
    OFFERS(" config ", "help", "conf");
}

static void files_are_offered_where_a_file_is_wanted(void) {
    harness_write_file("a.conf", "", 0);
    harness_write_file("a.sock", "", 0);
    write_script();
    OFFERS(" a.conf a.sock ", "config", "test", "a");
    OFFERS(" a.conf ", "doctor", "a.c");
    OFFERS(" a.conf ", "doctor", "--json", "a.c");
    OFFERS(" a.sock ", "status", "--control", "a.s");
    OFFERS(" a.sock ", "status", "--control", "=", "a.s");
    OFFERS(" a.sock ", "--control", "a.s");
    OFFERS(" a.sock ", "--control", "=", "a.s");
    OFFERS(" a.conf a.sock ", "job", "run", "divisible", "--output", "a");
    OFFERS(" ", "ports", "a");
    OFFERS(" a.conf a.sock ", "job", "run", "command", "1..9", "--", "cat", "a");
    OFFERS(" sha256sum ", "job", "run", "command", "1..9", "--", "sha256su");
    OFFERS(" ", "status", "echo", "--", "");
}

static void services_are_offered_by_the_daemon(void) {
    struct daemon daemon;
    uint64_t began_ns;

    write_script();
    daemon_write_service("echo", " ");
    daemon_write_service("mirror", " ");
    daemon_start(&daemon);
    OFFERS(" echo mirror ", "--control", "control.sock", "status", "");
    OFFERS(" echo mirror ", "--control", "=", "control.sock", "explain", "");
    OFFERS(" mirror ", "stop", "--control", "control.sock", "m");
    OFFERS(" mirror ", "scale", "--control", "=", "control.sock", "--no-wait", "m");
    OFFERS(" ", "scale", "--control", "control.sock", "echo", "");
    setenv("PREFORK_CONTROL", "control.sock", 1);
    OFFERS(" echo mirror ", "restart", "");
    daemon_stop(&daemon);
    began_ns = harness_now_ns();
    OFFERS(" ", "restart", "");
    harness_figure("without a daemon %.0f ms", (double)(harness_now_ns() - began_ns) / 1e6);
    CHECK(harness_now_ns() - began_ns < 900000000 || harness_is_sanitized(), "it waits");
    unsetenv("PREFORK_CONTROL");
}

static void other_shells_are_refused(void) {
    struct harness_result r = harness_run("prefork", "completion", "fish", NULL);

    CHECK(r.code == 2 && strstr(r.err, "there is: bash") != NULL, "%d: %s", r.code, r.err);
    r = harness_run("prefork", "completion", NULL);
    CHECK(r.code == 2, "%d: %s", r.code, r.err);
    r = harness_run("/bin/sh", "-c", "exec \"$0\" completion bash >/dev/full",
        harness_program("prefork"), NULL);
    CHECK(r.code == 74, "%d: %s", r.code, r.err);
}

static const struct harness_test tests[] = {
    { "every_verb_is_offered_and_no_other", every_verb_is_offered_and_no_other },
    { "every_option_is_offered_and_no_other", every_option_is_offered_and_no_other },
    { "options_of_a_kernel_come_with_the_kernel", options_of_a_kernel_come_with_the_kernel },
    { "values_are_offered_where_they_are_known", values_are_offered_where_they_are_known },
    { "files_are_offered_where_a_file_is_wanted", files_are_offered_where_a_file_is_wanted },
    { "services_are_offered_by_the_daemon", services_are_offered_by_the_daemon },
    { "other_shells_are_refused", other_shells_are_refused },
    { .name = NULL },
};

const struct harness_suite completion_suite = { "completion", tests };
