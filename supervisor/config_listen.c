/* The addresses of the services: read them, and find two that want the same. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_internal.h"

/* A UNIX path is relative to the file that names it, as every path is. */
static const char *make_absolute(
    struct config_memory *memory, struct config_where where, const char *text) {
    static const char prefix[] = "unix://";
    const char *path = text + sizeof(prefix) - 1;
    char *whole;

    if (strncmp(text, prefix, sizeof(prefix) - 1) != 0 || strchr("/@", path[0]) != NULL)
        return text;
    path = config_keep_path(memory, where.file, path);
    whole = config_keep(memory, sizeof(prefix) + strlen(path));
    memcpy(whole, prefix, sizeof(prefix) - 1);
    strcpy(whole + sizeof(prefix) - 1, path);
    return whole;
}

/* Whether the type can serve what comes over this protocol. */
static bool suits(struct config_reading *reading, const struct config_service *service,
    enum net_proto proto, const char *text, struct config_where where) {
    unsigned needed = proto == NET_UDP ? SERVICE_DATAGRAM : SERVICE_STREAM;

    if (service->type == NULL || service->type->flags & needed)
        return true;
    config_complain(reading, where, "listen: %.80s: the type \"%s\" serves %s only: write %s", text,
        service->type->name, proto == NET_UDP ? "connections" : "datagrams",
        proto == NET_UDP ? "tcp:// or unix://" : "udp://");
    return false;
}

static void parse_one(
    struct config_reading *reading, unsigned index, unsigned at, struct config_where where) {
    struct config_service *service = &reading->config->service[index];
    struct config_listen *listen = &service->listen[service->listen_count];
    struct complaint complaint;
    const char *text;

    text = make_absolute(reading->memory, where, service->listen_texts.text[at]);
    service->listen_texts.text[at] = text;
    if (net_parse(text, &listen->proto, &listen->address, &complaint) < 0) {
        config_complain(reading, where, "listen: %s", complaint.text);
        return;
    }
    if (!suits(reading, service, listen->proto, text, where))
        return;
    reading->memory->listen_where[index][service->listen_count++] = where;
}

void config_listen_parse(struct config_reading *reading, unsigned index) {
    struct config_service *service = &reading->config->service[index];
    struct config_section *section = &reading->memory->common[index];
    const struct config_origin *origin = config_origin_of(section, "listen");
    struct config_where type = config_origin_of(section, "type")->where;

    if (origin->where.file == NULL && service->type != NULL && service->type->listen == NULL)
        config_complain(reading, type,
            "listen: the type \"%s\" has no address of its own: write listen = "
            "\"PROTO://ADDRESS\"",
            service->type->name);
    else if (origin->where.file == NULL && service->type != NULL) {
        service->listen_texts.text[0] = service->type->listen;
        service->listen_texts.count = 1;
        parse_one(reading, index, 0, type);
        return;
    }
    for (unsigned i = 0; i < service->listen_texts.count; i++)
        parse_one(reading, index, i, origin->element[i]);
}

/* ---- two that want the same ---- */

static bool is_any(const struct net_address *a) {
    if (a->sa.any.sa_family == AF_INET)
        return a->sa.in.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&a->sa.in6.sin6_addr);
}

static bool is_same_host(const struct net_address *a, const struct net_address *b) {
    if (a->sa.any.sa_family == AF_INET)
        return a->sa.in.sin_addr.s_addr == b->sa.in.sin_addr.s_addr;
    return IN6_ARE_ADDR_EQUAL(&a->sa.in6.sin6_addr, &b->sa.in6.sin6_addr) &&
           a->sa.in6.sin6_scope_id == b->sa.in6.sin6_scope_id;
}

/* Port 0 is any port, which is never the same. [::] takes IPv4, too. */
static bool overlaps(const struct config_listen *a, const struct config_listen *b) {
    const struct net_address *left = &a->address, *right = &b->address;

    if (a->proto != b->proto)
        return false;
    if (a->proto == NET_UNIX)
        return left->len == right->len && memcmp(&left->sa, &right->sa, left->len) == 0;
    if (net_port(left) != net_port(right) || net_port(left) == 0)
        return false;
    if (left->sa.any.sa_family != right->sa.any.sa_family)
        return (left->sa.any.sa_family == AF_INET6 && is_any(left)) ||
               (right->sa.any.sa_family == AF_INET6 && is_any(right));
    return is_any(left) || is_any(right) || is_same_host(left, right);
}

static void compare_with_earlier(
    struct config_reading *reading, unsigned service, unsigned at, const struct config_listen *b) {
    const struct config *config = reading->config;
    const struct config_where *where;
    char text[NET_TEXT_MAX];

    for (unsigned i = 0; i <= service; i++)
        for (unsigned j = 0; j < (i == service ? at : config->service[i].listen_count); j++) {
            if (!overlaps(&config->service[i].listen[j], b))
                continue;
            where = &reading->memory->listen_where[i][j];
            config_complain(reading, reading->memory->listen_where[service][at],
                "listen: %s://%s is taken by service \"%s\" (%s:%u)", net_proto_name(b->proto),
                net_format(text, &b->address), config->service[i].name, where->file, where->line);
            return;
        }
}

void config_listen_compare(struct config_reading *reading) {
    const struct config *config = reading->config;

    for (unsigned i = 0; i < config->service_count; i++)
        for (unsigned j = 0; j < config->service[i].listen_count; j++)
            compare_with_earlier(reading, i, j, &config->service[i].listen[j]);
}
