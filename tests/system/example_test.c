/* What stands in etc/examples/ does what it says. */
#include <stdio.h>
#include <string.h>

#include "tests/system/daemon.h"
#include "tests/system/expect.h"
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

static const struct harness_test tests[] = {
    { "example_in_python_speaks_with_each_service", example_in_python_speaks_with_each_service },
    { "four_kinds_of_clients_say_hello_in_the_demo", four_kinds_of_clients_say_hello_in_the_demo },
    { .name = NULL },
};

const struct harness_suite example_suite = { "example", tests };
