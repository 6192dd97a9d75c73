/* Addresses: what is read is written back the same, and what is wrong is told in words. */
#include "shared/net.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

static struct complaint complaint;
static enum net_proto proto;

static struct net_address parse(const char *text) {
    struct net_address address;

    cr_assert_eq(net_parse(text, &proto, &address, &complaint), 0, "%s: %s", text, complaint.text);
    return address;
}

Test(net, addresses_are_written_back_as_they_are_read) {
    static const struct {
        const char *text;
        enum net_proto proto;
        const char *shown, *host;
        unsigned port;
    } rows[] = {
        { "tcp://127.0.0.1:8004", NET_TCP, "127.0.0.1:8004", "127.0.0.1", 8004 },
        { "udp://0.0.0.0:0", NET_UDP, "0.0.0.0:0", "0.0.0.0", 0 },
        { "tcp://[::]:65535", NET_TCP, "[::]:65535", "::", 65535 },
        { "udp://[0:0:0:0:0:0:0:1]:5400", NET_UDP, "[::1]:5400", "::1", 5400 },
        { "tcp://[fe80::1%2]:80", NET_TCP, "[fe80::1%2]:80", "fe80::1%2", 80 },
        { "unix:///run/x.sock", NET_UNIX, "/run/x.sock", "/run/x.sock", 0 },
        { "unix://@preforkd", NET_UNIX, "@preforkd", "@preforkd", 0 },
    };
    struct net_address address;
    char text[NET_TEXT_MAX];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        address = parse(rows[i].text);
        cr_assert_eq(proto, rows[i].proto);
        cr_assert_str_eq(net_format(text, &address), rows[i].shown);
        cr_assert_str_eq(net_format_host(text, &address), rows[i].host);
        cr_assert_eq(net_port(&address), rows[i].port);
    }
}

Test(net, mistakes_are_told_in_words) {
    static const char *const rows[][2] = {
        { "", "names no protocol: write tcp://ADDRESS:PORT" },
        { "8004", "\"8004\" names no protocol" },
        { "127.0.0.1:8004", "\"127.0.0.1:8004\" names no protocol" },
        { "tpc://127.0.0.1:1", "unknown protocol \"tpc\", did you mean \"tcp\"?" },
        { "tcp6://[::1]:1", "did you mean \"tcp\"?" },
        { "sctp-over-x://1", "unknown protocol \"sctp-over-x\"; allowed: tcp, udp, unix" },
        { "://x", "unknown protocol \"\"" },
        { "tcp://localhost:80", "\"localhost\" is not a numeric address: write 127.0.0.1" },
        { "tcp://*:80", "write 0.0.0.0 for all IPv4 addresses, [::] for all" },
        { "tcp://:80", "write 0.0.0.0 for all IPv4 addresses, [::] for all" },
        { "tcp://127.0.0.1", "\"127.0.0.1\" has no port: write 127.0.0.1:PORT" },
        { "tcp://[::1]", "\"[::1]\" has no port" },
        { "tcp://127.0.0.1:", "\"\" is not a port: write a number from 0 to 65535" },
        { "tcp://127.0.0.1:x1", "\"x1\" is not a port" },
        { "tcp://127.0.0.1:-1", "\"-1\" is not a port" },
        { "tcp://127.0.0.1:+1", "\"+1\" is not a port" },
        { "tcp://127.0.0.1: 1", "\" 1\" is not a port" },
        { "tcp://127.0.0.1:65536", "port 65536 is outside the allowed range, 0 to 65535" },
        { "tcp://127.0.0.1:99999999999999999999999", "is outside the allowed range" },
        { "tcp://256.0.0.1:1", "\"256.0.0.1\" is not a numeric address" },
        { "tcp://::1:80", "an IPv6 address stands in brackets: write [::1]:PORT" },
        { "tcp://[::1:80", "lacks the bracket \"]\"" },
        { "tcp://[::1]x:80", "\":PORT\" must follow the bracket" },
        { "tcp://[127.0.0.1]:80", "\"[127.0.0.1]\" is not an IPv6 address" },
        { "tcp://[::ffff:1.2.3.4]:80", "is an IPv4 address in disguise" },
        { "tcp://[fe80::1%eth0]:80", "must be an interface's number" },
        { "tcp://[fe80::1%]:80", "must be an interface's number" },
        { "tcp://[fe80::1%99999999999]:80", "must be an interface's number" },
        { "tcp://1111111111111111111111111111111111111111111111111111111111111111111:1",
            "is not a numeric address" },
        { "unix://x.sock", "\"x.sock\" is not an absolute path" },
        { "unix://", "\"\" is not an absolute path" },
        { "unix:///", "the path of the UNIX socket is missing" },
        { "unix://@", "the path of the UNIX socket is missing" },
    };
    struct net_address address;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(net_parse(rows[i][0], &proto, &address, &complaint), -1, "%s", rows[i][0]);
        cr_assert_not_null(
            strstr(complaint.text, rows[i][1]), "%s: %s", rows[i][0], complaint.text);
    }
}

Test(net, paths_of_unix_sockets_have_107_bytes_at_most) {
    char text[256] = "unix:///", shown[NET_TEXT_MAX];
    struct net_address address;

    memset(text + 8, 'a', 106);
    address = parse(text);
    cr_assert_str_eq(net_format(shown, &address), text + 7);
    text[8 + 106] = 'b';
    cr_assert_eq(net_parse(text, &proto, &address, &complaint), -1);
    cr_assert_not_null(strstr(complaint.text, "has 108 bytes, at most 107 are allowed"));
}

Test(net, abstract_names_have_no_end_but_the_length) {
    struct net_address address = parse("unix://@abc");

    cr_assert_eq(address.len, offsetof(struct sockaddr_un, sun_path) + 4);
    cr_assert_arr_eq(address.sa.un.sun_path, "\0abc", 4);
}

Test(net, peers_are_shown_whatever_they_are) {
    struct net_address address = { .sa.in6.sin6_family = AF_INET6, .len = sizeof(address.sa.in6) };
    char text[NET_TEXT_MAX];

    inet_pton(AF_INET6, "::ffff:10.0.0.7", &address.sa.in6.sin6_addr);
    net_set_port(&address, 51234);
    cr_assert_str_eq(net_format(text, &address), "10.0.0.7:51234");
    cr_assert_str_eq(net_format_host(text, &address), "10.0.0.7");

    address = (struct net_address){ .sa.un.sun_family = AF_UNIX, .len = sizeof(sa_family_t) };
    cr_assert_str_eq(net_format(text, &address), "local");
    address.len = 0;
    cr_assert_str_eq(net_format(text, &address), "local");

    address = (struct net_address){ .sa.un.sun_family = AF_UNIX, .len = sizeof(address.sa.un) };
    memset(address.sa.un.sun_path, 'x', sizeof(address.sa.un.sun_path));
    cr_assert_eq(strlen(net_format(text, &address)), sizeof(address.sa.un.sun_path));
    address.sa.un.sun_path[0] = '\0';
    cr_assert_eq(strlen(net_format(text, &address)), sizeof(address.sa.un.sun_path));

    address = (struct net_address){ .sa.any.sa_family = 99, .len = 16 };
    cr_assert_str_eq(net_format(text, &address), "family 99");
}

Test(net, the_port_can_be_set) {
    struct net_address in = parse("tcp://127.0.0.1:1"), in6 = parse("tcp://[::1]:1"),
                       un = parse("unix:///x");

    net_set_port(&in, 50007);
    net_set_port(&in6, 50008);
    net_set_port(&un, 1);
    cr_assert_eq(net_port(&in), 50007);
    cr_assert_eq(net_port(&in6), 50008);
    cr_assert_eq(net_port(&un), 0);
}

Test(net, one_host_has_one_hash) {
    struct net_address a = parse("tcp://10.0.0.7:1"), b = parse("tcp://10.0.0.7:2"),
                       other = parse("tcp://10.0.0.8:1"), six = parse("tcp://[2001:db8::1]:1"),
                       six_too = parse("tcp://[2001:db8::ffff:2:3:4]:9"),
                       six_other = parse("tcp://[2001:db8:0:1::1]:1"), un = parse("unix:///x"),
                       mapped = { .sa.in6.sin6_family = AF_INET6, .len = sizeof(mapped.sa.in6) };

    inet_pton(AF_INET6, "::ffff:10.0.0.7", &mapped.sa.in6.sin6_addr);
    cr_assert_eq(net_source_hash(&a), net_source_hash(&b));
    cr_assert_eq(net_source_hash(&a), net_source_hash(&mapped));
    cr_assert_neq(net_source_hash(&a), net_source_hash(&other));
    cr_assert_eq(net_source_hash(&six), net_source_hash(&six_too));
    cr_assert_neq(net_source_hash(&six), net_source_hash(&six_other));
    cr_assert_eq(net_source_hash(&un), 0);
    cr_assert_neq(net_source_hash(&a), 0);
}

Test(net, hashes_of_neighbours_differ_in_the_low_bits) {
    struct net_address address = parse("tcp://10.0.0.0:1");
    unsigned used[256] = { 0 }, most = 0;

    for (uint32_t i = 0; i < 256 * 16; i++) {
        address.sa.in.sin_addr.s_addr = htonl(0x0a000000 + i * 256);
        used[net_source_hash(&address) % 256]++;
    }
    for (size_t i = 0; i < 256; i++)
        most = used[i] > most ? used[i] : most;
    cr_assert(most < 48, "%u of 4096 in one of 256 places, 16 would be fair", most);
}
