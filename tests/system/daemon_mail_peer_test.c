/* One member, or a few, of a room: what each sees of workers that die, change, or are waited for.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/relays.h"
#include "tests/system/suites.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)

/* ---- who owns the datagrams ---- */

/* A number of the worker that owns the service's datagrams; 0: nobody does now. */
static uint64_t owner_number(const char *name, const char *key) {
    json_t *workers = json_object_get(daemon_service(name), "workers"), *worker;
    size_t i;

    json_array_foreach(workers, i, worker) {
        if (json_is_true(json_object_get(worker, "owns_datagrams")))
            return (uint64_t)json_integer_value(json_object_get(worker, key));
    }
    return 0;
}

static pid_t find_owner(const char *name) {
    return (pid_t)owner_number(name, "pid");
}

static bool says_and_hears(int fd, unsigned number, unsigned id) {
    char text[128], wanted[64], got[256];
    ssize_t n = snprintf(text, sizeof(text), "%u text", id);

    snprintf(wanted, sizeof(wanted), " %u %u text", number, id);
    if (send(fd, text, (size_t)n, 0) != n || (n = recv(fd, got, sizeof(got) - 1, 0)) <= 0)
        return false;
    got[n] = '\0';
    return strstr(got, wanted) != NULL;
}

#define MEMBERS_MOST 400 /* whoever wakes first takes them, on a busy machine often the same */

/* It goes on serving its sessions, and no datagrams. */
static void owner_that_drains_passes_them_on(void) {
    struct daemon daemon;
    unsigned members;
    FILE *in[MEMBERS_MOST];
    pid_t owner;
    int fd;

    EACH_MODEL(m) {
        relays_write(m, "echo", 6, "");
        daemon_start(&daemon);
        fd = relays_join_by_datagrams(daemon_port("echo", "udp"), 1);
        /* Until the owner serves one of them, so that it has what keeps it. */
        for (members = 0; members < 8 || owner_number("echo", "sessions") == 0; members++) {
            CHECK(members < MEMBERS_MOST, "%s: it serves nobody", daemon_models[m]);
            relays_join(daemon.port, members + 2, &in[members]);
        }
        owner = find_owner("echo");
        kill(owner, SIGTERM);
        CHECK(harness_until(5000, find_owner("echo") != owner && find_owner("echo") > 0),
            "%s: it keeps them", daemon_models[m]);
        CHECK(kill(owner, 0) == 0, "%s: it is gone", daemon_models[m]);
        while (members > 0)
            fclose(in[--members]);
        CHECK(harness_until(5000, kill(owner, 0) < 0), "%s: it stays", daemon_models[m]);
        close(fd);
        relays_clear(&daemon);
    }
}

static void another_owns_the_datagrams_when_their_owner_dies(void) {
    const unsigned rounds = harness_scale(5, 50);
    uint64_t began_ns, longest_ns = 0;
    struct daemon daemon;
    pid_t owner, next = 0;
    int fd;

    EACH_MODEL(m) {
        relays_write(m, "echo", 8, "");
        daemon_start(&daemon);
        fd = relays_join_by_datagrams(daemon_port("echo", "udp"), 1);
        for (unsigned i = 0; i < rounds; i++) {
            owner = find_owner("echo");
            CHECK(owner > 0, "%s: nobody owns them", daemon_models[m]);
            kill(owner, SIGKILL);
            began_ns = harness_now_ns();
            CHECK(says_and_hears(fd, 1, i + 1), "%s: round %u", daemon_models[m], i);
            if (harness_now_ns() - began_ns > longest_ns)
                longest_ns = harness_now_ns() - began_ns;
            next = find_owner("echo");
            CHECK(next > 0 && next != owner, "%s: %d, then %d", daemon_models[m], owner, next);
        }
        /* And when it is called away. */
        daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
        CHECK(says_and_hears(fd, 1, 1000), "%s: after a restart", daemon_models[m]);
        CHECK(find_owner("echo") != next, "%s: it has left", daemon_models[m]);
        close(fd);
        relays_clear(&daemon);
    }
    harness_figure("the longest time without an owner: %lu us", (unsigned long)longest_ns / 1000);
    CHECK(longest_ns < 1000000000ull || harness_is_sanitized(), "too long");
}

/* ---- who reads slowly ---- */

/* So many that no socket holds them. */
#define MANY  9000u
#define BATCH 50u

static void say_many(int fd, FILE *in) {
    static char batch[BATCH * 1024];
    unsigned gaps = 0;
    size_t len;

    for (unsigned id = 1; id <= MANY; id += BATCH) {
        len = 0;
        for (unsigned i = 0; i < BATCH; i++)
            len += (size_t)snprintf(
                batch + len, sizeof(batch) - len, "%u %0900u\n", id + i, id + i);
        relays_say(fd, batch);
        CHECK(relays_read_to(in, id + BATCH - 1, &gaps) == BATCH && gaps == 0, "message %u", id);
    }
}

/* history: a short memory tells it what it has missed. */
static void read_slowly(size_t m, unsigned history) {
    struct daemon daemon;
    FILE *slow_in, *quick_in;
    unsigned gaps = 0;
    int quick;

    daemon_write_service("echo",
        "type = \"relay\"; model = \"%s\"; max_children = 3; history = %u;", daemon_models[m],
        history);
    daemon_start(&daemon);
    relays_join(daemon.port, 1, &slow_in);
    quick = relays_join(daemon.port, 2, &quick_in);
    say_many(quick, quick_in);
    CHECK(relays_read_to(slow_in, MANY, &gaps) == MANY, "%s: not all", daemon_models[m]);
    CHECK((gaps > 0) == (history < MANY), "%s: %u gaps of %u", daemon_models[m], gaps, history);
    fclose(slow_in);
    fclose(quick_in);
    relays_clear(&daemon);
}

/* Nothing else goes on that would wake anybody: the bus does. */
static void silent_members_hear_at_once(void) {
    const unsigned members = 5, rounds = harness_scale(40, 1000);
    uint64_t began_ns, longest_ns = 0;
    struct daemon daemon;
    char line[128];
    FILE *in[5];
    int fd = -1;

    EACH_MODEL(m) {
        relays_write(m, "echo", members, "");
        daemon_start(&daemon);
        for (unsigned i = 0; i < members; i++)
            fd = relays_join(daemon.port, i + 1, &in[i]);
        for (unsigned round = 1; round <= rounds; round++) {
            unsigned gaps = 0;

            snprintf(line, sizeof(line), "%u x\n", round);
            began_ns = harness_now_ns();
            relays_say(fd, line);
            for (unsigned i = 0; i < members; i++)
                CHECK(
                    relays_read_to(in[i], round, &gaps) == 1, "%s: member %u", daemon_models[m], i);
            if (harness_now_ns() - began_ns > longest_ns)
                longest_ns = harness_now_ns() - began_ns;
            harness_pause_us(2000); /* all are asleep again */
        }
        for (unsigned i = 0; i < members; i++)
            fclose(in[i]);
        relays_clear(&daemon);
    }
    harness_figure("the longest way to all: %lu us", (unsigned long)longest_ns / 1000);
    CHECK(longest_ns < 700000000ull, "nobody was woken");
}

static void slow_reader_waits_alone(void) {
    EACH_MODEL(m) {
        read_slowly(m, 16384);
        read_slowly(m, 64);
    }
}

/* ---- what is no message ---- */

static void answer_to(uint16_t port, const char *data, size_t len, char answer[256]) {
    int fd = daemon_connect(port);
    size_t got = 0;
    ssize_t n;

    CHECK(send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len, "send");
    while (got < 255 && (n = recv(fd, answer + got, 255 - got, 0)) > 0)
        got += (size_t)n;
    answer[got] = '\0';
    CHECK(daemon_is_closed(fd, 5000), "it stays");
    close(fd);
}

static void what_is_no_message_is_answered_counted_and_cut_off(void) {
    struct daemon daemon;
    char answer[256];
    int silent;

    EACH_MODEL(m) {
        relays_write(m, "echo", 4, "first_message_timeout = \"300ms\";");
        daemon_start(&daemon);
        silent = daemon_connect(daemon.port);
        answer_to(daemon.port, "GET / HTTP/1.1\r\n\r\n", 18, answer);
        CHECK(strncmp(answer, "HTTP/1.0 400 ", 13) == 0, "%s: %s", daemon_models[m], answer);
        answer_to(daemon.port, "\x16\x03\x01\x02", 4, answer);
        CHECK(answer[0] == '\0', "%s: %s", daemon_models[m], answer);
        answer_to(daemon.port, "\x00\xff\xff\xff", 4, answer);
        CHECK(strcmp(answer + 4, "{\"err\":\"too_long\",\"max\":65536}") == 0, "%s: %s",
            daemon_models[m], answer + 4);
        CHECK(daemon_is_closed(silent, 5000), "%s: the silent one stays", daemon_models[m]);
        close(silent);
        CHECK(harness_until(5000, daemon_number("echo", "bad_input") == 3 &&
                                      daemon_number("echo", "timed_out") == 1 &&
                                      daemon_number("echo", "connections") == 0),
            "%s: counted %lu", daemon_models[m], (unsigned long)daemon_number("echo", "bad_input"));
        CHECK(harness_until(5000, daemon_log_count("event=bad_input") == 3 &&
                                      daemon_log_count("event=slow_client") == 1),
            "%s", daemon_log());
        relays_clear(&daemon);
    }
}

static void members_are_told_that_their_worker_leaves(void) {
    struct daemon daemon;
    char line[256];
    FILE *in;

    EACH_MODEL(m) {
        relays_write(m, "echo", 4, "graceful_timeout = \"1ms\";");
        daemon_start(&daemon);
        relays_join(daemon.port, 1, &in);
        kill(daemon.proc.pid, SIGTERM);
        CHECK(fgets(line, sizeof(line), in) != NULL && strcmp(line, "bye\n") == 0, "%s: %s",
            daemon_models[m], line);
        CHECK(fgets(line, sizeof(line), in) == NULL, "%s: %s", daemon_models[m], line);
        fclose(in);
        relays_clear(&daemon);
    }
}

/* ---- a room that changes ---- */

static void room_of_another_size_is_another_room(void) {
    struct daemon daemon;
    char line[512];
    FILE *in;
    int fd;

    EACH_MODEL(m) {
        unsigned gaps = 0;

        daemon_write_service(
            "echo", "type = \"relay\"; model = \"%s\"; history = 1000;", daemon_models[m]);
        daemon_start(&daemon);
        fd = relays_join(daemon.port, 7, &in);
        relays_say(fd, "1 before\n");
        CHECK(relays_read_to(in, 1, &gaps) == 1, "before");
        daemon_write_service(
            "echo", "type = \"relay\"; model = \"%s\"; history = 5000;", daemon_models[m]);
        daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
        CHECK(fgets(line, sizeof(line), in) != NULL && strncmp(line, "room ", 5) == 0, "%s: %s",
            daemon_models[m], line);
        relays_say(fd, "2 after\n");
        CHECK(relays_read_to(in, 2, &gaps) == 1 && gaps == 0, "after");
        fclose(in);
        relays_clear(&daemon);
    }
}

static void rooms_that_differ_are_not_shared(void) {
    struct daemon daemon;
    json_t *answer;

    daemon_write_service("echo", "type = \"relay\"; room = \"one\";");
    daemon_write_service("other", "type = \"relay\"; room = \"one\";");
    daemon_start(&daemon);
    daemon_write_service("other", "type = \"relay\"; room = \"one\"; history = 100;");
    answer = daemon_ask("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
    CHECK(strstr(json_dumps(answer, 0), "whose type or sizes differ") != NULL, "%s",
        json_dumps(answer, 0));
    CHECK(strcmp(daemon_state("other"), "RUNNING") == 0, "%s", daemon_state("other"));
    relays_clear(&daemon);
}

static const struct harness_test tests[] = {
    { "another_owns_the_datagrams_when_their_owner_dies",
        another_owns_the_datagrams_when_their_owner_dies },
    { "silent_members_hear_at_once", silent_members_hear_at_once },
    { "owner_that_drains_passes_them_on", owner_that_drains_passes_them_on },
    { "slow_reader_waits_alone", slow_reader_waits_alone },
    { "what_is_no_message_is_answered_counted_and_cut_off",
        what_is_no_message_is_answered_counted_and_cut_off },
    { "members_are_told_that_their_worker_leaves", members_are_told_that_their_worker_leaves },
    { "room_of_another_size_is_another_room", room_of_another_size_is_another_room },
    { "rooms_that_differ_are_not_shared", rooms_that_differ_are_not_shared },
    { .name = NULL },
};

const struct harness_suite daemon_mail_peer_suite = { "daemon_mail_peer", tests };
