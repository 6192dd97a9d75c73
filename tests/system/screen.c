#include "tests/system/screen.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TMUX        "/usr/bin/tmux"
#define PATIENCE_MS 20000

static struct harness_proc server;

#define RUN(...) harness_run(TMUX, "-S", "tmux.sock", "-u", __VA_ARGS__, NULL)

static void run(const struct harness_result *r, const char *what) {
    CHECK(r->code == 0, "tmux %s: exit %d: %s", what, r->code, r->err);
}

static bool answers(void) {
    struct harness_result r = RUN("set-option", "-g", "remain-on-exit", "on");

    return r.code == 0;
}

void screen_open(void) {
    const char *const argv[] = { TMUX, "-S", "tmux.sock", "-u", "-f", "/dev/null", "-D", NULL };

    if (!harness_exists(TMUX))
        harness_skip("there is no tmux");
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("TMUX");
    harness_start(&server, argv, 0);
    CHECK(harness_until(PATIENCE_MS, answers()), "tmux does not start: %s",
        harness_read_file(server.err, NULL));
}

void screen_close(void) {
    struct harness_result r = RUN("kill-server");

    run(&r, "kill-server");
    harness_wait(&server, PATIENCE_MS);
    /* What ran on its terminals is hung up, and comes to the test. */
    CHECK(harness_until(PATIENCE_MS, waitpid(-1, NULL, WNOHANG) < 0), "something runs on");
}

void screen_run(const char *name, const char *format, ...) {
    struct harness_result r;
    char command[4096];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    r = RUN("new-session", "-d", "-s", name, "-x", "80", "-y", "24", command);
    run(&r, "new-session");
}

void screen_type(const char *name, const char *text) {
    struct harness_result r = RUN("send-keys", "-t", name, "-l", text);

    run(&r, "send-keys");
}

void screen_press(const char *name, const char *key) {
    struct harness_result r = RUN("send-keys", "-t", name, key);

    run(&r, "send-keys");
}

/* tmux draws it anew first, and tells the programs on it a little later. */
static bool is_wide(const char *name, unsigned columns) {
    struct harness_result r = RUN("display-message", "-p", "-t", name, "#{pane_tty}");
    struct winsize size = { .ws_col = 0 };
    int fd;

    r.out[strcspn(r.out, "\n")] = '\0';
    fd = open(r.out, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ioctl(fd, TIOCGWINSZ, &size);
    close(fd);
    return size.ws_col == columns;
}

void screen_resize(const char *name, unsigned columns, unsigned lines) {
    struct harness_result r;
    char x[8], y[8];

    snprintf(x, sizeof(x), "%u", columns);
    snprintf(y, sizeof(y), "%u", lines);
    r = RUN("resize-window", "-t", name, "-x", x, "-y", y);
    run(&r, "resize-window");
    CHECK(harness_until(PATIENCE_MS, is_wide(name, columns)), "%s is not %u wide", name, columns);
}

char *screen_text(const char *name) {
    struct harness_result r = RUN("capture-pane", "-p", "-t", name);

    run(&r, "capture-pane");
    return r.out;
}

void screen_until(const char *name, const char *words) {
    CHECK(harness_until(PATIENCE_MS, strstr(screen_text(name), words) != NULL),
        "\"%s\" does not come to stand on the screen of %s:\n%s", words, name, screen_text(name));
}

char *screen_last_line(const char *name) {
    char *text = screen_text(name), *end = text + strlen(text), *line;

    while (end > text && (end[-1] == '\n' || end[-1] == ' '))
        *--end = '\0';
    line = strrchr(text, '\n');
    return line != NULL ? line + 1 : text;
}

void screen_until_last_line(const char *name, const char *line) {
    CHECK(harness_until(PATIENCE_MS, strcmp(screen_last_line(name), line) == 0),
        "the last line of %s is not \"%s\":\n%s", name, line, screen_text(name));
}
