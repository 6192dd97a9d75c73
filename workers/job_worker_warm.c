/*
 * A warm worker. It keeps nothing of a job but its memory pages: the ring is mapped, the kernel
 * planned and opened for each job, and closed behind it. An order that makes no sense ends it,
 * because a parent that sends such has lost its mind.
 */
#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/contract.h"
#include "shared/frame.h"
#include "shared/leave.h"
#include "shared/log.h"
#include "workers/job_text.h"
#include "workers/job_worker_private.h"

enum { FD_RING, FD_TEXT, FD_COUNT };

static int compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* Close all but the standard streams and what is served with. */
static void keep_descriptors(const struct job_worker_warm_args *args) {
    int keep[] = { args->order_fd, args->result_fd, args->life_fd };
    unsigned from = STDERR_FILENO + 1;
    int null_fd = open("/dev/null", O_RDONLY);

    if (null_fd >= 0)
        dup2(null_fd, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO); /* a kernel that prints must not print into the log */
    qsort(keep, sizeof(keep) / sizeof(keep[0]), sizeof(keep[0]), compare);
    for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
        if (keep[i] < (int)from)
            continue;
        if ((unsigned)keep[i] > from)
            close_range(from, (unsigned)keep[i] - 1, 0);
        from = (unsigned)keep[i] + 1;
    }
    close_range(from, ~0u, 0);
}

/* ---- one job ---- */

/* Say that we are done with it, behind everything that was said about it. */
static void tell_left(int result_fd) {
    struct frame frame = { .type = FRAME_LEFT };
    const char *at = (const char *)&frame;
    size_t len = sizeof(frame);
    ssize_t n;

    frame_seal(&frame, "");
    while (len > 0) {
        n = write(result_fd, at, len);
        if (n < 0 && errno != EINTR)
            leave_process(EXIT_SUCCESS); /* nobody listens */
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}

static int read_text(int fd, struct job_text *out, struct complaint *complaint) {
    struct stat st;
    void *text;
    int rc;

    if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > JOB_TEXT_MAX)
        return complaint_set(complaint, "a job without its text");
    text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (text == MAP_FAILED)
        return complaint_set(complaint, "a job's text cannot be read");
    rc = job_text_read(text, (size_t)st.st_size, out, complaint);
    munmap(text, (size_t)st.st_size);
    return rc;
}

static bool fits(const struct job_worker_args *job) {
    return job->first_lane < job->ring->lanes && job->lanes <= job->ring->lanes - job->first_lane;
}

static void serve_job(
    const struct job_worker_warm_args *args, const struct contract_record *order, const int *fds) {
    bool is_solo = order->value != RING_NO_CHUNK;
    struct complaint complaint = { .text = "a job without its ring" };
    struct job_text text = { .memory = NULL };
    struct job_worker_args job = { .ring = ring_map(fds[FD_RING]),
        .plan = &text.plan,
        .split = &text.split,
        .model = is_solo ? JOB_WORKER_PROCESS : args->model,
        .first_lane = (uint32_t)order->more,
        .lanes = is_solo ? 1 : args->lanes,
        .ordinal = args->ordinal,
        .solo = order->value,
        .groups = args->groups,
        .is_warm = true,
        .result_fd = args->result_fd,
        .life_fd = args->life_fd,
        .parent_pid = args->parent_pid };

    if (job.ring == NULL || !fits(&job) || read_text(fds[FD_TEXT], &text, &complaint) < 0) {
        log_warnx("worker %u: %s", args->ordinal, complaint.text);
        leave_process(JOB_WORKER_EXIT_OPEN);
    }
    close(fds[FD_RING]);
    close(fds[FD_TEXT]);
    job.format = text.format;
    job_worker_serve(&job);
    job_text_fini(&text);
    ring_free(job.ring);
    tell_left(args->result_fd);
}

/* ---- its life ---- */

static void wait_for_order(int order_fd) {
    struct pollfd ready = { .fd = order_fd, .events = POLLIN };

    while (poll(&ready, 1, -1) < 0 && errno == EINTR)
        continue;
}

static void become(const struct job_worker_warm_args *args) {
    if (args->become != NULL && args->become(args->become_arg) < 0) {
        log_warn("worker %u: cannot become who runs commands", args->ordinal);
        leave_process(JOB_WORKER_EXIT_OPEN);
    }
}

void job_worker_warm_main(const struct job_worker_warm_args *args) {
    struct contract_record order;
    int fds[CONTRACT_FDS_MAX], rc;
    unsigned fd_count;

    setproctitle("job worker %u", args->ordinal);
    log_use_records(-1, LOG_FORMAT_HUMAN, LOG_LEVEL_INFO, "", 0, NULL);
    keep_descriptors(args);
    become(args);
    job_worker_settle(args->parent_pid); /* after who we are has changed: the kernel forgets else */
    for (;;) {
        rc = contract_receive(args->order_fd, &order, fds, &fd_count);
        if (rc < 0 && errno == EAGAIN)
            wait_for_order(args->order_fd);
        else if (rc == 1 && order.kind == ORDER_WORK && fd_count == FD_COUNT)
            serve_job(args, &order, fds);
        else
            leave_process(rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
}
