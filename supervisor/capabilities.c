/* The three sets of a process, and nothing of a library for them. */
#include "supervisor/capabilities.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int capabilities_keep_over_setuid(void) {
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

int capabilities_limit(uint64_t wanted) {
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, sets) < 0)
        return -1;
    memcpy(had, sets, sizeof(had));
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        sets[i].permitted &= (uint32_t)(wanted >> 32 * i);
        sets[i].effective = sets[i].permitted;
        sets[i].inheritable = 0;
    }
    if (memcmp(had, sets, sizeof(had)) == 0)
        return 0;
    return (int)syscall(SYS_capset, &header, sets);
}
