/* A child and a pipe for its one line of words. */
#include "supervisor/jobs/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/exit_words.h"
#include "shared/leave.h"

/* It keeps nothing of the parent's open: whoever hangs up on the parent must be seen to. */
_Noreturn static void run_child(
    pid_t parent, int words_fd, int (*do_it)(void *arg, struct complaint *complaint), void *arg) {
    struct complaint complaint;
    int rc;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        leave_process(1);
    dup2(words_fd, STDIN_FILENO);
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0);
    rc = do_it(arg, &complaint);
    if (rc < 0 && write(STDIN_FILENO, complaint.text, strlen(complaint.text)) < 0) {
        /* The exit code says it, too. */
    }
    leave_process(rc < 0);
}

int errand_start(
    struct errand *errand, int (*do_it)(void *arg, struct complaint *complaint), void *arg) {
    const pid_t parent = getpid();
    int words[2], saved_errno;
    pid_t pid;

    *errand = ERRAND_NONE;
    if (pipe2(words, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    pid = fork();
    if (pid == 0)
        run_child(parent, words[1], do_it, arg);
    if (pid > 0)
        errand->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    saved_errno = errno;
    close(words[1]);
    if (errand->pidfd >= 0) {
        errand->words_fd = words[0];
        return 0;
    }
    if (pid > 0) { /* without a pidfd nobody would hear of its end */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    close(words[0]);
    errno = saved_errno;
    return -1;
}

int errand_finish(struct errand *errand, struct complaint *complaint) {
    char how[EXIT_WORDS_MAX];
    siginfo_t info = { .si_pid = 0 };
    ssize_t n;
    int rc;

    do
        rc = waitid(P_PIDFD, (id_t)errand->pidfd, &info, WEXITED);
    while (rc < 0 && errno == EINTR);
    if (rc < 0 || info.si_code != CLD_EXITED || info.si_status != 0)
        rc = -1;
    n = read(errand->words_fd, complaint->text, sizeof(complaint->text) - 1);
    if (n > 0)
        complaint->text[n] = '\0';
    else if (rc < 0)
        complaint_set(complaint, "whoever was to do it %s",
            exit_words_describe(how, info.si_code, info.si_status));
    close(errand->pidfd);
    close(errand->words_fd);
    *errand = ERRAND_NONE;
    return rc;
}

void errand_stop(struct errand *errand) {
    struct complaint complaint;

    if (errand->pidfd < 0)
        return;
    syscall(SYS_pidfd_send_signal, errand->pidfd, SIGKILL, NULL, 0);
    errand_finish(errand, &complaint);
}
