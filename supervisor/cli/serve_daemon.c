/*
 * The daemon runs in the terminal's foreground group, as this process does: what the terminal
 * sends to the group it has already got, and only what was sent to this process alone is passed
 * on. A second SIGINT would end it less gently than one.
 */
#include "supervisor/cli/serve_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/cli/daemon_program.h"

#define TEMPLATE "prefork-serve.XXXXXX"

int serve_daemon_prepare(struct serve_daemon *daemon, struct complaint *complaint) {
    const char *place = getenv("TMPDIR");

    /* The path of a UNIX socket is short. */
    if (place == NULL || place[0] != '/' ||
        strlen(place) + sizeof("/" TEMPLATE) > sizeof(daemon->folder))
        place = "/tmp";
    snprintf(daemon->folder, sizeof(daemon->folder), "%s/" TEMPLATE, place);
    if (mkdtemp(daemon->folder) == NULL) {
        daemon->folder[0] = '\0';
        return complaint_set(complaint, "cannot make a folder in %s: %s", place, strerror(errno));
    }
    snprintf(
        daemon->control_socket, sizeof(daemon->control_socket), "%s/control.sock", daemon->folder);
    return 0;
}

int serve_daemon_write_file(const struct serve_daemon *daemon, const char *name, const char *text,
    struct complaint *complaint) {
    char path[PATH_MAX];
    const char *slash = strchr(name, '/');
    size_t len = strlen(text);
    int fd;

    if (slash != NULL) {
        snprintf(path, sizeof(path), "%s/%.*s", daemon->folder, (int)(slash - name), name);
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return complaint_set(complaint, "cannot make %s: %s", path, strerror(errno));
    }
    snprintf(path, sizeof(path), "%s/%s", daemon->folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len) {
        complaint_set(complaint, "cannot write %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    close(fd);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st, (void)type, (void)at;
    remove(path);
    return 0;
}

void serve_daemon_remove(struct serve_daemon *daemon) {
    if (daemon->folder[0] == '\0')
        return;
    nftw(daemon->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    daemon->folder[0] = '\0';
}

/* ---- running it ---- */

static void listed_signals(sigset_t *set) {
    static const int signals[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGCHLD };

    sigemptyset(set);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaddset(set, signals[i]);
}

/* The child. It ends with its parent, whatever ends that. */
static _Noreturn void become_daemon(
    const struct serve_daemon *daemon, const char *verb, pid_t parent, const sigset_t *old_mask) {
    char file[sizeof(daemon->folder) + 32];
    const char *argv[] = { NULL, "-F", "-f", file, NULL };

    snprintf(file, sizeof(file), "%s/preforkd.conf", daemon->folder);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_CODE_TERMINATED);
    sigprocmask(SIG_SETMASK, old_mask, NULL);
    _exit(daemon_program_exec(verb, argv));
}

/* SIGHUP tells a daemon to reload; here the terminal is gone, so it is to end. */
static void pass_on(pid_t pid, const siginfo_t *info) {
    if (info->si_signo == SIGHUP)
        kill(pid, SIGTERM);
    else if (info->si_code != SI_KERNEL)
        kill(pid, info->si_signo);
}

/* Somebody listens at the control socket. */
static bool answers(const struct serve_daemon *daemon) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok;

    if (fd < 0)
        return false;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->control_socket);
    ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return ok;
}

/* The next signal; on the way there, whoever wants to know is told that the daemon answers. */
static int wait_for_signal(
    struct serve_daemon *daemon, const sigset_t *signals, siginfo_t *out_info) {
    const struct timespec pace = { .tv_nsec = 5000000 };

    while (daemon->serving != NULL) {
        if (answers(daemon)) {
            daemon->serving(daemon->owner);
            daemon->serving = NULL;
        } else if (sigtimedwait(signals, out_info, &pace) > 0) {
            return 0;
        }
    }
    return sigwaitinfo(signals, out_info) < 0 ? -1 : 0;
}

static int wait_for_end(struct serve_daemon *daemon, pid_t pid, const sigset_t *signals) {
    siginfo_t info;
    int status;

    for (;;) {
        if (wait_for_signal(daemon, signals, &info) < 0)
            continue;
        if (info.si_signo != SIGCHLD) {
            pass_on(pid, &info);
            continue;
        }
        if (waitpid(pid, &status, WNOHANG) != pid)
            continue;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

int serve_daemon_run(struct serve_daemon *daemon, const char *verb) {
    sigset_t signals, old_mask;
    pid_t parent = getpid(), pid;
    int exit_code;

    listed_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, &old_mask);
    pid = fork();
    if (pid == 0)
        become_daemon(daemon, verb, parent, &old_mask);
    if (pid < 0) {
        log_warn("%s: cannot fork", verb);
        exit_code = EXIT_CODE_SYSTEM;
    } else {
        exit_code = wait_for_end(daemon, pid, &signals);
    }
    sigprocmask(SIG_SETMASK, &old_mask, NULL);
    return exit_code;
}
