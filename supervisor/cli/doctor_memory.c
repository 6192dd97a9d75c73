/*
 * Memory, of the machine and of the control group. What the pools need is an estimate from below:
 * a worker by itself and what an idle session holds; what slow readers are owed comes on top.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "shared/number.h"
#include "supervisor/cli/doctor.h"

#define SUPERVISOR_BYTES (8u << 20)
#define WORKER_BYTES     (512u << 10)
#define SESSION_BYTES    (4u << 10)
#define THREAD_BYTES     (16u << 10)

static uint64_t need_bytes(const struct doctor_need *need) {
    return SUPERVISOR_BYTES + need->workers * WORKER_BYTES + need->sessions * SESSION_BYTES +
           need->threads * THREAD_BYTES;
}

/* A line of /proc/meminfo, in bytes; UINT64_MAX when it is not there. */
static uint64_t read_meminfo(const char *name) {
    FILE *file = fopen("/proc/meminfo", "re");
    uint64_t kb = UINT64_MAX;
    char line[128];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':' &&
            sscanf(line + strlen(name) + 1, "%" SCNu64, &kb) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kb != UINT64_MAX ? kb * 1024 : UINT64_MAX;
}

void doctor_memory_look(struct doctor *doctor) {
    const uint64_t need = need_bytes(&doctor->need), free = read_meminfo("MemAvailable"),
                   limit = read_meminfo("CommitLimit"), used = read_meminfo("Committed_AS");
    const bool is_strict = doctor_read_number("/proc/sys/vm/overcommit_memory") == 2;
    char need_text[NUMBER_TEXT_MAX], text[NUMBER_TEXT_MAX];

    if (doctor->config == NULL)
        return;
    number_format_bytes(need_text, need);
    if (free < need)
        doctor_find(doctor, DOCTOR_WARN, "lower max_children or worker_connections, or add memory",
            "full pools need some %s, and %s are free", need_text, number_format_bytes(text, free));
    else if (is_strict && (limit == UINT64_MAX || used > limit || limit - used < need))
        doctor_find(doctor, DOCTOR_WARN, "sysctl -w vm.overcommit_memory=0, or add swap",
            "vm.overcommit_memory = 2, and less than the %s that full pools need may be promised",
            need_text);
    else
        doctor_find(doctor, DOCTOR_OK, NULL, "full pools need some %s, and %s are free", need_text,
            free == UINT64_MAX ? "more" : number_format_bytes(text, free));
}

void doctor_memory_look_swap(struct doctor *doctor) {
    const uint64_t all = read_meminfo("SwapTotal"), free = read_meminfo("SwapFree");
    char text[NUMBER_TEXT_MAX];

    if (all == UINT64_MAX || free == UINT64_MAX || all == 0)
        doctor_find(
            doctor, DOCTOR_OK, NULL, "there is no swap: nothing of the daemon waits for a disk");
    else if (free < all / 2)
        doctor_find(doctor, DOCTOR_WARN,
            "find what takes the memory: ps -eo pid,rss,comm --sort -rss",
            "%s of swap are in use: clients may wait for a disk",
            number_format_bytes(text, all - free));
    else
        doctor_find(doctor, DOCTOR_OK, NULL, "%s of swap are in use",
            number_format_bytes(text, all - free));
}

/* ---- the control group ---- */

/* A limit, in which hierarchy it is (NULL: the unified one), and what it is called there. */
struct group_limit {
    const char *controller, *name;
};

static const struct group_limit memory_limits[] = { { NULL, "memory.max" },
    { "memory", "memory.limit_in_bytes" }, { NULL, NULL } };
static const struct group_limit pids_limits[] = { { NULL, "pids.max" }, { "pids", "pids.max" },
    { NULL, NULL } };

/* Is this line of /proc/PID/cgroup, "3:memory:/path", the hierarchy's? Returns the path. */
static const char *path_in(char *line, const char *controller) {
    char *list = strchr(line, ':'), *path;
    size_t len;

    if (list == NULL || (path = strchr(list + 1, ':')) == NULL)
        return NULL;
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    list++;
    if (controller == NULL)
        return list[0] == '\0' ? path : NULL;
    for (len = strlen(controller); *list != '\0'; list += strcspn(list, ","), list += *list == ',')
        if (strncmp(list, controller, len) == 0 && (list[len] == ',' || list[len] == '\0'))
            return path;
    return NULL;
}

/* The least of a group and all above it. */
static uint64_t least_above(const struct group_limit *limit, const char *group) {
    char folder[PATH_MAX], path[PATH_MAX + 64];
    uint64_t least = UINT64_MAX, number;
    size_t root;
    char *slash;

    root = (size_t)snprintf(folder, sizeof(folder), "/sys/fs/cgroup%s%s",
        limit->controller != NULL ? "/" : "", limit->controller != NULL ? limit->controller : "");
    snprintf(folder + root, sizeof(folder) - root, "%s", group);
    for (;;) {
        snprintf(path, sizeof(path), "%s/%s", folder, limit->name);
        number = doctor_read_number(path);
        least = number < least ? number : least;
        slash = strrchr(folder, '/');
        if (strlen(folder) <= root || slash == NULL)
            return least;
        *slash = '\0';
    }
}

/* The group of the daemon, or ours. UINT64_MAX: no limit. */
static uint64_t find_group_limit(const struct doctor *doctor, const struct group_limit *limits) {
    char file[64], line[PATH_MAX + 64];
    uint64_t least = UINT64_MAX, number;
    const char *group;
    FILE *lines;

    if (doctor_daemon_pid(doctor) > 0)
        snprintf(file, sizeof(file), "/proc/%d/cgroup", doctor_daemon_pid(doctor));
    else
        snprintf(file, sizeof(file), "/proc/self/cgroup");
    for (; limits->name != NULL; limits++) {
        lines = fopen(file, "re");
        while (lines != NULL && fgets(line, sizeof(line), lines) != NULL)
            if ((group = path_in(line, limits->controller)) != NULL) {
                number = least_above(limits, group);
                least = number < least ? number : least;
            }
        if (lines != NULL)
            fclose(lines);
    }
    return least;
}

void doctor_memory_look_cgroup(struct doctor *doctor) {
    const uint64_t memory = find_group_limit(doctor, memory_limits),
                   pids = find_group_limit(doctor, pids_limits), need = need_bytes(&doctor->need),
                   tasks = doctor->need.threads + 8;
    char need_text[NUMBER_TEXT_MAX], text[NUMBER_TEXT_MAX];

    if (doctor->config == NULL)
        return;
    if (memory < need)
        doctor_find(doctor, DOCTOR_BAD, "raise MemoryMax= of the unit, or lower max_children",
            "the control group allows %s of memory, and full pools need some %s",
            number_format_bytes(text, memory), number_format_bytes(need_text, need));
    if (pids < tasks)
        doctor_find(doctor, DOCTOR_BAD, "raise TasksMax= of the unit, or lower max_children",
            "the control group allows %" PRIu64
            " processes and threads, and full pools have %" PRIu64,
            pids, tasks);
    if (memory >= need && pids >= tasks)
        doctor_find(doctor, DOCTOR_OK, NULL, "the control group allows what full pools need");
}
