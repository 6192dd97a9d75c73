/* prefork serve, and prefork echo that speaks to it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/commands.h"
#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000

/* ---- prefork serve ---- */

static void start_serving(struct harness_proc *proc, const char *model, const char *port) {
    const char *const argv[] = { "prefork", "serve", "echo", port, "--model", model, NULL };
    const char *const without[] = { "prefork", "serve", "echo", "--model", model, NULL };

    CHECK(setenv("TMPDIR", getcwd((char[4096]){ 0 }, 4096), 1) == 0, "setenv");
    harness_start(proc, port != NULL ? argv : without, 0);
    CHECK(harness_until(PATIENCE_MS, proc->is_over || strstr(harness_read_file(proc->out, NULL),
                                                          "listening on tcp://") != NULL),
        "it does not listen: %s", harness_read_file(proc->err, NULL));
}

static unsigned shown_port(const struct harness_proc *proc) {
    const char *out = harness_read_file(proc->out, NULL), *at = strstr(out, "tcp://127.0.0.1:");

    CHECK(at != NULL, "%s", out);
    return (unsigned)atoi(at + strlen("tcp://127.0.0.1:"));
}

static void free_port(char dst[8]) {
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(address);

    CHECK(bind(fd, (struct sockaddr *)&address, len) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &len) == 0,
        "%s", strerror(errno));
    close(fd);
    snprintf(dst, 8, "%u", ntohs(address.sin_port));
}

static void service_is_served_without_a_file(void) {
    struct harness_result r;
    struct harness_proc proc;
    char port[8], socket[4096];
    const char *at;

    for (size_t m = 0; m < 3; m++) {
        free_port(port);
        start_serving(&proc, daemon_models[m], port);
        CHECK(shown_port(&proc) == (unsigned)atoi(port), "%s", harness_read_file(proc.out, NULL));
        at = strstr(harness_read_file(proc.err, NULL), "--control ");
        CHECK(at != NULL && sscanf(at, "--control %4000s", socket) == 1, "no control socket");
        r = harness_run("prefork", "--control", socket, "status", NULL);
        commands_expect(&r, 0, daemon_models[m], "", __LINE__);
        r = harness_run("prefork", "echo", "127.0.0.1", port, "--count", "20", NULL);
        commands_expect(&r, 0, "message 20 of 20\n", "20 messages", __LINE__);
        CHECK(harness_until(PATIENCE_MS,
                  strstr(harness_read_file(proc.out, NULL), "active connections: 1") != NULL),
            "nobody is seen: %s", harness_read_file(proc.out, NULL));
        *strrchr(socket, '/') = '\0';
        CHECK(harness_exists(socket), "%s", socket);
        kill(proc.pid, m == 0 ? SIGINT : SIGTERM);
        CHECK(harness_wait(&proc, PATIENCE_MS) == 0, "exit %d", proc.code);
        CHECK(!harness_exists(socket), "%s is left", socket);
    }
}

static void chosen_port_is_strict_and_the_usual_one_is_not(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(50007), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct harness_proc proc;
    struct harness_result r;

    /* Whether it is ours or was somebody's before: it is busy. */
    if (bind(taken, (struct sockaddr *)&address, sizeof(address)) == 0)
        CHECK(listen(taken, 1) == 0, "%s", strerror(errno));
    r = harness_run("prefork", "serve", "echo", "50007", NULL);
    commands_expect(&r, 78, "", "50007", __LINE__);
    start_serving(&proc, "event", NULL);
    CHECK(shown_port(&proc) != 50007, "%s", harness_read_file(proc.out, NULL));
    kill(proc.pid, SIGTERM);
    CHECK(harness_wait(&proc, PATIENCE_MS) == 0, "exit %d", proc.code);
    close(taken);
    r = harness_run("prefork", "serve", "ehco", NULL);
    commands_expect(&r, 2, "", "did you mean \"echo\"?", __LINE__);
    r = harness_run("prefork", "serve", "echo", "65536", NULL);
    commands_expect(&r, 2, "", "is no port: 1 to 65535", __LINE__);
}

/* Serve a type with more options; until its daemon listens. */
static void serve_type(
    struct harness_proc *proc, const char *type, const char *port, const char *const *more) {
    const char *argv[16] = { "prefork", "serve", type, port };

    for (size_t i = 4; *more != NULL && i < 15; i++)
        argv[i] = *more++;
    CHECK(setenv("TMPDIR", getcwd((char[4096]){ 0 }, 4096), 1) == 0, "setenv");
    harness_start(proc, argv, 0);
    CHECK(harness_until(PATIENCE_MS,
              proc->is_over || strstr(harness_read_file(proc->out, NULL), " tcp://") != NULL),
        "it does not listen: %s", harness_read_file(proc->err, NULL));
}

static void served_type_keeps_its_defaults_and_takes_any_key(void) {
    static const char *const keys[] = { "--set", "login=true", "--set", "max_message=100", "--set",
        "room=\"5\"", "--set", "file=the \"said\"", NULL };
    struct harness_proc proc;
    struct harness_result r;
    char port[8];

    free_port(port);
    serve_type(&proc, "chat", port, (const char *const[]){ "--no-input", NULL });
    CHECK(strstr(harness_read_file(proc.out, NULL), ", model event\n") != NULL, "%s",
        harness_read_file(proc.out, NULL));
    kill(proc.pid, SIGTERM);
    CHECK(harness_wait(&proc, PATIENCE_MS) == 0, "exit %d", proc.code);
    free_port(port);
    serve_type(&proc, "echo", port,
        (const char *const[]){
            "--lang", "ru", "--model", "thread", "--set", "log_messages=true", NULL });
    r = harness_run("prefork", "echo", "127.0.0.1", port, "--message", "Hello, world", NULL);
    commands_expect(&r, 0, "Hello, world\n", "", __LINE__);
    CHECK(harness_until(PATIENCE_MS,
              strstr(harness_read_file(proc.out, NULL), ", активных подключений: 0\n") != NULL),
        "%s", harness_read_file(proc.out, NULL));
    CHECK(strstr(harness_read_file(proc.out, NULL), "echo: Подключен клиент: 127.0.0.1:") != NULL &&
              strstr(harness_read_file(proc.out, NULL),
                  "echo: Получено сообщение: Hello, world\n") != NULL,
        "%s", harness_read_file(proc.out, NULL));
    kill(proc.pid, SIGTERM);
    CHECK(harness_wait(&proc, PATIENCE_MS) == 0, "exit %d", proc.code);
    free_port(port);
    serve_type(&proc, "message_log", port, keys);
    r = harness_run("prefork", "send", "127.0.0.1", port, "--name", "Ann", "--message", "hi", NULL);
    commands_expect(&r, 0, "", "1 message sent", __LINE__);
    CHECK(
        harness_until(PATIENCE_MS, strstr(harness_read_file(proc.out, NULL), " Ann: hi\n") != NULL),
        "%s", harness_read_file(proc.out, NULL));
    kill(proc.pid, SIGTERM);
    CHECK(harness_wait(&proc, PATIENCE_MS) == 0, "exit %d", proc.code);
    r = harness_run("prefork", "serve", "message_log", port, "--set", "logn=true", NULL);
    commands_expect(&r, 78, "", "unknown key \"logn\", did you mean \"login\"?", __LINE__);
    r = harness_run("prefork", "serve", "message_log", port, "--set", "login", NULL);
    commands_expect(&r, 2, "", "--set login: KEY=VALUE is allowed", __LINE__);
    r = harness_run("prefork", "serve", "message_log", port, "--set", "file=a\nb = 1", NULL);
    commands_expect(&r, 2, "", "the value is one line", __LINE__);
}

/* Orphans come to the test. */
static void serve_says_where_it_listens_and_its_end_in_json(void) {
    const char *argv[] = { "prefork", "serve", "echo", "PORT", "--json", NULL };
    json_t *line, *end;
    struct harness_proc proc;
    struct harness_result r;
    char port[8], *text;

    free_port(port);
    argv[3] = port;
    harness_start(&proc, argv, 0);
    CHECK(harness_until(PATIENCE_MS, strchr(harness_read_file(proc.out, NULL), '\n') != NULL), "%s",
        harness_read_file(proc.err, NULL));
    line = json_loads(harness_read_file(proc.out, NULL), 0, NULL);
    CHECK(line != NULL && json_integer_value(json_object_get(line, "port")) == atoi(port) &&
              strcmp(json_string_value(json_object_get(line, "event")), "listening") == 0 &&
              strcmp(json_string_value(json_object_get(line, "proto")), "tcp") == 0,
        "%s", harness_read_file(proc.out, NULL));
    r = harness_run("prefork", "echo", "127.0.0.1", port, "--count", "3", NULL);
    commands_expect(&r, 0, "message 3 of 3\n", "", __LINE__);
    r = harness_run("prefork", "--control", json_string_value(json_object_get(line, "control")),
        "status", NULL);
    commands_expect(&r, 0, "echo     RUNNING", "", __LINE__);
    kill(proc.pid, SIGTERM);
    CHECK(harness_wait(&proc, PATIENCE_MS) == 0, "exit %d", proc.code);
    text = harness_read_file(proc.out, NULL);
    CHECK(expect_count_lines(text) == 2, "%s", text);
    end = json_loads(strchr(text, '\n') + 1, 0, NULL);
    CHECK(end != NULL && strcmp(json_string_value(json_object_get(end, "event")), "end") == 0 &&
              json_integer_value(json_object_get(end, "exit")) == 0,
        "%s", text);
    /* A daemon that cannot start. */
    r = harness_run("prefork", "serve", "echo", "4711", "--address", "192.0.2.1", "--json", NULL);
    commands_expect(&r, 78, "{\"event\":\"end\",\"exit\":78}\n", "192.0.2.1", __LINE__);
    CHECK(expect_count_lines(r.out) == 1, "%s", r.out);
}

static void daemon_does_not_outlive_serve(void) {
    struct harness_proc proc;
    pid_t child;
    char port[8];

    free_port(port);
    start_serving(&proc, "process", port);
    CHECK(harness_children(proc.pid, &child, 1) == 1, "it has no daemon");
    kill(proc.pid, SIGKILL);
    CHECK(harness_wait(&proc, PATIENCE_MS) == 128 + SIGKILL, "exit %d", proc.code);
    CHECK(harness_until(PATIENCE_MS, waitpid(child, NULL, WNOHANG) == child), "it serves on");
    CHECK(daemon_exchange((uint16_t)atoi(port), 0) != NULL, "it is served");
}

/* ---- prefork echo ---- */

static void echo_compares_over_every_kind_of_socket(void) {
    static char lines[100000];
    struct daemon daemon;
    struct harness_result r;
    char port[8], udp[8], url[64];

    daemon_write_service("echo",
        "listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\", \"unix://e.sock\" ]; "
        "model = \"event\";");
    daemon_start(&daemon);
    snprintf(port, sizeof(port), "%u", daemon.port);
    snprintf(udp, sizeof(udp), "%u", daemon_port("echo", "udp"));
    snprintf(url, sizeof(url), "tcp://127.0.0.1:%u", daemon.port);
    r = harness_run("prefork", "echo", "localhost", port, "--message", "hello", NULL);
    commands_expect(&r, 0, "hello\n", "1 message, 5 bytes, came back as sent", __LINE__);
    r = harness_run("prefork", "echo", url, "--message", "abc", "--size", "8", NULL);
    commands_expect(&r, 0, "abcabcab\n", "", __LINE__);
    r = harness_run("prefork", "echo", url, "--size", "5M", "--count", "3", "--quiet", NULL);
    CHECK(r.code == 0 && r.out_len == 0 && r.err[0] == '\0', "exit %d: %s", r.code, r.err);
    r = harness_run("prefork", "echo", "127.0.0.1", udp, "--udp", "--count", "100", NULL);
    commands_expect(&r, 0, "message 100 of 100\n", "100 messages", __LINE__);
    /* Letters of two bytes, and pieces that end in the midst of one. */
    r = harness_run(
        "prefork", "echo", url, "--json", "--message", "x\xc3\xa9", "--size", "30001", NULL);
    CHECK(r.code == 0 && json_loads(r.out, 0, NULL) != NULL &&
              expect_count(r.out, "x\xc3\xa9") == 10000 && expect_count(r.out, "\xef\xbf") == 0,
        "exit %d: %.80s", r.code, r.out);
    r = harness_run("prefork", "echo", "127.0.0.1", port, "--json", "--count", "2", NULL);
    commands_expect(&r, 0, "\"reply\":\"message 2 of 2\\n\"}", "{\"answered\":2,", __LINE__);
    CHECK(rename("services.d/e.sock", "e.sock") == 0, "%s", strerror(errno));
    for (size_t i = 0; i < sizeof(lines); i++)
        lines[i] = i % 97 == 96 ? '\n' : (char)harness_random(0, 255);
    harness_write_file("lines", lines, sizeof(lines));
    r = harness_run("/bin/sh", "-c", "exec \"$0\" echo \"unix://$PWD/e.sock\" <lines",
        harness_program("prefork"), NULL);
    CHECK(r.code == 0, "exit %d: %s", r.code, r.err);
    CHECK(expect_count(r.err, "came back as sent") == 1, "%s", r.err);
    CHECK(r.out_len - (lines[sizeof(lines) - 1] != '\n') == sizeof(lines) &&
              memcmp(r.out, lines, sizeof(lines)) == 0,
        "%zu bytes came back", r.out_len);
    daemon_stop(&daemon);
    r = harness_run("prefork", "echo", "127.0.0.1", port, "--count", "1", NULL);
    commands_expect(&r, 69, "", "nobody listens at 127.0.0.1", __LINE__);
}

static const struct harness_test tests[] = {
    { "service_is_served_without_a_file", service_is_served_without_a_file },
    { "chosen_port_is_strict_and_the_usual_one_is_not",
        chosen_port_is_strict_and_the_usual_one_is_not },
    { "served_type_keeps_its_defaults_and_takes_any_key",
        served_type_keeps_its_defaults_and_takes_any_key },
    { "serve_says_where_it_listens_and_its_end_in_json",
        serve_says_where_it_listens_and_its_end_in_json },
    { "daemon_does_not_outlive_serve", daemon_does_not_outlive_serve },
    { "echo_compares_over_every_kind_of_socket", echo_compares_over_every_kind_of_socket },
    { .name = NULL },
};

const struct harness_suite daemon_serve_suite = { "daemon_serve", tests };
