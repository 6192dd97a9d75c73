/*
 * The order matters: limits before the user changes, PDEATHSIG after (the kernel forgets it when
 * credentials change), and then a look whether the parent died before it was set.
 */
#include "supervisor/child_setup.h"

#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "shared/exit_code.h"
#include "shared/leave.h"
#include "shared/log.h"
#include "supervisor/capabilities.h"

static int *list_kept(struct child_setup *setup) {
    return setup->many != NULL ? setup->many : setup->few;
}

static void make_room(struct child_setup *setup) {
    int *many;

    setup->keep_room = setup->keep_room == 0 ? CHILD_SETUP_KEEP_FEW : 2 * setup->keep_room;
    if (setup->keep_room == CHILD_SETUP_KEEP_FEW)
        return;
    many = reallocarray(setup->many, setup->keep_room, sizeof(int));
    if (many == NULL)
        log_fatal(EXIT_CODE_SYSTEM, "a child cannot keep its descriptors");
    if (setup->many == NULL)
        memcpy(many, setup->few, sizeof(setup->few));
    setup->many = many;
}

void child_setup_keep(struct child_setup *setup, int fd) {
    if (fd < 0)
        return;
    if (setup->keep_count == setup->keep_room)
        make_room(setup);
    list_kept(setup)[setup->keep_count++] = fd;
}

static int compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

static void close_others(struct child_setup *setup) {
    unsigned from = STDERR_FILENO + 1;
    int *kept = list_kept(setup);

    qsort(kept, setup->keep_count, sizeof(kept[0]), compare);
    for (unsigned i = 0; i < setup->keep_count; i++) {
        if ((unsigned)kept[i] > from)
            close_range(from, (unsigned)kept[i] - 1, 0);
        if ((unsigned)kept[i] >= from)
            from = (unsigned)kept[i] + 1;
    }
    close_range(from, ~0u, 0);
}

/* Signals for the supervisor come to the whole group from a terminal: they are not for us. */
static void ignore_signals(void) {
    static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE };

    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
}

static void limit(int resource, uint64_t value, const char *name) {
    const struct rlimit wanted = { .rlim_cur = value, .rlim_max = value };

    if (value != UINT64_MAX && setrlimit(resource, &wanted) < 0)
        log_fatal(EXIT_CODE_PERMISSION, "%s cannot be set", name);
}

static void set_affinity(const struct config_service *service) {
    const size_t words = sizeof(service->cpu_mask) / sizeof(service->cpu_mask[0]);
    cpu_set_t cpus;
    bool is_set = false;

    CPU_ZERO(&cpus);
    for (size_t i = 0; i < words * 64; i++)
        if (service->cpu_mask[i / 64] >> i % 64 & 1) {
            CPU_SET(i, &cpus);
            is_set = true;
        }
    if (is_set && sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
        log_fatal(EXIT_CODE_CONFIG, "cpu_affinity cannot be set");
}

/* The change of the user takes all capabilities away, but for those that are kept. */
static void become_user(const struct child_setup *setup) {
    const struct config_service *service = setup->service;
    const uint64_t kept = setup->capabilities;

    if (service->uid == (uid_t)-1 || setup->user == NULL)
        return;
    if (kept != 0 && capabilities_keep_over_setuid() < 0)
        log_fatal(EXIT_CODE_PERMISSION, "no capability can be kept as user %s", setup->user);
    if (initgroups(setup->user, service->gid) < 0 ||
        setresgid(service->gid, service->gid, service->gid) < 0 ||
        setresuid(service->uid, service->uid, service->uid) < 0)
        log_fatal(EXIT_CODE_PERMISSION, "cannot become user %s", setup->user);
    if (kept != 0 && capabilities_limit(kept) < 0)
        log_fatal(EXIT_CODE_PERMISSION, "no capability can be kept as user %s", setup->user);
}

static void die_with_parent(pid_t parent, int death_signal) {
    prctl(PR_SET_PDEATHSIG, death_signal != 0 ? death_signal : SIGKILL);
    if (getppid() != parent)
        leave_process(EXIT_CODE_UNAVAILABLE);
}

void child_setup_apply(struct child_setup *setup) {
    const struct config_service *service = setup->service;

    ignore_signals();
    if (setup->slot > 0)
        setproctitle("%s %u", setup->title, setup->slot);
    else
        setproctitle("%s", setup->title);
    if (setup->out_fd >= 0) {
        dup2(setup->out_fd, STDOUT_FILENO);
        dup2(setup->err_fd, STDERR_FILENO);
    }
    if (!setup->keeps_all)
        close_others(setup);
    limit(RLIMIT_NOFILE, service->rlimit_nofile, "rlimit_nofile");
    limit(RLIMIT_CORE, service->rlimit_core_bytes, "rlimit_core");
    limit(RLIMIT_AS, service->rlimit_as_bytes, "rlimit_as");
    set_affinity(service);
    if (service->nice != 0 && setpriority(PRIO_PROCESS, 0, (int)service->nice) < 0)
        log_fatal(EXIT_CODE_PERMISSION, "nice cannot be set");
    become_user(setup);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    die_with_parent(setup->parent, setup->death_signal);
}
