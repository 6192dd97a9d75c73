/* What of the kernel is used, asked by using it: a version number says little in a container. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "supervisor/cli/doctor.h"

#define WALL_LEAST_S 1704067200 /* 2024 */

static bool has_pidfd(void) {
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    bool ok = fd >= 0 && syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool has_close_range(void) {
    return syscall(SYS_close_range, 1u << 30, 1u << 30, 0) == 0;
}

static bool has_memfd(void) {
    int fd = memfd_create("doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool ok = fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool has_epoll_exclusive(void) {
    struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC), fds[2];
    bool ok = false;

    if (epoll_fd >= 0 && pipe2(fds, O_CLOEXEC) == 0) {
        ok = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[0], &event) == 0;
        close(fds[0]);
        close(fds[1]);
    }
    if (epoll_fd >= 0)
        close(epoll_fd);
    return ok;
}

static bool has_peercred(void) {
    struct ucred cred;
    socklen_t len = sizeof(cred);
    int fds[2];
    bool ok;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return false;
    ok = getsockopt(fds[0], SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.pid == getpid();
    close(fds[0]);
    close(fds[1]);
    return ok;
}

/* Send a descriptor over a pair of the kind that orders travel on. */
static bool send_and_receive(const int fds[2]) {
    char byte = 'x';
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int received;

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fds[0], sizeof(int));
    if (sendmsg(fds[0], &message, MSG_NOSIGNAL) != 1 ||
        recvmsg(fds[1], &message, MSG_CMSG_CLOEXEC) != 1 ||
        (header = CMSG_FIRSTHDR(&message)) == NULL || header->cmsg_type != SCM_RIGHTS)
        return false;
    memcpy(&received, CMSG_DATA(header), sizeof(int));
    close(received);
    return true;
}

static bool has_scm_rights(void) {
    int fds[2];
    bool ok;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return false;
    ok = send_and_receive(fds);
    close(fds[0]);
    close(fds[1]);
    return ok;
}

static bool has_death_signal(void) {
    int old = 0;

    return prctl(PR_GET_PDEATHSIG, &old) == 0 && prctl(PR_SET_PDEATHSIG, old) == 0;
}

static bool has_smaps_rollup(void) {
    return access("/proc/self/smaps_rollup", R_OK) == 0;
}

static bool has_sock_diag(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 4 /* NETLINK_SOCK_DIAG */);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static const struct {
    const char *name;
    bool (*is_there)(void);
    enum doctor_grade grade; /* when it is not */
    const char *without;
} features[] = {
    { "pidfd_open", has_pidfd, DOCTOR_BAD, "children cannot be looked after" },
    { "close_range", has_close_range, DOCTOR_WARN, "descriptors are closed one by one" },
    { "memfd_create", has_memfd, DOCTOR_BAD, "there is no memory to share" },
    { "EPOLLEXCLUSIVE", has_epoll_exclusive, DOCTOR_BAD, "workers cannot share a listener" },
    { "SO_PEERCRED", has_peercred, DOCTOR_BAD, "nobody can be let in at the control socket" },
    { "SCM_RIGHTS", has_scm_rights, DOCTOR_BAD, "the log writer gets no new lanes" },
    { "PR_SET_PDEATHSIG", has_death_signal, DOCTOR_BAD, "workers may outlive the supervisor" },
    { "/proc/self/smaps_rollup", has_smaps_rollup, DOCTOR_WARN,
        "reload_on_pss and the memory in the status do not work" },
    { "sock_diag", has_sock_diag, DOCTOR_WARN, "the queues of UNIX sockets are not seen" },
};

void doctor_kernel_look(struct doctor *doctor) {
    const size_t count = sizeof(features) / sizeof(features[0]);
    struct utsname name = { .release = "" };
    size_t there = 0;

    uname(&name);
    for (size_t i = 0; i < count; i++) {
        if (features[i].is_there())
            there++;
        else
            doctor_find(doctor, features[i].grade,
                "run a kernel of 5.10 or later, or allow it in the sandbox", "%s is not there: %s",
                features[i].name, features[i].without);
    }
    if (there == count)
        doctor_find(doctor, DOCTOR_OK, NULL, "Linux %s has all %zu features that are used",
            name.release, count);
}

void doctor_kernel_look_clock(struct doctor *doctor) {
    const uint64_t before_ns = clock_now_ns(), wall_s = clock_wall_ns() / 1000000000;
    struct timex state = { .modes = 0 };
    struct timespec resolution = { .tv_sec = 1 };

    clock_getres(CLOCK_MONOTONIC, &resolution);
    if (resolution.tv_sec > 0 || resolution.tv_nsec > 1000000)
        doctor_find(doctor, DOCTOR_WARN, "see clocksource in the kernel's parameters",
            "CLOCK_MONOTONIC is coarser than a millisecond");
    else if (clock_now_ns() < before_ns)
        doctor_find(doctor, DOCTOR_BAD, "see clocksource in the kernel's parameters",
            "CLOCK_MONOTONIC runs backwards");
    else if (wall_s < WALL_LEAST_S)
        doctor_find(doctor, DOCTOR_BAD, "timedatectl set-ntp true",
            "the wall clock is years behind: the log's times are wrong");
    else if (adjtimex(&state) == TIME_ERROR)
        doctor_find(doctor, DOCTOR_WARN, "timedatectl set-ntp true",
            "the wall clock is not synchronised: the log's times may be off");
    else
        doctor_find(doctor, DOCTOR_OK, NULL, "the clocks are sane");
}
