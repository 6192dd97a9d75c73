/* The control socket among peers who mean no good, and an operator who has to be answered. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/commands.h"
#include "tests/system/daemon.h"
#include "tests/system/logged.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 10000
#define ANSWER_NS   2000000000ull

/* Send and read at once, say that nothing more will come, and return all that came back. */
static char *talk(const char *data, size_t len) {
    const size_t size = 1 << 22;
    char *back = calloc(1, size);
    size_t sent = 0, got = 0;
    struct pollfd ready = { .fd = commands_connect() };
    ssize_t n;

    for (;;) {
        ready.events = POLLIN | (sent < len ? POLLOUT : 0);
        CHECK(poll(&ready, 1, PATIENCE_MS) == 1, "it is left to wait after %zu bytes", sent);
        if (ready.revents & POLLOUT) {
            n = send(ready.fd, data + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            sent = n >= 0 ? sent + (size_t)n : len; /* it has heard enough */
            if (sent == len)
                shutdown(ready.fd, SHUT_WR);
        }
        if (!(ready.revents & ~POLLOUT))
            continue;
        CHECK(got < size - 1, "it answers without end");
        n = recv(ready.fd, back + got, size - 1 - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    close(ready.fd);
    return back;
}

/* The exit of the last line; -1 when there is no answer. */
static int exit_of(const char *answer) {
    const char *last = NULL;
    json_t *line;
    int code;

    for (const char *at = answer; (at = strstr(at, "\"done\":true")) != NULL; at++)
        last = at;
    if (last == NULL)
        return -1;
    while (last > answer && last[-1] != '\n')
        last--;
    line = json_loads(last, JSON_DISABLE_EOF_CHECK, NULL);
    CHECK(line != NULL, "%s is no JSON", last);
    code = (int)json_integer_value(json_object_get(line, "exit"));
    json_decref(line);
    return code;
}

/* Sockets that a process has open. */
static unsigned count_sockets(pid_t pid) {
    char path[64], link[64];
    unsigned count = 0;

    for (int fd = 0; fd < 1024; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
        count += readlink(path, link, sizeof(link)) > 7 && strncmp(link, "socket:", 7) == 0;
    }
    return count;
}

/* Two workers, each with its pair of sockets, and nobody connected. */
static void check_no_leak(const struct daemon *daemon, unsigned before) {
    CHECK(harness_until(
              PATIENCE_MS, daemon_workers("echo", NULL, (pid_t[DAEMON_WORKERS_MAX]){ 0 }) == 2 &&
                               count_sockets(daemon->proc.pid) <= before),
        "sockets leak: %u, before %u", count_sockets(daemon->proc.pid), before);
}

/* The daemon is well, and whoever asks properly is answered soon. */
static void check_well(const struct daemon *daemon, const char *after) {
    struct harness_result r = PREFORK("status", "echo");

    CHECK(r.code == 0 && strstr(r.out, "2 ready of 2 wanted") != NULL, "after %s: exit %d: %s%s",
        after, r.code, r.out, r.err);
    CHECK(r.wall_ns < ANSWER_NS || harness_is_sanitized(), "after %s: answered after %lu ms", after,
        (unsigned long)(r.wall_ns / 1000000));
    CHECK(daemon_exchange(daemon->port, 0) == NULL, "after %s: no echo", after);
}

/* ---- bad lines ---- */

struct bad {
    const char *what, *line;
    int code;
};

static void bad_questions_are_answered_and_harm_nobody(void) {
    static const struct bad bad[] = {
        { "a JSON that is cut", "{\"verb\":\"sta\n", 2 },
        { "a JSON that is cut and has no end", "{\"verb\":\"status\",\"args\":{", 2 },
        { "an unknown verb", "{\"verb\":\"stpo\"}\n", 2 },
        { "no verb", "{}\n", 2 },
        { "a verb that is a number", "{\"verb\":7}\n", 2 },
        { "an array", "[\"status\"]\n", 2 },
        { "words", "status\n", 2 },
        { "HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 2 },
        { "arguments that are text", "{\"verb\":\"stop\",\"args\":\"echo\"}\n", 2 },
        { "a service that is a number", "{\"verb\":\"stop\",\"args\":{\"service\":5}}\n", 2 },
        { "a service that is not there", "{\"verb\":\"restart\",\"args\":{\"service\":\"ehco\"}}\n",
            2 },
        { "a service of an endless name",
            "{\"verb\":\"stop\",\"args\":{\"service\":"
            "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}}"
            "\n",
            2 },
        { "a number of workers that is none",
            "{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":\"many\"}}\n", 2 },
        { "a number of workers below zero",
            "{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":-3}}\n", 2 },
        { "an enormous number of workers",
            "{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":9223372036854775807}}\n", 2 },
        { "an enormous step",
            "{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"by\":-9223372036854775808}}\n",
            2 },
        { "a number that no integer holds",
            "{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":1e400}}\n", 2 },
    };
    struct daemon daemon;
    unsigned before;
    char *answer;

    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    before = count_sockets(daemon.proc.pid);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        answer = talk(bad[i].line, strlen(bad[i].line));
        CHECK(exit_of(answer) == bad[i].code, "%s: exit %d: %s", bad[i].what, exit_of(answer),
            answer);
        CHECK(
            strstr(answer, "\"error\":null") == NULL, "%s: no complaint: %s", bad[i].what, answer);
        check_well(&daemon, bad[i].what);
    }
    check_no_leak(&daemon, before);
    daemon_stop(&daemon);
}

/* Each fills the flood with something. */
static size_t fill_spaces(char *flood, size_t size) {
    memset(flood, ' ', size);
    return size;
}

static size_t fill_brackets(char *flood, size_t size) {
    memset(flood, '[', size);
    flood[60000] = '\n';
    return size;
}

static size_t fill_newlines(char *flood, size_t size) {
    memset(flood, '\n', size);
    return size;
}

static size_t fill_zeros(char *flood, size_t size) {
    memset(flood, 0, size);
    flood[1000] = '\n';
    return size;
}

static size_t fill_bytes(char *flood, size_t size) {
    for (size_t i = 0; i < size; i++)
        flood[i] = (char)harness_random(0, 255);
    return size;
}

/* A good question behind a line that is too long must not be taken for a new one. */
static size_t fill_and_stop(char *flood, size_t size) {
    static const char stop[] = "{\"verb\":\"stop\"}\n";

    memset(flood, 'x', size);
    memcpy(flood + size - strlen(stop), stop, strlen(stop));
    return size;
}

static void floods_are_cut_off(void) {
    static const struct {
        const char *what;
        size_t (*fill)(char *flood, size_t size);
    } floods[] = { { "a line of 1 MB", fill_spaces }, { "brackets", fill_brackets },
        { "empty lines", fill_newlines }, { "zeros", fill_zeros }, { "random bytes", fill_bytes },
        { "a question within a long line", fill_and_stop } };
    static char flood[1 << 20];
    struct daemon daemon;
    long before_kb;

    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    check_well(&daemon, "the start");
    before_kb = harness_status_kb(daemon.proc.pid, "VmRSS");
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        talk(flood, floods[i].fill(flood, sizeof(flood)));
        check_well(&daemon, floods[i].what);
    }
    harness_figure(
        "the supervisor grew by %ld kB", harness_status_kb(daemon.proc.pid, "VmRSS") - before_kb);
    CHECK(harness_is_sanitized() || harness_status_kb(daemon.proc.pid, "VmRSS") - before_kb < 2048,
        "it keeps what it was sent");
    daemon_stop(&daemon);
}

/* ---- many, slow, gone ---- */

static void hundred_peers_at_once_are_answered_or_told_to_come_later(void) {
    enum { PEERS = 100 };
    static const char question[] = "{\"verb\":\"status\"}\n";
    struct daemon daemon;
    unsigned before;
    pid_t pid[PEERS];
    unsigned answered = 0, busy = 0;
    int gate[2], status;
    char byte;

    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    before = count_sockets(daemon.proc.pid);
    CHECK(pipe2(gate, O_CLOEXEC) == 0, "%s", strerror(errno));
    for (int i = 0; i < PEERS; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            close(gate[1]);
            if (read(gate[0], &byte, 1) != 0) /* its end is the start */
                _exit(99);
            _exit(exit_of(talk(question, strlen(question))));
        }
    }
    close(gate[1]);
    check_well(&daemon, "a crowd");
    for (int i = 0; i < PEERS; i++) {
        CHECK(waitpid(pid[i], &status, 0) == pid[i] && WIFEXITED(status), "peer %d", i);
        answered += WEXITSTATUS(status) == 0;
        busy += WEXITSTATUS(status) == 75;
    }
    harness_figure("answered=%u told to come later=%u", answered, busy);
    CHECK(answered + busy == PEERS && answered > PEERS / 2, "%u answered, %u told", answered, busy);
    check_no_leak(&daemon, before);
    daemon_stop(&daemon);
    close(gate[0]);
}

static void questions_in_one_breath_are_answered_one_by_one(void) {
    enum { QUESTIONS = 1000 };
    static const char question[] = "{\"verb\":\"ports\"}\n";
    static char questions[QUESTIONS * sizeof(question)];
    struct daemon daemon;
    unsigned answers = 0;

    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    for (int i = 0; i < QUESTIONS; i++)
        strcpy(questions + (size_t)i * strlen(question), question);
    for (const char *at = talk(questions, strlen(questions));
         (at = strstr(at, "{\"done\":true,\"exit\":0,")) != NULL; at++)
        answers++;
    CHECK(answers == QUESTIONS, "%u answers", answers);
    check_well(&daemon, "a thousand questions");
    daemon_stop(&daemon);
}

/* Byte by byte, and several that ask and do not wait for the answer. */
static void slow_and_hasty_peers_harm_nobody(void) {
    static const char slow[] = "{\"verb\":\"status\"}\n",
                      hasty[] =
                          "{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":true}}\n",
                      follow[] = "{\"verb\":\"events\",\"args\":{\"follow\":true}}\n";
    struct daemon daemon;
    char back[65536];
    unsigned before;
    ssize_t n;
    int fd;

    daemon_write_service("echo", "max_spawn_rate = 1000;");
    daemon_start(&daemon);
    before = count_sockets(daemon.proc.pid);
    fd = commands_connect();
    for (size_t i = 0; i < strlen(slow); i++) {
        CHECK(send(fd, slow + i, 1, MSG_NOSIGNAL) == 1, "%s", strerror(errno));
        harness_pause_us(2000);
        if (i == strlen(slow) / 2)
            check_well(&daemon, "half a question");
    }
    n = recv(fd, back, sizeof(back) - 1, 0);
    CHECK(n > 0 && back[0] == '{', "no answer: %s", strerror(errno));
    close(fd);
    for (int i = 0; i < 20; i++) {
        fd = commands_connect();
        CHECK(send(fd, hasty, strlen(hasty), MSG_NOSIGNAL) > 0, "%s", strerror(errno));
        close(fd);
        fd = commands_connect();
        CHECK(send(fd, follow, strlen(follow), MSG_NOSIGNAL) > 0, "%s", strerror(errno));
        close(fd);
    }
    check_no_leak(&daemon, before);
    CHECK(daemon_number("echo", "restarts") == 0, "%s", daemon_log());
    check_well(&daemon, "those who do not wait");
    daemon_stop(&daemon);
}

/* ---- while nobody works ---- */

static void operator_is_answered_while_every_worker_is_busy_and_stopped(void) {
    static const char *const verbs[][5] = { { "status" }, { "status", "echo" },
        { "status", "--json" }, { "ports" }, { "ports", "--json" }, { "events" },
        { "config", "show" }, { "config", "test" }, { "scale", "echo", "+1" }, { "reopen" },
        { "restart", "echo", "--no-wait" }, { "stop", "other", "--no-wait" } };
    pid_t pid[DAEMON_WORKERS_MAX];
    struct harness_result r;
    struct daemon daemon;
    size_t count;
    int fd[2];

    for (size_t m = 0; m < 3; m++) {
        daemon_write_service(
            "echo", "model = \"%s\"; worker_timeout = \"0\"; max_children = 2;", daemon_models[m]);
        daemon_write_service("other", "worker_timeout = \"0\";");
        daemon_start(&daemon);
        for (int i = 0; i < 2; i++) {
            fd[i] = daemon_connect(daemon.port);
            CHECK(daemon_echo(fd[i], "x", 1), "echo");
        }
        count = daemon_workers("echo", NULL, pid);
        count += daemon_workers("other", NULL, pid + count);
        CHECK(count == 4, "%zu workers", count);
        for (size_t i = 0; i < count; i++)
            kill(pid[i], SIGSTOP);
        for (int i = 0; i < 2; i++)
            CHECK(send(fd[i], "y", 1, 0) == 1, "send");
        for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
            r = PREFORK(verbs[v][0], verbs[v][1], verbs[v][2], verbs[v][3]);
            CHECK(r.code == 0, "%s: %s %s: exit %d: %s", daemon_models[m], verbs[v][0],
                verbs[v][1] != NULL ? verbs[v][1] : "", r.code, r.err);
            CHECK(r.wall_ns < ANSWER_NS || harness_is_sanitized(), "%s: after %lu ms", verbs[v][0],
                (unsigned long)(r.wall_ns / 1000000));
        }
        for (size_t i = 0; i < count; i++)
            kill(pid[i], SIGCONT);
        for (int i = 0; i < 2; i++) {
            char byte = 0;
            CHECK(recv(fd[i], &byte, 1, 0) == 1 && byte == 'y', "%s: the session is lost",
                daemon_models[m]);
            close(fd[i]);
        }
        daemon_stop(&daemon);
        unlink(LOG);
    }
}

/* ---- what is shown ---- */

static void check_shown(const char *verb, const char *text) {
    for (const char *at = text; *at != '\0'; at++)
        CHECK(((unsigned char)*at >= ' ' || *at == '\n') && *at != 0x7f,
            "%s: byte %02x in \"%.60s\"", verb, (unsigned char)*at,
            at > text + 20 ? at - 20 : text);
    CHECK(strstr(text, "\u202e") == NULL, "%s: a mark of direction", verb);
}

/* Names and texts that hold what a terminal would obey. */
static void texts_are_shown_and_not_obeyed(void) {
#define EVIL "\033]0;x\007\033[31m\u202e"
    static const char *const verbs[][4] = { { "status" }, { "status", "echo" }, { "ports" },
        { "config", "show" }, { "config", "test" }, { "events" }, { "status", EVIL },
        { "scale", EVIL, "3" }, { "scale", "echo", EVIL }, { "stop", EVIL }, { EVIL },
        { "status", "--" EVIL }, { "config", "test", EVIL }, { "scale", "echo", "3" },
        { "restart", "echo" }, { "stop", "echo" }, { "start", "echo" }, { "help" } };
    struct harness_result r;
    struct daemon daemon;

    daemon_write_service("echo",
        "listen = [ \"tcp://127.0.0.1:0\", \"unix://e\\x1b[31m\\x07\u202e.sock\" ]; "
        "full_line = \"\\x1b[31m\\x07\u202e\"; when_full = \"refuse\"; max_connections = 50;");
    daemon_start(&daemon);
    for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
        r = PREFORK(verbs[v][0], verbs[v][1], verbs[v][2], verbs[v][3]);
        check_shown(verbs[v][0], r.out);
        check_shown(verbs[v][0], r.err);
        CHECK(r.out[0] != '\0' || r.err[0] != '\0', "%s says nothing", verbs[v][0]);
    }
    r = PREFORK("ports");
    CHECK(strstr(r.out, "[31m") != NULL, "the socket is not shown: %s", r.out);
    daemon_stop(&daemon);
    check_shown("log", daemon_log());
    check_shown("stderr", harness_read_file(daemon.proc.err, NULL));
#undef EVIL
}

static void every_verb_says_that_nobody_is_there(void) {
    static const char *const verbs[][3] = { { "status" }, { "ports" }, { "events" },
        { "events", "--follow" }, { "config", "show" }, { "scale", "echo", "2" },
        { "restart", "echo" }, { "start", "echo" }, { "stop", "echo" }, { "stop" }, { "reopen" } };
    struct harness_result r;

    for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
        r = PREFORK(verbs[v][0], verbs[v][1], verbs[v][2]);
        CHECK(r.code == 69 && strstr(r.err, "no preforkd answers at control.sock") != NULL &&
                  r.out[0] == '\0',
            "%s: exit %d: %s%s", verbs[v][0], r.code, r.out, r.err);
    }
}

static const struct harness_test tests[] = {
    { "bad_questions_are_answered_and_harm_nobody", bad_questions_are_answered_and_harm_nobody },
    { "floods_are_cut_off", floods_are_cut_off },
    { "hundred_peers_at_once_are_answered_or_told_to_come_later",
        hundred_peers_at_once_are_answered_or_told_to_come_later },
    { "questions_in_one_breath_are_answered_one_by_one",
        questions_in_one_breath_are_answered_one_by_one },
    { "slow_and_hasty_peers_harm_nobody", slow_and_hasty_peers_harm_nobody },
    { "operator_is_answered_while_every_worker_is_busy_and_stopped",
        operator_is_answered_while_every_worker_is_busy_and_stopped },
    { "texts_are_shown_and_not_obeyed", texts_are_shown_and_not_obeyed },
    { "every_verb_says_that_nobody_is_there", every_verb_says_that_nobody_is_there },
    { .name = NULL },
};

const struct harness_suite daemon_control_peer_suite = { "daemon_control_peer", tests };
