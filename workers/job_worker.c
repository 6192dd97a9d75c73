/*
 * The life of a job's child: cut loose from what the parent holds, make lanes, serve, leave.
 * Nothing here decides anything about the job; a child may be killed at any instruction.
 */
#include "workers/job_worker.h"

#include <bsd/unistd.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shared/leave.h"
#include "shared/log.h"
#include "workers/job_worker_private.h"
#include "workers/lane.h"

#define RESULT_FD    3
#define LIFE_FD      4
#define THREAD_STACK (256u * 1024u)

/* The parent's death ends the child; a parent that died before the call is seen by its pid. */
static void die_with_parent(int parent_pid) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent_pid)
        leave_process(0);
}

/*
 * Keep stderr, the result pipe and the life pipe, nothing else: another child's pipe held open
 * here would hide its end of file. The table may be full, so nothing new is opened before the
 * rest is closed; stdin serves as the spare place while the two change theirs.
 */
static void keep_descriptors(const struct job_worker_args *args) {
    bool has_life = args->life_fd >= 0;
    int null_fd;

    dup2(args->result_fd, STDIN_FILENO);
    if (has_life && args->life_fd != LIFE_FD)
        dup3(args->life_fd, LIFE_FD, O_CLOEXEC);
    dup3(STDIN_FILENO, RESULT_FD, O_CLOEXEC);
    close_range(has_life ? LIFE_FD + 1 : LIFE_FD, ~0u, 0);
    close(STDIN_FILENO);
    null_fd = open("/dev/null", O_RDONLY);
    if (null_fd > STDERR_FILENO)
        close(null_fd);                 /* there was no stdin to begin with */
    dup2(STDERR_FILENO, STDOUT_FILENO); /* a kernel that prints must not print into the result */
}

/* Ctrl-C is for the supervisor: it tells its children what to do about it. */
static void set_signals(void) {
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t none;

    sigaction(SIGINT, &ignore, NULL);
    sigaction(SIGQUIT, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Workers compute, the supervisor only passes on: let it run when it wakes. Batch scheduling says
 * so without costing a worker its share; commands that a worker starts do not inherit it.
 */
static void yield_to_supervisor(void) {
    const struct sched_param param = { .sched_priority = 0 };

    sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &param);
}

static void serve_alone(struct lane *lane) {
    if (lane->args->plan->ops->run != NULL)
        lane_serve(lane);
    else
        lane_event_serve(lane, 1);
}

struct thread {
    const struct job_worker_args *args;
    pthread_mutex_t *lock;
    uint32_t i;
    pthread_t id;
};

static void *thread_main(void *arg) {
    const struct thread *thread = arg;
    struct lane lane;

    yield_to_supervisor();
    lane_init(&lane, thread->args, thread->i, thread->lock);
    serve_alone(&lane);
    lane_fini(&lane);
    return NULL;
}

/* The first lane is this thread's own, so that there are exactly as many threads as lanes. */
static void serve_threads(const struct job_worker_args *args) {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct thread *threads = calloc(args->lanes, sizeof(*threads));
    pthread_attr_t attr;
    uint32_t started = 1;
    int error = 0;

    if (threads == NULL)
        leave_process(JOB_WORKER_EXIT_OPEN);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    for (uint32_t i = 0; i < args->lanes; i++)
        threads[i] = (struct thread){ .args = args, .lock = &lock, .i = i };
    for (; started < args->lanes && error == 0; started += error == 0)
        error = pthread_create(&threads[started].id, &attr, thread_main, &threads[started]);
    if (error != 0)
        log_warnx(
            "worker %u: %u of %u threads could be started", args->ordinal, started, args->lanes);
    thread_main(&threads[0]);
    for (uint32_t i = 1; i < started; i++)
        pthread_join(threads[i].id, NULL);
    pthread_attr_destroy(&attr);
    free(threads);
}

static void serve_events(const struct job_worker_args *args) {
    struct lane *lanes = calloc(args->lanes, sizeof(*lanes));

    if (lanes == NULL)
        leave_process(JOB_WORKER_EXIT_OPEN);
    yield_to_supervisor();
    for (uint32_t i = 0; i < args->lanes; i++)
        lane_init(&lanes[i], args, i, NULL);
    lane_event_serve(lanes, args->lanes);
    for (uint32_t i = 0; i < args->lanes; i++)
        lane_fini(&lanes[i]);
    free(lanes);
}

static void serve_process(const struct job_worker_args *args) {
    struct lane lane;

    yield_to_supervisor();
    lane_init(&lane, args, 0, NULL);
    serve_alone(&lane);
    lane_fini(&lane);
}

void job_worker_serve(const struct job_worker_args *args) {
    static void (*const serve[])(const struct job_worker_args *) = {
        [JOB_WORKER_PROCESS] = serve_process,
        [JOB_WORKER_THREAD] = serve_threads,
        [JOB_WORKER_EVENT] = serve_events,
    };

    serve[args->model](args);
}

void job_worker_settle(int parent_pid) {
    die_with_parent(parent_pid);
    log_set_before(NULL);
    set_signals();
}

void job_worker_main(const struct job_worker_args *args) {
    struct job_worker_args mine = *args;

    setproctitle("-prefork: job worker %u", args->ordinal);
    job_worker_settle(args->parent_pid);
    keep_descriptors(args);
    mine.result_fd = RESULT_FD;
    job_worker_serve(&mine);
    leave_process(EXIT_SUCCESS);
}
