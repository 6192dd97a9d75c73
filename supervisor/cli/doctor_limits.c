/*
 * Limits that are counted. Those of the daemon that runs are looked at where they can be seen: its
 * unit may have set others than this shell has.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "supervisor/cli/doctor.h"
#include "supervisor/cli/json_read.h"

struct limit {
    uint64_t most; /* UINT64_MAX: none */
    const char *whose;
};

/* A hard limit out of /proc/PID/limits. Returns false when it cannot be read. */
static bool read_limit_of(pid_t pid, const char *name, uint64_t *out) {
    char path[64], line[256];
    uint64_t soft, hard;
    bool found = false;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/limits", pid);
    file = fopen(path, "re");
    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) != 0)
            continue;
        found = true;
        if (sscanf(line + strlen(name), "%" SCNu64 "%" SCNu64, &soft, &hard) != 2)
            hard = UINT64_MAX; /* "unlimited" */
        *out = hard;
    }
    if (file != NULL)
        fclose(file);
    return found;
}

static struct limit find_limit(const struct doctor *doctor, int resource, const char *name) {
    struct limit limit = { .whose = "of the daemon" };
    struct rlimit own;

    if (doctor_daemon_pid(doctor) > 0 &&
        read_limit_of(doctor_daemon_pid(doctor), name, &limit.most))
        return limit;
    limit.whose = "of this shell";
    limit.most = getrlimit((__rlimit_resource_t)resource, &own) < 0 || own.rlim_max == RLIM_INFINITY
                     ? UINT64_MAX
                     : own.rlim_max;
    return limit;
}

/* A limit of the machine. Returns whether it is too low. */
static bool look_at_sysctl(
    struct doctor *doctor, const char *name, const char *path, uint64_t need, const char *what) {
    const uint64_t most = doctor_read_number(path);
    char mend[128];

    if (most >= need) /* UINT64_MAX: it cannot be read */
        return false;
    snprintf(mend, sizeof(mend), "sysctl -w %s=%" PRIu64, name, need + need / 2);
    doctor_find(doctor, DOCTOR_BAD, mend, "%s = %" PRIu64 ", and %s may be %" PRIu64, name, most,
        what, need);
    return true;
}

void doctor_limits_look_files(struct doctor *doctor) {
    const struct doctor_need *need = &doctor->need;
    const bool is_worker = need->worker_files > need->supervisor_files;
    const uint64_t most = is_worker ? need->worker_files : need->supervisor_files;
    const struct limit limit = find_limit(doctor, RLIMIT_NOFILE, "Max open files");
    char mend[160];
    bool is_bad;

    if (doctor->config == NULL)
        return;
    is_bad = look_at_sysctl(doctor, "fs.file-max", "/proc/sys/fs/file-max",
        need->supervisor_files + need->sessions + need->workers * 16, "open files");
    if (limit.most < most) {
        snprintf(mend, sizeof(mend),
            "ulimit -Hn %" PRIu64 ", or LimitNOFILE=%" PRIu64 " in the unit", most, most);
        doctor_find(doctor, DOCTOR_BAD, mend,
            "RLIMIT_NOFILE %s is %" PRIu64 ", and %s%s may need %" PRIu64 " descriptors",
            limit.whose, limit.most, is_worker ? "a worker of " : "the supervisor",
            is_worker ? need->worker_name : "", most);
        is_bad = true;
    }
    if (!is_bad)
        doctor_find(doctor, DOCTOR_OK, NULL,
            "descriptors: %" PRIu64 " for the supervisor and up to %" PRIu64
            " for a worker are within the limit %s",
            need->supervisor_files, need->worker_files, limit.whose);
}

void doctor_limits_look_processes(struct doctor *doctor) {
    const uint64_t need = doctor->need.threads + 8; /* supervisor, log writer, what they replace */
    const struct limit limit = find_limit(doctor, RLIMIT_NPROC, "Max processes");
    const bool is_root = doctor_id(doctor->config, "uid", geteuid()) == 0;
    char mend[160];
    bool is_bad;

    if (doctor->config == NULL)
        return;
    is_bad = look_at_sysctl(doctor, "kernel.threads-max", "/proc/sys/kernel/threads-max", need,
        "processes and threads");
    is_bad |= look_at_sysctl(
        doctor, "kernel.pid_max", "/proc/sys/kernel/pid_max", need, "processes and threads");
    if (!is_root && limit.most < need) { /* root is not bound by it */
        snprintf(mend, sizeof(mend),
            "ulimit -Hu %" PRIu64 ", or LimitNPROC=%" PRIu64 " in the unit", need, need);
        doctor_find(doctor, DOCTOR_BAD, mend,
            "RLIMIT_NPROC %s is %" PRIu64 ", and all workers together may be %" PRIu64
            " processes and threads",
            limit.whose, limit.most, need);
        is_bad = true;
    }
    if (!is_bad)
        doctor_find(doctor, DOCTOR_OK, NULL,
            "%" PRIu64 " processes and threads at most are within the limits", need);
}

void doctor_limits_look_backlog(struct doctor *doctor) {
    const json_t *services = doctor_services(doctor->config), *service;
    const uint64_t most = doctor_read_number("/proc/sys/net/core/somaxconn");
    uint64_t backlog;
    bool is_bad = false;
    char mend[128];

    for (size_t i = 0; i < json_array_size(services); i++) {
        service = json_array_get(services, i);
        backlog = doctor_number(json_object_get(service, "keys"), "backlog");
        if (backlog <= most)
            continue;
        snprintf(mend, sizeof(mend), "sysctl -w net.core.somaxconn=%" PRIu64, backlog);
        doctor_find(doctor, DOCTOR_WARN, mend,
            "%s: backlog = %" PRIu64 " is cut to net.core.somaxconn = %" PRIu64,
            json_read_text(service, "name"), backlog, most);
        is_bad = true;
    }
    if (!is_bad && doctor->config != NULL)
        doctor_find(
            doctor, DOCTOR_OK, NULL, "no backlog is above net.core.somaxconn = %" PRIu64, most);
}
