/*
 * Addresses, from text and back. What people write wrong most often (no protocol, a host name, no
 * brackets, no port) gets a sentence of its own.
 */
#include "shared/net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "shared/suggest.h"

static const char *const proto_names[] = {
    [NET_TCP] = "tcp", [NET_UDP] = "udp", [NET_UNIX] = "unix"
};

#define PROTO_COUNT (sizeof(proto_names) / sizeof(proto_names[0]))
#define QUOTE       80

const char *net_proto_name(enum net_proto proto) {
    return proto_names[proto];
}

static int refuse_proto(const char *text, size_t len, struct complaint *out) {
    struct suggestion best = { .word = "" };
    char typed[SUGGEST_WORD_MAX];

    snprintf(typed, sizeof(typed), "%.*s", (int)(len < QUOTE ? len : QUOTE), text);
    for (size_t i = 0; i < PROTO_COUNT; i++)
        suggest_offer(&best, typed, proto_names[i]);
    if (best.word[0] != '\0')
        return complaint_set(out,
            "unknown protocol \"%s\", did you mean \"%s\"? allowed: tcp, udp, unix", typed,
            best.word);
    return complaint_set(out, "unknown protocol \"%s\"; allowed: tcp, udp, unix", typed);
}

/* "PROTO://"; *text moves behind it. */
static int parse_proto(const char **text, enum net_proto *out, struct complaint *why) {
    const char *mark = strstr(*text, "://");

    if (mark == NULL)
        return complaint_set(why,
            "\"%.*s\" names no protocol: write tcp://ADDRESS:PORT, udp://ADDRESS:PORT or "
            "unix:///PATH",
            QUOTE, *text);
    for (size_t i = 0; i < PROTO_COUNT; i++)
        if (strlen(proto_names[i]) == (size_t)(mark - *text) &&
            strncmp(proto_names[i], *text, (size_t)(mark - *text)) == 0) {
            *out = (enum net_proto)i;
            *text = mark + 3;
            return 0;
        }
    return refuse_proto(*text, (size_t)(mark - *text), why);
}

static int parse_unix(const char *path, struct net_address *out, struct complaint *why) {
    size_t len = strlen(path), most = sizeof(out->sa.un.sun_path) - 1;

    if (path[0] != '/' && path[0] != '@')
        return complaint_set(why,
            "\"%.*s\" is not an absolute path: write unix:///PATH or unix://@NAME", QUOTE, path);
    if (len == 1)
        return complaint_set(why, "the path of the UNIX socket is missing: write unix:///PATH");
    if (len > most)
        return complaint_set(why,
            "the path of the UNIX socket has %zu bytes, at most %zu are allowed: \"%.*s...\"", len,
            most, QUOTE, path);
    *out = (struct net_address){ .sa.un.sun_family = AF_UNIX };
    memcpy(out->sa.un.sun_path, path, len);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    if (path[0] == '@') { /* abstract: the name has no end of its own but the length */
        out->sa.un.sun_path[0] = '\0';
        out->len--;
    }
    return 0;
}

static int parse_port(const char *text, uint16_t *out, struct complaint *why) {
    size_t digits = strspn(text, "0123456789");
    unsigned long value = 0;

    if (digits == 0 || text[digits] != '\0')
        return complaint_set(
            why, "\"%.*s\" is not a port: write a number from 0 to 65535", QUOTE, text);
    for (size_t i = 0; i < digits && value <= 65535; i++)
        value = value * 10 + (unsigned long)(text[i] - '0');
    if (value > 65535)
        return complaint_set(
            why, "port %.*s is outside the allowed range, 0 to 65535", QUOTE, text);
    *out = (uint16_t)value;
    return 0;
}

static int parse_in(
    const char *host, uint16_t port, struct net_address *out, struct complaint *why) {
    *out = (struct net_address){ .sa.in.sin_family = AF_INET, .len = sizeof(out->sa.in) };
    out->sa.in.sin_port = htons(port);
    if (inet_pton(AF_INET, host, &out->sa.in.sin_addr) == 1)
        return 0;
    if (strcmp(host, "*") == 0 || host[0] == '\0')
        return complaint_set(why,
            "\"%s\" is not an address: write 0.0.0.0 for all IPv4 addresses, "
            "[::] for all",
            host);
    return complaint_set(
        why, "\"%.*s\" is not a numeric address: write 127.0.0.1, or [::1] for IPv6", QUOTE, host);
}

/* host stands without its brackets; a scope may follow: fe80::1%2 */
static int parse_in6(char *host, uint16_t port, struct net_address *out, struct complaint *why) {
    char *scope = strchr(host, '%');
    uint64_t index = 0;

    *out = (struct net_address){ .sa.in6.sin6_family = AF_INET6, .len = sizeof(out->sa.in6) };
    out->sa.in6.sin6_port = htons(port);
    if (scope != NULL) {
        *scope++ = '\0';
        for (; *scope >= '0' && *scope <= '9' && index <= UINT32_MAX; scope++)
            index = index * 10 + (uint64_t)(*scope - '0');
        if (index == 0 || index > UINT32_MAX || *scope != '\0')
            return complaint_set(why,
                "the scope of [%.*s] must be an interface's number, as [fe80::1%%2]", QUOTE, host);
        out->sa.in6.sin6_scope_id = (uint32_t)index;
    }
    if (inet_pton(AF_INET6, host, &out->sa.in6.sin6_addr) != 1)
        return complaint_set(why,
            "\"[%.*s]\" is not an IPv6 address: write [::1], or 127.0.0.1 without brackets", QUOTE,
            host);
    if (IN6_IS_ADDR_V4MAPPED(&out->sa.in6.sin6_addr))
        return complaint_set(
            why, "[%.*s] is an IPv4 address in disguise: write the IPv4 address", QUOTE, host);
    return 0;
}

static int parse_host_port(const char *text, struct net_address *out, struct complaint *why) {
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 16];
    bool is_bracketed = text[0] == '[';
    uint16_t port = 0;
    size_t len;

    if (is_bracketed && strchr(text, ']') == NULL)
        return complaint_set(
            why, "\"%.*s\" lacks the bracket \"]\": write [::1]:PORT", QUOTE, text);
    if (colon == NULL || (is_bracketed && colon < strrchr(text, ']')))
        return complaint_set(
            why, "\"%.*s\" has no port: write %.*s:PORT", QUOTE, text, QUOTE, text);
    if (!is_bracketed && strchr(text, ':') != colon)
        return complaint_set(
            why, "\"%.*s\": an IPv6 address stands in brackets: write [::1]:PORT", QUOTE, text);
    if (is_bracketed && colon[-1] != ']')
        return complaint_set(
            why, "\"%.*s\": \":PORT\" must follow the bracket: write [::1]:PORT", QUOTE, text);
    if (parse_port(colon + 1, &port, why) < 0)
        return -1;
    len = (size_t)(colon - text) - (is_bracketed ? 2 : 0);
    if (len >= sizeof(host))
        return complaint_set(why, "\"%.*s...\" is not a numeric address", QUOTE, text);
    memcpy(host, text + (is_bracketed ? 1 : 0), len);
    host[len] = '\0';
    return is_bracketed ? parse_in6(host, port, out, why) : parse_in(host, port, out, why);
}

int net_parse(const char *text, enum net_proto *out_proto, struct net_address *out,
    struct complaint *out_why) {
    if (parse_proto(&text, out_proto, out_why) < 0)
        return -1;
    return *out_proto == NET_UNIX ? parse_unix(text, out, out_why)
                                  : parse_host_port(text, out, out_why);
}

/* ---- back to text ---- */

/* The path, bounded by the length: a full one has no terminator. */
static void format_unix(char dst[NET_TEXT_MAX], const struct net_address *address) {
    size_t start = offsetof(struct sockaddr_un, sun_path);
    size_t room = address->len > start ? address->len - start : 0;
    const char *path = address->sa.un.sun_path;

    if (room > sizeof(address->sa.un.sun_path))
        room = sizeof(address->sa.un.sun_path);
    if (room == 0) {
        snprintf(dst, NET_TEXT_MAX, "local");
        return;
    }
    if (path[0] != '\0') {
        snprintf(dst, NET_TEXT_MAX, "%.*s", (int)room, path);
        return;
    }
    for (size_t i = 0; i < room; i++) /* an abstract name; any byte may stand in it */
        dst[i] = path[i] != '\0' ? path[i] : '@';
    dst[room] = '\0';
}

/* The IPv4 address of a peer that came over a dual-stack listener. */
static const struct in_addr *mapped(const struct net_address *address) {
    if (address->sa.any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->sa.in6.sin6_addr))
        return NULL;
    return (const struct in_addr *)&address->sa.in6.sin6_addr.s6_addr[12];
}

char *net_format_host(char dst[NET_TEXT_MAX], const struct net_address *address) {
    const struct in_addr *in4 = mapped(address);
    size_t len;

    if (address->len < sizeof(sa_family_t) || address->sa.any.sa_family == AF_UNIX)
        format_unix(dst, address);
    else if (address->sa.any.sa_family == AF_INET)
        inet_ntop(AF_INET, &address->sa.in.sin_addr, dst, NET_TEXT_MAX);
    else if (in4 != NULL)
        inet_ntop(AF_INET, in4, dst, NET_TEXT_MAX);
    else if (address->sa.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->sa.in6.sin6_addr, dst, NET_TEXT_MAX);
        len = strlen(dst);
        if (address->sa.in6.sin6_scope_id != 0)
            snprintf(dst + len, NET_TEXT_MAX - len, "%%%u", address->sa.in6.sin6_scope_id);
    } else
        snprintf(dst, NET_TEXT_MAX, "family %u", address->sa.any.sa_family);
    return dst;
}

char *net_format(char dst[NET_TEXT_MAX], const struct net_address *address) {
    char host[NET_TEXT_MAX];
    bool is_in6 = address->sa.any.sa_family == AF_INET6 && mapped(address) == NULL;

    net_format_host(dst, address);
    if (address->len < sizeof(sa_family_t) ||
        (address->sa.any.sa_family != AF_INET && address->sa.any.sa_family != AF_INET6))
        return dst;
    memcpy(host, dst, sizeof(host));
    snprintf(dst, NET_TEXT_MAX, is_in6 ? "[%.64s]:%u" : "%.64s:%u", host, net_port(address));
    return dst;
}

uint16_t net_port(const struct net_address *address) {
    if (address->sa.any.sa_family == AF_INET)
        return ntohs(address->sa.in.sin_port);
    if (address->sa.any.sa_family == AF_INET6)
        return ntohs(address->sa.in6.sin6_port);
    return 0;
}

void net_set_port(struct net_address *address, uint16_t port) {
    if (address->sa.any.sa_family == AF_INET)
        address->sa.in.sin_port = htons(port);
    else if (address->sa.any.sa_family == AF_INET6)
        address->sa.in6.sin6_port = htons(port);
}

/* Every bit of the result hangs on every bit of x; distinct x give distinct results. */
static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/*
 * One IPv6 host has a whole /64 to choose from, so that the prefix is the source. An IPv4 address
 * is tagged to lie where no prefix is assigned (::/16).
 */
uint64_t net_source_hash(const struct net_address *address) {
    const struct in_addr *in4 = mapped(address);
    uint64_t key = 0, hash;

    if (address->sa.any.sa_family == AF_INET)
        in4 = &address->sa.in.sin_addr;
    if (in4 != NULL)
        key = 0xffffull << 32 | ntohl(in4->s_addr);
    else if (address->sa.any.sa_family == AF_INET6)
        for (int i = 0; i < 8; i++)
            key = key << 8 | address->sa.in6.sin6_addr.s6_addr[i];
    else
        return 0;
    hash = mix(key + 1); /* mix(0) is 0, which is no source */
    return hash != 0 ? hash : 1;
}
