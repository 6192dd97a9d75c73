/*
 * One lane and its blocking run loop. A claim takes several neighbours when chunks are tiny, and
 * results leave when they are many or some milliseconds old, so that neither a claim nor a result
 * costs a system call of its own.
 */
#include "workers/lane.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/failpoint.h"
#include "shared/leave.h"
#include "shared/log.h"

#define FLUSH_NS    5000000u
#define BATCH_NS    200000u /* what is claimed at once should take about this long */
#define BATCH_MOST  64u
#define CHECK_EVERY 8u

void lane_init(
    struct lane *lane, const struct job_worker_args *args, uint32_t i, pthread_mutex_t *lock) {
    const struct kernel_plan *plan = args->plan;
    struct complaint complaint;

    memset(lane, 0, sizeof(*lane));
    lane->args = args;
    lane->index = args->first_lane + i;
    lane->row = ring_lane(args->ring, lane->index);
    lane->group = args->groups != NULL ? &args->groups[i] : NULL;
    atomic_store(&lane->row->chunk, RING_NO_CHUNK);
    atomic_store(&lane->row->doing, RING_DOING_STARTING);
    lane->sink = (struct sink){
        .fd = args->result_fd,
        .lock = lock,
        .row = lane->row,
        .lane = (uint16_t)lane->index,
        .format = args->format,
        .count_only = plan->count_only,
        .is_bytes = plan->ops->flags & KERNEL_BYTES,
        .size = args->model == JOB_WORKER_EVENT ? JOB_WORKER_EVENT_BYTES : JOB_WORKER_LANE_BYTES,
    };
    if (sink_init(&lane->sink) < 0) {
        log_warn("worker %u: no memory for results", args->ordinal);
        leave_process(JOB_WORKER_EXIT_OPEN);
    }
    if (plan->ops->open != NULL && plan->ops->open(plan, &lane->state, &complaint) < 0) {
        log_warnx("worker %u: kernel %s: %s", args->ordinal, plan->ops->name, complaint.text);
        leave_process(JOB_WORKER_EXIT_OPEN);
    }
}

void lane_fini(struct lane *lane) {
    atomic_store(&lane->row->doing, RING_DOING_LEAVING);
    sink_flush(&lane->sink);
    sink_fini(&lane->sink);
    if (lane->args->plan->ops->close != NULL)
        lane->args->plan->ops->close(lane->state);
}

bool lane_claim(struct lane *lane, uint32_t most, struct ring_claim *out) {
    const struct job_worker_args *args = lane->args;

    atomic_store_explicit(&lane->row->doing, RING_DOING_CLAIMING, memory_order_relaxed);
    if (atomic_load_explicit(&lane->row->yield, memory_order_relaxed) != 0)
        return false;
    if (args->solo == RING_NO_CHUNK)
        return ring_claim(args->ring, lane->index, most, &lane->seen, out);
    if (lane->is_solo_claimed)
        return false;
    lane->is_solo_claimed = true;
    FAILPOINT("solo-claim");
    return ring_claim_solo(args->ring, lane->index, args->solo, out);
}

/* It found nothing to claim: whoever has other jobs to go to does not wait for what may come back.
 */
static bool has_better_to_do(const struct lane *lane) {
    return lane->args->is_warm &&
           (atomic_load_explicit(&lane->row->yield, memory_order_relaxed) != 0 ||
               ring_is_at_end(lane->args->ring));
}

bool lane_is_over(const struct lane *lane) {
    return lane->is_solo_claimed || lane->args->ring->order != RING_ORDER_RUN ||
           ring_is_finished(lane->args->ring) || has_better_to_do(lane);
}

void lane_begin(struct lane *lane, uint64_t chunk, uint32_t epoch) {
    struct kernel_work *work = &lane->work;

    work->id = chunk;
    work->attempt = epoch;
    work->scratch = NULL;
    split_bounds(lane->args->split, chunk, &work->lo, &work->hi);
    work->next = work->lo;
    atomic_store_explicit(&lane->row->numbers, 0, memory_order_relaxed);
    atomic_store_explicit(&lane->row->chunk, chunk, memory_order_relaxed);
    atomic_store_explicit(&lane->row->doing, RING_DOING_COMPUTING, memory_order_release);
    sink_begin(&lane->sink, chunk, epoch, work->lo, work->hi);
    lane->is_busy = true;
}

void lane_end(struct lane *lane, enum kernel_result result) {
    if (result == KERNEL_DONE)
        sink_finish(&lane->sink);
    else
        sink_fail(&lane->sink, lane->work.complaint.text);
    lane->is_busy = false;
    atomic_store_explicit(&lane->row->chunk, RING_NO_CHUNK, memory_order_relaxed);
}

bool lane_must_stop(const struct lane *lane) {
    return atomic_load_explicit(&lane->row->stop, memory_order_relaxed) == lane->work.id + 1;
}

bool lane_is_cancelled(const struct lane *lane) {
    return atomic_load_explicit(&lane->args->ring->order, memory_order_relaxed) ==
           RING_ORDER_CANCEL;
}

void lane_flush_when_due(struct lane *lane, uint64_t now_ns) {
    const struct sink *sink = &lane->sink;

    if (sink->sealed >= sink->size / 2 ||
        (sink->sealed > 0 && now_ns - sink->sealed_since_ns >= FLUSH_NS))
        sink_flush(&lane->sink);
}

/* Compute the chunk in hand. Returns the number of slices it took, 0 when it was cancelled. */
static unsigned compute(struct lane *lane) {
    const struct kernel_plan *plan = lane->args->plan;
    struct kernel_work *work = &lane->work;
    enum kernel_result result;

    for (unsigned slices = 1;; slices++) {
        result = plan->ops->run(lane->state, plan, work, &lane->sink);
        atomic_fetch_add_explicit(&lane->row->progress, 1, memory_order_relaxed);
        if (result != KERNEL_MORE) {
            lane_end(lane, result);
            return slices;
        }
        atomic_store_explicit(&lane->row->numbers, work->next - work->lo, memory_order_relaxed);
        if (lane_is_cancelled(lane))
            return 0;
        if (lane_must_stop(lane)) {
            complaint_set(&work->complaint, "stopped");
            lane_end(lane, KERNEL_FAILED);
            return slices;
        }
    }
}

/* Compute all chunks of a claim. Returns false when cancelled. */
static bool serve_claim(struct lane *lane, const struct ring_claim *claim) {
    unsigned slices;

    for (uint32_t i = 0; i < claim->count; i++) {
        lane_begin(lane, claim->first + i, claim->epoch[i]);
        slices = compute(lane);
        if (slices == 0)
            return false;
        if (slices > 1 || i % CHECK_EVERY == CHECK_EVERY - 1)
            lane_flush_when_due(lane, clock_now_ns());
    }
    return true;
}

/*
 * How many chunks to claim next: as many as take a short while, judged by the last ones, but near
 * the end so few that every lane gets its share.
 */
static uint32_t next_batch(struct ring *ring, uint64_t took_ns, uint32_t count) {
    uint64_t each_ns = took_ns / count + 1;
    uint64_t left = ring->chunks - atomic_load_explicit(&ring->hint, memory_order_relaxed);
    uint64_t batch = BATCH_NS / each_ns, share = left / (2 * ring->lanes);

    if (batch > BATCH_MOST)
        batch = BATCH_MOST;
    if (batch > share)
        batch = share;
    return batch > 0 ? (uint32_t)batch : 1;
}

void lane_serve(struct lane *lane) {
    struct ring *ring = lane->args->ring;
    uint32_t batch = lane->args->batch > 0 ? lane->args->batch : 1, wake;
    uint64_t before_ns = clock_now_ns(), now_ns;
    struct ring_claim claim;

    for (;;) {
        wake = atomic_load(&ring->wake);
        if (!lane_claim(lane, batch, &claim)) {
            sink_flush(&lane->sink);
            if (lane_is_over(lane))
                break;
            atomic_store_explicit(&lane->row->doing, RING_DOING_IDLE, memory_order_relaxed);
            atomic_fetch_add_explicit(&lane->row->progress, 1, memory_order_relaxed);
            ring_wait(ring, wake);
            before_ns = clock_now_ns();
            continue;
        }
        if (!serve_claim(lane, &claim))
            break;
        now_ns = clock_now_ns();
        lane_flush_when_due(lane, now_ns);
        if (lane->args->batch == 0)
            batch = next_batch(ring, now_ns - before_ns, claim.count);
        before_ns = now_ns;
    }
    if (lane->is_busy)
        sink_abandon(&lane->sink);
}
