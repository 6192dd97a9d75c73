#ifndef SUPERVISOR_JOB_JOB_CHILD_H
#define SUPERVISOR_JOB_JOB_CHILD_H

/*
 * One worker process as the job supervisor holds it: forked, heard through its pipe, ended,
 * mourned. For whom it works is its owner's business.
 *
 *     NONE -> RUNNING -> KILLED -> NONE      we ended it; the reason is kept
 *             RUNNING -----------> NONE      it left, or died
 *
 * Of a dead one first every complete frame is taken out of its pipe, then what its commands left
 * running is ended, then on_exit is called: only now may its chunks go to somebody else.
 *
 * Job supervisor only; nothing blocks but fork and the disk under the callbacks.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shared/frame.h"
#include "shared/loop.h"
#include "supervisor/job/blame.h"

/* Memory that a child costs its supervisor. */
#define JOB_CHILD_BYTES (512u * 1024u)

enum job_child_state { JOB_CHILD_NONE, JOB_CHILD_RUNNING, JOB_CHILD_KILLED };

/* How it ended. */
struct job_child_death {
    uint32_t ordinal; /* of the child, from 1 */
    int pid;
    enum blame_cause cause;
    int code, status; /* of waitid(2) */
    uint64_t uptime_ns;
    uint64_t frames;     /* complete ones, in its life */
    uint64_t torn_bytes; /* of an incomplete frame that were in the pipe */
    long peak_kb;
};

struct job_child;

struct job_child_owner {
    /* In the child, with signals blocked: become it, and never return. result_fd is the write end
     * of its pipe. */
    void (*run)(struct job_child *child, int result_fd, int parent_pid);
    /* One complete frame. Returns false when the sender must be ended: it lies. */
    bool (*on_frame)(struct job_child *child, const struct frame *frame, const char *payload);
    /* The payloads of the last frames are about to be overwritten. */
    void (*on_heard)(struct job_child *child);
    /* It is reaped, all it said has been heard; it is NONE and may be started again. */
    void (*on_exit)(struct job_child *child, const struct job_child_death *death);
};

struct job_child {
    /* set by the owner */
    const struct job_child_owner *owner;
    struct loop *loop;
    uint32_t ordinal;        /* from 1 */
    _Atomic int32_t *groups; /* process groups of running commands, one a lane; NULL: none */
    uint32_t group_count;
    /* its own */
    enum job_child_state state;
    enum blame_cause cause; /* KILLED: why */
    pid_t pid;
    uint64_t started_ns, frames;
    struct loop_watch exit; /* a pidfd */
    struct loop_watch pipe; /* fd -1 after end of file */
    bool is_hushed;         /* the pipe is not in the loop for now */
    char *buf;
    size_t len; /* bytes in buf that are not a complete frame yet */
};

/* All zero but what the owner sets. */
void job_child_init(struct job_child *child);

/* Fork it. Returns 0, or -1 with errno: it is NONE still. */
int job_child_start(struct job_child *child);

/* End it, and keep the reason for on_exit. Nothing when it is not RUNNING. */
void job_child_kill(struct job_child *child, enum blame_cause cause);

/* Listen no more; the child comes to a stop when its pipe is full. */
void job_child_hush(struct job_child *child);
void job_child_hear(struct job_child *child);

/* Free its memory; it must be NONE. */
void job_child_fini(struct job_child *child);

#endif
