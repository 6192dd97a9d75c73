/*
 * Figures of a server that noise cannot touch.
 *
 *     serve_exact calls  --load COMMAND ... --server TARGET COMMAND ...
 *     serve_exact steps  ...
 *     serve_exact memory ...
 *
 * calls: system calls of all its threads per message, and which. steps: user-space instructions
 * per message, counted by stepping through every thread; those of the vDSO, which reads clocks, are
 * left out, since it tries again when the time changes, and stepping is slow. For both the server
 * runs on one CPU and the load on the same one before it, so that with load_echo --rounds every
 * answer that is due is asked for before the server looks again.
 * memory: proportional set size in KB without connections, with those of the load, for each of
 * those, and for each process.
 *
 * The tracer is a process of its own; the server is killed at the end.
 */
#include "tests/bench/serve.h"

#include <dirent.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>

#define CALLS_MOST 512
#define TICK_US    50000
#define TICKS_MOST 20 /* to wait for quiet, if there is something that never rests */

static volatile sig_atomic_t has_ticked, is_over;

static struct {
    uint64_t events; /* stops, whatever for */
    uint64_t steps, calls[CALLS_MOST];
} seen;

static unsigned long vdso_from, vdso_to;

static const struct {
    int number;
    const char *name;
} call_names[] = { { SYS_read, "read" }, { SYS_write, "write" }, { SYS_close, "close" },
    { SYS_readv, "readv" }, { SYS_writev, "writev" }, { SYS_poll, "poll" }, { SYS_ppoll, "ppoll" },
    { SYS_mmap, "mmap" }, { SYS_munmap, "munmap" }, { SYS_mprotect, "mprotect" },
    { SYS_madvise, "madvise" }, { SYS_brk, "brk" }, { SYS_rt_sigprocmask, "rt_sigprocmask" },
    { SYS_rt_sigaction, "rt_sigaction" }, { SYS_clone, "clone" }, { SYS_clone3, "clone3" },
    { SYS_fork, "fork" }, { SYS_vfork, "vfork" }, { SYS_execve, "execve" }, { SYS_exit, "exit" },
    { SYS_exit_group, "exit_group" }, { SYS_wait4, "wait4" }, { SYS_waitid, "waitid" },
    { SYS_futex, "futex" }, { SYS_set_robust_list, "set_robust_list" }, { SYS_rseq, "rseq" },
    { SYS_recvfrom, "recv" }, { SYS_sendto, "send" }, { SYS_recvmsg, "recvmsg" },
    { SYS_sendmsg, "sendmsg" }, { SYS_recvmmsg, "recvmmsg" }, { SYS_sendmmsg, "sendmmsg" },
    { SYS_accept, "accept" }, { SYS_accept4, "accept4" }, { SYS_shutdown, "shutdown" },
    { SYS_setsockopt, "setsockopt" }, { SYS_getsockopt, "getsockopt" },
    { SYS_getsockname, "getsockname" }, { SYS_getpeername, "getpeername" }, { SYS_fcntl, "fcntl" },
    { SYS_ioctl, "ioctl" }, { SYS_epoll_wait, "epoll_wait" }, { SYS_epoll_pwait, "epoll_pwait" },
    { SYS_epoll_pwait2, "epoll_pwait2" }, { SYS_epoll_ctl, "epoll_ctl" },
    { SYS_timerfd_settime, "timerfd_settime" }, { SYS_clock_gettime, "clock_gettime" },
    { SYS_sched_yield, "sched_yield" }, { SYS_nanosleep, "nanosleep" }, { SYS_getpid, "getpid" },
    { SYS_splice, "splice" }, { SYS_tee, "tee" }, { SYS_prctl, "prctl" },
    { SYS_openat, "openat" } };

static void tick(int number) {
    if (number == SIGALRM)
        has_ticked = 1;
    else
        is_over = 1;
}

static void seize_threads(pid_t pid) {
    char path[64];
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        pid_t thread = atoi(entry->d_name);
        if (thread > 0 && ptrace(PTRACE_SEIZE, thread, NULL,
                              PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                                  PTRACE_O_TRACEVFORK) == 0)
            ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
    }
    if (dir != NULL)
        closedir(dir);
}

static void find_vdso(pid_t pid) {
    char path[64], line[512];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strstr(line, "[vdso]") != NULL)
            sscanf(line, "%lx-%lx", &vdso_from, &vdso_to);
    if (file != NULL)
        fclose(file);
}

static void count_step(pid_t thread) {
    unsigned long at = (unsigned long)ptrace(
        PTRACE_PEEKUSER, thread, offsetof(struct user_regs_struct, rip), NULL);

    if (at < vdso_from || at >= vdso_to)
        seen.steps++;
}

static void count_call(pid_t thread) {
    struct __ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) > 0 &&
        info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr < CALLS_MOST)
        seen.calls[info.entry.nr]++;
}

/* Look at one stop, and let the thread go on to its next. */
static void pass(pid_t thread, int status, bool by_steps) {
    int number = WSTOPSIG(status), event = status >> 16, deliver = 0;

    if (number == (SIGTRAP | 0x80))
        count_call(thread);
    else if (number == SIGTRAP && event == 0)
        count_step(thread);
    else if (event == 0)
        deliver = number;
    seen.events++;
    ptrace(by_steps ? PTRACE_SINGLESTEP : PTRACE_SYSCALL, thread, NULL, (long)deliver);
}

/* Follow all threads until none has done anything for a while, and, if so, is_over. */
static void follow(bool by_steps, bool until_over) {
    uint64_t events_at_tick = UINT64_MAX;
    int status, ticks = 0;
    pid_t thread;

    for (;;) {
        thread = waitpid(-1, &status, __WALL);
        if (thread > 0 && WIFSTOPPED(status))
            pass(thread, status, by_steps);
        if (thread < 0 && errno != EINTR)
            return;
        if (!has_ticked)
            continue;
        has_ticked = 0;
        if (until_over && !is_over)
            continue;
        if (seen.events == events_at_tick || ++ticks == TICKS_MOST)
            return;
        events_at_tick = seen.events;
    }
}

/* In a child: trace the tree, write a byte when it is quiet, and all counts at the end. */
static _Noreturn void trace(pid_t root, bool by_steps, int out_fd) {
    struct itimerval every = { { 0, TICK_US }, { 0, TICK_US } };
    struct sigaction action = { .sa_handler = tick };
    static struct serve_tree tree;

    serve_pin(0); /* a switch on one CPU is much cheaper than a wake-up of another */
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    find_vdso(root);
    serve_find_tree(root, &tree);
    for (int i = 0; i < tree.count; i++)
        seize_threads(tree.pid[i]);
    setitimer(ITIMER_REAL, &every, NULL);
    follow(by_steps, false);
    memset(&seen, 0, sizeof(seen));
    if (write(out_fd, "q", 1) != 1)
        _exit(1);
    follow(by_steps, true);
    if (write(out_fd, &seen, sizeof(seen)) != sizeof(seen))
        _exit(1);
    for (int i = 0; i < tree.count; i++)
        kill(tree.pid[i], SIGKILL);
    _exit(0);
}

static void print_calls(double messages) {
    double sum = 0;

    for (int i = 0; i < CALLS_MOST; i++)
        sum += (double)seen.calls[i];
    printf("%.3f", sum / messages);
    for (int i = 0; i < CALLS_MOST; i++) {
        const char *name = NULL;
        if ((double)seen.calls[i] / messages < 0.0005)
            continue;
        for (unsigned j = 0; j < sizeof(call_names) / sizeof(call_names[0]); j++)
            name = call_names[j].number == i ? call_names[j].name : name;
        if (name != NULL)
            printf(" %s=%.3f", name, (double)seen.calls[i] / messages);
        else
            printf(" call_%d=%.3f", i, (double)seen.calls[i] / messages);
    }
    putchar('\n');
}

static void count(struct serve_server *server, char **load_options, bool by_steps) {
    struct serve_result result;
    struct serve_load load;
    pid_t tracer;
    int pipe_fds[2];
    char quiet;

    load = serve_load_start(load_options, server->target, 0, true);
    if (pipe(pipe_fds) != 0)
        serve_fail("pipe", strerror(errno));
    tracer = fork();
    if (tracer == 0)
        trace(server->pid, by_steps, pipe_fds[1]);
    close(pipe_fds[1]);
    if (read(pipe_fds[0], &quiet, 1) != 1)
        serve_fail("cannot trace", server->argv[0]);
    result = serve_load_run(&load);
    kill(tracer, SIGTERM);
    if (read(pipe_fds[0], &seen, sizeof(seen)) != sizeof(seen))
        serve_fail("no counts", server->argv[0]);
    waitpid(tracer, NULL, 0);
    serve_load_end(&load);
    serve_stop(server, false);
    if (by_steps)
        printf("%.1f\n", (double)seen.steps / result.messages);
    else
        print_calls(result.messages);
}

static void weigh(struct serve_server *server, char **load_options) {
    char *one[] = { load_options[0], (char *)"--connections", (char *)"1", NULL };
    uint64_t empty_kb, full_kb;
    struct serve_load load;
    int connections = 64, processes;

    for (char **word = load_options; *word != NULL; word++)
        if (strcmp(*word, "--connections") == 0 && word[1] != NULL)
            connections = atoi(word[1]);
    load = serve_load_start(one, server->target, -1, false);
    serve_load_run(&load);
    serve_load_end(&load);
    usleep(200000);
    empty_kb = serve_pss_kb(server->pid, &processes);
    load = serve_load_start(load_options, server->target, -1, false);
    serve_load_run(&load);
    full_kb = serve_pss_kb(server->pid, &processes);
    serve_load_end(&load);
    serve_stop(server, true);
    printf("%llu %llu %.2f %.2f\n", (unsigned long long)empty_kb, (unsigned long long)full_kb,
        ((double)full_kb - (double)empty_kb) / connections, (double)full_kb / processes);
}

int main(int argc, char **argv) {
    static const char *const names[] = { "--load", "--server", NULL };
    struct serve_server server;
    char **section[2];

    serve_sections(argv, names, section);
    if (argc < 5 || section[0] == NULL || section[1] == NULL || section[1][0] == NULL) {
        fprintf(stderr, "usage: serve_exact calls|steps|memory --load ... --server TARGET ...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    server = (struct serve_server){ section[1][0], section[1] + 1, 0 };
    if (strcmp(argv[1], "memory") != 0)
        setenv("SERVE_PIN", "1", 1);
    serve_start(&server);
    if (strcmp(argv[1], "memory") == 0)
        weigh(&server, section[0]);
    else
        count(&server, section[0], strcmp(argv[1], "steps") == 0);
    return 0;
}
