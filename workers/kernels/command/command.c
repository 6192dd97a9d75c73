/*
 * Run a command for each chunk. posix_spawn was refused for one reason: the command must die with
 * its worker (PDEATHSIG), and its process group must be on record before it runs a single
 * instruction of its own, so that whoever survives can end it. Both are done between vfork and
 * exec, where only the calls that POSIX allows there are made.
 */
#include "workers/kernels/command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/exit_words.h"
#include "shared/failpoint.h"
#include "shared/loop.h"
#include "workers/sink.h"

#define READ_SIZE     (64u * 1024u)
#define VARIABLES     4
#define VARIABLE_SIZE 48

struct params {
    char *path; /* of the program, resolved by plan */
};

/* One running command. */
struct running {
    struct kernel_work *work;
    struct sink *sink;
    struct loop *loop;
    struct loop_watch output; /* fd -1 after end of file */
    struct loop_watch exit;   /* a pidfd; -1 after the command was reaped */
    pid_t pid;
    siginfo_t status;
};

/* What the child needs between vfork and exec. */
struct launch {
    const char *path;
    char **argv, **envp;
    char variable[VARIABLES][VARIABLE_SIZE];
    int output_fd;
    pid_t parent;
    _Atomic int32_t *group;
    volatile int error; /* errno of a failed exec: the memory is shared until then */
};

extern char **environ;

/* ---- planning ---- */

static bool is_program(const char *path) {
    return access(path, X_OK) == 0;
}

/* As execvp(3) looks: a name with a slash is a path, others are sought in PATH. */
static char *find_program(const char *name) {
    const char *dir = getenv("PATH"), *end;
    char *path;

    if (strchr(name, '/') != NULL)
        return is_program(name) ? strdup(name) : NULL;
    for (dir = dir != NULL ? dir : "/usr/bin:/bin"; *dir != '\0'; dir = *end ? end + 1 : end) {
        end = strchrnul(dir, ':');
        if (asprintf(&path, "%.*s%s%s", (int)(end - dir), dir, end > dir ? "/" : "", name) < 0)
            return NULL;
        if (is_program(path))
            return path;
        free(path);
    }
    return NULL;
}

static int plan(struct kernel_plan *plan, struct complaint *complaint) {
    struct params *params = plan->params;

    free(params->path); /* a spec may be prepared more than once */
    params->path = find_program(plan->argv[0]);
    if (params->path == NULL)
        return complaint_set(complaint, "command \"%s\" is not a program that can be run: %s",
            plan->argv[0],
            strchr(plan->argv[0], '/') != NULL ? strerror(errno) : "not found in PATH");
    if (plan->chunk_size == 0)
        plan->chunk_size = 1;
    return 0;
}

static void unplan(struct kernel_plan *plan) {
    struct params *params = plan->params;

    free(params->path);
    params->path = NULL;
}

/* ---- launching ---- */

char *command_expand(const char *argument, const struct kernel_work *work) {
    const struct {
        const char *name;
        uint64_t value;
    } holes[] = { { "{lo}", work->lo }, { "{hi}", work->hi }, { "{i}", work->id + 1 },
        { "{attempt}", work->attempt } };
    char *text = NULL;
    size_t size, i, len;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    while (*argument != '\0') {
        for (i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
            len = strlen(holes[i].name);
            if (strncmp(argument, holes[i].name, len) == 0)
                break;
        }
        if (i == sizeof(holes) / sizeof(holes[0])) {
            fputc(*argument++, out);
            continue;
        }
        fprintf(out, "%" PRIu64, holes[i].value);
        argument += len;
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void launch_free(struct launch *launch) {
    for (size_t i = 0; launch->argv != NULL && launch->argv[i] != NULL; i++)
        free(launch->argv[i]);
    free(launch->argv);
    free(launch->envp);
}

static int launch_init(
    struct launch *launch, const struct kernel_plan *plan, const struct kernel_work *work) {
    const char *const names[VARIABLES] = { "LO", "HI", "CHUNK", "ATTEMPT" };
    const uint64_t values[VARIABLES] = { work->lo, work->hi, work->id + 1, work->attempt };
    size_t argc = 0, envc = 0;

    while (plan->argv[argc] != NULL)
        argc++;
    while (environ[envc] != NULL)
        envc++;
    launch->path = ((struct params *)plan->params)->path;
    launch->argv = calloc(argc + 1, sizeof(char *));
    launch->envp = calloc(envc + VARIABLES + 1, sizeof(char *));
    if (launch->argv == NULL || launch->envp == NULL)
        return -1;
    for (size_t i = 0; i < argc; i++)
        if ((launch->argv[i] = command_expand(plan->argv[i], work)) == NULL)
            return -1;
    for (size_t i = 0; i < VARIABLES; i++) {
        snprintf(launch->variable[i], VARIABLE_SIZE, "PREFORK_%s=%" PRIu64, names[i], values[i]);
        launch->envp[i] = launch->variable[i];
    }
    memcpy(launch->envp + VARIABLES, environ, envc * sizeof(char *));
    launch->parent = getpid();
    return 0;
}

/* Between vfork and exec: shares the parent's memory, so it writes only *group and error. */
_Noreturn static void become_command(struct launch *launch) {
    /* What a worker ignores; what the user ignored, as nohup does, stays ignored. */
    static const int ignored[] = { SIGPIPE, SIGINT, SIGQUIT };
    const struct sigaction by_default = { .sa_handler = SIG_DFL };
    sigset_t none;

    setpgid(0, 0);
    atomic_store(launch->group, (int32_t)syscall(SYS_getpid));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != launch->parent)
        _exit(127);
    dup2(launch->output_fd, STDOUT_FILENO);
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        sigaction(ignored[i], &by_default, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    FAILPOINT("command-before-exec");
    execve(launch->path, launch->argv, launch->envp);
    launch->error = errno;
    _exit(127);
}

/* Returns the pid, or -1 with errno. */
static pid_t launch_run(struct launch *launch) {
    sigset_t all, before;
    int status;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    launch->error = 0;
    pid = vfork();
    if (pid == 0)
        become_command(launch); /* NOLINT(clang-analyzer-unix.Vfork): see there */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid > 0 && launch->error != 0) {
        waitpid(pid, &status, 0);
        atomic_store(launch->group, 0);
        errno = launch->error;
        return -1;
    }
    return pid;
}

/* ---- one command's life ---- */

static void forget_output(struct running *running) {
    if (running->output.fd < 0)
        return;
    loop_remove(running->loop, &running->output);
    close(running->output.fd);
    running->output.fd = -1;
}

/*
 * End what the command left running in its group, then reap it. In this order: as long as it is
 * not reaped, its number is not given to anybody else.
 */
static void reap(struct running *running) {
    if (running->exit.fd < 0)
        return;
    kill(-running->pid, SIGKILL);
    atomic_store(running->work->group, 0);
    waitid(P_PIDFD, (id_t)running->exit.fd, &running->status, WEXITED);
    loop_remove(running->loop, &running->exit);
    close(running->exit.fd);
    running->exit.fd = -1;
}

static void finish_when_over(struct running *running) {
    struct kernel_work *work = running->work;
    char words[EXIT_WORDS_MAX];
    bool succeeded;

    if (running->output.fd >= 0 || running->exit.fd >= 0)
        return;
    succeeded = running->status.si_code == CLD_EXITED && running->status.si_status == 0;
    if (!succeeded)
        complaint_set(&work->complaint, "the command %s",
            exit_words_describe(words, running->status.si_code, running->status.si_status));
    work->scratch = NULL;
    free(running);
    work->finish(work, succeeded ? KERNEL_DONE : KERNEL_FAILED);
}

static void on_output(struct loop_watch *watch, uint32_t events) {
    struct running *running = watch->owner;
    char buf[READ_SIZE];
    ssize_t n;

    (void)events;
    n = read(watch->fd, buf, sizeof(buf));
    if (n > 0) {
        sink_put_bytes(running->sink, buf, (size_t)n);
        return;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    forget_output(running);
    finish_when_over(running);
}

static void on_exit_of_command(struct loop_watch *watch, uint32_t events) {
    struct running *running = watch->owner;

    (void)events;
    reap(running);
    finish_when_over(running);
}

/* Put both descriptors into the loop. Returns 0, or -1 with errno and the command ended. */
static int watch_command(struct running *running, struct loop *loop) {
    running->loop = loop;
    running->output.ready = on_output;
    running->exit.ready = on_exit_of_command;
    running->output.owner = running->exit.owner = running;
    running->exit.fd = (int)syscall(SYS_pidfd_open, running->pid, 0);
    if (running->exit.fd >= 0 && loop_add(loop, &running->output, EPOLLIN) == 0 &&
        loop_add(loop, &running->exit, EPOLLIN) == 0)
        return 0;
    kill(-running->pid, SIGKILL);
    atomic_store(running->work->group, 0);
    waitid(P_PID, (id_t)running->pid, &running->status, WEXITED);
    return -1;
}

static int begin(struct running *running, const struct kernel_plan *plan, struct loop *loop) {
    struct launch launch = { .group = running->work->group };
    int fds[2] = { -1, -1 }, saved_errno, rc = -1;

    if (pipe2(fds, O_CLOEXEC) < 0 || launch_init(&launch, plan, running->work) < 0)
        goto out;
    launch.output_fd = fds[1];
    running->output.fd = fds[0];
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    running->pid = launch_run(&launch);
    if (running->pid > 0)
        rc = watch_command(running, loop);
out:
    saved_errno = errno;
    launch_free(&launch);
    if (fds[1] >= 0)
        close(fds[1]);
    if (rc < 0 && fds[0] >= 0)
        close(fds[0]);
    errno = saved_errno;
    return rc;
}

static void start(void *state, const struct kernel_plan *plan, struct kernel_work *work,
    struct sink *sink, struct loop *loop) {
    struct running *running = calloc(1, sizeof(*running));

    (void)state;
    if (running != NULL) {
        running->work = work;
        running->sink = sink;
        running->output.fd = running->exit.fd = -1;
        work->scratch = running;
        if (begin(running, plan, loop) == 0)
            return;
    }
    complaint_set(&work->complaint, "the command could not be started: %s", strerror(errno));
    work->scratch = NULL;
    if (running != NULL && running->exit.fd >= 0)
        close(running->exit.fd);
    free(running);
    work->finish(work, KERNEL_FAILED);
}

static void abandon(void *state, struct kernel_work *work, struct loop *loop) {
    struct running *running = work->scratch;

    (void)state;
    (void)loop;
    if (running == NULL)
        return;
    reap(running);
    forget_output(running);
    work->scratch = NULL;
    free(running);
}

static const struct setting no_params[] = { { .name = NULL } };

const struct kernel_ops command_kernel = {
    .name = "command",
    .version = "1",
    .summary = "a command for each chunk: its output is the result",
    .flags = KERNEL_BYTES | KERNEL_ARGV | KERNEL_SPAWNS,
    .params = no_params,
    .params_size = sizeof(struct params),
    .plan = plan,
    .unplan = unplan,
    .start = start,
    .abandon = abandon,
};
