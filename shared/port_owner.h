#ifndef SHARED_PORT_OWNER_H
#define SHARED_PORT_OWNER_H

/* Who has a busy port, as far as /proc shows it. Any process; reads /proc. */

#include <stddef.h>

#include "shared/net.h"

/*
 * "pid 1234, python3", or "a process of uid 1000" where the process cannot be seen; empty when not
 * even that can. Terminated.
 */
void port_owner_find(
    const struct net_address *address, enum net_proto proto, char *dst, size_t size);

#endif
