/* Sorted, so that two of them can be compared. */
#include "tests/system/pids.h"

#include <stdlib.h>
#include <string.h>

static int compare_pids(const void *a, const void *b) {
    return *(const pid_t *)a - *(const pid_t *)b;
}

struct pids pids_of(const char *service) {
    struct pids pids = { .count = 0 };

    pids.count = daemon_workers(service, NULL, pids.pid);
    qsort(pids.pid, pids.count, sizeof(pids.pid[0]), compare_pids);
    return pids;
}

bool pids_are_same(const struct pids *a, const struct pids *b) {
    return a->count == b->count && memcmp(a->pid, b->pid, a->count * sizeof(a->pid[0])) == 0;
}

bool pids_share_none(const struct pids *a, const struct pids *b) {
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            if (a->pid[i] == b->pid[k])
                return false;
    return true;
}
