/*
 * Ports and sockets. Whether a port is free is asked of the kernel by binding it, without listening
 * and for a moment; what the daemon of this configuration holds already is no matter.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/net.h"
#include "shared/port_owner.h"
#include "supervisor/cli/doctor.h"
#include "supervisor/cli/json_read.h"

#define CAP_NET_BIND_SERVICE 10

/* One address of one service. */
struct place {
    const json_t *service;
    const char *url;
    enum net_proto proto;
    struct net_address address;
};

/* Call look for each address; returns how many. */
static size_t visit(
    struct doctor *doctor, void (*look)(struct doctor *doctor, const struct place *place)) {
    const json_t *services = doctor_services(doctor->config), *listen;
    struct complaint complaint;
    struct place place;
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(services); i++) {
        place.service = json_array_get(services, i);
        listen = json_object_get(place.service, "listen");
        for (size_t k = 0; k < json_array_size(listen); k++) {
            place.url = json_string_value(json_array_get(listen, k));
            if (net_parse(place.url, &place.proto, &place.address, &complaint) < 0)
                continue;
            look(doctor, &place);
            count++;
        }
    }
    return count;
}

/* Nothing but ok was said by this check so far. */
static bool is_quiet(const struct doctor *doctor) {
    for (size_t i = 0; i < json_array_size(doctor->findings); i++)
        if (strcmp(json_read_text(json_array_get(doctor->findings, i), "check"),
                doctor->check->name) == 0)
            return false;
    return true;
}

/* ---- ports that only root may have ---- */

static bool may_bind_low(void) {
    FILE *file = fopen("/proc/self/status", "re");
    uint64_t rights = 0;
    char line[128];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "CapEff: %" SCNx64, &rights) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return rights >> CAP_NET_BIND_SERVICE & 1;
}

static void look_low(struct doctor *doctor, const struct place *place) {
    const uint64_t first = doctor_read_number("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    const uint16_t port = net_port(&place->address);
    char mend[256];

    if (place->proto == NET_UNIX || port == 0 || first == UINT64_MAX || port >= first)
        return;
    snprintf(mend, sizeof(mend),
        "start as root, take the socket from preforkd.socket, or "
        "sysctl -w net.ipv4.ip_unprivileged_port_start=%u",
        port);
    doctor_find(doctor, DOCTOR_BAD, mend,
        "%s: %s is below net.ipv4.ip_unprivileged_port_start = %" PRIu64 ", and uid %u is not root",
        json_read_text(place->service, "name"), place->url, first, geteuid());
}

void doctor_port_look_low(struct doctor *doctor) {
    if (doctor->config == NULL)
        return;
    if (!may_bind_low())
        visit(doctor, look_low);
    if (is_quiet(doctor))
        doctor_find(
            doctor, DOCTOR_OK, NULL, "uid %u may have every port that is configured", geteuid());
}

/* ---- ports that somebody else has ---- */

/* The daemon has it, or has taken another one for it. */
static bool is_held_by_daemon(const struct doctor *doctor, const struct place *place) {
    const json_t *port;
    uint64_t wanted = net_port(&place->address);
    char host[NET_TEXT_MAX];

    net_format_host(host, &place->address);
    for (size_t i = 0; i < json_array_size(doctor->ports); i++) {
        port = json_array_get(doctor->ports, i);
        if (strcmp(json_read_text(port, "proto"), net_proto_name(place->proto)) == 0 &&
            strcmp(json_read_text(port, "address"), host) == 0 &&
            json_read_number(port, "wanted") == wanted)
            return true;
    }
    return false;
}

/* 0 when it is free, else why it is not. */
static int try_bind(const struct place *place) {
    const int on = 1, off = 0,
              type = (place->proto == NET_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
    const int family = place->address.sa.any.sa_family;
    int fd = socket(family, type, 0), error = 0;

    if (fd < 0)
        return errno;
    if (place->proto == NET_TCP)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, &place->address.sa.any, place->address.len) < 0 ||
        (place->proto == NET_TCP && listen(fd, 1) < 0))
        error = errno;
    close(fd);
    return error;
}

/* A path is bound by connecting: a socket that nobody answers is no matter. */
static int try_connect(const struct place *place) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;

    if (fd < 0)
        return errno;
    if (connect(fd, &place->address.sa.any, place->address.len) == 0 || errno == EAGAIN)
        error = EADDRINUSE;
    close(fd);
    return error;
}

static void tell_busy(struct doctor *doctor, const struct place *place) {
    const char *policy = doctor_text(json_object_get(place->service, "keys"), "port_policy");
    const bool is_strict = policy == NULL || strcmp(policy, "strict") == 0 ||
                           place->proto == NET_UNIX;
    char owner[128] = "";

    if (place->proto != NET_UNIX)
        port_owner_find(&place->address, place->proto, owner, sizeof(owner));
    if (strcmp(owner, "pid 1, systemd") == 0) {
        doctor_find(doctor, DOCTOR_OK, NULL, "%s: systemd holds %s, to hand it to the daemon",
            json_read_text(place->service, "name"), place->url);
        return;
    }
    doctor_find(doctor, is_strict ? DOCTOR_BAD : DOCTOR_WARN,
        is_strict ? "end whoever has it, or configure another"
                  : "none needed: another one is taken",
        "%s: %s is busy, %s has it", json_read_text(place->service, "name"), place->url,
        owner[0] != '\0' ? owner : "somebody");
}

static void look(struct doctor *doctor, const struct place *place) {
    int error;

    if ((place->proto != NET_UNIX && net_port(&place->address) == 0) ||
        is_held_by_daemon(doctor, place))
        return;
    error = place->proto == NET_UNIX ? try_connect(place) : try_bind(place);
    if (error == EADDRINUSE)
        tell_busy(doctor, place);
    else if (error != 0 && error != EACCES) /* low-ports tells of that */
        doctor_find(doctor, DOCTOR_BAD, "see ip address", "%s: %s cannot be bound: %s",
            json_read_text(place->service, "name"), place->url, strerror(error));
}

void doctor_port_look(struct doctor *doctor) {
    size_t count;

    if (doctor->config == NULL)
        return;
    count = visit(doctor, look);
    if (is_quiet(doctor))
        doctor_find(doctor, DOCTOR_OK, NULL, "%zu address%s %s free%s", count,
            count == 1 ? "" : "es", count == 1 ? "is" : "are",
            doctor->ports != NULL ? ", or the daemon's own" : "");
}
