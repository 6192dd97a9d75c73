/*
 * A job from beginning to end, a turn at a time: hear the children, release what has its turn,
 * write, note in the journal, wake whoever waits for the window. Nothing in it waits for a single
 * child or for a reader of the output.
 */
#include "supervisor/job/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/log.h"
#include "supervisor/job/job_internal.h"

#define TURN_MS      50
#define LOOK_NS      50000000u
#define LOOK_MOST_MS 200u /* more than this between two looks is our own absence */
#define LEAVE_NS     2000000000u
#define CANCEL_NS    60000000u
#define PATIENCE_NS  20000000u
#define PATIENCE_MS  5

/* ---- ending early ---- */

static void set_ending(struct job *job, enum job_state state, enum ring_order order) {
    job->state = state;
    ring_set_order(job->ring, order);
    if (job->engine != NULL)
        job->engine->ops->let_leave(job->engine);
    ring_wake(job->ring);
}

bool job_drain(struct job *job, int exit_code) {
    if (job->state != JOB_RUNNING)
        return false;
    if (job->exit_code == 0)
        job->exit_code = exit_code;
    set_ending(job, JOB_DRAINING, RING_ORDER_DRAIN);
    return true;
}

static bool is_asked(int exit_code) {
    return exit_code == EXIT_CODE_INTERRUPTED || exit_code == EXIT_CODE_TERMINATED;
}

void job_cancel(struct job *job, int exit_code) {
    if (job->state == JOB_CANCELLED)
        return;
    /* Who only hurries an end does not change what it ends for. */
    if (job->exit_code == 0 || !is_asked(exit_code))
        job->exit_code = exit_code;
    set_ending(job, JOB_CANCELLED, RING_ORDER_CANCEL);
    job->leave_by_ns = clock_now_ns() + CANCEL_NS;
}

/* ---- a turn of the loop ---- */

void job_fail_output(struct job *job) {
    const char *path = job->spec->options.output;
    const int saved_errno = errno;

    if (errno == EPIPE)
        log_warnx("stdout was closed by its reader; the job ends");
    else
        log_warn("%s: cannot be written", path != NULL ? path : "stdout");
    job->has_output_failed = true;
    job->output_error = saved_errno;
    job_cancel(job, EXIT_CODE_IO);
}

void job_fail_journal(struct job *job) {
    job->output_error = errno;
    log_warn("%s: the journal cannot be written", job->journal.path);
    job_cancel(job, EXIT_CODE_IO);
}

/* What a kill could take back is not shown, unless it would come again as it was. */
static uint64_t count_safe_bytes(const struct job *job) {
    bool is_pure = job->spec->kernel.ops->flags & KERNEL_PURE;

    return is_pure || !job->has_journal ? job->output.offset - job->output.waiting
                                        : job->release.journaled_bytes;
}

void job_measure(const struct job *job, struct job_progress_now *out) {
    uint64_t done = job->summary->resumed_at + job->commit.done;

    *out = (struct job_progress_now){
        .chunks_done = done < job->spec->split.chunks ? done : job->spec->split.chunks,
        .released = job->release.next,
        .records = job->release.records,
        .digest = job->release.digest,
        .output_bytes = count_safe_bytes(job),
    };
}

int job_output_error(const struct job *job) {
    return job->output_error;
}

static void on_output_ready(struct loop_watch *watch, uint32_t events) {
    struct job *job = watch->owner;

    (void)events;
    loop_remove(job->loop, watch);
    watch->fd = -1; /* the next turn writes */
}

static void flush_output(struct job *job) {
    switch (output_flush(&job->output)) {
    case OUTPUT_EMPTY:
        if (release_checkpoint(&job->release, clock_now_ns(), false) < 0)
            job_fail_journal(job);
        break;
    case OUTPUT_BLOCKED:
        if (job->blocked.fd >= 0)
            break;
        job->blocked.fd = job->output.fd;
        if (loop_add(job->loop, &job->blocked, EPOLLOUT) < 0)
            job->blocked.fd = -1; /* then it is tried in every turn */
        break;
    case OUTPUT_ERROR:
        job_fail_output(job);
        break;
    }
}

/* All chunks are released or passed: write the end, let everybody go. */
static void finish(struct job *job) {
    /* Whoever asked it to end early has got more than that. */
    if (is_asked(job->exit_code))
        job->exit_code = 0;
    release_end(&job->release);
    set_ending(job, JOB_FINISHED, RING_ORDER_RUN);
    job->leave_by_ns = clock_now_ns() + LEAVE_NS;
}

static void release_all(struct job *job) {
    if (job->state == JOB_CANCELLED)
        return;
    switch (release_pump(&job->release)) {
    case RELEASE_WAITING:
    case RELEASE_BLOCKED:
        break;
    case RELEASE_GAP:
        job_drain(job, EXIT_CODE_INCOMPLETE);
        break;
    case RELEASE_ERROR:
        job_fail_output(job);
        return;
    }
    flush_output(job);
    if (ring_is_finished(job->ring) && job->state != JOB_FINISHED && job->state != JOB_CANCELLED) {
        finish(job);
        flush_output(job);
    }
}

struct progress_view job_view(struct job *job, uint64_t now_ns) {
    const struct split *split = &job->spec->split;
    uint64_t base = job->ring->base, done;
    struct ring_word head = ring_unpack(*ring_word_at(job->ring, base));
    struct progress_view view = { .chunks = split->chunks, .head = base };

    done = job->summary->resumed_at + job->commit.done;
    view.chunks_done = done < split->chunks ? done : split->chunks;
    view.numbers = (double)(split->hi - split->lo) + 1.0;
    view.numbers_done = (double)view.chunks_done * (double)split->size;
    for (uint32_t i = 0; i < job->ring->lanes; i++)
        if (atomic_load(&ring_lane(job->ring, i)->chunk) != RING_NO_CHUNK)
            view.numbers_done += (double)atomic_load(&ring_lane(job->ring, i)->numbers);
    if (view.numbers_done > view.numbers)
        view.numbers_done = view.numbers;
    if (base != job->head) {
        job->head = base;
        job->head_since_ns = now_ns;
    }
    view.head_for_ms = (now_ns - job->head_since_ns) / 1000000u;
    view.head_attempt = head.epoch;
    view.head_lane = head.state == RING_RUN ? head.owner : 0;
    view.is_output_blocked = job->blocked.fd >= 0;
    return view;
}

/* What is done from time to time, not in every turn. */
static void look_around(struct job *job, uint64_t now_ns) {
    uint64_t elapsed_ms = (now_ns - job->looked_ns) / 1000000u;

    if (now_ns - job->looked_ns < LOOK_NS)
        return;
    job->looked_ns = now_ns;
    /* Who waits at a full pipe because we do not read shows no sign of life, and need not. */
    if (!job->is_hushed)
        job_events_look(job, elapsed_ms < LOOK_MOST_MS ? elapsed_ms : LOOK_MOST_MS);
    job->engine->ops->look(job->engine);
    job_events_start_solo(job);
    if (job->ring->head_only && now_ns >= job->no_room_until_ns) {
        atomic_store(&job->ring->head_only, 0);
        job->must_wake = true;
    }
}

static void check_limits(struct job *job, uint64_t now_ns) {
    uint64_t limit_ns = job->spec->options.timeout_ms * 1000000u;

    if (limit_ns != 0 && now_ns - job->started_ns >= limit_ns &&
        (job->state == JOB_RUNNING || job->state == JOB_DRAINING)) {
        log_warnx("the time limit of the job is reached");
        job_cancel(job, EXIT_CODE_TIME_LIMIT);
    }
    if (job->leave_by_ns != 0 && now_ns >= job->leave_by_ns)
        job->engine->ops->kill_all(job->engine);
}

bool job_is_over(const struct job *job) {
    if (job->engine == NULL)
        return true;
    if (job->engine->ops->count(job->engine) > 0)
        return false;
    return job->state == JOB_CANCELLED ||
           (job->state != JOB_RUNNING && output_is_empty(&job->output));
}

int job_patience_ms(const struct job *job) {
    if (job->is_hushed)
        return PATIENCE_MS;
    return job->leave_by_ns != 0 || job->spec->options.timeout_ms != 0 ? TURN_MS / 5 : TURN_MS;
}

/* True while it is still right not to listen to everybody. */
static bool must_stay_hushed(struct job *job, uint64_t now_ns) {
    const struct result_store *store = &job->commit.store;

    if (job->is_hushed_by_output)
        return job->blocked.fd >= 0;
    if (job->ring->base != job->hushed_base) {
        job->hushed_base = job->ring->base;
        job->hushed_until_ns = now_ns + PATIENCE_NS;
    }
    return store->held > store->budget / 2 && now_ns < job->hushed_until_ns;
}

/* Let whoever computes the head catch up, for a while. */
static void wait_for_head(struct job *job, uint64_t now_ns) {
    struct ring_word head = ring_unpack(*ring_word_at(job->ring, job->ring->base));

    if (job->ring->base == job->hushed_base || job->commit.store.held == 0 ||
        head.state != RING_RUN || !job->engine->ops->hush_others(job->engine, head.owner - 1))
        return;
    job->is_hushed = true;
    job->hushed_base = job->ring->base;
    job->hushed_until_ns = now_ns + PATIENCE_NS;
}

/*
 * When memory is full of results, the workers are to wait rather than the disk to fill: all of
 * them when the reader of the output stalls; all but the head's when results wait for the head,
 * and then not for long, for the head may be a slow one, or its worker may be stopped. Who is not
 * listened to comes to a stop at its full pipe.
 */
static void keep_in_step(struct job *job, uint64_t now_ns) {
    const struct result_store *store = &job->commit.store;

    if (job->is_hushed) {
        if (must_stay_hushed(job, now_ns))
            return;
        job->engine->ops->hear_all(job->engine);
        job->is_hushed = job->is_hushed_by_output = false;
        return;
    }
    if (store->held < store->budget - store->budget / 4)
        return;
    if (job->blocked.fd < 0) {
        wait_for_head(job, now_ns);
        return;
    }
    job->engine->ops->hush_all(job->engine);
    job->is_hushed = job->is_hushed_by_output = true;
}

/* The window may have moved in any callback: what counts is where it was when lanes last heard. */
static void wake_lanes(struct job *job) {
    if (job->must_wake || job->ring->base != job->woken_base)
        ring_wake(job->ring);
    job->must_wake = false;
    job->woken_base = job->ring->base;
}

void job_turn(struct job *job) {
    uint64_t now_ns;

    if (job->engine == NULL)
        return; /* there was nothing to do */
    release_all(job);
    now_ns = clock_now_ns();
    keep_in_step(job, now_ns);
    look_around(job, now_ns);
    check_limits(job, now_ns);
    wake_lanes(job);
}

/* ---- setting up ---- */

static int init_chunks(struct job *job, struct complaint *complaint) {
    const struct job_spec *spec = job->spec;
    uint32_t lanes = spec->children * spec->lanes_per_child + 1;

    job->ring = ring_new(spec->split.chunks, spec->window, lanes, &job->ring_fd);
    job->watches = calloc(lanes, sizeof(*job->watches));
    if (job->ring == NULL || job->watches == NULL ||
        commit_init(&job->commit, job->ring, spec->options.buffer, NULL) < 0)
        return complaint_set(complaint, "no memory for the window: %s", strerror(errno));
    for (uint32_t i = 0; i < lanes; i++)
        watch_reset(&job->watches[i]);
    job->commit.check_percent = spec->options.verify;
    job->release = (struct release){
        .commit = &job->commit,
        .split = &spec->split,
        .output = &job->output,
        .on_held = (enum release_on_held)spec->options.on_held,
        .format = spec->format,
        .count_only = spec->options.count,
        .on_released = job->host.on_released,
        .arg = job->host.arg,
        .boot = job->host.is_output_private ? clock_boot() : 0,
        .started_ns = job->started_ns,
    };
    return 0;
}

static int start_engine(struct job *job, struct complaint *complaint) {
    const struct job_spec *spec = job->spec;
    const struct engine_plan plan = {
        .kind = spec->engine,
        .children = spec->children,
        .lanes_per_child = spec->lanes_per_child,
        .batch = (uint32_t)spec->options.batch,
        .format = spec->format,
        .kernel = &spec->kernel,
        .split = &spec->split,
        .ring = job->ring,
        .ring_fd = job->ring_fd,
    };
    const struct engine_client client = {
        .arg = job,
        .on_frame = job_events_on_frame,
        .on_heard = job_events_on_heard,
        .on_lost = job_events_on_lost,
        .on_solo_over = job_events_on_solo_over,
    };

    job->engine = job->host.start_engine(job->host.arg, &plan, &client);
    if (job->engine == NULL)
        return complaint_set(complaint, "no worker could be started: %s", strerror(errno));
    return 0;
}

/* Nothing to compute: the empty interval, or a job that an earlier run finished. */
static void write_nothing(struct job *job) {
    job->state = JOB_FINISHED;
    if (!job->is_complete)
        release_end(&job->release);
    while (output_flush(&job->output) == OUTPUT_BLOCKED)
        usleep(1000);
}

struct job *job_open(const struct job_spec *spec, const struct job_host *host,
    struct job_summary *summary, struct complaint *complaint) {
    struct job *job = calloc(1, sizeof(*job));
    int saved_errno;

    *summary = (struct job_summary){ .exit_code = EXIT_CODE_SYSTEM, .was_refused = true };
    if (job == NULL) {
        complaint_set(complaint, "no memory for a job");
        return NULL;
    }
    *job = (struct job){ .spec = spec,
        .host = *host,
        .summary = summary,
        .started_ns = clock_now_ns(),
        .output = { .fd = -1 },
        .journal = { .fd = -1 },
        .rest = { .fd = -1 },
        .ring_fd = -1,
        .solo_chunk = RING_NO_CHUNK,
        .hushed_base = RING_NO_CHUNK,
        .blocked = { .fd = -1, .ready = on_output_ready } };
    job->blocked.owner = job;
    if (init_chunks(job, complaint) == 0 &&
        job_files_open(job, complaint, &summary->exit_code) == 0) {
        *summary = (struct job_summary){ .resumed_at = job->release.next };
        return job;
    }
    saved_errno = errno;
    job->state = JOB_CANCELLED;
    job->exit_code = summary->exit_code;
    job_close(job);
    summary->was_refused = true;
    errno = saved_errno;
    return NULL;
}

int job_start(struct job *job, struct loop *loop, struct complaint *complaint) {
    uint64_t now_ns = clock_now_ns();

    job->loop = loop;
    if (ring_is_finished(job->ring)) {
        write_nothing(job);
        return 0;
    }
    job->looked_ns = job->head_since_ns = now_ns;
    if (start_engine(job, complaint) == 0)
        return 0;
    job->state = JOB_CANCELLED;
    job->exit_code = EXIT_CODE_SYSTEM;
    return -1;
}

/* ---- the end ---- */

static int exit_code_of(const struct job *job) {
    if (job->state != JOB_FINISHED || job->exit_code != 0)
        return job->exit_code;
    return job->release.held > 0 ? EXIT_CODE_INCOMPLETE : EXIT_CODE_OK;
}

static void sum_up(struct job *job) {
    struct job_summary *summary = job->summary;

    summary->exit_code = exit_code_of(job);
    summary->released = job->release.next - (job->release.is_behind_gap ? 0 : job->release.held);
    summary->records = job->release.records;
    summary->digest = job->release.digest;
    summary->done = job->commit.done;
    summary->checked = job->commit.checked;
    summary->spooled = job->commit.spooled;
    summary->output_bytes = job->output.offset - job->output.waiting;
    summary->wall_ns = clock_now_ns() - job->started_ns;
}

void job_close(struct job *job) {
    bool is_complete = job->state == JOB_FINISHED && !job->release.is_behind_gap;

    sum_up(job);
    if (job->has_journal && !is_complete && !job->has_output_failed &&
        output_is_empty(&job->output) &&
        release_checkpoint(&job->release, clock_now_ns(), true) < 0)
        log_warn("%s: the journal cannot be written", job->journal.path);
    if (job->blocked.fd >= 0)
        loop_remove(job->loop, &job->blocked);
    job_files_close(job, is_complete);
    if (job->engine != NULL)
        job->engine->ops->free(job->engine);
    commit_fini(&job->commit);
    ring_free(job->ring);
    if (job->ring_fd >= 0)
        close(job->ring_fd);
    free(job->watches);
    free(job->solo);
    free(job);
}

void job_summary_fini(struct job_summary *summary) {
    for (size_t i = 0; i < JOB_HELD_NAMED; i++)
        free(summary->held[i].cause);
}
