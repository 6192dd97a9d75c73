#ifndef SHARED_NET_H
#define SHARED_NET_H

/*
 * Addresses as they stand in configuration files, logs and banners:
 * tcp://127.0.0.1:8004, udp://[::1]:5400, unix:///run/preforkd/chat.sock. Numeric only, so that
 * nothing here asks a resolver. Pure functions; callable anywhere.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "shared/complaint.h"

enum net_proto { NET_TCP, NET_UDP, NET_UNIX };

struct net_address {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } sa;
    socklen_t len;
};

#define NET_TEXT_MAX 128

/* "tcp", "udp", "unix" */
const char *net_proto_name(enum net_proto proto);

/*
 * Read "PROTO://ADDRESS". A relative path of a UNIX socket is refused: make it absolute first;
 * "unix://@NAME" is abstract. Port 0 is taken: any. An IPv4 address written as IPv6 is refused.
 * Returns 0, or -1 with the complaint.
 */
int net_parse(const char *text, enum net_proto *out_proto, struct net_address *out,
    struct complaint *out_why);

/* "127.0.0.1:51234", "[::1]:5400", "/run/x.sock", "local" for an unnamed UNIX peer; terminated. */
char *net_format(char dst[NET_TEXT_MAX], const struct net_address *address);

/* The address without its port: "127.0.0.1". Terminated. Returns dst. */
char *net_format_host(char dst[NET_TEXT_MAX], const struct net_address *address);

/* Port in host order; 0 for UNIX sockets. */
uint16_t net_port(const struct net_address *address);
void net_set_port(struct net_address *address, uint16_t port);

/* A number that is equal for connections of one source host; 0 for UNIX sockets. */
uint64_t net_source_hash(const struct net_address *address);

#endif
