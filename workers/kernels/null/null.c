/* Nothing, at a choice of sizes and speeds, with a choice of faults. */
#include "workers/kernels/null/null.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "workers/sink.h"

#define BATCH     256u
#define SLICE     65536u
#define PAUSE_NS  1000000
#define RESULT_FD 3

enum fault {
    FAULT_NONE,
    FAULT_SEGV,
    FAULT_ABORT,
    FAULT_EXIT,
    FAULT_FAIL,
    FAULT_HANG,
    FAULT_KILL,
    FAULT_DIFFER,
    FAULT_LIE,
};

struct params {
    uint64_t emit, fault_at, fault_times, slow_at, slow_for_ms;
    unsigned fault;
};

static const char *const faults[] = { "none", "segv", "abort", "exit", "fail", "hang", "kill",
    "differ", "lie", NULL };

static const struct setting params_table[] = {
    { .name = "emit",
        .type = SETTING_NUMBER,
        .offset = offsetof(struct params, emit),
        .operand = "N",
        .fallback = "0",
        .help = "give the first N numbers of each chunk as its result" },
    { .name = "fault",
        .type = SETTING_CHOICE,
        .offset = offsetof(struct params, fault),
        .operand = "FAULT",
        .choices = faults,
        .fallback = "none",
        .help = "break in this way in the chunk of --fault-at" },
    { .name = "fault_at",
        .type = SETTING_NUMBER,
        .offset = offsetof(struct params, fault_at),
        .operand = "N",
        .fallback = "1",
        .help = "the chunk that breaks, counted from 1" },
    { .name = "fault_times",
        .type = SETTING_NUMBER,
        .offset = offsetof(struct params, fault_times),
        .operand = "N",
        .fallback_words = "always",
        .help = "break in the first N attempts only" },
    { .name = "slow_at",
        .type = SETTING_NUMBER,
        .offset = offsetof(struct params, slow_at),
        .operand = "N",
        .fallback_words = "every chunk",
        .help = "the chunk that takes --slow-for, counted from 1" },
    { .name = "slow_for",
        .type = SETTING_DURATION,
        .offset = offsetof(struct params, slow_for_ms),
        .operand = "TIME",
        .fallback = "0ms",
        .help = "how long a slow chunk takes" },
    { .name = NULL },
};

static int plan(struct kernel_plan *plan, struct complaint *complaint) {
    (void)complaint;
    if (plan->chunk_size == 0)
        plan->chunk_size = 1;
    return 0;
}

/* Break as asked. Returns false when the kernel is to report a failure. */
static bool survive(const struct params *params, const struct kernel_work *work) {
    if (work->id + 1 != params->fault_at ||
        (params->fault_times != 0 && work->attempt > params->fault_times))
        return true;
    switch ((enum fault)params->fault) {
    case FAULT_NONE:
    case FAULT_DIFFER: /* run() does it */
        return true;
    case FAULT_FAIL:
        return false;
    case FAULT_SEGV:
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would turn it into an exit */
        raise(SIGSEGV);
        break;
    case FAULT_ABORT:
        abort();
    case FAULT_EXIT:
        _exit(7);
    case FAULT_KILL:
        kill(getpid(), SIGKILL);
        break;
    case FAULT_LIE:
        /* Where the worker reports: what is no frame there is noticed, and the worker ended. */
        if (write(RESULT_FD, "this is not a frame, and long enough to be taken for one", 57) < 0)
            return false;
        pause();
        break;
    case FAULT_HANG:
        for (;;)
            pause();
    }
    return false;
}

/* Returns true while the chunk still has to be slow. */
static bool is_slow(const struct params *params, struct kernel_work *work) {
    const struct timespec pause_for = { .tv_nsec = PAUSE_NS };
    uint64_t now, until;

    if (params->slow_for_ms == 0 || (params->slow_at != 0 && params->slow_at != work->id + 1))
        return false;
    now = clock_now_ms();
    until = (uint64_t)(uintptr_t)work->scratch;
    if (until == 0) {
        until = now + params->slow_for_ms;
        work->scratch = (void *)(uintptr_t)until;
    }
    if (now >= until)
        return false;
    nanosleep(&pause_for, NULL);
    return true;
}

static enum kernel_result run(
    void *state, const struct kernel_plan *plan, struct kernel_work *work, struct sink *sink) {
    const struct params *params = plan->params;
    uint64_t batch[BATCH];

    (void)state;
    if (work->next == work->lo && !survive(params, work)) {
        complaint_set(&work->complaint, "failed as asked");
        return KERNEL_FAILED;
    }
    if (is_slow(params, work))
        return KERNEL_MORE;
    if (params->fault == FAULT_DIFFER && work->id + 1 == params->fault_at && work->attempt > 1)
        sink_put(sink, work->hi);
    for (uint64_t done = 0; done < SLICE; done += BATCH) {
        uint64_t n = work->next - work->lo, count = 0;
        while (count < BATCH && n + count < params->emit && work->hi - work->next >= count) {
            batch[count] = work->next + count;
            count++;
        }
        sink_put_numbers(sink, batch, count);
        if (count < BATCH || work->hi - work->next < BATCH)
            return KERNEL_DONE;
        work->next += BATCH;
    }
    return KERNEL_MORE;
}

const struct kernel_ops null_kernel = {
    .name = "null",
    .version = "1",
    .summary = "nothing: measures the engine, and breaks on demand",
    .flags = KERNEL_PURE,
    .params = params_table,
    .params_size = sizeof(struct params),
    .plan = plan,
    .run = run,
};
