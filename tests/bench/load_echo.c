/*
 * A load for echo servers: one thread, epoll, so many connections with so many messages of each
 * under way. Every byte that comes back is compared with what has to come. Prints one JSON object:
 * seconds, messages, messages_per_second, p50_us, p99_us, max_us, errors, error (the first one).
 *
 *     load_echo [OPTION ...] ADDRESS PORT
 *     load_echo [OPTION ...] PATH            a UNIX socket
 *
 *     --connections N   64          --bytes N     64: of one message
 *     --depth N         1: messages under way on each connection
 *     --messages N      100000      --seconds S   2: no more messages are sent after that
 *     --warm N          messages before, which are not counted; at least one a connection
 *     --connect         each message has a connection of its own; over TCP their sources are
 *                       spread over 127.0.0.2 to 127.0.0.250
 *     --udp             datagrams; what is not answered within 200 ms is an error
 *     --rounds          send on all connections, wait for all answers, and again: how many events
 *                       a server finds waiting is then no matter of luck
 *     --ping            64 bytes each as redis speaks: PING with a text, which it sends back
 *     --gate            print "ready" before the load and wait for a line on stdin; and again,
 *                       after the JSON, before the connections are closed
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/load_histogram.h"

#define PERIOD     65521u /* of the bytes sent; a prime, so that no message lies like another */
#define SPAN       (1024u * 1024u)
#define BUF_SIZE   (256u * 1024u)
#define UDP_MOST   65507u
#define LOST_MS    200
#define GRACE_NS   5000000000u
#define SOURCES    249u
#define PING_TEXT  "The quick brown fox jumps over the lazy dog"
#define PING       "*2\r\n$4\r\nPING\r\n$43\r\n" PING_TEXT "\r\n"
#define PING_REPLY "$43\r\n" PING_TEXT "\r\n"

/* Bytes without end: at position p stands bytes[p % period]; period + SPAN of them are there. */
struct stream {
    char *bytes;
    size_t period, message_len;
};

struct peer {
    int fd;
    uint64_t phase; /* where in the streams this connection begins */
    uint64_t sent_bytes, owed_bytes, got_bytes;
    uint64_t asked, answered;
    uint64_t *asked_at_ns; /* ring of depth; over UDP by slot, 0: nothing under way there */
    uint32_t *counter;     /* UDP: of a slot's datagrams */
    bool waits_to_send;
};

static struct {
    struct sockaddr_storage address;
    socklen_t address_len;
    unsigned connections, bytes, depth;
    uint64_t messages, warm;
    double seconds;
    int connect, udp, ping, rounds, gate;
} want = { .connections = 64, .bytes = 64, .depth = 1, .messages = 100000, .seconds = 2 };

static struct {
    uint64_t left, under_way, errors, first_ns, last_ns;
    struct histogram took;
    const char *error;
    int error_number;
} load;

static struct stream request, reply;
static struct peer *peers;
static char buf[BUF_SIZE];
static int poll_fd;

static uint64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "load_echo: %s: %s\n", what, strerror(errno));
    exit(1);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static void count_answer(uint64_t asked_at_ns, uint64_t at_ns) {
    histogram_add(&load.took, at_ns - asked_at_ns);
    load.last_ns = at_ns;
    load.under_way--;
}

static void count_errors(uint64_t count, const char *what, int number) {
    load.errors += count;
    if (load.error == NULL) {
        load.error = what;
        load.error_number = number;
    }
}

static struct stream make_stream(const char *text, size_t message_len) {
    struct stream made = { .period = text != NULL ? strlen(text) : PERIOD };
    uint32_t state = 2463534242u;

    made.message_len = text != NULL ? made.period : message_len;
    made.bytes = malloc(made.period + SPAN);
    if (made.bytes == NULL)
        fail("memory");
    for (size_t i = 0; i < made.period; i++) {
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;
        made.bytes[i] = text != NULL ? text[i] : (char)state;
    }
    for (size_t i = made.period; i < made.period + SPAN; i++)
        made.bytes[i] = made.bytes[i - made.period];
    return made;
}

static void watch(struct peer *peer, int operation, uint32_t events) {
    struct epoll_event event = { .events = events, .data.ptr = peer };

    if (epoll_ctl(poll_fd, operation, peer->fd, &event) != 0)
        fail("epoll_ctl");
}

/* A new source address for each connection, so that 10^5 of them find a free port. */
static void spread_source(int fd) {
    static unsigned count;
    struct sockaddr_in source = { .sin_family = AF_INET };
    int on = 1;

    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + count++ % SOURCES);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&source, sizeof(source)) != 0)
        fail("bind");
}

/* Returns 0, or -1 when there is no connection. */
static int open_peer(struct peer *peer) {
    static unsigned count;
    int family = want.address.ss_family, on = 1;
    bool is_waiting = want.connect && family != AF_UNIX;

    peer->fd = socket(family, (want.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (peer->fd < 0)
        fail("socket");
    if (family == AF_INET && want.connect)
        spread_source(peer->fd);
    if (is_waiting)
        fcntl(peer->fd, F_SETFL, O_NONBLOCK);
    if (connect(peer->fd, (struct sockaddr *)&want.address, want.address_len) != 0 &&
        errno != EINPROGRESS) {
        count_errors(1, "connect", errno);
        close(peer->fd);
        peer->fd = -1;
        return -1;
    }
    if (!is_waiting)
        fcntl(peer->fd, F_SETFL, O_NONBLOCK);
    if (family != AF_UNIX && !want.udp)
        setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    peer->phase = want.ping ? 0 : (uint64_t)count++ * 7919u % PERIOD;
    peer->sent_bytes = peer->owed_bytes = peer->got_bytes = peer->asked = peer->answered = 0;
    peer->waits_to_send = false;
    watch(peer, EPOLL_CTL_ADD, EPOLLIN);
    return 0;
}

static void lose_peer(struct peer *peer, const char *what, int number) {
    uint64_t open = peer->asked - peer->answered;

    count_errors(open > 0 ? open : 1, what, number);
    load.under_way -= open;
    close(peer->fd);
    peer->fd = -1;
}

static void flush(struct peer *peer) {
    while (peer->sent_bytes < peer->owed_bytes) {
        const char *from = request.bytes + (peer->phase + peer->sent_bytes) % request.period;
        ssize_t sent = send(
            peer->fd, from, least(peer->owed_bytes - peer->sent_bytes, SPAN), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            lose_peer(peer, "send", errno);
            return;
        }
        if (sent < 0)
            break;
        peer->sent_bytes += (uint64_t)sent;
    }
    if (peer->waits_to_send != (peer->sent_bytes < peer->owed_bytes)) {
        peer->waits_to_send = !peer->waits_to_send;
        watch(peer, EPOLL_CTL_MOD, EPOLLIN | (peer->waits_to_send ? EPOLLOUT : 0u));
    }
}

static void ask_datagram(struct peer *peer, unsigned slot) {
    uint32_t head[2] = { slot, ++peer->counter[slot] };
    char *message = buf;

    memcpy(message, request.bytes + (peer->phase + head[1] * 977u) % PERIOD, want.bytes);
    memcpy(message, head, sizeof(head));
    peer->asked_at_ns[slot] = now_ns();
    load.left--;
    load.under_way++;
    if (send(peer->fd, message, want.bytes, 0) != (ssize_t)want.bytes) {
        count_errors(1, "send", errno);
        load.under_way--;
        peer->asked_at_ns[slot] = 0;
    }
}

/* Send up to so many messages more, as long as any are left. */
static void ask(struct peer *peer, uint64_t count, uint64_t at_ns) {
    if (want.udp) {
        for (unsigned slot = 0; slot < want.depth && load.left > 0; slot++)
            if (peer->asked_at_ns[slot] == 0)
                ask_datagram(peer, slot);
        return;
    }
    for (; count > 0 && load.left > 0; count--, load.left--, load.under_way++) {
        peer->asked_at_ns[peer->asked++ % want.depth] = at_ns;
        peer->owed_bytes += request.message_len;
    }
    flush(peer);
}

static void take_datagram(struct peer *peer, ssize_t got) {
    uint32_t head[2] = { 0, 0 };
    const char *expected;

    memcpy(head, buf, least(sizeof(head), (size_t)got));
    expected = reply.bytes + (peer->phase + head[1] * 977u) % PERIOD;
    if (got != (ssize_t)want.bytes || head[0] >= want.depth || peer->asked_at_ns[head[0]] == 0 ||
        peer->counter[head[0]] != head[1] ||
        memcmp(buf + sizeof(head), expected + sizeof(head), want.bytes - sizeof(head)) != 0) {
        count_errors(1, "not the datagram that was sent", 0);
        return;
    }
    count_answer(peer->asked_at_ns[head[0]], now_ns());
    peer->asked_at_ns[head[0]] = 0;
}

/* Receive once. Returns how many messages this completes, or -1 when the connection is gone. */
static ssize_t take(struct peer *peer) {
    ssize_t got = recv(peer->fd, buf, sizeof(buf), 0), completed = 0;
    uint64_t at_ns;

    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got <= 0) {
        lose_peer(peer, got < 0 ? "recv" : "closed by the server", got < 0 ? errno : 0);
        return -1;
    }
    if (want.udp) {
        take_datagram(peer, got);
        return 1;
    }
    if (peer->got_bytes + (uint64_t)got > peer->asked * reply.message_len ||
        memcmp(buf, reply.bytes + (peer->phase + peer->got_bytes) % reply.period, (size_t)got) !=
            0) {
        lose_peer(peer, "not the bytes that were sent", 0);
        return -1;
    }
    peer->got_bytes += (uint64_t)got;
    at_ns = now_ns();
    for (; (peer->answered + 1) * reply.message_len <= peer->got_bytes; completed++)
        count_answer(peer->asked_at_ns[peer->answered++ % want.depth], at_ns);
    return completed;
}

static void begin(struct peer *peer) {
    uint64_t at_ns = now_ns();

    if (!want.connect) {
        if (peer->fd >= 0)
            ask(peer, want.depth, at_ns);
        return;
    }
    while (load.left > 0) {
        if (open_peer(peer) == 0) {
            ask(peer, 1, at_ns);
            return;
        }
        load.left--;
    }
}

static void go_on(struct peer *peer, ssize_t completed) {
    if (want.connect && (completed > 0 || peer->fd < 0)) {
        if (peer->fd >= 0)
            close(peer->fd);
        peer->fd = -1;
        begin(peer);
    } else if (completed > 0 && !want.rounds) {
        ask(peer, (uint64_t)completed, now_ns());
    }
}

static void give_up_lost_datagrams(void) {
    for (unsigned i = 0; i < want.connections; i++)
        for (unsigned slot = 0; slot < want.depth; slot++)
            if (peers[i].asked_at_ns[slot] != 0) {
                peers[i].asked_at_ns[slot] = 0;
                load.under_way--;
                count_errors(1, "datagram lost", 0);
            }
}

static void begin_all(void) {
    for (unsigned i = 0; i < want.connections; i++)
        begin(&peers[i]);
}

/* Have so many messages answered, or as many as there is time for. */
static void run(uint64_t messages) {
    struct epoll_event events[256];
    uint64_t stop_at_ns;
    int count;

    memset(&load, 0, sizeof(load));
    load.left = messages;
    load.first_ns = now_ns();
    stop_at_ns = load.first_ns + (uint64_t)(want.seconds * 1e9);
    begin_all();
    while (load.under_way > 0) {
        count = epoll_wait(poll_fd, events, 256, LOST_MS);
        for (int i = 0; i < count; i++) {
            struct peer *peer = events[i].data.ptr;
            if (peer->fd >= 0 && (events[i].events & EPOLLOUT) != 0)
                flush(peer);
            if (peer->fd >= 0 && (events[i].events & ~EPOLLOUT) != 0)
                go_on(peer, take(peer));
        }
        if (count == 0 && want.udp)
            give_up_lost_datagrams();
        if (now_ns() > stop_at_ns)
            load.left = 0;
        if (now_ns() > stop_at_ns + GRACE_NS) {
            count_errors(load.under_way, "no answer", 0);
            break;
        }
        if (load.under_way == 0 && load.left > 0 && load.errors < messages)
            begin_all();
    }
}

static void print_result(void) {
    double seconds = (double)(load.last_ns - load.first_ns) / 1e9;

    if (load.took.count == 0)
        seconds = 0;
    printf("{\"seconds\":%.6f,\"messages\":%" PRIu64 ",\"messages_per_second\":%.0f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"errors\":%" PRIu64 ",\"error\":",
        seconds, load.took.count, seconds > 0 ? (double)load.took.count / seconds : 0,
        histogram_percentile_us(&load.took, 0.5), histogram_percentile_us(&load.took, 0.99),
        (double)load.took.max_ns / 1e3, load.errors);
    if (load.error == NULL)
        puts("null}");
    else
        printf("\"%s%s%s\"}\n", load.error, load.error_number != 0 ? ": " : "",
            load.error_number != 0 ? strerror(load.error_number) : "");
    fflush(stdout);
}

static void wait_for_line(void) {
    int c;

    if (want.gate)
        while ((c = getchar()) != EOF && c != '\n')
            ;
}

static void find_target(int count, char **words) {
    struct sockaddr_in *in = (struct sockaddr_in *)&want.address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&want.address;
    struct sockaddr_un *un = (struct sockaddr_un *)&want.address;
    in_port_t port = htons((uint16_t)(count == 2 ? atoi(words[1]) : 0));

    if (count == 1 && strlen(words[0]) < sizeof(un->sun_path)) {
        un->sun_family = AF_UNIX;
        strcpy(un->sun_path, words[0]);
        want.address_len = sizeof(*un);
    } else if (count == 2 && inet_pton(AF_INET, words[0], &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = port;
        want.address_len = sizeof(*in);
    } else if (count == 2 && inet_pton(AF_INET6, words[0], &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = port;
        want.address_len = sizeof(*in6);
    } else {
        fprintf(stderr, "usage: load_echo [OPTION ...] ADDRESS PORT | PATH\n");
        exit(2);
    }
}

static void read_options(int argc, char **argv) {
    static const struct option options[] = { { "connections", 1, NULL, 'c' },
        { "bytes", 1, NULL, 'b' }, { "depth", 1, NULL, 'd' }, { "messages", 1, NULL, 'm' },
        { "seconds", 1, NULL, 's' }, { "warm", 1, NULL, 'w' }, { "connect", 0, &want.connect, 1 },
        { "udp", 0, &want.udp, 1 }, { "ping", 0, &want.ping, 1 }, { "rounds", 0, &want.rounds, 1 },
        { "gate", 0, &want.gate, 1 }, { 0 } };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 0:
            break;
        case 'c':
            want.connections = (unsigned)atoi(optarg);
            break;
        case 'b':
            want.bytes = (unsigned)atoi(optarg);
            break;
        case 'd':
            want.depth = (unsigned)atoi(optarg);
            break;
        case 'm':
            want.messages = strtoull(optarg, NULL, 10);
            break;
        case 's':
            want.seconds = atof(optarg);
            break;
        case 'w':
            want.warm = strtoull(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    find_target(argc - optind, argv + optind);
    if (want.connections < 1 || want.depth < 1 || want.messages < 1 || want.bytes < 1 ||
        want.bytes > SPAN || (want.udp && (want.bytes < 16 || want.bytes > UDP_MOST))) {
        fprintf(stderr, "load_echo: a number is out of range\n");
        exit(2);
    }
}

static void make_peers(void) {
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    peers = calloc(want.connections, sizeof(*peers));
    if (poll_fd < 0 || peers == NULL)
        fail("memory");
    for (unsigned i = 0; i < want.connections; i++) {
        peers[i].fd = -1;
        peers[i].asked_at_ns = calloc(want.depth, sizeof(*peers[i].asked_at_ns));
        peers[i].counter = calloc(want.depth, sizeof(*peers[i].counter));
        if (peers[i].asked_at_ns == NULL || peers[i].counter == NULL)
            fail("memory");
        if (!want.connect && open_peer(&peers[i]) != 0)
            fail("connect");
    }
}

int main(int argc, char **argv) {
    uint64_t every;

    read_options(argc, argv);
    every = (uint64_t)want.connections * want.depth;
    request = make_stream(want.ping ? PING : NULL, want.bytes);
    reply = make_stream(want.ping ? PING_REPLY : NULL, want.bytes);
    make_peers();
    run(want.warm > every ? want.warm : every);
    if (load.errors > 0) {
        print_result();
        return 1;
    }
    if (want.gate) {
        puts("ready");
        fflush(stdout);
        wait_for_line();
    }
    run(want.messages);
    print_result();
    wait_for_line();
    return load.errors > 0;
}
