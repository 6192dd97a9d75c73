/*
 * A fork, a new session, and a pipe by which the exit code comes back. The standard streams stay
 * until it is told, so that complaints reach the terminal; then they lead nowhere.
 */
#include "supervisor/detach.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/supervisor.h"

void detach_start(struct supervisor *supervisor) {
    unsigned char exit_code = EXIT_CODE_SYSTEM;
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
        log_fatal(EXIT_CODE_SYSTEM, "cannot go into the background");
    if (pid > 0) {
        close(ends[1]);
        if (read(ends[0], &exit_code, 1) != 1)
            exit_code = EXIT_CODE_SYSTEM;
        _exit(exit_code);
    }
    close(ends[0]);
    setsid();
    if (chdir("/") < 0)
        log_warn("/");
    supervisor->detached_fd = ends[1];
}

void detach_tell(struct supervisor *supervisor, int exit_code) {
    const unsigned char byte = (unsigned char)exit_code;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (write(supervisor->detached_fd, &byte, 1) != 1) {
        /* Whoever waited is gone. */
    }
    close(supervisor->detached_fd);
    supervisor->detached_fd = -1;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    close(null);
}

void detach_complain(struct supervisor *supervisor, const char *text) {
    supervisor_note(supervisor, NULL, NULL, LOG_LEVEL_ERROR, "no_start", NULL, "%s", text);
    if (!supervisor->log_to_terminal)
        fprintf(stderr, "preforkd: %s\n", text);
}
