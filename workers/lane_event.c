/*
 * Many chunks in flight in one thread. A turn: fill the idle lanes, give each computing lane a
 * slice, hear the descriptors, send what is complete. Kernels that wait sit in the loop; kernels
 * that compute yield after each slice, so that no chunk keeps the others from moving.
 */
#include "workers/lane.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/leave.h"
#include "shared/log.h"

#define TIMEOUT_MS      50 /* how soon an order is heard when nothing happens */
#define TIMEOUT_IDLE_MS 5  /* likewise while some lanes look for a chunk */

struct turn {
    struct lane *lanes;
    uint32_t count;
    struct loop *loop;
    uint32_t busy;
};

static struct lane *lane_of(struct kernel_work *work) {
    return (struct lane *)((char *)work - offsetof(struct lane, work));
}

static void on_finish(struct kernel_work *work, enum kernel_result result) {
    lane_end(lane_of(work), result);
}

/* Take the chunk of a claim in hand and set it going. */
static void begin(struct turn *turn, struct lane *lane, const struct ring_claim *claim) {
    const struct kernel_plan *plan = lane->args->plan;

    lane_begin(lane, claim->first, claim->epoch[0]);
    lane->work.group = lane->group;
    lane->work.finish = on_finish;
    if (plan->ops->start != NULL)
        plan->ops->start(lane->state, plan, &lane->work, &lane->sink, turn->loop);
}

static void fill_idle_lanes(struct turn *turn) {
    struct ring_claim claim;

    for (uint32_t i = 0; i < turn->count; i++) {
        struct lane *lane = &turn->lanes[i];
        if (lane->is_busy)
            continue;
        if (!lane_claim(lane, 1, &claim)) {
            atomic_store_explicit(&lane->row->doing, RING_DOING_IDLE, memory_order_relaxed);
            break; /* the others would find nothing either, but for a chunk to be checked */
        }
        begin(turn, lane, &claim);
    }
}

static void abandon(struct turn *turn, struct lane *lane) {
    const struct kernel_plan *plan = lane->args->plan;

    if (plan->ops->abandon != NULL)
        plan->ops->abandon(lane->state, &lane->work, turn->loop);
}

/* A slice for each computing lane; whoever is to stop, stops. Counts the busy ones. */
static void step_busy_lanes(struct turn *turn) {
    enum kernel_result result;

    turn->busy = 0;
    for (uint32_t i = 0; i < turn->count; i++) {
        struct lane *lane = &turn->lanes[i];
        const struct kernel_plan *plan = lane->args->plan;
        atomic_fetch_add_explicit(&lane->row->progress, 1, memory_order_relaxed);
        if (!lane->is_busy)
            continue;
        if (lane_must_stop(lane)) {
            abandon(turn, lane);
            complaint_set(&lane->work.complaint, "stopped");
            lane_end(lane, KERNEL_FAILED);
            continue;
        }
        turn->busy++;
        if (plan->ops->start != NULL)
            continue;
        result = plan->ops->run(lane->state, plan, &lane->work, &lane->sink);
        if (result != KERNEL_MORE)
            lane_end(lane, result);
        atomic_store_explicit(
            &lane->row->numbers, lane->work.next - lane->work.lo, memory_order_relaxed);
    }
}

static void flush(struct turn *turn, bool is_waiting) {
    uint64_t now_ns = is_waiting ? 0 : clock_now_ns();

    for (uint32_t i = 0; i < turn->count; i++) {
        if (is_waiting)
            sink_flush(&turn->lanes[i].sink);
        else
            lane_flush_when_due(&turn->lanes[i], now_ns);
    }
}

/* Wait for descriptors, for the window, or not at all. */
static void wait_for_news(struct turn *turn, struct ring *ring, uint32_t wake) {
    if (turn->busy == 0)
        ring_wait(ring, wake);
    else if (loop_turn(turn->loop, turn->busy < turn->count ? TIMEOUT_IDLE_MS : TIMEOUT_MS) < 0) {
        log_warn("worker %u: cannot wait for events", turn->lanes[0].args->ordinal);
        leave_process(EXIT_FAILURE);
    }
}

static bool is_over(const struct turn *turn) {
    if (lane_is_cancelled(&turn->lanes[0]))
        return true;
    return turn->busy == 0 && lane_is_over(&turn->lanes[0]);
}

void lane_event_serve(struct lane *lanes, uint32_t count) {
    struct turn turn = { .lanes = lanes, .count = count, .loop = loop_new() };
    const struct kernel_ops *ops = lanes[0].args->plan->ops;
    struct ring *ring = lanes[0].args->ring;
    bool is_waiting;
    uint32_t wake;

    if (turn.loop == NULL) {
        log_warn("worker %u: cannot make an event loop", lanes[0].args->ordinal);
        leave_process(JOB_WORKER_EXIT_OPEN);
    }
    for (;;) {
        wake = atomic_load(&ring->wake);
        fill_idle_lanes(&turn);
        step_busy_lanes(&turn);
        is_waiting = turn.busy == 0 || ops->start != NULL;
        flush(&turn, is_waiting);
        if (is_over(&turn))
            break;
        if (is_waiting)
            wait_for_news(&turn, ring, wake);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!lanes[i].is_busy)
            continue;
        abandon(&turn, &lanes[i]);
        sink_abandon(&lanes[i].sink);
    }
    loop_free(turn.loop);
}
