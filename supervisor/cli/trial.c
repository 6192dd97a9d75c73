/* Trials. The job's process leaves its figures in memory that it shares with us. */
#include "supervisor/cli/trial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/exit_code.h"
#include "shared/leave.h"
#include "supervisor/job/job_run.h"
#include "supervisor/job/job_serial.h"

#define LOOK_NS   200000
#define PIDS_MOST 2048u

_Noreturn static void run_job(const struct job_spec *spec, struct trial *shared) {
    struct job_summary summary;
    int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (null_fd >= 0) {
        dup2(null_fd, STDOUT_FILENO);
        if (spec->options.quiet)
            dup2(null_fd, STDERR_FILENO);
    }
    if (spec->engine != NULL)
        job_run(spec, &summary);
    else
        job_serial_run(spec, &summary);
    shared->exit_code = summary.exit_code;
    shared->records = summary.records;
    shared->digest = summary.digest;
    shared->wall_ns = summary.wall_ns;
    shared->cpu_ns = summary.cpu_ns;
    shared->switches = summary.switches;
    shared->crashes = summary.crashes;
    shared->lost = summary.lost;
    leave_process(EXIT_SUCCESS);
}

/* The children of a process; commands of a worker's are not looked for. */
static size_t list_children(pid_t pid, pid_t *out, size_t most) {
    char path[64];
    size_t count = 0;
    FILE *list;
    int child;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    list = fopen(path, "re");
    if (list == NULL)
        return 0;
    while (count < most && fscanf(list, "%d", &child) == 1)
        out[count++] = child;
    fclose(list);
    return count;
}

static uint64_t pss_of(pid_t pid) {
    unsigned long long kb = 0;
    char path[64], line[256];
    FILE *rollup;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    rollup = fopen(path, "re");
    if (rollup == NULL)
        return 0;
    while (fgets(line, sizeof(line), rollup) != NULL)
        if (sscanf(line, "Pss: %llu kB", &kb) == 1)
            break;
    fclose(rollup);
    return kb * 1024u;
}

static void look_at_memory(pid_t pid, struct trial *trial) {
    static pid_t pids[PIDS_MOST];
    uint64_t sum = pss_of(pid);
    size_t count = list_children(pid, pids, PIDS_MOST);

    for (size_t i = 0; i < count; i++)
        sum += pss_of(pids[i]);
    if (sum > trial->peak_pss_bytes)
        trial->peak_pss_bytes = sum;
}

static void kill_one_worker(pid_t pid, struct trial *trial) {
    pid_t worker;

    if (trial->was_killed || list_children(pid, &worker, 1) == 0)
        return;
    trial->was_killed = kill(worker, SIGKILL) == 0;
}

static void watch(pid_t pid, enum trial_kind kind, uint64_t half_ns, struct trial *trial) {
    const struct timespec pause = { .tv_nsec = LOOK_NS };
    uint64_t started_ns = clock_now_ns();

    while (waitpid(pid, NULL, kind == TRIAL_TIMED ? 0 : WNOHANG) == 0) {
        if (kind == TRIAL_MEMORY)
            look_at_memory(pid, trial);
        else if (clock_now_ns() - started_ns >= half_ns)
            kill_one_worker(pid, trial);
        nanosleep(&pause, NULL);
    }
}

int trial_run(
    const struct job_spec *spec, enum trial_kind kind, uint64_t half_ns, struct trial *out) {
    struct trial *shared;
    pid_t pid;

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return -1;
    shared->exit_code = EXIT_CODE_SYSTEM;
    pid = fork();
    if (pid == 0)
        run_job(spec, shared);
    if (pid > 0) {
        *out = (struct trial){ .exit_code = EXIT_CODE_SYSTEM };
        watch(pid, kind, half_ns, out);
        shared->peak_pss_bytes = out->peak_pss_bytes;
        shared->was_killed = out->was_killed;
        *out = *shared;
    }
    munmap(shared, sizeof(*shared));
    return pid > 0 ? 0 : -1;
}
