/* The kinds of engines there are. */
#include "supervisor/job/engine.h"

#include <stddef.h>

const struct engine_kind engine_table[] = {
    { "process", JOB_WORKER_PROCESS, "a child process for each worker", "worker" },
    { "thread", JOB_WORKER_THREAD, "one child process with a thread for each worker", "thread" },
    { "event", JOB_WORKER_EVENT, "one child process, one thread, many chunks in flight", "lane" },
};

const char *const engine_names[] = { "process", "thread", "event", NULL };
