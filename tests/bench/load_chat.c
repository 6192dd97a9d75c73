/*
 * A load for whatever tells many what one says: members that only read, and senders. One thread,
 * epoll. Each member has to get every message once and in order, its text as it was said; with
 * several senders all members in the same order. Prints one JSON object: seconds, messages (those
 * that came to a member), messages_per_second, p50_us, p99_us, max_us (from saying to hearing),
 * errors, error (the first one); with --pause also p50 and p99 of what the first sender said
 * ("within") and of what the second said ("across").
 *
 *     load_chat [OPTION ...] ADDRESS PORT
 *
 *     --speak NAME      chat: chat | redis | irc | nats | mqtt
 *     --members N       100            --senders N    1
 *     --messages N      400: said in all, each to all members
 *     --ahead N         1: messages of a sender that not all members have yet
 *     --warm N          messages before, which are not counted; 2 * ahead at least
 *     --other PORT      there is every second member and every second sender
 *     --silence MS      wait until nothing has come for so long, before the messages that count
 *     --spin            look for what comes again and again, and never sleep: whom a server wakes
 *                       costs it as much as a message, and how often it does is a matter of luck
 *     --pause US        wait so long between messages; senders take turns
 *     --gate            print "ready" before the load and wait for a line on stdin; and again,
 *                       after the JSON, before the connections are closed
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/load_chat_speak.h"
#include "tests/bench/load_histogram.h"

#define SENDERS_MOST 4u
#define AHEAD_MOST   1024u
#define COMING_MOST  8u /* connections that are not in yet: some servers let few wait */
#define REST_MOST    4096u
#define BUF_SIZE     (256u * 1024u)
#define LOST_MS      30000
#define HEAD_LEN     15 /* of a text, in which it differs from others */

struct peer {
    int fd;
    unsigned number; /* members first */
    unsigned step;
    bool is_in, skips; /* skips: the rest of a record that is too long to be a message */
    uint64_t next[SENDERS_MOST], heard;
    size_t rest_len;
    char *rest;
};

static struct {
    const struct speak *speak;
    struct in_addr address;
    in_port_t port, other;
    unsigned members, senders, ahead, silence_ms, pause_us;
    uint64_t messages, warm;
    int gate, spin;
} want = { .speak = speak_table, .members = 100, .senders = 1, .ahead = 1, .messages = 400 };

static struct sender {
    struct peer *peer;
    uint64_t said, base; /* all members have what is below */
    uint64_t at_ns[AHEAD_MOST];
    unsigned delivered[AHEAD_MOST];
    struct histogram took;
} sender[SENDERS_MOST];

static struct {
    uint64_t left, under_way, delivered, errors, first_ns, last_ns;
    unsigned turn; /* whose it is, with --pause */
    const char *error;
} load;

static struct peer *peers;
static unsigned peer_count, opened, coming;
static uint64_t *order, order_len; /* in which the first who heard them did */
static char buf[REST_MOST + BUF_SIZE], filler[SPEAK_TEXT_LEN + 1];
static int poll_fd;

static uint64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "load_chat: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void count_error(const char *what) {
    load.errors++;
    if (load.error == NULL)
        load.error = what;
}

/* ---- saying ---- */

static void send_all(int fd, const char *data, size_t len) {
    struct pollfd writable = { .fd = fd, .events = POLLOUT };
    ssize_t sent;

    while (len > 0) {
        sent = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno != EAGAIN || poll(&writable, 1, LOST_MS) != 1)) {
            count_error("cannot send");
            return;
        }
        if (sent > 0)
            data += sent, len -= (size_t)sent;
    }
}

/* "@@0:0000000001 abc...": whose it is, which of his, and always the same behind that. */
static void make_text(char text[SPEAK_TEXT_LEN + 1], unsigned who, uint64_t number) {
    char head[32];
    int n = snprintf(head, sizeof(head), "@@%u:%010" PRIu64 " ", who, number);

    memcpy(text, filler, SPEAK_TEXT_LEN);
    memcpy(text, head, (size_t)n);
}

/* As much as may be under way, in one write. */
static void say(unsigned who, unsigned ahead) {
    static char out[AHEAD_MOST * SPEAK_MOST];
    struct sender *from = &sender[who];
    char text[SPEAK_TEXT_LEN + 1];
    uint64_t at_ns = now_ns();
    size_t len = 0;

    for (; load.left > 0 && from->said - from->base < ahead; load.left--, load.under_way++) {
        make_text(text, who, from->said);
        len += speak_message(want.speak, out + len, text);
        from->delivered[from->said % AHEAD_MOST] = 0;
        from->at_ns[from->said++ % AHEAD_MOST] = at_ns;
    }
    if (len > 0)
        send_all(from->peer->fd, out, len);
}

static void go_on(void) {
    for (unsigned i = 0; i < want.senders && want.pause_us == 0; i++)
        say(i, want.ahead);
    if (want.pause_us == 0 || load.under_way > 0 || load.left == 0)
        return;
    usleep(want.pause_us);
    say(load.turn, 1);
    load.turn = (load.turn + 1) % want.senders;
}

/* ---- hearing ---- */

static bool is_in_order(struct peer *peer, unsigned who, uint64_t number) {
    const uint64_t id = number * SENDERS_MOST + who;

    if (peer->heard == order_len)
        order[order_len++] = id;
    return order[peer->heard++] == id && peer->next[who]++ == number;
}

static void hear(struct peer *peer, const char *text, uint64_t at_ns) {
    const unsigned who = (unsigned)(text[2] - '0');
    uint64_t number = 0;
    struct sender *from;

    for (unsigned i = 4; i < 14; i++)
        number = number * 10 + (unsigned)(text[i] - '0');
    if (who >= want.senders || number >= sender[who].said ||
        memcmp(text + HEAD_LEN, filler + HEAD_LEN, SPEAK_TEXT_LEN - HEAD_LEN) != 0) {
        count_error("not the text that was said");
        return;
    }
    if (!is_in_order(peer, who, number)) {
        count_error("lost, doubled, or out of order");
        return;
    }
    from = &sender[who];
    histogram_add(&from->took, at_ns - from->at_ns[number % AHEAD_MOST]);
    load.delivered++;
    load.last_ns = at_ns;
    if (++from->delivered[number % AHEAD_MOST] == want.members)
        from->base++, load.under_way--;
}

static bool is_sender(const struct peer *peer) {
    return peer->number >= want.members;
}

/* Do the next step of coming in, or be in. */
static void step(struct peer *peer) {
    const struct speak_step *steps = is_sender(peer) ? want.speak->sender : want.speak->member;
    char words[SPEAK_MOST], name[16];

    if (peer->step == SPEAK_STEPS || steps[peer->step].words == NULL) {
        peer->is_in = true;
        coming--;
        return;
    }
    snprintf(name, sizeof(name), "%c%u", is_sender(peer) ? 's' : 'm', peer->number);
    send_all(peer->fd, words, speak_words(want.speak, words, &steps[peer->step], name));
}

static void take_record(struct peer *peer, const char *data, size_t len, uint64_t at_ns) {
    const struct speak_step *steps = is_sender(peer) ? want.speak->sender : want.speak->member;
    const char *text = data + len - SPEAK_TEXT_LEN, *ping = want.speak->ping;

    if (len >= SPEAK_TEXT_LEN && text[0] == '@' && text[1] == '@') {
        if (!is_sender(peer))
            hear(peer, text, at_ns);
    } else if (ping != NULL && len >= strlen(ping) && memcmp(data, ping, strlen(ping)) == 0) {
        send_all(peer->fd, want.speak->pong, strlen(want.speak->pong));
    } else if (!peer->is_in && memmem(data, len, steps[peer->step].mark, // NOLINT
                                   strlen(steps[peer->step].mark)) != NULL) {
        peer->step++;
        step(peer);
    }
}

/* Keep what is not whole yet. */
static void keep(struct peer *peer, const char *data, size_t len) {
    peer->skips |= len > REST_MOST;
    peer->rest_len = peer->skips ? 0 : len;
    if (peer->rest_len > 0 && peer->rest == NULL && (peer->rest = malloc(REST_MOST)) == NULL)
        fail("memory");
    if (peer->rest_len > 0)
        memcpy(peer->rest, data, len);
}

static void take(struct peer *peer) {
    size_t len = peer->rest_len, at = 0, n, body;
    uint64_t at_ns;
    ssize_t got;

    if (len > 0)
        memcpy(buf, peer->rest, len);
    got = recv(peer->fd, buf + len, BUF_SIZE, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        count_error("closed by the server");
        close(peer->fd);
        peer->fd = -1;
        return;
    }
    at_ns = now_ns();
    len += (size_t)got;
    for (; (n = speak_cut(want.speak, buf + at, len - at, &body)) > 0; at += n) {
        if (!peer->skips)
            take_record(peer, buf + at, body, at_ns);
        peer->skips = false;
    }
    keep(peer, buf + at, len - at);
}

static int wait_for_events(struct epoll_event *events, int most, int timeout_ms) {
    const uint64_t end_ns = now_ns() + (uint64_t)timeout_ms * 1000000u;
    int count;

    do
        count = epoll_wait(poll_fd, events, most, want.spin ? 0 : timeout_ms);
    while (count == 0 && want.spin && now_ns() < end_ns);
    return count;
}

/* Returns false when nothing has come for so long. */
static bool turn(int timeout_ms) {
    struct epoll_event events[256];
    int count = wait_for_events(events, 256, timeout_ms);

    for (int i = 0; i < count; i++)
        if (((struct peer *)events[i].data.ptr)->fd >= 0)
            take(events[i].data.ptr);
    return count != 0;
}

/* ---- coming ---- */

/* The other port may come a moment after the first. */
static int connect_to(const struct sockaddr_in *to) {
    int fd;

    for (unsigned tries = 0; tries < 200; tries++) {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
            return fd;
        if (fd < 0 || errno != ECONNREFUSED)
            break;
        close(fd);
        usleep(10000);
    }
    fail("connect");
}

static void open_peer(struct peer *peer) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = want.address };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };
    const unsigned place = is_sender(peer) ? peer->number - want.members : peer->number;
    int on = 1;

    to.sin_port = want.other != 0 && place % 2 == 1 ? want.other : want.port;
    peer->fd = connect_to(&to);
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, peer->fd, &event);
    coming++;
    step(peer);
}

static void come(void) {
    peer_count = want.members + want.senders;
    peers = calloc(peer_count, sizeof(*peers));
    order = calloc(want.messages + want.warm + 1, sizeof(*order));
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poll_fd < 0 || peers == NULL || order == NULL)
        fail("memory");
    while (opened < peer_count || coming > 0) {
        for (; opened < peer_count && coming < COMING_MOST; opened++) {
            peers[opened].number = opened;
            open_peer(&peers[opened]);
        }
        if (!turn(LOST_MS) || load.errors > 0)
            fail(load.error != NULL ? load.error : "somebody was not let in");
    }
    for (unsigned i = 0; i < want.senders; i++)
        sender[i].peer = &peers[want.members + i];
}

/* ---- the load ---- */

static void run(uint64_t messages) {
    load.left = messages;
    load.delivered = 0;
    for (unsigned i = 0; i < want.senders; i++)
        memset(&sender[i].took, 0, sizeof(sender[i].took));
    load.first_ns = now_ns();
    for (go_on(); load.under_way > 0 && load.errors == 0; go_on())
        if (!turn(LOST_MS))
            count_error("a message did not come");
}

static void print_result(void) {
    double seconds = (double)(load.last_ns - load.first_ns) / 1e9;
    static struct histogram all;

    for (unsigned i = 0; i < want.senders; i++)
        histogram_join(&all, &sender[i].took);
    printf("{\"seconds\":%.6f,\"messages\":%" PRIu64 ",\"messages_per_second\":%.0f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"errors\":%" PRIu64 ",\"error\":",
        seconds, load.delivered, seconds > 0 ? (double)load.delivered / seconds : 0,
        histogram_percentile_us(&all, 0.5), histogram_percentile_us(&all, 0.99),
        (double)all.max_ns / 1e3, load.errors);
    printf(load.error == NULL ? "null" : "\"%s\"", load.error);
    for (unsigned i = 0; i < 2 && want.pause_us > 0; i++)
        printf(",\"%s_p50_us\":%.1f,\"%s_p99_us\":%.1f", i == 0 ? "within" : "across",
            histogram_percentile_us(&sender[i].took, 0.5), i == 0 ? "within" : "across",
            histogram_percentile_us(&sender[i].took, 0.99));
    puts("}");
    fflush(stdout);
}

static void wait_for_line(void) {
    int c;

    if (want.gate)
        while ((c = getchar()) != EOF && c != '\n')
            ;
}

static void set_number(int option, const char *text) {
    const unsigned long n = strtoul(text, NULL, 10);

    switch (option) {
    case 'm':
        want.members = (unsigned)n;
        break;
    case 's':
        want.senders = (unsigned)n;
        break;
    case 'a':
        want.ahead = (unsigned)n;
        break;
    case 'n':
        want.messages = n;
        break;
    case 'w':
        want.warm = n;
        break;
    case 'o':
        want.other = htons((uint16_t)n);
        break;
    case 'q':
        want.silence_ms = (unsigned)n;
        break;
    default:
        want.pause_us = (unsigned)n;
    }
}

static void read_options(int argc, char **argv) {
    static const struct option options[] = { { "speak", 1, NULL, 'S' }, { "members", 1, NULL, 'm' },
        { "senders", 1, NULL, 's' }, { "ahead", 1, NULL, 'a' }, { "messages", 1, NULL, 'n' },
        { "warm", 1, NULL, 'w' }, { "other", 1, NULL, 'o' }, { "silence", 1, NULL, 'q' },
        { "pause", 1, NULL, 'p' }, { "gate", 0, &want.gate, 1 }, { "spin", 0, &want.spin, 1 },
        { 0 } };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (option == '?')
            exit(2);
        else if (option == 'S')
            want.speak = speak_find(optarg);
        else if (option != 0)
            set_number(option, optarg);
    if (argc - optind != 2 || inet_pton(AF_INET, argv[optind], &want.address) != 1 ||
        want.speak == NULL || want.members < 1 || want.messages < 1 || want.senders < 1 ||
        want.senders > SENDERS_MOST || want.ahead < 1 || want.ahead > AHEAD_MOST) {
        fprintf(stderr, "usage: load_chat [OPTION ...] ADDRESS PORT\n");
        exit(2);
    }
    want.port = htons((uint16_t)atoi(argv[optind + 1]));
    if (want.warm < 2ull * want.ahead)
        want.warm = 2ull * want.ahead;
}

static void raise_files(void) {
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv) {
    const unsigned letters = 26;

    read_options(argc, argv);
    for (unsigned i = 0; i < SPEAK_TEXT_LEN; i++)
        filler[i] = (char)('a' + i % letters);
    raise_files();
    come();
    run(want.warm);
    while (load.errors == 0 && want.silence_ms > 0 && turn((int)want.silence_ms))
        ;
    if (load.errors == 0 && want.gate) {
        puts("ready");
        fflush(stdout);
        wait_for_line();
    }
    if (load.errors == 0)
        run(want.messages);
    print_result();
    wait_for_line();
    return load.errors > 0;
}
