#ifndef SUPERVISOR_CAPABILITIES_H
#define SUPERVISOR_CAPABILITIES_H

/*
 * Capabilities of this process, by the system call itself (capabilities(7)): all but a few go, or
 * all of them. Child only, after fork; not for threads that run already.
 */

#include <stdint.h>

/* A bit for each CAP_... of linux/capability.h. */
#define CAPABILITIES_OF(cap) (1ull << (cap))

/* Let what is permitted now outlive the next change of the user from root. 0, or -1 with errno. */
int capabilities_keep_over_setuid(void);

/* From now on these and no others; what is not permitted already is not given. 0, or -1. */
int capabilities_limit(uint64_t wanted);

#endif
