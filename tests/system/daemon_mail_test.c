/*
 * Members of one room on many workers: whatever happens to the workers, every message that counts
 * reaches every member once, in one order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/members.h"
#include "tests/system/suites.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)
#define MEMBERS       12u

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
    unsetenv("PREFORK_FAILPOINT");
}

static const char *const names[3] = { "relay-process", "relay-thread", "echo" };

/* Workers for a quarter of the members, or for all when each serves one. */
static void write_service(size_t m, const char *name, unsigned members, const char *more) {
    daemon_write_service(name,
        "type = \"relay\"; listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\" ]; "
        "model = \"%s\"; max_children = %u; max_spawn_rate = 1000; room = \"one\"; "
        "history = 65536; max_recycling = 8; %s",
        daemon_models[m], m == 0 ? members + 2 : (members + 3) / 4, more);
}

static void write_three(const char *more) {
    for (size_t m = 0; m < 3; m++)
        write_service(m, names[m], MEMBERS / 3, more);
}

static bool is_up(const char *name) {
    return strcmp(daemon_state(name), "RUNNING") == 0 &&
           daemon_number(name, "ready") >= daemon_number(name, "wanted");
}

static void start_three(struct daemon *daemon, struct members_plan *plan) {
    daemon_start(daemon);
    for (size_t m = 0; m < 3; m++) {
        CHECK(harness_until(10000, is_up(names[m])), "%s: %s", names[m], daemon_log());
        plan->port[m] = daemon_port(names[m], "tcp");
        plan->udp[m] = daemon_port(names[m], "udp");
    }
}

static void kill_one(const char *name) {
    pid_t pid[DAEMON_WORKERS_MAX];
    size_t n = daemon_workers(name, NULL, pid);

    if (n > 0)
        kill(pid[harness_random(0, n - 1)], SIGKILL);
}

static void tell(const char *what, const struct members *members) {
    harness_figure("%s: counted=%lu received=%lu by datagrams=%lu returns=%u", what,
        (unsigned long)members->counted, (unsigned long)members->received,
        (unsigned long)members->datagrams, members->returns);
}

/* ---- one model ---- */

static void each_model_tells_everybody(void) {
    struct members_plan plan = { .count = MEMBERS, .datagram_count = 2, .under_way = 4 };
    struct members *members;
    struct daemon daemon;

    EACH_MODEL(m) {
        write_service(m, "echo", MEMBERS, "");
        daemon_start(&daemon);
        plan.port[0] = daemon.port;
        plan.udp[0] = daemon_port("echo", "udp");
        members = members_start(&plan);
        members_go_on(members, 2000);
        members_stop(members);
        CHECK(members->returns == 0, "%s: %u returns", daemon_models[m], members->returns);
        tell(daemon_models[m], members);
        clear(&daemon);
    }
}

/* ---- three services, one room ---- */

static void killed_workers_lose_and_double_nothing(void) {
    const unsigned kills = harness_scale(60, 1000);
    struct members_plan plan = {
        .count = MEMBERS, .datagram_count = 3, .under_way = 3, .pause_us = 500
    };
    struct members *members;
    struct daemon daemon;

    write_three("");
    start_three(&daemon, &plan);
    members = members_start(&plan);
    for (unsigned i = 0; i < kills; i++) {
        kill_one(names[i % 3]);
        members_go_on(members, 20);
    }
    members_stop(members);
    tell("killed", members);
    clear(&daemon);
}

static void members_go_through_reloads(void) {
    const unsigned reloads = harness_scale(6, 20);
    struct members_plan plan = {
        .count = MEMBERS, .datagram_count = 3, .under_way = 3, .pause_us = 500
    };
    struct members *members;
    struct daemon daemon;

    write_three("");
    start_three(&daemon, &plan);
    members = members_start(&plan);
    for (unsigned i = 0; i < reloads; i++) {
        write_three(i % 2 == 0 ? "write_timeout = \"50s\";" : "");
        daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
        members_go_on(members, 50);
    }
    members_stop(members);
    CHECK(members->returns == 0, "%u returns", members->returns);
    tell("reloads", members);
    clear(&daemon);
}

static void members_go_through_reloads_and_kills(void) {
    const unsigned rounds = harness_scale(4, 20), kills = harness_scale(8, 50);
    struct members_plan plan = {
        .count = MEMBERS, .datagram_count = 3, .under_way = 3, .pause_us = 500
    };
    struct members *members;
    struct daemon daemon;

    write_three("");
    start_three(&daemon, &plan);
    members = members_start(&plan);
    for (unsigned i = 0; i < rounds; i++) {
        write_three(i % 2 == 0 ? "write_timeout = \"50s\";" : "");
        daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":false}}");
        for (unsigned k = 0; k < kills; k++) {
            kill_one(names[k % 3]);
            members_go_on(members, 10);
        }
    }
    members_stop(members);
    tell("reloads and kills", members);
    clear(&daemon);
}

/* ---- struck at a step ---- */

/*
 * Between publishing and what follows from it, and between the steps of handing over: who said it
 * is told by its own record, wherever it comes back.
 */
static void death_at_any_step_loses_and_doubles_nothing(void) {
    static const char *const steps[] = { "hook:40", "bus-write:30", "bus-swap:30", "bus-tail:30",
        "bus-wake:30", "give:2", "given:2", "take:2", "taken:2" };
    struct members_plan plan = { .count = 8, .under_way = 3 };
    struct members *members;
    struct daemon daemon;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        const size_t m = i % 3;

        write_service(m, "echo", plan.count, "");
        setenv("PREFORK_FAILPOINT", steps[i], 1);
        daemon_start(&daemon);
        plan.port[0] = daemon.port;
        members = members_start(&plan);
        members_go_on(members, 100);
        if (i >= 5)
            daemon_do("{\"verb\":\"restart\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
        members_go_on(members, 100);
        members_stop(members);
        CHECK(harness_until(5000, daemon_log_count("killed by SIGKILL") >= 1),
            "%s, %s: nobody was struck", steps[i], daemon_models[m]);
        clear(&daemon);
    }
}

/* ---- who owns the datagrams ---- */

static int join_by_datagrams(uint16_t port, unsigned number) {
    const struct timeval limit = { .tv_sec = 5 };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char text[256];
    ssize_t n;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    n = snprintf(text, sizeof(text), "hello %u", number);
    CHECK(send(fd, text, (size_t)n, 0) == n, "send");
    n = recv(fd, text, sizeof(text), 0);
    CHECK(n > 5 && strncmp(text, "room ", 5) == 0, "no room: %.*s", (int)(n > 0 ? n : 0), text);
    return fd;
}

/* The worker that owns the service's datagrams; 0: nobody does now. */
static pid_t find_owner(const char *name) {
    json_t *workers = json_object_get(daemon_service(name), "workers"), *worker;
    size_t i;

    json_array_foreach(workers, i, worker) {
        if (json_is_true(json_object_get(worker, "owns_datagrams")))
            return (pid_t)json_integer_value(json_object_get(worker, "pid"));
    }
    return 0;
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

static void another_owns_the_datagrams_when_their_owner_dies(void) {
    const unsigned rounds = harness_scale(5, 50);
    uint64_t began_ns, longest_ns = 0;
    struct daemon daemon;
    pid_t owner, next = 0;
    int fd;

    EACH_MODEL(m) {
        write_service(m, "echo", 8, "");
        daemon_start(&daemon);
        fd = join_by_datagrams(daemon_port("echo", "udp"), 1);
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
        clear(&daemon);
    }
    harness_figure("the longest time without an owner: %lu us", (unsigned long)longest_ns / 1000);
    CHECK(longest_ns < 1000000000ull || harness_is_sanitized(), "too long");
}

/* ---- who reads slowly ---- */

static void put_line(int fd, const char *line) {
    CHECK(send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line), "send %s", line);
}

static int join(uint16_t port, unsigned number, FILE **out) {
    char line[512];
    int fd = daemon_connect(port);

    snprintf(line, sizeof(line), "hello %u\n", number);
    put_line(fd, line);
    *out = fdopen(fd, "r");
    CHECK(fgets(line, sizeof(line), *out) != NULL && strncmp(line, "room ", 5) == 0, "%s", line);
    return fd;
}

/* Read to the message with this id; returns how many messages came, those of gaps counted. */
static unsigned read_to(FILE *in, unsigned id, unsigned *out_gaps) {
    static char line[4096];
    unsigned long seq, number, got = 0, missed;
    unsigned count = 0;

    while (got != id) {
        CHECK(fgets(line, sizeof(line), in) != NULL, "the end, after %u", count);
        if (sscanf(line, "gap %lu", &missed) == 1) {
            count += (unsigned)missed;
            *out_gaps += 1;
            continue;
        }
        CHECK(sscanf(line, "%lu %lu %lu ", &seq, &number, &got) == 3, "%s", line);
        count++;
    }
    return count;
}

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
        put_line(fd, batch);
        CHECK(read_to(in, id + BATCH - 1, &gaps) == BATCH && gaps == 0, "message %u", id);
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
    join(daemon.port, 1, &slow_in);
    quick = join(daemon.port, 2, &quick_in);
    say_many(quick, quick_in);
    CHECK(read_to(slow_in, MANY, &gaps) == MANY, "%s: not all", daemon_models[m]);
    CHECK((gaps > 0) == (history < MANY), "%s: %u gaps of %u", daemon_models[m], gaps, history);
    fclose(slow_in);
    fclose(quick_in);
    clear(&daemon);
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
        write_service(m, "echo", 4, "first_message_timeout = \"300ms\";");
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
        clear(&daemon);
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
        fd = join(daemon.port, 7, &in);
        put_line(fd, "1 before\n");
        CHECK(read_to(in, 1, &gaps) == 1, "before");
        daemon_write_service(
            "echo", "type = \"relay\"; model = \"%s\"; history = 5000;", daemon_models[m]);
        daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
        CHECK(fgets(line, sizeof(line), in) != NULL && strncmp(line, "room ", 5) == 0, "%s: %s",
            daemon_models[m], line);
        put_line(fd, "2 after\n");
        CHECK(read_to(in, 2, &gaps) == 1 && gaps == 0, "after");
        fclose(in);
        clear(&daemon);
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
    clear(&daemon);
}

static const struct harness_test tests[] = {
    { "each_model_tells_everybody", each_model_tells_everybody },
    { "killed_workers_lose_and_double_nothing", killed_workers_lose_and_double_nothing },
    { "members_go_through_reloads", members_go_through_reloads },
    { "members_go_through_reloads_and_kills", members_go_through_reloads_and_kills },
    { "death_at_any_step_loses_and_doubles_nothing", death_at_any_step_loses_and_doubles_nothing },
    { "another_owns_the_datagrams_when_their_owner_dies",
        another_owns_the_datagrams_when_their_owner_dies },
    { "slow_reader_waits_alone", slow_reader_waits_alone },
    { "what_is_no_message_is_answered_counted_and_cut_off",
        what_is_no_message_is_answered_counted_and_cut_off },
    { "room_of_another_size_is_another_room", room_of_another_size_is_another_room },
    { "rooms_that_differ_are_not_shared", rooms_that_differ_are_not_shared },
    { .name = NULL },
};

const struct harness_suite daemon_mail_suite = { "daemon_mail", tests };
