/* The child's exit code is its verdict; what it has to say is in a memfd. */
#include "supervisor/reload_read.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/console.h"
#include "shared/exit_code.h"
#include "shared/exit_words.h"
#include "shared/failpoint.h"
#include "shared/leave.h"
#include "shared/log.h"
#include "supervisor/config.h"

#define CHILD_S  30 /* that it may take */
#define TEXT_MAX 32768

static _Noreturn void read_in_child(const char *file, int complaint_fd, pid_t parent) {
    struct config *config;
    FILE *complaints;
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        leave_process(EXIT_CODE_SYSTEM);
    dup2(complaint_fd, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0u, 0);
    log_use_records(-1, LOG_FORMAT_HUMAN, LOG_LEVEL_INFO, "", 0, NULL);
    console_use(-1);
    sigemptyset(&none);
    signal(SIGALRM, SIG_DFL);
    alarm(CHILD_S);
    sigprocmask(SIG_SETMASK, &none, NULL);
    FAILPOINT("reload-read");
    complaints = fdopen(STDERR_FILENO, "w");
    if (complaints == NULL)
        leave_process(EXIT_CODE_SYSTEM);
    config = config_read_plain(file, complaints);
    fflush(complaints);
    leave_process(config != NULL ? EXIT_CODE_OK : EXIT_CODE_CONFIG);
}

int reload_read_start(struct reload_read *reading, const char *file) {
    const pid_t parent = getpid();

    *reading = (struct reload_read){ .pidfd = -1,
        .complaint_fd = memfd_create("preforkd complaints", MFD_CLOEXEC) };
    if (reading->complaint_fd < 0)
        return -1;
    reading->pid = fork();
    if (reading->pid == 0)
        read_in_child(file, reading->complaint_fd, parent);
    if (reading->pid > 0)
        reading->pidfd = (int)syscall(SYS_pidfd_open, reading->pid, 0);
    if (reading->pidfd >= 0)
        return 0;
    reload_read_cancel(reading);
    return -1;
}

static char *load_text(int fd) {
    char *text = calloc(1, TEXT_MAX + 1);

    if (text != NULL && pread(fd, text, TEXT_MAX, 0) < 0)
        text[0] = '\0';
    return text;
}

static void close_all(struct reload_read *reading) {
    if (reading->pidfd >= 0)
        close(reading->pidfd);
    if (reading->complaint_fd >= 0)
        close(reading->complaint_fd);
    *reading = (struct reload_read){ .pidfd = -1, .complaint_fd = -1 };
}

bool reload_read_end(struct reload_read *reading, const char *file, char **out_text) {
    char words[EXIT_WORDS_MAX] = "is not known how";
    siginfo_t info = { .si_pid = 0 };
    bool is_good, has_spoken;

    waitid(P_PID, (id_t)reading->pid, &info, WEXITED);
    *out_text = load_text(reading->complaint_fd);
    close_all(reading);
    is_good = info.si_code == CLD_EXITED && info.si_status == EXIT_CODE_OK;
    has_spoken = info.si_code == CLD_EXITED && info.si_status == EXIT_CODE_CONFIG;
    if (is_good || has_spoken)
        return is_good;
    free(*out_text);
    exit_words_describe(words, info.si_code, info.si_status);
    if (asprintf(out_text, "%s: the process that read it %s\n", file, words) < 0)
        *out_text = NULL;
    return false;
}

void reload_read_cancel(struct reload_read *reading) {
    const int saved_errno = errno;

    if (reading->pid > 0) {
        kill(reading->pid, SIGKILL);
        waitpid(reading->pid, NULL, 0);
    }
    close_all(reading);
    errno = saved_errno;
}
