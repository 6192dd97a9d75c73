/*
 * The local engines: children forked here. Fork is a transaction: prepare makes what both sides
 * need, then exactly one of in_child, in_parent or discard follows.
 */
#include "supervisor/job/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/log.h"
#include "supervisor/job/guard.h"

#define PIPE_SIZE    (1024 * 1024)
#define READ_SIZE    ENGINE_CHILD_BYTES
#define EOF_WAIT_MS  200 /* for a command that is just being started to let go of the pipe */
#define LAST_WAIT_MS 200 /* for processes that were killed to be gone */

const struct engine_kind engine_table[] = {
    { "process", JOB_WORKER_PROCESS, "a child process for each worker", "worker" },
    { "thread", JOB_WORKER_THREAD, "one child process with a thread for each worker", "thread" },
    { "event", JOB_WORKER_EVENT, "one child process, one thread, many chunks in flight", "lane" },
};

const char *const engine_names[] = { "process", "thread", "event", NULL };

enum child_state { CHILD_NONE, CHILD_RUNNING, CHILD_KILLED };

struct child {
    struct engine *engine;
    enum child_state state;
    enum blame_cause cause; /* CHILD_KILLED: why */
    pid_t pid;
    uint32_t ordinal;
    uint32_t first_lane, lanes;
    uint64_t solo;
    uint64_t started_ns;
    uint64_t frames;
    struct loop_watch exit; /* a pidfd */
    struct loop_watch pipe; /* fd -1 after end of file */
    bool is_hushed;         /* the pipe is not in the loop for now */
    char *buf;
    size_t len; /* bytes in buf that are not a complete frame yet */
};

struct engine {
    struct engine_plan plan;
    struct engine_client client;
    struct loop *loop;
    struct guard guard;
    bool is_leaving;
    bool has_warned; /* of a fork that failed */
    uint32_t running;
    uint32_t child_count; /* the last one is for a solo chunk */
    struct child *children;
};

static bool spawns(const struct engine *engine) {
    return engine->plan.kernel->ops->flags & KERNEL_SPAWNS;
}

static struct child *solo_child(const struct engine *engine) {
    return &engine->children[engine->child_count - 1];
}

/* ---- frames ---- */

static void kill_child(struct child *child, enum blame_cause cause) {
    if (child->state != CHILD_RUNNING)
        return;
    child->state = CHILD_KILLED;
    child->cause = cause;
    kill(child->pid, SIGKILL);
}

/* Hand every complete frame in the buffer to the client; keep the rest. */
static void take_frames(struct child *child) {
    const struct engine_client *client = &child->engine->client;
    enum frame_verdict verdict = FRAME_COMPLETE;
    struct frame frame;
    const char *payload;
    size_t at = 0;

    while (child->state == CHILD_RUNNING || child->cause != BLAME_CAUSE_LIED) {
        verdict = frame_read(child->buf + at, child->len - at, &frame, &payload);
        if (verdict != FRAME_COMPLETE)
            break;
        at += sizeof(frame) + frame.len;
        child->frames++;
        if (!client->on_frame(client->arg, &frame, payload, child->first_lane, child->lanes))
            kill_child(child, BLAME_CAUSE_LIED);
    }
    if (verdict == FRAME_BAD)
        kill_child(child, BLAME_CAUSE_LIED);
    if (at > 0)
        client->on_heard(client->arg);
    child->len -= at;
    memmove(child->buf, child->buf + at, child->len);
}

static void close_pipe(struct child *child) {
    if (child->pipe.fd < 0)
        return;
    if (!child->is_hushed)
        loop_remove(child->engine->loop, &child->pipe);
    child->is_hushed = false;
    close(child->pipe.fd);
    child->pipe.fd = -1;
}

/* Read once. Returns what read(2) did. */
static ssize_t read_pipe(struct child *child) {
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
    struct child *child = watch->owner;

    (void)events;
    if (read_pipe(child) == 0)
        close_pipe(child);
}

/* Take everything out of a dead child's pipe. */
static void drain_pipe(struct child *child) {
    struct pollfd more = { .fd = child->pipe.fd, .events = POLLIN };
    ssize_t n;

    while (child->pipe.fd >= 0) {
        n = read_pipe(child);
        /* Between vfork and exec a command of the child's still holds the other end. */
        if (n == 0 || (n < 0 && (errno != EAGAIN || poll(&more, 1, EOF_WAIT_MS) <= 0)))
            close_pipe(child);
    }
}

/* ---- death ---- */

/* End what the child's commands left running; as their reaper we know that the numbers are theirs.
 */
static void end_commands(struct child *child) {
    pid_t group;

    for (uint32_t i = 0; i < child->lanes; i++) {
        group = atomic_exchange(
            &ring_lane(child->engine->plan.ring, child->first_lane + i)->group, 0);
        if (group <= 1)
            continue;
        kill(-group, SIGKILL);
        while (waitpid(-group, NULL, 0) > 0 || errno == EINTR)
            continue;
    }
}

static enum blame_cause cause_of(const struct child *child, const siginfo_t *info) {
    if (child->state == CHILD_KILLED)
        return child->cause;
    return info->si_code == CLD_EXITED ? BLAME_CAUSE_EXITED : BLAME_CAUSE_SIGNALED;
}

static void forget_child(struct child *child) {
    struct engine *engine = child->engine;

    loop_remove(engine->loop, &child->exit);
    close(child->exit.fd);
    close_pipe(child);
    child->state = CHILD_NONE;
    child->len = 0;
    engine->running--;
}

static void on_exit_of_child(struct loop_watch *watch, uint32_t events) {
    struct child *child = watch->owner;
    struct engine *engine = child->engine;
    bool is_solo = child->solo != RING_NO_CHUNK, has_left;
    struct rusage usage = { .ru_maxrss = 0 };
    struct engine_death death;
    siginfo_t info = { .si_pid = 0 };

    (void)events;
    syscall(SYS_waitid, P_PIDFD, child->exit.fd, &info, WEXITED, &usage);
    drain_pipe(child);
    if (spawns(engine))
        end_commands(child);
    death = (struct engine_death){
        .ordinal = child->ordinal,
        .pid = child->pid,
        .first_lane = child->first_lane,
        .lanes = child->lanes,
        .is_solo = is_solo,
        .cause = cause_of(child, &info),
        .code = info.si_code,
        .status = info.si_status,
        .uptime_ns = clock_now_ns() - child->started_ns,
        .frames = child->frames,
        .torn_bytes = child->len,
        .peak_kb = usage.ru_maxrss,
    };
    has_left = death.cause == BLAME_CAUSE_EXITED && death.status == 0 &&
               (is_solo || engine->is_leaving || ring_is_finished(engine->plan.ring));
    forget_child(child);
    if (!has_left)
        engine->client.on_lost(engine->client.arg, &death);
    if (is_solo)
        engine->client.on_solo_over(engine->client.arg);
    else
        engine_refill(engine);
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

_Noreturn static void spawn_in_child(
    const struct child *child, const struct birth *birth, pid_t parent) {
    const struct engine_plan *plan = &child->engine->plan;
    const struct job_worker_args args = {
        .ring = plan->ring,
        .plan = plan->kernel,
        .split = plan->split,
        .model = child->solo == RING_NO_CHUNK ? plan->kind->model : JOB_WORKER_PROCESS,
        .first_lane = child->first_lane,
        .lanes = child->lanes,
        .ordinal = child->ordinal,
        .batch = plan->batch,
        .solo = child->solo,
        .format = plan->format,
        .result_fd = birth->pipe[1],
        .life_fd = child->engine->guard.fd,
        .parent_pid = parent,
    };

    job_worker_main(&args);
}

static void spawn_discard(struct birth *birth) {
    int saved_errno = errno;

    sigprocmask(SIG_SETMASK, &birth->mask, NULL);
    close(birth->pipe[0]);
    close(birth->pipe[1]);
    errno = saved_errno;
}

static int spawn_in_parent(struct child *child, struct birth *birth, pid_t pid) {
    struct loop *loop = child->engine->loop;

    /* The write end goes before the next fork, or the next child would keep it open. */
    close(birth->pipe[1]);
    sigprocmask(SIG_SETMASK, &birth->mask, NULL);
    child->pid = pid;
    child->state = CHILD_RUNNING;
    child->started_ns = clock_now_ns();
    child->frames = child->len = 0;
    child->exit = (struct loop_watch){
        .fd = (int)syscall(SYS_pidfd_open, pid, 0), .ready = on_exit_of_child, .owner = child
    };
    child->pipe = (struct loop_watch){ .fd = birth->pipe[0], .ready = on_pipe, .owner = child };
    if (child->exit.fd >= 0 && loop_add(loop, &child->exit, EPOLLIN) == 0 &&
        loop_add(loop, &child->pipe, EPOLLIN) == 0) {
        child->engine->running++;
        return 0;
    }
    /* Unwatched it is of no use: undo the birth. */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    if (child->exit.fd >= 0)
        close(child->exit.fd);
    close(birth->pipe[0]);
    child->state = CHILD_NONE;
    return -1;
}

/* Rows are the lane's own while it lives; between two lives they are cleared here. */
static void clear_rows(const struct child *child) {
    for (uint32_t i = 0; i < child->lanes; i++) {
        struct ring_lane *row = ring_lane(child->engine->plan.ring, child->first_lane + i);
        atomic_store(&row->chunk, RING_NO_CHUNK);
        atomic_store(&row->stop, 0);
        atomic_store(&row->doing, RING_DOING_STARTING);
    }
}

static int spawn(struct child *child) {
    pid_t parent = getpid(), pid;
    struct birth birth;

    if (child->buf == NULL && (child->buf = malloc(READ_SIZE)) == NULL)
        return -1;
    if (spawn_prepare(&birth) < 0)
        return -1;
    clear_rows(child);
    pid = fork();
    if (pid == 0)
        spawn_in_child(child, &birth, parent);
    if (pid < 0) {
        spawn_discard(&birth);
        return -1;
    }
    return spawn_in_parent(child, &birth, pid);
}

/* ---- the engine ---- */

static void init_children(struct engine *engine) {
    uint32_t lanes = engine->plan.lanes_per_child;

    for (uint32_t i = 0; i < engine->child_count; i++) {
        bool is_solo = i == engine->child_count - 1;
        engine->children[i] = (struct child){
            .engine = engine,
            .ordinal = i + 1,
            .first_lane = i * lanes,
            .lanes = is_solo ? 1 : lanes,
            .solo = RING_NO_CHUNK,
            .exit = { .fd = -1 },
            .pipe = { .fd = -1 },
        };
    }
}

struct engine *engine_start(
    const struct engine_plan *plan, const struct engine_client *client, struct loop *loop) {
    struct engine *engine = calloc(1, sizeof(*engine));

    if (engine == NULL)
        return NULL;
    engine->plan = *plan;
    engine->client = *client;
    engine->loop = loop;
    engine->child_count = plan->children + 1;
    engine->guard = (struct guard){ .fd = -1 };
    engine->children = calloc(engine->child_count, sizeof(*engine->children));
    if (engine->children == NULL)
        goto fail;
    init_children(engine);
    if (spawns(engine)) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (guard_start(&engine->guard, plan->ring) < 0)
            goto fail;
    }
    engine_refill(engine);
    if (engine->running > 0)
        return engine;
fail:
    engine_free(engine);
    return NULL;
}

void engine_refill(struct engine *engine) {
    for (uint32_t i = 0; i + 1 < engine->child_count; i++) {
        if (engine->children[i].state != CHILD_NONE || engine->is_leaving ||
            ring_is_finished(engine->plan.ring))
            continue;
        if (spawn(&engine->children[i]) == 0) {
            engine->has_warned = false;
            continue;
        }
        if (!engine->has_warned)
            log_warn("cannot start worker %u, trying again", i + 1);
        engine->has_warned = true;
        return;
    }
}

int engine_start_solo(struct engine *engine, uint64_t chunk) {
    struct child *child = solo_child(engine);

    if (child->state != CHILD_NONE) {
        errno = EBUSY;
        return -1;
    }
    child->solo = chunk;
    return spawn(child);
}

static struct child *child_of_lane(const struct engine *engine, uint32_t lane) {
    for (uint32_t i = 0; i < engine->child_count; i++) {
        struct child *child = &engine->children[i];
        if (child->state != CHILD_NONE && lane >= child->first_lane &&
            lane - child->first_lane < child->lanes)
            return child;
    }
    return NULL;
}

void engine_kill_lane(struct engine *engine, uint32_t lane, enum blame_cause cause) {
    struct child *child = child_of_lane(engine, lane);

    if (child != NULL)
        kill_child(child, cause);
}

int engine_lane_pid(const struct engine *engine, uint32_t lane) {
    const struct child *child = child_of_lane(engine, lane);

    return child != NULL ? child->pid : 0;
}

static void hush_all_but(struct engine *engine, const struct child *heard) {
    for (uint32_t i = 0; i < engine->child_count; i++) {
        struct child *child = &engine->children[i];
        if (child == heard || child->state == CHILD_NONE || child->pipe.fd < 0 || child->is_hushed)
            continue;
        loop_remove(engine->loop, &child->pipe);
        child->is_hushed = true;
    }
}

bool engine_hush_others(struct engine *engine, uint32_t lane) {
    const struct child *heard = child_of_lane(engine, lane);

    if (heard == NULL || heard->pipe.fd < 0 || engine->running < 2)
        return false;
    hush_all_but(engine, heard);
    return true;
}

void engine_hush_all(struct engine *engine) {
    hush_all_but(engine, NULL);
}

void engine_hear_all(struct engine *engine) {
    for (uint32_t i = 0; i < engine->child_count; i++) {
        struct child *child = &engine->children[i];
        if (!child->is_hushed)
            continue;
        child->is_hushed = false;
        /* Unheard it would wait for ever: without a watch it cannot go on. */
        if (loop_add(engine->loop, &child->pipe, EPOLLIN) < 0)
            kill_child(child, BLAME_CAUSE_STOPPED);
    }
}

void engine_let_leave(struct engine *engine) {
    engine->is_leaving = true;
}

void engine_kill_all(struct engine *engine) {
    engine->is_leaving = true;
    for (uint32_t i = 0; i < engine->child_count; i++)
        kill_child(&engine->children[i], BLAME_CAUSE_STOPPED);
}

static bool is_ours(const struct engine *engine, pid_t pid) {
    if (pid == engine->guard.pid)
        return true;
    for (uint32_t i = 0; i < engine->child_count; i++)
        if (engine->children[i].state != CHILD_NONE && engine->children[i].pid == pid)
            return true;
    return false;
}

void engine_reap_orphans(struct engine *engine) {
    siginfo_t info;

    while (spawns(engine)) {
        info.si_pid = 0;
        /* Only looked at: a child of ours is reaped by its own watch, with its status. */
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
            is_ours(engine, info.si_pid))
            return;
        waitpid(info.si_pid, NULL, 0);
    }
}

/* What was ended a moment ago may still be on its way; what fled to a session of its own stays. */
static void reap_the_last(void) {
    const struct timespec pause = { .tv_nsec = 1000000 };

    for (int i = 0; i < LAST_WAIT_MS && waitpid(-1, NULL, WNOHANG) >= 0; i++) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        nanosleep(&pause, NULL);
    }
}

uint32_t engine_count(const struct engine *engine) {
    return engine->running;
}

void engine_free(struct engine *engine) {
    if (engine == NULL)
        return;
    for (uint32_t i = 0; engine->children != NULL && i < engine->child_count; i++)
        free(engine->children[i].buf);
    guard_stop(&engine->guard);
    if (spawns(engine))
        reap_the_last();
    free(engine->children);
    free(engine);
}
