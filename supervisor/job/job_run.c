/*
 * A job for a person at a terminal: this process is its supervisor, with a loop and signals of its
 * own, children for this job alone, and words on stderr.
 */
#include "supervisor/job/job_run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/job/engine_local.h"
#include "supervisor/job/progress.h"
#include "supervisor/job/report.h"

#define FILES_PER_CHILD 3u
#define FILES_OWN       64u

struct running {
    const struct job_spec *spec;
    struct job *job;
    struct loop *loop;
    struct loop_watch signals;
};

static void on_signal(struct loop_watch *watch, uint32_t events) {
    struct running *running = watch->owner;
    struct signalfd_siginfo info;
    int exit_code;

    (void)events;
    if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
        return;
    exit_code = info.ssi_signo == SIGINT ? EXIT_CODE_INTERRUPTED : EXIT_CODE_TERMINATED;
    if (job_drain(running->job, exit_code))
        log_warnx("ending: chunks in hand are finished first; once more to stop at once");
    else
        job_cancel(running->job, exit_code);
}

static int init_loop(struct running *running, struct complaint *complaint) {
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    running->loop = loop_new();
    running->signals = (struct loop_watch){
        .fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK), .ready = on_signal, .owner = running
    };
    if (running->loop == NULL || running->signals.fd < 0 ||
        loop_add(running->loop, &running->signals, EPOLLIN) < 0)
        return complaint_set(complaint, "no event loop: %s", strerror(errno));
    return 0;
}

/* A child takes three descriptors here; the soft limit is often 1024. */
static void raise_file_limit(const struct job_spec *spec) {
    struct rlimit limit;
    rlim_t need = FILES_OWN + (rlim_t)spec->children * FILES_PER_CHILD;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static struct engine *start_engine(
    void *arg, const struct engine_plan *plan, const struct engine_client *client) {
    const struct running *running = arg;

    raise_file_limit(running->spec);
    return engine_local_start(plan, client, running->loop);
}

static void on_released(void *arg, uint64_t chunk, const struct slot *slot) {
    const struct running *running = arg;

    report_chunk(running->spec, chunk, slot);
}

static void run_loop(struct running *running) {
    struct job *job = running->job;
    uint64_t now_ns = clock_now_ns();
    struct progress_view view = job_view(job, now_ns);

    progress_begin(running->spec, &view, now_ns / 1000000u);
    log_set_before(progress_clear);
    while (!job_is_over(job)) {
        if (loop_turn(running->loop, job_patience_ms(job)) < 0) {
            log_warn("cannot wait for events");
            job_cancel(job, EXIT_CODE_SYSTEM);
        }
        job_turn(job);
        now_ns = clock_now_ns();
        if (progress_is_due(now_ns / 1000000u)) {
            view = job_view(job, now_ns);
            progress_show(&view, now_ns / 1000000u);
        }
    }
    progress_clear();
}

static void count_costs(struct job_summary *summary, uint64_t started_ns) {
    const int whose[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
    struct rusage usage;

    summary->wall_ns = clock_now_ns() - started_ns;
    for (size_t i = 0; i < 2; i++) {
        getrusage(whose[i], &usage);
        summary->cpu_ns += (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
                           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
        summary->switches += (uint64_t)(usage.ru_nvcsw + usage.ru_nivcsw);
    }
}

void job_run(const struct job_spec *spec, struct job_summary *out) {
    struct running running = { .spec = spec, .signals = { .fd = -1 } };
    const struct job_host host = { .arg = &running,
        .start_engine = start_engine,
        .on_released = report_has_lines(spec) ? on_released : NULL };
    uint64_t started_ns = clock_now_ns();
    struct complaint complaint;

    running.job = job_open(spec, &host, out, &complaint);
    if (running.job == NULL) {
        log_warnx("%s", complaint.text);
        return;
    }
    report_plan(spec, out->resumed_at);
    if (init_loop(&running, &complaint) < 0 ||
        job_start(running.job, running.loop, &complaint) < 0) {
        log_warnx("%s", complaint.text);
        job_cancel(running.job, EXIT_CODE_SYSTEM);
    } else if (!job_is_over(running.job)) {
        run_loop(&running);
    }
    job_close(running.job);
    if (running.signals.fd >= 0)
        close(running.signals.fd);
    loop_free(running.loop);
    count_costs(out, started_ns);
}
