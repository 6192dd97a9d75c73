/* What a process may, given up; also where the kernel refuses the call that gives it up. */
#include "supervisor/capabilities.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

/* As a unit with SystemCallFilter=~@privileged has it. */
static void refuse_capset(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_capset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void become_nobody(void) {
    if (geteuid() == 0)
        cr_assert_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
}

static uint64_t permitted(void) {
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

    cr_assert_eq(syscall(SYS_capget, &header, sets), 0);
    return sets[0].permitted | (uint64_t)sets[1].permitted << 32;
}

Test(capabilities, all_go_but_the_wanted) {
    const uint64_t wanted = CAPABILITIES_OF(CAP_KILL) | CAPABILITIES_OF(CAP_SETUID);
    const uint64_t had = permitted();

    cr_assert_eq(capabilities_limit(wanted), 0);
    cr_expect_eq(permitted(), had & wanted);
    cr_assert_eq(capabilities_limit(0), 0);
    cr_expect_eq(permitted(), 0);
}

Test(capabilities, who_has_none_gives_up_none_without_a_right_to) {
    become_nobody();
    refuse_capset();
    cr_expect_eq(capabilities_limit(0), 0);
}
