/* The chat as its members see it: what they speak, and what is done with what is none of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/suites.h"
#include "tests/system/talkers.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)
#define UNIX_PATH     "services.d/chat.sock"
#define JOINED        "\xf0\x9f\x94\xb5 "
#define LEFT          "\xf0\x9f\x94\xb4 "

static void start(struct daemon *daemon, size_t m, const char *more) {
    daemon_write_config("lang = \"ru\";\n");
    daemon_write_service("echo",
        "type = \"chat\"; listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\", "
        "\"unix://chat.sock\" ]; model = \"%s\"; max_children = %u; max_spawn_rate = 1000; "
        "graceful_timeout = \"300ms\"; %s",
        daemon_models[m], m == 0 ? 14 : 3, more);
    daemon_start(daemon);
}

static uint64_t counter(const char *key) {
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(daemon_service("echo"), "counters"), key));
}

/* ---- peers ---- */

struct peer {
    int fd;
    size_t len;
    char heard[1 << 17];
};

/* Of the test's daemon. */
static struct peer *peers[64];

static struct peer *new_peer(int fd) {
    size_t i = 0;

    while (peers[i] != NULL)
        i++;
    peers[i] = calloc(1, sizeof(*peers[i]));
    peers[i]->fd = fd;
    return peers[i];
}

static void ends(struct peer *peer) {
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
}

/* Who is still there keeps a worker waiting. */
static void clear(struct daemon *daemon) {
    for (size_t i = 0; peers[i] != NULL; i++) {
        ends(peers[i]);
        free(peers[i]);
        peers[i] = NULL;
    }
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}

static void says_bytes(const struct peer *peer, const char *data, size_t len) {
    CHECK(send(peer->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len, "send");
}

static void says(const struct peer *peer, const char *text) {
    says_bytes(peer, text, strlen(text));
}

static void says_frame(const struct peer *peer, const char *text) {
    char frame[8192];
    uint32_t head = htonl((uint32_t)strlen(text));

    memcpy(frame, &head, 4);
    memcpy(frame + 4, text, strlen(text));
    says_bytes(peer, frame, strlen(text) + 4);
}

static bool reads_more(struct peer *peer) {
    ssize_t n = recv(
        peer->fd, peer->heard + peer->len, sizeof(peer->heard) - peer->len - 1, MSG_DONTWAIT);

    if (n > 0)
        peer->len += (size_t)n;
    peer->heard[peer->len] = '\0';
    return n > 0;
}

/* All that is left to read is read, and then the end has come. */
static bool is_shown_out(struct peer *peer) {
    ssize_t n;

    while ((n = recv(peer->fd, peer->heard, sizeof(peer->heard), MSG_DONTWAIT)) > 0)
        ;
    return n == 0 || errno == ECONNRESET;
}

static bool has_heard(struct peer *peer, const char *words) {
    reads_more(peer);
    return memmem(peer->heard, peer->len, words, strlen(words)) != NULL;
}

/* Wait until these words come, and forget all up to their end. */
static void hears(struct peer *peer, const char *words) {
    char *end;

    CHECK(harness_until(5000, has_heard(peer, words)), "\"%s\" does not come, but \"%.*s\"", words,
        (int)peer->len, peer->heard);
    end = (char *)memmem(peer->heard, peer->len, words, strlen(words)) + strlen(words);
    peer->len -= (size_t)(end - peer->heard);
    memmove(peer->heard, end, peer->len + 1);
}

/* Likewise in what is more than can be kept. */
static bool skips_to(struct peer *peer, const char *words) {
    const size_t keep = strlen(words);

    if (has_heard(peer, words))
        return true;
    if (peer->len > keep) {
        memmove(peer->heard, peer->heard + peer->len - keep, keep);
        peer->len = keep;
    }
    return false;
}

/* The same, and nothing else has come before. */
static void hears_only(struct peer *peer, const char *words) {
    CHECK(harness_until(5000, has_heard(peer, words)), "\"%s\" does not come, but \"%.*s\"", words,
        (int)peer->len, peer->heard);
    CHECK(strncmp(peer->heard, words, strlen(words)) == 0, "\"%.*s\" instead of \"%s\"",
        (int)peer->len, peer->heard, words);
    hears(peer, words);
}

static struct peer *comes(uint16_t port, const char *name) {
    struct peer *peer = new_peer(daemon_connect(port));

    says(peer, name);
    return peer;
}

/* ---- who sits in the room ---- */

static void hear_each_other(
    struct peer *speaker, const char *text, struct peer **others, const char *const *wanted) {
    says(speaker, text);
    for (size_t i = 0; others[i] != NULL; i++)
        hears(others[i], wanted[i]);
}

static void all_kinds_of_clients_sit_in_one_room(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        struct sockaddr_in to = { .sin_family = AF_INET };
        struct peer *raw, *line, *telnet, *framed, *program, *local, *datagrams;

        start(&daemon, m, "");
        to.sin_port = htons(daemon_port("echo", "udp"));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        raw = comes(daemon.port, "Алиса");
        CHECK(harness_until(5000, counter("joined") == 1), "not in");
        line = comes(daemon.port, "Нина\r\n");
        hears_only(raw, JOINED "Нина присоединился к чату");
        hears_only(line, "Добро пожаловать в чат, Нина! Команды: /help\n");
        telnet = comes(daemon.port, "\xff\xfd\x01Тим\r");
        says(telnet, "\n");
        hears(telnet, "\xff\xfc\x01");
        hears(telnet, "Тим! Команды: /help\r\n");
        /* Each by himself: two at once stand in one message. */
        hears(line, JOINED "Тим присоединился к чату\n");
        framed = new_peer(daemon_connect(daemon.port));
        says_frame(framed, "Фрида");
        hears(framed, "Фрида!");
        hears(line, JOINED "Фрида присоединился к чату\n");
        program = new_peer(daemon_connect(daemon.port));
        says_frame(program, "HELLO 1 caps=json lang=ru name=Карл");
        hears(program, "\"t\":\"welcome\"");
        hears(line, JOINED "Карл присоединился к чату\n");
        local = new_peer(daemon_connect_unix(UNIX_PATH));
        says(local, "Лев\n");
        hears(local, "Лев!");
        hears(line, JOINED "Лев присоединился к чату\n");
        datagrams = new_peer(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        CHECK(connect(datagrams->fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
        says(datagrams, "Ума");
        hears(line, JOINED "Ума присоединился к чату\n");
        hear_each_other(raw, "Привет всем!",
            (struct peer *[]){ line, telnet, framed, program, local, datagrams, NULL },
            (const char *const[]){ "] Алиса: Привет всем!\n", "] Алиса: Привет всем!\r\n",
                "] Алиса: Привет всем!", "\"from\":\"Алиса\",\"text\":\"Привет всем!\"}",
                "] Алиса: Привет всем!\n", "] Алиса: Привет всем!" });
        hear_each_other(datagrams, "Привет, Алиса!",
            (struct peer *[]){ raw, telnet, program, NULL },
            (const char *const[]){
                "] Ума: Привет, Алиса!", "] Ума: Привет, Алиса!\r\n", "\"from\":\"Ума\"" });
        says_frame(program, "{\"t\":\"say\",\"id\":1,\"text\":\"из программы\"}");
        hears(program, "\"t\":\"ok\"");
        hears(datagrams, "] Карл: из программы");
        says(local, "/who\n");
        hears(local, "в чате (7): ");
        says(raw, "/quit");
        hears(line, LEFT "Алиса покинул чат\n");
        CHECK(harness_until(5000, is_shown_out(raw)), "it stays");
        ends(telnet);
        hears(line, LEFT "Тим покинул чат\n");
        says(datagrams, "/quit");
        hears(line, LEFT "Ума покинул чат\n");
        CHECK(counter("joined") == 7 && counter("left") == 3, "counted");
        CHECK(harness_until(
                  5000, daemon_log_count(
                            "event=joined msg=\"Пользователь Алиса присоединился к чату\"") == 1),
            "%s", daemon_log());
        CHECK(harness_until(5000, daemon_log_count("] Алиса: Привет всем!\"") == 1), "%s",
            daemon_log());
        clear(&daemon);
    }
}

static void classic_python_clients_read_every_message_whole(void) {
    struct harness_result result;
    char script[4096], port[16], count[16], rounds[16];
    struct daemon daemon;

    snprintf(script, sizeof(script), "%s/tests/system/classic_chat.py", harness_root());
    snprintf(rounds, sizeof(rounds), "%u", harness_scale(4, 100));
    EACH_MODEL(m) {
        start(&daemon, m, "flood_rate = \"unlimited\";");
        snprintf(port, sizeof(port), "%u", daemon.port);
        snprintf(count, sizeof(count), "%u", m == 0 ? 4 : 6);
        result = harness_run("/usr/bin/python3", script, port, count, rounds, NULL);
        CHECK(result.code == 0, "%s: %s%s", daemon_models[m], result.out, result.err);
        clear(&daemon);
    }
}

/* ---- what is none of it ---- */

static const struct {
    const char *what, *data;
    size_t len;
    bool ends;
} bad_inputs[] = {
    { "a length over the limit", "\x00\x00\x80\x01", 4, true },
    { "a negative length", "\x00\xff\xff\xff", 4, true },
    { "HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, true },
    { "TLS", "\x16\x03\x01\x02\x00\x01\x00", 7, true },
    { "an empty frame, then no text three times",
        "\0\0\0\0\0\0\0\001E\0\0\0\1\xff\0\0\0\1\0\0\0\0\2\xc3\x28", 25, true },
    { "a HELLO of another version", "HELLO 2\n", 8, false },
    { "a HELLO with a bad key", "HELLO 1 key=short\n", 18, false },
    { "a name of control characters", "\x1b\x07\x9b\r\n", 5, false },
    { "no name", "\r\n", 2, false },
    { "half a command of telnet", "\xff\xfa\x18", 3, false },
    { "a name that hides", "\xe2\x80\xae\xe2\x80\x8b\n", 7, false },
};

static void bad_input_costs_nobody_else_anything(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        struct peer *ann, *bob, *bad;

        start(&daemon, m, "");
        ann = comes(daemon.port, "Ann\n");
        hears(ann, "Ann!");
        bob = comes(daemon.port, "Bob\n");
        hears(ann, "Bob ");
        for (size_t i = 0; i < sizeof(bad_inputs) / sizeof(bad_inputs[0]); i++) {
            bad = new_peer(daemon_connect(daemon.port));
            says_bytes(bad, bad_inputs[i].data, bad_inputs[i].len);
            CHECK(!bad_inputs[i].ends || harness_until(5000, is_shown_out(bad)), "%s: %s stays",
                daemon_models[m], bad_inputs[i].what);
            says(bob, "still here\n");
            hears(ann, "] Bob: still here\n");
            ends(bad);
        }
        CHECK(daemon_number("echo", "bad_input") >= 4 && counter("bad_text") == 3, "%s: %lu %lu",
            daemon_models[m], (unsigned long)daemon_number("echo", "bad_input"),
            (unsigned long)counter("bad_text"));
        clear(&daemon);
    }
}

static void endless_line_is_cut_and_the_rest_of_it_is_nobody_s_message(void) {
    struct peer *ann, *bob;
    struct daemon daemon;
    static char text[100000];

    start(&daemon, 2, "");
    ann = comes(daemon.port, "Ann\n");
    hears(ann, "Ann!");
    bob = comes(daemon.port, "Bob\n");
    hears(bob, "Bob!");
    memset(text, 'x', sizeof(text));
    says_bytes(bob, text, sizeof(text));
    says(bob, "\nthen\n");
    hears(bob, "сказано только начало\n");
    hears(ann, "] Bob: xxx");
    hears(ann, "x\n");
    hears(ann, "] Bob: then\n");
    clear(&daemon);
}

/* ---- names ---- */

static bool is_listed(struct peer *peer, const char *words) {
    says(peer, "/who\n");
    hears(peer, "в чате (");
    CHECK(harness_until(5000, has_heard(peer, "\n")), "half a line");
    return strncmp(peer->heard, words, strlen(words)) == 0;
}

/* Whoever is killed at whichever step: who is in the room is who is there, and each is told once.
 */
static void death_at_any_step_leaves_the_room_in_order(void) {
    static const char *const steps[] = { "chat-trying:3", "chat-held:3", "chat-joined:3",
        "chat-leaving:1", "chat-left:1", "chat-renamed:1", "hook:12" };
    struct daemon daemon;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct peer *ann, *bob, *carl;

        setenv("PREFORK_FAILPOINT", steps[i], 1);
        start(&daemon, 0, "flood_rate = \"unlimited\";");
        ann = comes(daemon.port, "Ann\n");
        hears(ann, "Ann!");
        bob = comes(daemon.port, "Bob\n");
        hears(bob, "Bob!");
        carl = comes(daemon.port, "Carl\n");
        if (i < 3)
            CHECK(harness_until(5000, is_shown_out(carl)), "%s: nobody was struck", steps[i]);
        else
            hears(carl, "Carl!");
        if (strncmp(steps[i], "chat-renamed", 12) == 0)
            says(carl, "/nick Dora\n");
        for (unsigned k = 0; k < 12 && strncmp(steps[i], "hook", 4) == 0; k++)
            says(carl, "x\n");
        if (i >= 3 && i < 5)
            ends(carl);
        CHECK(harness_until(5000, daemon_log_count("killed by SIGKILL") >= 1), "%s: nobody",
            steps[i]);
        CHECK(harness_until(5000, is_listed(ann, "2): ")), "%s: %s", steps[i], ann->heard);
        carl = comes(daemon.port, "Carl\n");
        hears(carl, "Добро пожаловать в чат, Carl!");
        hears(ann, "Carl присоединился к чату\n");
        CHECK(counter("joined") >= 3, "%s", steps[i]);
        clear(&daemon);
        (void)bob;
    }
}

/* ---- who reads slowly ---- */

static void slow_reader_is_cut_with_the_reason_and_nobody_waits_for_him(void) {
    struct daemon daemon;
    static char text[4000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 2] = '\n';
    EACH_MODEL(m) {
        struct peer *slow, *ann, *bob;
        unsigned said = 0;

        start(
            &daemon, m, "flood_rate = \"unlimited\"; queue_soft = \"16k\"; queue_hard = \"64k\";");
        slow = new_peer(daemon_connect_unix(UNIX_PATH)); /* whose buffers are small */
        says(slow, "Slow\n");
        hears(slow, "Slow!");
        ann = comes(daemon.port, "Ann\n");
        hears(ann, "Ann!");
        bob = comes(daemon.port, "Bob\n");
        hears(ann, "Bob ");
        for (; said < 20000 && counter("cut_slow") == 0; said += 20)
            for (unsigned i = 0; i < 20; i++) {
                says(bob, text);
                hears(ann, "] Bob: xx");
            }
        CHECK(counter("cut_slow") == 1, "%s: %u said", daemon_models[m], said);
        CHECK(harness_until(5000, daemon_log_count("msg=\"Пользователь Slow покинул чат\"") == 1),
            "%s: %s", daemon_models[m], daemon_log());
        CHECK(harness_until(
                  5000, skips_to(slow, "вы читаете слишком медленно: соединение закрывается\n")),
            "%s: no reason", daemon_models[m]);
        CHECK(harness_until(5000, is_shown_out(slow)), "%s: he stays", daemon_models[m]);
        clear(&daemon);
    }
}

/* ---- many ---- */

static void thousands_of_members_hear_each_message_once(void) {
    const unsigned members = harness_scale(1000, 10000);
    struct talkers_plan plan = { .count = members, .speakers = 4, .under_way = 2 };
    struct rlimit files = { .rlim_cur = members + 200, .rlim_max = members + 200 };
    struct talkers *talkers;
    struct daemon daemon;
    char more[200];

    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        harness_skip("%u descriptors are not allowed here", members);
    snprintf(more, sizeof(more),
        "worker_connections = %u; rlimit_nofile = %u; flood_rate = \"unlimited\"; "
        "log_messages = false; members_max = %u; crowd = 100; backlog = 4096;",
        members, members + 100, members);
    start(&daemon, 2, more);
    plan.port[0] = daemon.port;
    talkers = talkers_start(&plan);
    talkers_go_on(talkers, harness_scale(20, 200));
    talkers_stop(talkers);
    harness_figure("members=%u acknowledged=%lu received=%lu", members,
        (unsigned long)talkers->acknowledged, (unsigned long)talkers->received);
    CHECK(talkers->returns == 0, "%u returns", talkers->returns);
    clear(&daemon);
}

static const struct harness_test tests[] = {
    { "all_kinds_of_clients_sit_in_one_room", all_kinds_of_clients_sit_in_one_room },
    { "classic_python_clients_read_every_message_whole",
        classic_python_clients_read_every_message_whole },
    { "bad_input_costs_nobody_else_anything", bad_input_costs_nobody_else_anything },
    { "endless_line_is_cut_and_the_rest_of_it_is_nobody_s_message",
        endless_line_is_cut_and_the_rest_of_it_is_nobody_s_message },
    { "death_at_any_step_leaves_the_room_in_order", death_at_any_step_leaves_the_room_in_order },
    { "slow_reader_is_cut_with_the_reason_and_nobody_waits_for_him",
        slow_reader_is_cut_with_the_reason_and_nobody_waits_for_him },
    { "thousands_of_members_hear_each_message_once", thousands_of_members_hear_each_message_once },
    { .name = NULL },
};

const struct harness_suite chat_suite = { "chat", tests };
