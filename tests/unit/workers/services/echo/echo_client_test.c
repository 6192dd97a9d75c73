/* The echo client against servers that do as they should, and others. */
#include "workers/services/echo/echo_client.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct echo_client client;
static struct complaint complaint;
static struct net_address address;
static enum net_proto proto;
static uint64_t rtt_ns;
static pid_t server;

static void prepare(void) {
    client = (struct echo_client){ .fd = -1, .timeout_ms = 5000, .retries = 2 };
}

static void clean(void) {
    echo_client_close(&client);
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
}

TestSuite(echo_client, .init = prepare, .fini = clean);

/* A process that serves one peer; address is where. */
static void serve(enum net_proto as, void (*behave)(int fd)) {
    const int type = as == NET_UDP ? SOCK_DGRAM : SOCK_STREAM;
    int fd = socket(AF_INET, type, 0), peer;

    proto = as;
    cr_assert_eq(net_parse("tcp://127.0.0.1:0", &proto, &address, &complaint), 0);
    proto = as;
    cr_assert_eq(bind(fd, &address.sa.any, address.len), 0);
    cr_assert_eq(getsockname(fd, &address.sa.any, &address.len), 0);
    cr_assert(as == NET_UDP || listen(fd, 1) == 0);
    server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        peer = as == NET_UDP ? fd : accept(fd, NULL, NULL);
        behave(peer);
        _exit(0);
    }
    close(fd);
}

static void connect_to_it(void) {
    const struct dial_target target = { .is_address = true, .proto = proto, .address = address };

    cr_assert_eq(echo_client_open(&client, &target, &complaint), 0, "%s", complaint.text);
}

static int connect_to(const char *host, uint16_t port) {
    struct dial_target target = { .proto = proto, .port = port };

    cr_assert_eq(dial_read_host(&target, host, &complaint), 0, "%s", complaint.text);
    return echo_client_open(&client, &target, &complaint);
}

static int exchange(const char *text) {
    return echo_client_exchange(&client, text, strlen(text), &rtt_ns, &complaint);
}

static void complains(const char *words) {
    cr_assert_not_null(strstr(complaint.text, words), "%s", complaint.text);
}

/* ---- streams ---- */

static void echo_stream(int fd) {
    char buf[65536];
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0)
        for (ssize_t at = 0; at < n;)
            at += write(fd, buf + at, (size_t)(n - at));
}

Test(echo_client, what_was_sent_comes_back) {
    serve(NET_TCP, echo_stream);
    cr_assert_eq(connect_to("localhost", net_port(&address)), 0, "%s", complaint.text);
    cr_assert_eq(exchange("one"), 0, "%s", complaint.text);
    cr_assert(client.reply_len == 3 && memcmp(client.reply, "one", 3) == 0);
    cr_assert_eq(exchange("another"), 0);
    cr_assert_gt(rtt_ns, 0);
    cr_assert_eq(echo_client_finish(&client, &complaint), 0);
}

/* More than all buffers on the way: who only writes stands still. */
Test(echo_client, long_message_moves_in_both_directions) {
    const size_t len = 32u << 20;
    char *data = malloc(len);

    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 31 + (i >> 16));
    serve(NET_TCP, echo_stream);
    connect_to_it();
    cr_assert_eq(
        echo_client_exchange(&client, data, len, &rtt_ns, &complaint), 0, "%s", complaint.text);
    cr_assert_eq(memcmp(client.reply, data, len), 0);
    free(data);
}

#define COLLECTED (4u << 20)

static void collect_and_echo(int fd) {
    static char all[COLLECTED];

    if (recv(fd, all, COLLECTED, MSG_WAITALL) == COLLECTED &&
        write(fd, all, COLLECTED) == COLLECTED)
        pause();
}

Test(echo_client, peer_may_answer_when_it_has_all) {
    char *data = calloc(1, COLLECTED);

    serve(NET_TCP, collect_and_echo);
    connect_to_it();
    cr_assert_eq(echo_client_exchange(&client, data, COLLECTED, &rtt_ns, &complaint), 0, "%s",
        complaint.text);
    free(data);
}

static void change_a_byte(int fd) {
    char buf[64];
    ssize_t n = read(fd, buf, sizeof(buf));

    buf[5] ^= 1;
    if (write(fd, buf, (size_t)n) == n)
        pause();
}

Test(echo_client, changed_byte_is_found) {
    serve(NET_TCP, change_a_byte);
    connect_to_it();
    cr_assert_eq(exchange("12345678"), 65);
    complains("byte 6 differs: \"678\" was sent, \"778\" came back");
}

static void close_early(int fd) {
    char buf[64];

    if (read(fd, buf, sizeof(buf)) > 3 && write(fd, buf, 3) == 3)
        _exit(0);
}

Test(echo_client, peer_that_closes_early_is_told) {
    serve(NET_TCP, close_early);
    connect_to_it();
    cr_assert_eq(exchange("12345678"), 69);
    complains("after 3 of 8 bytes");
}

static void say_nothing(int fd) {
    (void)fd;
    pause();
}

Test(echo_client, silence_is_given_up) {
    client.timeout_ms = 30;
    serve(NET_TCP, say_nothing);
    connect_to_it();
    cr_assert_eq(exchange("hello"), 124);
    complains("0 of 5 bytes were back after 30 ms");
}

static void say_more(int fd) {
    char buf[64];
    ssize_t n = read(fd, buf, sizeof(buf));

    if (write(fd, buf, (size_t)n) == n && read(fd, buf, sizeof(buf)) == 0 &&
        write(fd, "more", 4) == 4)
        pause();
}

Test(echo_client, bytes_that_nobody_sent_are_told) {
    serve(NET_TCP, say_more);
    connect_to_it();
    cr_assert_eq(exchange("hello"), 0);
    cr_assert_eq(echo_client_finish(&client, &complaint), 65);
    complains("4 bytes or more came back that nobody sent");
}

/* A full service that turns away with a line: the line is shown. */
static void turn_away(int fd) {
    if (write(fd, "come again\n", 11) == 11)
        _exit(0);
}

Test(echo_client, line_of_a_full_service_is_shown) {
    serve(NET_TCP, turn_away);
    connect_to_it();
    cr_assert_eq(waitpid(server, NULL, 0), server);
    server = 0;
    cr_assert_eq(exchange("a message that is longer"), 65);
    complains("\"come again\n\" came back");
}

/* ---- datagrams ---- */

static void answer(int fd, const char *data, size_t len, const struct sockaddr_in *peer) {
    if (sendto(fd, data, len, 0, (const struct sockaddr *)peer, sizeof(*peer)) < 0)
        _exit(1);
}

static ssize_t take(int fd, char *buf, struct sockaddr_in *peer) {
    socklen_t len = sizeof(*peer);

    return recvfrom(fd, buf, 64, 0, (struct sockaddr *)peer, &len);
}

/* The first of each message is lost; a message that was sent twice is answered twice, late. */
static void lose_and_repeat(int fd) {
    struct sockaddr_in peer;
    char buf[64], before[64];
    ssize_t n, old = 0;

    for (;;) {
        take(fd, buf, &peer);
        n = take(fd, buf, &peer);
        if (old > 0)
            answer(fd, before, (size_t)old, &peer);
        answer(fd, buf, (size_t)n, &peer);
        memcpy(before, buf, (size_t)n);
        old = n;
    }
}

Test(echo_client, lost_datagram_is_sent_again) {
    client.timeout_ms = 300;
    serve(NET_UDP, lose_and_repeat);
    connect_to_it();
    cr_assert_eq(exchange("one"), 0, "%s", complaint.text);
    cr_assert_eq(client.lost, 1);
    cr_assert_lt(rtt_ns, 300000000, "the round trip is that of the second try");
    cr_assert_eq(exchange("two!"), 0, "the late answer is skipped: %s", complaint.text);
    cr_assert_eq(client.lost, 2);
    cr_assert_eq(client.reply_len, 4);
}

static void change_datagrams(int fd) {
    struct sockaddr_in peer;
    char buf[64];
    ssize_t n;

    for (;;) {
        n = take(fd, buf, &peer);
        if (buf[0] == 'l')
            answer(fd, buf, (size_t)n + 1, &peer);
        else
            answer(fd, "other", (size_t)n, &peer);
    }
}

Test(echo_client, changed_datagram_is_found) {
    serve(NET_UDP, change_datagrams);
    connect_to_it();
    cr_assert_eq(exchange("long"), 65);
    complains("4 bytes were sent and 5 came back");
    cr_assert_eq(exchange("abc"), 65);
    complains("byte 1 differs");
}

Test(echo_client, datagram_without_an_answer_is_given_up) {
    client.timeout_ms = 10;
    serve(NET_UDP, say_nothing);
    connect_to_it();
    cr_assert_eq(exchange("hello"), 124);
    cr_assert_eq(client.lost, 3);
    complains("a datagram was sent 3 times, 10 ms apart");
}

Test(echo_client, nobody_listens_for_datagrams) {
    proto = NET_UDP;
    cr_assert_eq(connect_to("127.0.0.1", 1), 0);
    cr_assert_eq(exchange("hello"), 69);
    complains("nobody listens");
}
