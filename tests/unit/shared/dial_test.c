/* Where to connect to, as people type it, and what they are told when that does not work. */
#include "shared/dial.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"

TestSuite(dial, .timeout = 20);

static struct dial_target target;
static struct complaint complaint;
static int fd;

static void complains(const char *words) {
    cr_assert_not_null(strstr(complaint.text, words), "%s", complaint.text);
}

static void expect_shown(const char *wanted) {
    char text[DIAL_TEXT_MAX];

    cr_assert_str_eq(dial_format(text, &target), wanted);
}

Test(dial, hosts_and_ports_are_checked) {
    char longest[DIAL_HOST_MAX + 2];

    cr_assert_eq(dial_read_host(&target, "localhost", &complaint), 0);
    cr_assert_eq(dial_read_port(&target, "8004", &complaint), 0);
    expect_shown("localhost:8004");
    cr_assert_eq(dial_read_host(&target, "[::1]", &complaint), 0);
    expect_shown("[::1]:8004");
    cr_assert_eq(dial_read_host(&target, "почта.рф", &complaint), 0);
    cr_assert_eq(dial_read_host(&target, "", &complaint), -1);
    cr_assert_eq(dial_read_host(&target, "a b", &complaint), -1);
    cr_assert_eq(dial_read_host(&target, "a/b", &complaint), -1);
    cr_assert_eq(dial_read_host(&target, "a\x1b", &complaint), -1);
    memset(longest, 'a', sizeof(longest));
    longest[DIAL_HOST_MAX + 1] = '\0';
    cr_assert_eq(dial_read_host(&target, longest, &complaint), -1);
    for (size_t i = 0; i < 5; i++) {
        static const char *const bad[] = { "0", "65536", "-1", "http", "" };

        cr_assert_eq(dial_read_port(&target, bad[i], &complaint), -1, "%s", bad[i]);
        complains("is no port: 1 to 65535");
    }
    cr_assert_eq(dial_read_port(&target, "65535", &complaint), 0);
}

Test(dial, urls_say_it_all) {
    cr_assert_eq(dial_read_url(&target, "tcp://127.0.0.1:8004", false, &complaint), 0);
    cr_assert_eq(target.proto, NET_TCP);
    expect_shown("127.0.0.1:8004");
    cr_assert_eq(dial_read_url(&target, "tcp://127.0.0.1:8004", true, &complaint), 0);
    cr_assert_eq(target.proto, NET_UDP);
    cr_assert_eq(dial_read_url(&target, "unix:///run/x.sock", false, &complaint), 0);
    expect_shown("/run/x.sock");
    cr_assert_eq(dial_read_url(&target, "unix:///run/x.sock", true, &complaint), -1);
    complains("--udp does not go with a UNIX socket");
    cr_assert_eq(dial_read_url(&target, "ftp://127.0.0.1:1", false, &complaint), -1);
}

/* A port that is bound and that nobody listens on. */
static uint16_t closed_port(void) {
    struct net_address address;
    enum net_proto proto;
    int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(net_parse("tcp://127.0.0.1:0", &proto, &address, &complaint), 0);
    cr_assert_eq(bind(bound, &address.sa.any, address.len), 0);
    cr_assert_eq(getsockname(bound, &address.sa.any, &address.len), 0);
    return net_port(&address);
}

Test(dial, nobody_and_unknown_hosts_are_told) {
    char wanted[64];

    target = (struct dial_target){ .proto = NET_TCP, .host = "127.0.0.1", .port = closed_port() };
    snprintf(wanted, sizeof(wanted), "nobody listens at 127.0.0.1:%u", target.port);
    cr_assert_eq(dial_open(&target, 5000, &fd, &complaint), 69);
    complains(wanted);
    cr_assert_eq(fd, -1);
    strcpy(target.host, "256.256.256.256");
    cr_assert_eq(dial_open(&target, 5000, &fd, &complaint), 68);
    complains("unknown host \"256.256.256.256\"");
    cr_assert_eq(dial_read_url(&target, "unix:///nowhere/at/all", false, &complaint), 0);
    cr_assert_eq(dial_open(&target, 5000, &fd, &complaint), 69);
    complains("nobody listens at /nowhere/at/all");
}

Test(dial, connection_is_there_and_does_not_block) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    enum net_proto proto;
    char c;

    target = (struct dial_target){ .is_address = true };
    cr_assert_eq(net_parse("tcp://127.0.0.1:0", &proto, &target.address, &complaint), 0);
    cr_assert_eq(bind(listener, &target.address.sa.any, target.address.len), 0);
    cr_assert_eq(getsockname(listener, &target.address.sa.any, &target.address.len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(dial_open(&target, 5000, &fd, &complaint), 0, "%s", complaint.text);
    cr_assert(recv(fd, &c, 1, 0) == -1 && errno == EAGAIN);
    cr_assert((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    cr_assert_eq(dial_wait(fd, POLLIN, clock_now_ms() + 20), 0);
    close(accept(listener, NULL, NULL));
    cr_assert_neq(dial_wait(fd, POLLIN, clock_now_ms() + 5000), 0);
}
