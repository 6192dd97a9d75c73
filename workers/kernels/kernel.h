#ifndef WORKERS_KERNELS_KERNEL_H
#define WORKERS_KERNELS_KERNEL_H

/*
 * What a kernel is: the computation of one chunk of an interval. It knows neither processes nor
 * pipes nor files; it puts results into a sink and returns often.
 *
 * A kernel that computes has `run`; one that waits for descriptors has `start`. Both work under
 * every engine: process, thread and event.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "shared/interval.h"
#include "shared/settings.h"

struct loop;
struct sink;

enum kernel_flag {
    KERNEL_PURE = 1,   /* the same chunk always gives the same result, without a trace outside */
    KERNEL_BYTES = 2,  /* the result is bytes, not numbers; it cannot be counted */
    KERNEL_ARGV = 4,   /* takes a command after "--" */
    KERNEL_SPAWNS = 8, /* starts processes: their groups are ended with their lane */
};

enum kernel_result {
    KERNEL_MORE, /* a slice is done: call run again */
    KERNEL_DONE,
    KERNEL_FAILED, /* work->complaint says why */
};

/* A job as the kernel sees it: made by the parent before fork, read-only in the children. */
struct kernel_plan {
    const struct kernel_ops *ops;
    void *params; /* the struct of ops->params, filled */
    struct interval interval;
    bool count_only;     /* the sink wants counts, not results */
    uint64_t chunk_size; /* numbers in a chunk; 0 until the user or plan() sets it */
    char *const *argv;   /* after "--", NULL-terminated; NULL without */
};

/* One chunk on its way through a lane. */
struct kernel_work {
    uint64_t id; /* from 0 */
    uint64_t lo, hi;
    uint64_t next;    /* where run goes on; lo at first, the kernel's to move */
    uint32_t attempt; /* from 1 */
    void *scratch;    /* the kernel's, NULL at first; gone when the result is returned */
    struct complaint complaint;
    /* Set by the runner for `start`. */
    _Atomic int32_t *group; /* the kernel keeps the running process group here, or 0 */
    void (*finish)(struct kernel_work *work, enum kernel_result result);
};

struct kernel_ops {
    const char *name;
    const char *version; /* changes when results do: part of a journal's identity */
    const char *summary;
    unsigned flags;
    const struct setting *params;
    size_t params_size;
    /*
     * Parent, before fork: check parameters and interval, derive what the children share, choose
     * plan->chunk_size when it is 0. May read files; must not write. Returns 0 or -1.
     */
    int (*plan)(struct kernel_plan *plan, struct complaint *complaint);
    /* Parent: free what plan made, in params or elsewhere. NULL when there is nothing. */
    void (*unplan)(struct kernel_plan *plan);
    /* Child, once for each lane, in the lane's thread. NULL when there is no state. 0 or -1. */
    int (*open)(const struct kernel_plan *plan, void **out_state, struct complaint *complaint);
    /*
     * Child: compute a slice of the chunk from work->next on, at most some 5 ms, without waiting.
     * Puts results in ascending order.
     */
    enum kernel_result (*run)(
        void *state, const struct kernel_plan *plan, struct kernel_work *work, struct sink *sink);
    /*
     * Child: begin the chunk without blocking; descriptors go to the loop. Calls work->finish once,
     * later or at once, after the last result is in the sink.
     */
    void (*start)(void *state, const struct kernel_plan *plan, struct kernel_work *work,
        struct sink *sink, struct loop *loop);
    /* Child: give up a chunk that was started; work->finish is not called any more. */
    void (*abandon)(void *state, struct kernel_work *work, struct loop *loop);
    /* Child: free what open made. */
    void (*close)(void *state);
};

/* The kernel called name, or NULL. Any process. */
const struct kernel_ops *kernels_find(const char *name);

/* As kernels_find(), but NULL comes with a complaint: the nearest name and all there are. */
const struct kernel_ops *kernels_choose(const char *name, struct complaint *complaint);

/* All kernels, NULL-terminated, in the order of --help. */
extern const struct kernel_ops *const kernels_table[];

#endif
