/* What stands in etc/examples/, in the demo and in README.md does what it says. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/screen.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 20000

static struct daemon daemon_;

/* What the example in Python prints that sends these. */
static struct harness_result run_example(unsigned port, const char *first, const char *second) {
    char script[4096], digits[8];
    struct harness_result r;

    snprintf(script, sizeof(script), "%s/etc/examples/framed_socket.py", harness_root());
    snprintf(digits, sizeof(digits), "%u", port);
    r = harness_run("/usr/bin/python3", script, "127.0.0.1", digits, first, second, NULL);
    return r;
}

static void example_in_python_speaks_with_each_service(void) {
    struct harness_result r;

    daemon_write_service("chat", "type = \"chat\"; model = \"event\";");
    daemon_write_service("said", "type = \"message_log\"; login = true; ack = true;");
    daemon_write_service("echo", "type = \"echo\";");
    daemon_start(&daemon_);
    r = run_example(daemon_.port, "Алиса", "two\nlines");
    CHECK(r.code == 0 && strcmp(r.out, "Алиса\ntwo\nlines\n") == 0, "exit %d: %s%s", r.code, r.out,
        r.err);
    r = run_example(daemon_port("chat", "tcp"), "Алиса", "hello");
    CHECK(r.code == 0 && strstr(r.out, "Welcome to the chat, Алиса!") != NULL, "exit %d: %s%s",
        r.code, r.out, r.err);
    CHECK(
        harness_until(PATIENCE_MS, daemon_log_count("] Алиса: hello\"") == 1), "%s", daemon_log());
    r = run_example(daemon_port("said", "tcp"), "Алиса", "the door is open");
    CHECK(r.code == 0 && strcmp(r.out, "ok 0\nok 1\n") == 0, "exit %d: %s%s", r.code, r.out, r.err);
    CHECK(harness_until(PATIENCE_MS, daemon_log_count(" Алиса: the door is open\"") == 1), "%s",
        daemon_log());
    r = run_example(1, "Алиса", "hello");
    CHECK(r.code == 1 && strstr(r.err, "127.0.0.1 1: Connection refused") != NULL, "exit %d: %s",
        r.code, r.err);
    daemon_stop(&daemon_);
}

static void four_kinds_of_clients_say_hello_in_the_demo(void) {
    char script[4096], build[4096], tcp[8], udp[8];
    struct harness_result r;

    daemon_write_service(
        "echo", "type = \"chat\"; listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\" ];");
    daemon_start(&daemon_);
    snprintf(script, sizeof(script), "%s/tests/support/demo-chat.sh", harness_root());
    snprintf(build, sizeof(build), "%s", harness_program("prefork"));
    *strrchr(build, '/') = '\0';
    snprintf(tcp, sizeof(tcp), "%u", daemon_.port);
    snprintf(udp, sizeof(udp), "%u", daemon_port("echo", "udp"));
    r = harness_run(script, build, tcp, udp, NULL);
    CHECK(r.code == 0 && r.err[0] == '\0', "exit %d: %s%s", r.code, r.out, r.err);
    CHECK(expect_count(r.out, "] Lab: hello from lab\n") == 2, "%s", r.out);
    CHECK(expect_count(r.out, "] Lines: hello from lines\n") == 2, "%s", r.out);
    CHECK(expect_count(r.out, "] Datagrams: hello from datagrams\n") == 2, "%s", r.out);
    CHECK(expect_count(r.out, "] Frames: hello from frames\n") == 3, "%s", r.out);
    CHECK(expect_count(r.out, "\"text\":\"hello from ") == 3 && expect_count(r.out, "\"ok\"") == 1,
        "%s", r.out);
    CHECK(harness_until(PATIENCE_MS, daemon_number("echo", "connections") == 0), "not left");
    daemon_stop(&daemon_);
}

/* ---- README.md ---- */

/* Each number, and each row of blanks, becomes one: what differs from time to time. */
static void make_alike(char *text) {
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        const bool is_digit = isdigit((unsigned char)*from) != 0;

        if (to > text && ((is_digit && to[-1] == '0') || (*from == ' ' && to[-1] == ' ')))
            continue;
        *to++ = *from;
        if (is_digit)
            to[-1] = '0';
    }
    *to = '\0';
}

/* What stands on a screen in the section, behind the command; alike, never freed. */
static char *read_screen(const char *command) {
    char path[4096], *text, *at, *end;

    snprintf(path, sizeof(path), "%s/README.md", harness_root());
    text = harness_read_file(path, NULL);
    at = strstr(text, command);
    CHECK(at != NULL, "README.md has no \"%s\"", command);
    at = strchr(at, '\n') + 1;
    end = strstr(at, "```");
    CHECK(end != NULL, "no end");
    *end = '\0';
    make_alike(at);
    return at;
}

static bool shows(const char *name, const char *wanted) {
    char *text = screen_text(name);

    make_alike(text);
    return strstr(text, wanted) != NULL;
}

static void expect_screen(const char *name, const char *command) {
    const char *wanted = read_screen(command);

    CHECK(harness_until(PATIENCE_MS, shows(name, wanted)),
        "README.md shows\n%s\nand the screen\n%s", wanted, screen_text(name));
}

static void press(const char *name, const char *text) {
    screen_type(name, text);
    screen_press(name, "Enter");
}

static void screens_of_the_readme_are_true(void) {
    const char *prefork = harness_program("prefork");
    const char *at;
    unsigned port;

    /* A worker alone: of several one may be ready before another has said the first word. */
    screen_open();
    screen_run("srv", "echo; %s serve chat --no-input --workers 1 2>/dev/null", prefork);
    screen_until("srv", "listening on tcp://127.0.0.1:");
    screen_until("srv", "waiting for connections\n");
    screen_until("srv", "press Ctrl+C to stop\n");
    at = strstr(screen_text("srv"), "tcp://127.0.0.1:");
    port = (unsigned)atoi(at + strlen("tcp://127.0.0.1:"));
    screen_run("Ann", "%s chat 127.0.0.1 %u", prefork, port);
    screen_until_last_line("Ann", "Your name [Anonymous]:");
    press("Ann", "Alice");
    screen_until_last_line("Ann", "Message (or /quit to leave):");
    screen_run("Bob", "echo; %s chat 127.0.0.1 %u --name Боб --lang ru", prefork, port);
    screen_until("Ann", "Боб joined the chat");
    press("Bob", "привет");
    screen_until("Ann", "] Боб: привет\n");
    press("Ann", "hello Bob");
    screen_until("Bob", "] Alice: hello Bob\n");
    press("Bob", "/quit");
    expect_screen("srv", "$ prefork serve chat");
    expect_screen("Ann", "$ prefork chat 127.0.0.1 8004  ");
    expect_screen("Bob", "$ prefork chat 127.0.0.1 8004 --name Боб");
    screen_press("Ann", "C-c");
    screen_press("srv", "C-c");
    screen_until("srv", "stopped\n");
    screen_close();
}

static const struct harness_test tests[] = {
    { "example_in_python_speaks_with_each_service", example_in_python_speaks_with_each_service },
    { "four_kinds_of_clients_say_hello_in_the_demo", four_kinds_of_clients_say_hello_in_the_demo },
    { "screens_of_the_readme_are_true", screens_of_the_readme_are_true },
    { .name = NULL },
};

const struct harness_suite example_suite = { "example", tests };
