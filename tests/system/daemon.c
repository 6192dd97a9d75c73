/* A daemon for a test, and what a peer or an operator does with it. */
#include "tests/system/daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/system/records.h"

#define PATIENCE_MS 10000

const char *const daemon_models[3] = { "process", "thread", "event" };

/* ---- files ---- */

void daemon_write_config(const char *more) {
    char text[4096];

    snprintf(text, sizeof(text),
        "services_dir = \"services.d\";\n"
        "control : { socket = \"control.sock\"; };\n"
        "log : { file = \"preforkd.log\"; };\n%s",
        more);
    mkdir("services.d", 0755);
    harness_write_file("preforkd.conf", text, strlen(text));
}

/* What a service's file says when the test does not. */
static const char *const base[][2] = {
    { "type", "\"echo\"" },
    { "listen", "[ \"tcp://127.0.0.1:0\" ]" },
    { "pm", "\"static\"" },
    { "max_children", "2" },
};

static bool has_key(const char *text, const char *key) {
    const size_t len = strlen(key);

    for (const char *at = text; (at = strstr(at, key)) != NULL; at++)
        if ((at == text || at[-1] == ' ' || at[-1] == '\n') && strncmp(at + len, " =", 2) == 0)
            return true;
    return false;
}

void daemon_write_service(const char *name, const char *format, ...) {
    char text[8192], path[128];
    size_t len;
    va_list args;

    if (!harness_exists("preforkd.conf"))
        daemon_write_config("");
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++) {
        len = strlen(text);
        if (!has_key(text, base[i][0]))
            snprintf(text + len, sizeof(text) - len, "\n%s = %s;\n", base[i][0], base[i][1]);
    }
    snprintf(path, sizeof(path), "services.d/%s.conf", name);
    harness_write_file(path, text, strlen(text));
}

/* ---- its life ---- */

static int connect_control(void) {
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "control.sock" };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool answers(void) {
    int fd = connect_control();

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void daemon_start_unsettled(struct daemon *daemon) {
    const char *const argv[] = { "preforkd", "-F", "-f", "preforkd.conf", NULL };

    if (!harness_exists("preforkd.conf"))
        daemon_write_config("");
    harness_start(&daemon->proc, argv, 0);
    CHECK(harness_until(PATIENCE_MS, answers()), "no control socket: %s",
        harness_read_file(daemon->proc.err, NULL));
    daemon_do("{\"verb\":\"status\"}");
}

void daemon_start(struct daemon *daemon) {
    json_t *listen;

    daemon_start_unsettled(daemon);
    CHECK(harness_until(
              PATIENCE_MS, strcmp(daemon_state("echo"), "RUNNING") == 0 &&
                               daemon_number("echo", "ready") >= daemon_number("echo", "wanted")),
        "echo is %s: %s", daemon_state("echo"), daemon_log());
    listen = json_object_get(daemon_service("echo"), "listen");
    daemon->port = 0;
    if (json_array_size(listen) > 0) {
        const char *address = json_string_value(json_array_get(listen, 0));
        const char *colon = strrchr(address, ':');

        if (strncmp(address, "unix", 4) != 0 && colon != NULL)
            daemon->port = (uint16_t)atoi(colon + 1);
    }
}

/* Every line of every log parses, and says nothing that the manual does not name. */
static void check_log(void) {
    struct records records;

    if (!harness_exists("preforkd.log"))
        return;
    records = records_parse(harness_read_file("preforkd.log", NULL));
    records_check_names(&records);
}

void daemon_stop(struct daemon *daemon) {
    kill(daemon->proc.pid, SIGTERM);
    CHECK(harness_wait(&daemon->proc, PATIENCE_MS) == 0, "exit %d: %s %s", daemon->proc.code,
        harness_read_file(daemon->proc.err, NULL), daemon_log());
    check_log();
}

/* ---- control ---- */

static json_t *ask(const char *request) {
    int fd = connect_control();
    json_t *lines = json_array(), *line;
    json_error_t error;
    FILE *stream;
    char *text = NULL;
    size_t size = 0;

    CHECK(fd >= 0, "control: %s", strerror(errno));
    CHECK(send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request) &&
              send(fd, "\n", 1, MSG_NOSIGNAL) == 1,
        "control: %s", strerror(errno));
    stream = fdopen(fd, "r");
    while (getline(&text, &size, stream) > 0) {
        line = json_loads(text, 0, &error);
        CHECK(line != NULL, "%s is no JSON: %s", text, error.text);
        json_array_append_new(lines, line);
        if (json_is_true(json_object_get(line, "done")))
            break;
    }
    fclose(stream);
    free(text);
    CHECK(json_array_size(lines) > 0, "no answer to %s", request);
    return lines;
}

#define FORMAT_REQUEST(text)                         \
    do {                                             \
        va_list args;                                \
        va_start(args, format);                      \
        vsnprintf(text, sizeof(text), format, args); \
        va_end(args);                                \
    } while (0)

json_t *daemon_ask(const char *format, ...) {
    char request[4096];

    FORMAT_REQUEST(request);
    return ask(request);
}

void daemon_do(const char *format, ...) {
    char request[4096];
    json_t *lines, *last;

    FORMAT_REQUEST(request);
    lines = ask(request);
    last = json_array_get(lines, json_array_size(lines) - 1);
    CHECK(json_integer_value(json_object_get(last, "exit")) == 0, "%s: %s", request,
        json_dumps(last, 0));
}

json_t *daemon_service(const char *name) {
    json_t *status = json_array_get(ask("{\"verb\":\"status\"}"), 0), *service;
    size_t i;

    json_array_foreach(json_object_get(status, "services"), i,
        service) if (strcmp(json_string_value(json_object_get(service, "name")), name) ==
                     0) return service;
    harness_fail(__FILE__, __LINE__, "service", "%s is not in the status", name);
}

uint64_t daemon_number(const char *name, const char *key) {
    json_t *value = json_object_get(daemon_service(name), key);

    CHECK(json_is_integer(value), "%s of %s is no number", key, name);
    return (uint64_t)json_integer_value(value);
}

const char *daemon_state(const char *name) {
    return json_string_value(json_object_get(daemon_service(name), "state"));
}

size_t daemon_workers(const char *name, const char *state, pid_t *out) {
    json_t *workers = json_object_get(daemon_service(name), "workers"), *worker;
    size_t i, count = 0;

    json_array_foreach(workers, i,
        worker) if (count < DAEMON_WORKERS_MAX &&
                    (state == NULL ||
                        strcmp(json_string_value(json_object_get(worker, "state")), state) == 0))
        out[count++] = (pid_t)json_integer_value(json_object_get(worker, "pid"));
    return count;
}

uint16_t daemon_port(const char *service, const char *proto) {
    json_t *ports = json_array_get(ask("{\"verb\":\"ports\"}"), 0), *port;
    size_t i;

    if (json_is_object(ports))
        ports = json_object_get(ports, "ports");
    json_array_foreach(ports, i,
        port) if (strcmp(json_string_value(json_object_get(port, "service")), service) == 0 &&
                  strcmp(json_string_value(json_object_get(port, "proto")), proto) ==
                      0) return (uint16_t)json_integer_value(json_object_get(port, "port"));
    harness_fail(__FILE__, __LINE__, "port", "%s has no %s port", service, proto);
}

/* ---- peers ---- */

static void set_timeouts(int fd) {
    const struct timeval limit = { .tv_sec = PATIENCE_MS / 1000 };

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static int try_connect(uint16_t port, unsigned source) {
    struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    set_timeouts(fd);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + source);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    if (source > 0) {
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        CHECK(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0, "bind: %s", strerror(errno));
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

int daemon_connect_from(uint16_t port, unsigned source) {
    int fd = try_connect(port, source);

    CHECK(fd >= 0, "connect to %u: %s", port, strerror(errno));
    return fd;
}

int daemon_connect(uint16_t port) {
    return daemon_connect_from(port, 0);
}

static int try_connect_unix(const char *path) {
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    set_timeouts(fd);
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

int daemon_connect_unix(const char *path) {
    int fd = try_connect_unix(path);

    CHECK(fd >= 0, "connect to %s: %s", path, strerror(errno));
    return fd;
}

static bool receive(int fd, const char *wanted, size_t len) {
    char data[65536];
    size_t at = 0;
    ssize_t n;

    while (at < len) {
        n = recv(fd, data, sizeof(data) < len - at ? sizeof(data) : len - at, 0);
        if (n <= 0 || memcmp(data, wanted + at, (size_t)n) != 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

bool daemon_echo(int fd, const void *data, size_t len) {
    const char *bytes = data;
    size_t sent = 0, part;

    /* Not more under way than a socket holds, or both sides would wait for the other to read. */
    while (sent < len) {
        part = len - sent < 65536 ? len - sent : 65536;
        if (send(fd, bytes + sent, part, MSG_NOSIGNAL) != (ssize_t)part ||
            !receive(fd, bytes + sent, part))
            return false;
        sent += part;
    }
    return true;
}

static const char *exchange(int fd) {
    static char why[128];
    char data[64], back[64];
    size_t got = 0;
    ssize_t n = 0;

    if (fd < 0) {
        snprintf(why, sizeof(why), "refused: %s", strerror(errno));
        return why;
    }
    memset(data, 'a' + fd % 26, sizeof(data));
    if (send(fd, data, sizeof(data), MSG_NOSIGNAL) != sizeof(data)) {
        snprintf(why, sizeof(why), "send: %s", strerror(errno));
        close(fd);
        return why;
    }
    while (got < sizeof(back) && (n = recv(fd, back + got, sizeof(back) - got, 0)) > 0)
        got += (size_t)n;
    close(fd);
    if (got == sizeof(back) && memcmp(data, back, sizeof(back)) == 0)
        return NULL;
    snprintf(why, sizeof(why), "%zu bytes came back: %s", got, n < 0 ? strerror(errno) : "end");
    return why;
}

const char *daemon_exchange(uint16_t port, unsigned source) {
    return exchange(try_connect(port, source));
}

const char *daemon_exchange_unix(const char *path) {
    return exchange(try_connect_unix(path));
}

bool daemon_is_closed(int fd, int timeout_ms) {
    struct pollfd watch = { .fd = fd, .events = POLLIN };
    char byte;

    return poll(&watch, 1, timeout_ms) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

/* ---- the log ---- */

char *daemon_log(void) {
    return harness_exists("preforkd.log") ? harness_read_file("preforkd.log", NULL) : "";
}

unsigned daemon_log_count(const char *words) {
    unsigned count = 0;

    for (const char *at = daemon_log(); (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}
