#ifndef SHARED_DIAL_H
#define SHARED_DIAL_H

/*
 * Where a client of one of our services connects to, and the connecting. As operands it is
 * "HOST PORT" or a URL of net.h; a host may be a name: this asks the resolver. For commands: it
 * blocks, within limits.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/complaint.h"
#include "shared/net.h"

#define DIAL_HOST_MAX 255
#define DIAL_TEXT_MAX (DIAL_HOST_MAX + 16)

struct dial_target {
    bool is_address; /* else host and port */
    enum net_proto proto;
    struct net_address address;
    char host[DIAL_HOST_MAX + 1];
    uint16_t port;
    const char *service; /* what is to listen there, for whoever finds nobody; NULL: not known */
};

/* Check what was typed. Return 0, or -1 with the complaint. */
int dial_read_host(struct dial_target *target, const char *text, struct complaint *complaint);
int dial_read_port(struct dial_target *target, const char *text, struct complaint *complaint);

/* A URL; with_udp: datagrams where it says tcp. */
int dial_read_url(
    struct dial_target *target, const char *text, bool with_udp, struct complaint *complaint);

/* "localhost:8004", "[::1]:8004", "/run/x.sock"; terminated. Returns dst. */
char *dial_format(char dst[DIAL_TEXT_MAX], const struct dial_target *target);

/*
 * Connect; *out_fd is non-blocking, closed on exec and the caller's.
 * Returns an exit code: 0, or with the complaint 68, 69, 71, 77, 124.
 */
int dial_open(const struct dial_target *target, uint64_t timeout_ms, int *out_fd,
    struct complaint *complaint);

/*
 * Nobody listens there: connecting has shown it, or a datagram that came back. The complaint says
 * it, and what starts a server. Returns an exit code, 69. Pure.
 */
int dial_refuse_absent(const struct dial_target *target, struct complaint *complaint);

/* Wait for events of poll(2) until end_ms of clock_now_ms(). Returns what is ready, 0: nothing. */
short dial_wait(int fd, short events, uint64_t end_ms);

#endif
