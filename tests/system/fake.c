/* The fake daemon. A CHECK that fails in it ends it, and fake_join() sees that. */
#include "tests/system/fake.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET    "control.sock"
#define LINE_MAX_ 70000

static int listener = -1, peer = -1, aside = -1;
static pid_t pid;

struct harness_result fake_ask(const char *const *words) {
    const char *argv[32] = { "prefork", FAKE_CONTROL };
    size_t count = 3;

    for (; *words != NULL && count < 31; words++)
        argv[count++] = *words;
    return harness_run_argv(argv);
}

void fake_come_back(void) {
    const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };

    unlink(SOCKET);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
              listen(listener, 16) == 0,
        "%s: %s", SOCKET, strerror(errno));
}

void fake_leave(void) {
    close(listener);
    listener = -1;
}

void fake_start(void (*script)(void)) {
    fake_come_back();
    pid = fork();
    CHECK(pid >= 0, "fork: %s", strerror(errno));
    if (pid > 0) {
        fake_leave();
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    script();
    _exit(0);
}

void fake_join(void) {
    int status = 0;

    CHECK(harness_until(10000, waitpid(pid, &status, WNOHANG) == pid),
        "the fake daemon still waits for a question");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the fake daemon was not asked rightly");
}

/* ---- for scripts ---- */

void fake_take_mute(void) {
    if (peer >= 0)
        close(peer);
    peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(peer >= 0, "accept: %s", strerror(errno));
}

json_t *fake_take(const char *verb) {
    static char line[LINE_MAX_];
    const char *asked;
    json_t *question, *args;
    size_t len = 0;
    ssize_t n = 1;

    fake_take_mute();
    while (n > 0 && len + 1 < sizeof(line) && memchr(line, '\n', len) == NULL)
        if ((n = read(peer, line + len, sizeof(line) - 1 - len)) > 0)
            len += (size_t)n;
    line[len] = '\0';
    question = json_loads(line, 0, NULL);
    asked = json_string_value(json_object_get(question, "verb"));
    CHECK(asked != NULL && strcmp(asked, verb) == 0, "\"%s\" is not the verb %s", line, verb);
    args = json_object_get(question, "args");
    return args != NULL ? args : json_object();
}

void fake_check_number(const json_t *args, const char *key, json_int_t wanted) {
    const json_t *number = json_object_get(args, key);

    CHECK(json_is_integer(number) && json_integer_value(number) == wanted, "%s: %s instead of %lld",
        key, json_dumps(args, 0), wanted);
}

void fake_check_bool(const json_t *args, const char *key, bool wanted) {
    const json_t *value = json_object_get(args, key);

    CHECK(json_is_boolean(value) && json_is_true(value) == wanted, "%s: %s instead of %d", key,
        json_dumps(args, 0), wanted);
}

void fake_check_text(const json_t *args, const char *key, const char *wanted) {
    const json_t *value = json_object_get(args, key);
    const char *text = json_string_value(value);

    CHECK((wanted == NULL && value == NULL) ||
              (wanted != NULL && text != NULL && strcmp(text, wanted) == 0),
        "%s: %s instead of %s", key, json_dumps(args, 0), wanted != NULL ? wanted : "nothing");
}

/* Who is asked does not mind when the other end has gone. */
static void send_all(const void *bytes, size_t len) {
    ssize_t n;

    for (const char *at = bytes; len > 0; at += n, len -= (size_t)n)
        if ((n = send(peer, at, len, MSG_NOSIGNAL)) <= 0)
            return;
}

void fake_say(const char *format, ...) {
    char text[8192];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    CHECK(len >= 0 && (size_t)len < sizeof(text), "too much to say");
    send_all(text, (size_t)len);
}

void fake_say_torn(const void *bytes, size_t len, size_t sent) {
    fake_say("{\"data\":%zu}\n", len);
    send_all(bytes, sent);
}

void fake_say_data(const void *bytes, size_t len) {
    fake_say_torn(bytes, len, len);
}

void fake_swap(void) {
    const int fd = peer;

    peer = aside;
    aside = fd;
}

void fake_hang_up(void) {
    close(peer);
    peer = -1;
}

bool fake_is_closed(void) {
    char byte;

    return recv(peer, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

bool fake_wait_for_end(void) {
    bool is_silent = true;
    char byte;

    while (read(peer, &byte, 1) > 0)
        is_silent = false;
    fake_hang_up();
    return is_silent;
}
