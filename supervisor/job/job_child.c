/*
 * A worker process from its fork to its end. Fork is a transaction: prepare makes what both sides
 * need, then exactly one of in_child, in_parent or discard follows.
 */
#include "supervisor/job/job_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"

#define PIPE_SIZE   (1024 * 1024)
#define READ_SIZE   JOB_CHILD_BYTES
#define EOF_WAIT_MS 200 /* for a command that is just being started to let go of the pipe */

void job_child_init(struct job_child *child) {
    child->exit.fd = child->pipe.fd = -1;
}

void job_child_fini(struct job_child *child) {
    free(child->buf);
    child->buf = NULL;
}

void job_child_kill(struct job_child *child, enum blame_cause cause) {
    if (child->state != JOB_CHILD_RUNNING)
        return;
    child->state = JOB_CHILD_KILLED;
    child->cause = cause;
    kill(child->pid, SIGKILL);
}

/* ---- frames ---- */

/* Hand every complete frame in the buffer to the owner; keep the rest. */
static void take_frames(struct job_child *child) {
    enum frame_verdict verdict = FRAME_COMPLETE;
    struct frame frame;
    const char *payload;
    size_t at = 0;

    while (child->state == JOB_CHILD_RUNNING || child->cause != BLAME_CAUSE_LIED) {
        verdict = frame_read(child->buf + at, child->len - at, &frame, &payload);
        if (verdict != FRAME_COMPLETE)
            break;
        at += sizeof(frame) + frame.len;
        child->frames++;
        if (!child->owner->on_frame(child, &frame, payload))
            job_child_kill(child, BLAME_CAUSE_LIED);
    }
    if (verdict == FRAME_BAD)
        job_child_kill(child, BLAME_CAUSE_LIED);
    if (at > 0)
        child->owner->on_heard(child);
    child->len -= at;
    memmove(child->buf, child->buf + at, child->len);
}

static void close_pipe(struct job_child *child) {
    if (child->pipe.fd < 0)
        return;
    if (!child->is_hushed)
        loop_remove(child->loop, &child->pipe);
    child->is_hushed = false;
    close(child->pipe.fd);
    child->pipe.fd = -1;
}

/* Read once. Returns what read(2) did. */
static ssize_t read_pipe(struct job_child *child) {
    ssize_t n;

    do
        n = read(child->pipe.fd, child->buf + child->len, READ_SIZE - child->len);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        child->len += (size_t)n;
        take_frames(child);
    }
    return n;
}

static void on_pipe(struct loop_watch *watch, uint32_t events) {
    struct job_child *child = watch->owner;

    (void)events;
    if (read_pipe(child) == 0)
        close_pipe(child);
}

/* Take everything out of a dead child's pipe. */
static void drain_pipe(struct job_child *child) {
    struct pollfd more = { .fd = child->pipe.fd, .events = POLLIN };
    ssize_t n;

    while (child->pipe.fd >= 0) {
        n = read_pipe(child);
        /* Between vfork and exec a command of the child's still holds the other end. */
        if (n == 0 || (n < 0 && (errno != EAGAIN || poll(&more, 1, EOF_WAIT_MS) <= 0)))
            close_pipe(child);
    }
}

void job_child_hush(struct job_child *child) {
    if (child->state == JOB_CHILD_NONE || child->pipe.fd < 0 || child->is_hushed)
        return;
    loop_remove(child->loop, &child->pipe);
    child->is_hushed = true;
}

void job_child_hear(struct job_child *child) {
    if (!child->is_hushed)
        return;
    child->is_hushed = false;
    /* Unheard it would wait for ever: without a watch it cannot go on. */
    if (loop_add(child->loop, &child->pipe, EPOLLIN) < 0)
        job_child_kill(child, BLAME_CAUSE_STOPPED);
}

/* ---- death ---- */

/*
 * End what the child's commands left running; as their reaper we know that the numbers are theirs.
 */
static void end_commands(const struct job_child *child) {
    pid_t group;

    for (uint32_t i = 0; child->groups != NULL && i < child->group_count; i++) {
        group = atomic_exchange(&child->groups[i], 0);
        if (group <= 1)
            continue;
        kill(-group, SIGKILL);
        while (waitpid(-group, NULL, 0) > 0 || errno == EINTR)
            continue;
    }
}

static enum blame_cause cause_of(const struct job_child *child, const siginfo_t *info) {
    if (child->state == JOB_CHILD_KILLED)
        return child->cause;
    return info->si_code == CLD_EXITED ? BLAME_CAUSE_EXITED : BLAME_CAUSE_SIGNALED;
}

static void forget(struct job_child *child) {
    loop_remove(child->loop, &child->exit);
    close(child->exit.fd);
    child->exit.fd = -1;
    close_pipe(child);
    child->state = JOB_CHILD_NONE;
    child->len = 0;
}

static void on_exit_of_child(struct loop_watch *watch, uint32_t events) {
    struct job_child *child = watch->owner;
    struct rusage usage = { .ru_maxrss = 0 };
    struct job_child_death death;
    siginfo_t info = { .si_pid = 0 };

    (void)events;
    syscall(SYS_waitid, P_PIDFD, child->exit.fd, &info, WEXITED, &usage);
    drain_pipe(child);
    end_commands(child);
    death = (struct job_child_death){
        .ordinal = child->ordinal,
        .pid = child->pid,
        .cause = cause_of(child, &info),
        .code = info.si_code,
        .status = info.si_status,
        .uptime_ns = clock_now_ns() - child->started_ns,
        .frames = child->frames,
        .torn_bytes = child->len,
        .peak_kb = usage.ru_maxrss,
    };
    forget(child);
    child->owner->on_exit(child, &death);
}

/* ---- birth ---- */

struct birth {
    int pipe[2];
    sigset_t mask; /* before */
};

static int spawn_prepare(struct birth *birth) {
    sigset_t all;

    if (pipe2(birth->pipe, O_CLOEXEC) < 0)
        return -1;
    /* A larger pipe saves wake-ups; where the limit of the user is reached the default does. */
    fcntl(birth->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
    fcntl(birth->pipe[0], F_SETFL, O_NONBLOCK);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &birth->mask);
    return 0;
}

static void spawn_discard(struct birth *birth) {
    int saved_errno = errno;

    sigprocmask(SIG_SETMASK, &birth->mask, NULL);
    close(birth->pipe[0]);
    close(birth->pipe[1]);
    errno = saved_errno;
}

static int spawn_in_parent(struct job_child *child, struct birth *birth, pid_t pid) {
    /* The write end goes before the next fork, or the next child would keep it open. */
    close(birth->pipe[1]);
    sigprocmask(SIG_SETMASK, &birth->mask, NULL);
    child->pid = pid;
    child->state = JOB_CHILD_RUNNING;
    child->started_ns = clock_now_ns();
    child->frames = child->len = 0;
    child->exit = (struct loop_watch){
        .fd = (int)syscall(SYS_pidfd_open, pid, 0), .ready = on_exit_of_child, .owner = child
    };
    child->pipe = (struct loop_watch){ .fd = birth->pipe[0], .ready = on_pipe, .owner = child };
    if (child->exit.fd >= 0 && loop_add(child->loop, &child->exit, EPOLLIN) == 0 &&
        loop_add(child->loop, &child->pipe, EPOLLIN) == 0)
        return 0;
    /* Unwatched it is of no use: undo the birth. */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    if (child->exit.fd >= 0)
        close(child->exit.fd);
    close(birth->pipe[0]);
    child->exit.fd = child->pipe.fd = -1;
    child->state = JOB_CHILD_NONE;
    return -1;
}

int job_child_start(struct job_child *child) {
    pid_t parent = getpid(), pid;
    struct birth birth;

    if (child->buf == NULL && (child->buf = malloc(READ_SIZE)) == NULL)
        return -1;
    if (spawn_prepare(&birth) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        child->owner->run(child, birth.pipe[1], parent);
        _exit(EXIT_FAILURE); /* it does not come here */
    }
    if (pid < 0) {
        spawn_discard(&birth);
        return -1;
    }
    return spawn_in_parent(child, &birth, pid);
}
