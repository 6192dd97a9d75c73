#ifndef WORKERS_PARCEL_H
#define WORKERS_PARCEL_H

/*
 * A session as bytes: what an old worker knows of it that the socket itself does not. A head of
 * fixed size, then the service's state, the wire's (of a service of texts), the bytes that were
 * read but not used, and those that are still to be sent. Pure; what is decoded is not trusted, and
 * its texts lie in the bytes given.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/net.h"

#define PARCEL_TYPE_MAX   16
#define PARCEL_STATE_MAX  65536
#define PARCEL_WIRE_MAX   ((1u << 20) + 1024)
#define PARCEL_UNREAD_MAX (1u << 20)

struct parcel {
    char type[PARCEL_TYPE_MAX]; /* of the service; terminated */
    enum net_proto proto;       /* NET_TCP or NET_UNIX */
    struct net_address peer;
    uint64_t messages; /* so far */
    bool is_closing;   /* ends when all is sent */
    uint32_t slot;     /* in the gate */
    uint32_t row;      /* of the old worker: the slot's */
    const char *state, *wire, *unread, *unsent;
    size_t state_len, wire_len, unread_len, unsent_len;
};

/* How many bytes it takes. */
size_t parcel_size(const struct parcel *parcel);

/* Write them, parcel_size() of them. */
void parcel_encode(const struct parcel *parcel, char *out);

/* The most a parcel may take where so many unsent bytes are kept. */
size_t parcel_most(size_t unsent_most);

/*
 * Read len bytes; out's texts point into data. Returns 0, or -1 with errno: EPROTO when it is no
 * parcel, EMSGSIZE when one of its parts is longer than it may be.
 */
int parcel_decode(struct parcel *out, const char *data, size_t len, size_t unsent_most);

/* Is this descriptor a connected stream socket of that kind? Asks the kernel; any process. */
bool parcel_fits_descriptor(const struct parcel *parcel, int fd);

#endif
