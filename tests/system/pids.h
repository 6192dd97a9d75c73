#ifndef TESTS_SYSTEM_PIDS_H
#define TESTS_SYSTEM_PIDS_H

/* Who the workers of a service are, to be held against who they were. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/system/daemon.h"

struct pids {
    pid_t pid[DAEMON_WORKERS_MAX]; /* ascending */
    size_t count;
};

struct pids pids_of(const char *service);

bool pids_are_same(const struct pids *a, const struct pids *b);
bool pids_share_none(const struct pids *a, const struct pids *b);

#endif
