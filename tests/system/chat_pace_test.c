/*
 * Who reads slowly, and who talks too fast: everybody gets what he can take, nothing is dropped
 * without a word, and nobody waits for anybody.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/chats.h"
#include "tests/system/peers.h"
#include "tests/system/suites.h"

#define READ_MOST 1024 /* of a classic client, at once */

/* ---- classic clients ---- */

static const char *const names[3] = { "chat-process", "chat-thread", "echo" };

static uint64_t count_of(const char *service, const char *counter) {
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(daemon_service(service), "counters"), counter));
}

/* One service for each model, at once. */
static void start_all(struct daemon *daemon, const char *more) {
    EACH_MODEL(m)
    daemon_write_service(names[m],
        "type = \"chat\"; listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\" ]; "
        "model = \"%s\"; max_children = %u; graceful_timeout = \"300ms\"; %s",
        daemon_models[m], m == 0 ? 9 : 2, more);
    daemon_start(daemon);
    EACH_MODEL(m)
    CHECK(
        harness_until(10000, daemon_number(names[m], "ready") >= daemon_number(names[m], "wanted")),
        "%s", daemon_log());
}

#define TRIES_MOST 20 /* on a machine that is busy */
#define TOO_LATE   3  /* it was: their exit code */

/* All three at once. Returns the worst exit code. */
static int try_python_clients(const char *rounds, const char *delay_ms) {
    struct harness_proc proc[3];
    char script[4096], port[16];
    const char *argv[] = { "/usr/bin/python3", script, port, harness_scale(false, true) ? "8" : "4",
        rounds, delay_ms, NULL };
    int worst = 0, code;

    snprintf(script, sizeof(script), "%s/tests/system/classic_chat.py", harness_root());
    EACH_MODEL(m) {
        snprintf(port, sizeof(port), "%u", daemon_port(names[m], "tcp"));
        harness_start(&proc[m], argv, 0);
    }
    EACH_MODEL(m) {
        code = harness_wait(&proc[m], 120000);
        CHECK(code == 0 || code == TOO_LATE, "%s: %s%s", daemon_models[m],
            harness_read_file(proc[m].out, NULL), harness_read_file(proc[m].err, NULL));
        if (code > worst)
            worst = code;
    }
    return worst;
}

/* In Russian, since it is those words that they know. */
static void run_python_clients(const char *rounds, const char *delay_ms) {
    struct daemon daemon;
    unsigned tries = 0;

    daemon_write_config("lang = \"ru\";\n");
    start_all(&daemon, "flood_rate = \"unlimited\";");
    while (try_python_clients(rounds, delay_ms) != 0) {
        CHECK(++tries < TRIES_MOST, "the machine is too busy for them");
        EACH_MODEL(m)
        CHECK(harness_until(30000, count_of(names[m], "joined") == count_of(names[m], "left")),
            "they stay");
    }
    chats_clear(&daemon);
}

static void classic_python_clients_read_every_message_whole(void) {
    run_python_clients(harness_scale(false, true) ? "60" : "3", "0");
}

/* As slow as they may be: the longest rest that there is between two of their reads. */
static void classic_python_clients_that_rest_between_reads_read_whole_messages(void) {
    run_python_clients(harness_scale(false, true) ? "60" : "10", "50");
}

/* Of so many bytes each but the name. */
static void say_long(struct peer *peer, unsigned count, size_t len) {
    static char text[8192];

    for (unsigned i = 1; i <= count; i++) {
        const size_t n = (size_t)snprintf(text, sizeof(text), "%u ", i);

        memset(text + n, 'x', len - n);
        text[len] = '\n';
        text[len + 1] = '\0';
        peers_say(peer, text);
    }
}

static int count_unread(const struct peer *peer) {
    int bytes = 0;

    CHECK(ioctl(peer->fd, FIONREAD, &bytes) == 0, "FIONREAD");
    return bytes;
}

/* As it has it: into a buffer of its own. Returns 0 when nothing is there. */
static size_t read_once(struct peer *peer, char *dst) {
    ssize_t n = recv(peer->fd, dst, READ_MOST, MSG_DONTWAIT);

    return n > 0 ? (size_t)n : 0;
}

/* The messages in what was read, numbered from 1 on, each behind the name and before x. */
static unsigned count_numbered(const char *text, const char *name) {
    unsigned count = 0, number;
    char before[64];

    snprintf(before, sizeof(before), "] %s: ", name);
    for (const char *at = text; (at = strstr(at, before)) != NULL; at++) {
        number = (unsigned)atoi(at + strlen(before));
        CHECK(number == ++count, "%u instead of %u", number, count);
    }
    return count;
}

/* Over TCP he may find two in one, or one that is cut; but all of it, and in order. */
static void classic_client_that_stalls_loses_nothing(void) {
    static char all[READ_MOST * 64 + 1], part[READ_MOST];
    struct daemon daemon;

    EACH_MODEL(m) {
        struct peer *slow, *bob;
        size_t len = 0, n;

        chats_start(&daemon, m, "");
        slow = peers_come(daemon.port, "Slow");
        CHECK(harness_until(5000, chats_count("joined") == 1), "not in");
        bob = peers_come(daemon.port, "Bob\n");
        peers_hear(slow, "Bob ");
        say_long(bob, 4, 900);
        CHECK(harness_until(5000, count_unread(slow) > 2 * READ_MOST), "%s: nothing comes",
            daemon_models[m]);
        n = read_once(slow, part);
        CHECK(n == READ_MOST, "%zu bytes", n);
        memcpy(all, part, n);
        for (len = n; count_numbered(all, "Bob") < 4 || len < 4 * 900;) {
            CHECK(harness_until(5000, (n = read_once(slow, all + len)) > 0), "%zu bytes", len);
            len += n;
            all[len] = '\0';
        }
        chats_clear(&daemon);
    }
}

/* Where it is known what he has read, he is waited for. */
static void classic_client_of_a_local_socket_never_finds_more_than_one_read(void) {
    static char all[READ_MOST * 64 + 1];
    struct daemon daemon;

    EACH_MODEL(m) {
        struct peer *slow, *bob;
        size_t len = 0, n;

        chats_start(&daemon, m, "");
        slow = peers_new(daemon_connect_unix(CHATS_UNIX));
        peers_say(slow, "Slow");
        CHECK(harness_until(5000, chats_count("joined") == 1), "not in");
        bob = peers_come(daemon.port, "Bob\n");
        peers_hear(slow, "Bob ");
        say_long(bob, 4, 900);
        for (unsigned i = 1; i <= 4; i++) {
            CHECK(harness_until(5000, count_unread(slow) > 0), "%s: %u", daemon_models[m], i);
            n = read_once(slow, all + len);
            CHECK(n <= 1000, "%s: %zu bytes at once", daemon_models[m], n);
            len += n;
            all[len] = '\0';
            CHECK(count_numbered(all, "Bob") == i && all[len - 1] == 'x', "%s: %u is not whole",
                daemon_models[m], i);
        }
        chats_clear(&daemon);
    }
}

/* ---- who reads slowly ---- */

/* What he was told and what he was told to have missed. */
static unsigned count_told(const char *text) {
    unsigned told = 0;

    for (const char *at = text; (at = strstr(at, "] Bob: ")) != NULL; at++)
        told++;
    for (const char *at = text; (at = strstr(at, "пропущено ")) != NULL; at++)
        told += (unsigned)atoi(at + strlen("пропущено "));
    return told;
}

/* Events of a program: its messages, and the gaps' lengths. */
static unsigned count_events(const char *text) {
    unsigned long from, to;
    unsigned told = 0;

    for (const char *at = text; (at = strstr(at, "{\"t\":\"msg\"")) != NULL; at++)
        told++;
    for (const char *at = text; (at = strstr(at, "{\"t\":\"gap\",\"from\":")) != NULL; at++) {
        CHECK(sscanf(at, "{\"t\":\"gap\",\"from\":%lu,\"to\":%lu", &from, &to) == 2, "%.60s", at);
        told += (unsigned)(to - from + 1);
    }
    return told;
}

static bool has_read_all(struct peer *peer, unsigned (*count)(const char *), unsigned wanted) {
    peers_read(peer);
    return count(peer->heard) >= wanted;
}

static void slow_reader_is_told_of_all_that_he_has_missed(void) {
    const unsigned said = 600;
    struct daemon daemon;

    EACH_MODEL(m) {
        struct peer *slow, *program, *ann, *bob;

        chats_start(&daemon, m,
            "flood_rate = \"unlimited\"; history = 16; replay = 0; queue_soft = \"8k\"; "
            "queue_hard = \"64m\";");
        slow = peers_new(daemon_connect_unix(CHATS_UNIX)); /* whose buffers are small */
        peers_say(slow, "Slow\n");
        peers_hear(slow, "Slow!");
        program = peers_new(daemon_connect_unix(CHATS_UNIX));
        peers_say(program, "HELLO 1 caps=json name=Slower\n");
        peers_hear(program, "\"t\":\"welcome\"");
        ann = peers_come(daemon.port, "Ann\n");
        peers_hear(ann, "Ann!");
        bob = peers_come(daemon.port, "Bob\n");
        peers_hear(ann, "Bob ");
        peers_hear(program, "\"name\":\"Bob\"}\n");
        for (unsigned i = 0; i < said; i++) {
            say_long(bob, 1, 900);
            peers_hear(ann, "] Bob: 1 xx");
        }
        CHECK(harness_until(5000, has_read_all(slow, count_told, said)), "%s: %u of %u are told",
            daemon_models[m], count_told(slow->heard), said);
        CHECK(count_told(slow->heard) == said, "%s: %u", daemon_models[m], count_told(slow->heard));
        CHECK(strstr(slow->heard, "пропущено ") != NULL, "he has missed nothing");
        CHECK(harness_until(5000, has_read_all(program, count_events, said)), "%s: %u of %u",
            daemon_models[m], count_events(program->heard), said);
        CHECK(count_events(program->heard) == said && strstr(program->heard, "\"gap\"") != NULL,
            "%s: %u", daemon_models[m], count_events(program->heard));
        CHECK(chats_count("missed") > 0 && chats_count("cut_slow") == 0, "counters");
        chats_clear(&daemon);
    }
}

static void slow_reader_is_cut_with_the_reason_and_nobody_waits_for_him(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        struct peer *slow, *ann, *bob;
        unsigned said = 0;

        chats_start(
            &daemon, m, "flood_rate = \"unlimited\"; queue_soft = \"16k\"; queue_hard = \"64k\";");
        slow = peers_new(daemon_connect_unix(CHATS_UNIX)); /* whose buffers are small */
        peers_say(slow, "Slow\n");
        peers_hear(slow, "Slow!");
        ann = peers_come(daemon.port, "Ann\n");
        peers_hear(ann, "Ann!");
        bob = peers_come(daemon.port, "Bob\n");
        peers_hear(ann, "Bob ");
        for (; said < 20000 && chats_count("cut_slow") == 0; said += 20)
            for (unsigned i = 0; i < 20; i++) {
                say_long(bob, 1, 4000);
                peers_hear(ann, "] Bob: 1 xx");
            }
        CHECK(chats_count("cut_slow") == 1, "%s: %u said", daemon_models[m], said);
        CHECK(harness_until(5000, daemon_log_count("msg=\"Пользователь Slow покинул чат\"") == 1),
            "%s: %s", daemon_models[m], daemon_log());
        CHECK(harness_until(5000,
                  peers_skip_to(slow, "вы читаете слишком медленно: соединение закрывается\n")),
            "%s: no reason", daemon_models[m]);
        CHECK(harness_until(5000, peers_is_shown_out(slow)), "%s: he stays", daemon_models[m]);
        chats_clear(&daemon);
    }
}

/* ---- who talks too fast ---- */

static void flood_waits_and_is_said_whole(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        struct peer *ann, *bob;
        uint64_t begin_ns;

        chats_start(&daemon, m, "flood_burst = 5; flood_rate = 100;");
        ann = peers_come(daemon.port, "Ann\n");
        peers_hear(ann, "Ann!");
        bob = peers_come(daemon.port, "Bob\n");
        peers_hear(ann, "Bob ");
        begin_ns = harness_now_ns();
        say_long(bob, 20, 20);
        CHECK(harness_until(5000, (peers_read(ann), count_numbered(ann->heard, "Bob") == 20)),
            "%s: %s", daemon_models[m], ann->heard);
        CHECK(harness_now_ns() - begin_ns >= 140000000u, "%s: not delayed", daemon_models[m]);
        CHECK(harness_until(5000, chats_count("delayed") > 0 && chats_count("said") == 20),
            "counters");
        chats_clear(&daemon);
    }
}

/* He is told once a second: so under all models at once. */
static void flood_of_datagrams_is_dropped_counted_and_told(void) {
    struct peer *ann[3], *bob[3];
    struct daemon daemon;
    char words[64];

    start_all(&daemon, "flood_burst = 10; flood_rate = 1;");
    EACH_MODEL(m) {
        ann[m] = peers_come(daemon_port(names[m], "tcp"), "Ann\n");
        peers_hear(ann[m], "Ann!");
        bob[m] = peers_come_udp(daemon_port(names[m], "udp"));
        peers_say(bob[m], "Bob");
        peers_hear(ann[m], "Bob ");
        for (unsigned i = 0; i < 50; i++)
            peers_say(bob[m], "flood");
    }
    EACH_MODEL(m) {
        CHECK(harness_until(
                  5000, count_of(names[m], "said") + count_of(names[m], "udp_dropped") == 50),
            "%s: %lu said", daemon_models[m], (unsigned long)count_of(names[m], "said"));
        CHECK(count_of(names[m], "said") >= 10 && count_of(names[m], "said") < 15, "%lu said",
            (unsigned long)count_of(names[m], "said"));
        snprintf(words, sizeof(words), "not said: %lu ",
            (unsigned long)count_of(names[m], "udp_dropped"));
        peers_hear(bob[m], words);
    }
    chats_clear(&daemon);
}

/* ---- much at once ---- */

/* Ann's workers look away for a moment: what happened meanwhile is one turn. */
static void who_comes_and_goes_in_one_turn_stands_in_one_message(void) {
    pid_t pid[DAEMON_WORKERS_MAX];
    struct daemon daemon;

    EACH_MODEL(m) {
        struct peer *ann, *bob, *carl;
        uint16_t port;
        size_t count;

        daemon_write_service("other",
            "type = \"chat\"; listen = [ \"tcp://127.0.0.1:0\" ]; model = \"event\"; "
            "room = \"echo\"; graceful_timeout = \"300ms\";");
        chats_start(&daemon, m, "");
        CHECK(harness_until(5000, daemon_number("other", "ready") == 2), "%s", daemon_log());
        port = daemon_port("other", "tcp");
        ann = peers_come(daemon.port, "Ann\n");
        peers_hear(ann, "Ann!");
        count = daemon_workers("echo", NULL, pid);
        for (size_t i = 0; i < count; i++)
            kill(pid[i], SIGSTOP);
        bob = peers_come(port, "Bob\n");
        peers_hear(bob, "Bob!");
        carl = peers_come(port, "Carl\n");
        peers_hear(carl, "Carl!");
        peers_say(bob, "/quit\n");
        peers_hear(carl, CHATS_LEFT "Bob покинул чат\n");
        for (size_t i = 0; i < count; i++)
            kill(pid[i], SIGCONT);
        peers_hear(ann, "Bob, Carl присоединились к чату " CHATS_LEFT "Bob покинул чат\n");
        chats_clear(&daemon);
        unlink("services.d/other.conf");
    }
}

static const struct harness_test tests[] = {
    { "classic_python_clients_read_every_message_whole",
        classic_python_clients_read_every_message_whole },
    { "classic_python_clients_that_rest_between_reads_read_whole_messages",
        classic_python_clients_that_rest_between_reads_read_whole_messages },
    { "classic_client_that_stalls_loses_nothing", classic_client_that_stalls_loses_nothing },
    { "classic_client_of_a_local_socket_never_finds_more_than_one_read",
        classic_client_of_a_local_socket_never_finds_more_than_one_read },
    { "slow_reader_is_told_of_all_that_he_has_missed",
        slow_reader_is_told_of_all_that_he_has_missed },
    { "slow_reader_is_cut_with_the_reason_and_nobody_waits_for_him",
        slow_reader_is_cut_with_the_reason_and_nobody_waits_for_him },
    { "flood_waits_and_is_said_whole", flood_waits_and_is_said_whole },
    { "flood_of_datagrams_is_dropped_counted_and_told",
        flood_of_datagrams_is_dropped_counted_and_told },
    { "who_comes_and_goes_in_one_turn_stands_in_one_message",
        who_comes_and_goes_in_one_turn_stands_in_one_message },
    { .name = NULL },
};

const struct harness_suite chat_pace_suite = { "chat_pace", tests };
