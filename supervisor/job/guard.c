/* The guard. A word in the pipe before its end means that nothing is wrong. */
#include "supervisor/job/guard.h"

#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/leave.h"

#define GUARD_FD 3

_Noreturn static void guard_main(_Atomic int32_t *groups, uint32_t count, int read_fd) {
    char word;
    ssize_t n;

    setproctitle("-prefork: job guard");
    if (read_fd != GUARD_FD)
        dup2(read_fd, GUARD_FD);
    close_range(0, GUARD_FD - 1, 0); /* nobody is to wait for the end of our stdout */
    close_range(GUARD_FD + 1, ~0u, 0);
    /* Signals stay blocked: what ends the others must not end the guard first. */
    do
        n = read(GUARD_FD, &word, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        leave_process(EXIT_SUCCESS);
    for (uint32_t i = 0; i < count; i++) {
        pid_t group = atomic_load(&groups[i]);
        if (group > 1)
            kill(-group, SIGKILL);
    }
    leave_process(EXIT_SUCCESS);
}

int guard_start(struct guard *guard, _Atomic int32_t *groups, uint32_t count) {
    sigset_t all, before;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    guard->pid = fork();
    if (guard->pid == 0)
        guard_main(groups, count, fds[0]);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(fds[0]);
    guard->fd = fds[1];
    if (guard->pid > 0)
        return 0;
    close(fds[1]);
    guard->fd = -1;
    return -1;
}

void guard_stop(struct guard *guard) {
    if (guard->fd < 0)
        return;
    if (write(guard->fd, "q", 1) < 0) {
        /* It is gone already. */
    }
    close(guard->fd);
    guard->fd = -1;
    while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}
