/* Reloads without end, and what clients see of it: nothing. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/clients.h"
#include "tests/system/daemon.h"
#include "tests/system/streams.h"
#include "tests/system/suites.h"

#define EACH_MODEL(m) for (size_t m = 0; m < 3; m++)

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
}

static void reload_well(void) {
    daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
}

static void change(unsigned round, const char *model) {
    daemon_write_service("echo",
        "listen = [ \"tcp://127.0.0.1:0\", \"unix://echo.sock\" ]; model = \"%s\"; "
        "max_children = 4; max_requests = %u; max_recycling = 2; max_spawn_rate = 1000;",
        model, 10 + round % 50); /* never the same twice in a row, and soon used up */
}

static void storm_of_reloads_loses_no_connection(void) {
    const unsigned exchanges = harness_scale(3000, 1000000), rounds_least = harness_scale(15, 100);

    EACH_MODEL(m) {
        struct daemon daemon;
        struct clients *clients;
        unsigned rounds = 0, terms = 0;
        pid_t pid[DAEMON_WORKERS_MAX];
        size_t count;

        change(0, daemon_models[m]);
        daemon_start(&daemon);
        clients = clients_start(daemon.port, "services.d/echo.sock");
        for (; clients->done < exchanges || rounds < rounds_least; rounds++) {
            change(rounds + 1, daemon_models[m]);
            reload_well();
            daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":%u,\"wait\":true}}",
                rounds % 2 == 0 ? 6 : 3);
            count = daemon_workers("echo", "idle", pid);
            if (count > 0)
                terms += kill(pid[harness_random(0, count - 1)], SIGTERM) == 0;
            CHECK(clients->failed == 0, "%s: %u of %u failed: %s", daemon_models[m],
                clients->failed, clients->done, clients->why);
        }
        clients_stop(clients);
        harness_figure("%s: exchanges=%u lost=%u, reloads=%u, SIGTERM=%u, recycled=%u",
            daemon_models[m], clients->done, clients->failed, rounds, terms,
            daemon_log_count("has served max_requests"));
        CHECK(clients->failed == 0, "%s: %u of %u failed: %s", daemon_models[m], clients->failed,
            clients->done, clients->why);
        CHECK(
            daemon_log_count("has served max_requests") > 0, "%s: no recycling", daemon_models[m]);
        clear(&daemon);
    }
}

/* Sessions that never end, always with requests on their way. */
static void storm_of_reloads_loses_no_request(void) {
    const unsigned rounds = harness_scale(12, 100);

    EACH_MODEL(m) {
        struct daemon daemon;
        struct streams *streams;

        change(0, daemon_models[m]);
        daemon_start(&daemon);
        daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":8,\"wait\":true}}");
        for (unsigned is_unix = 0; is_unix < 2; is_unix++) {
            streams = streams_start(
                8, daemon_port("echo", "tcp"), is_unix ? "services.d/echo.sock" : NULL);
            CHECK(harness_until(5000, streams->open == 8), "%u sessions", streams->open);
            for (unsigned i = 0; i < rounds; i++) {
                change(rounds * is_unix + i + 1, daemon_models[m]);
                reload_well();
                streams_go_on(streams, 20);
                CHECK(streams->failed == 0, "%s, round %u: %s", daemon_models[m], i, streams->why);
            }
            CHECK(streams_stop(streams) == 0, "%s: %s", daemon_models[m], streams->why);
            harness_figure("%s over %s: reloads=%u answers=%lu lost=0, handed over=%lu",
                daemon_models[m], is_unix ? "UNIX" : "TCP", rounds,
                (unsigned long)streams->answered,
                (unsigned long)daemon_number("echo", "handed_over"));
        }
        CHECK(daemon_number("echo", "cut_unanswered") == 0 && daemon_number("echo", "cut") == 0,
            "%s: cut", daemon_models[m]);
        CHECK(daemon_number("echo", "handed_over") >= 8 * rounds, "%s: %lu handed over",
            daemon_models[m], (unsigned long)daemon_number("echo", "handed_over"));
        CHECK(harness_until(
                  5000, daemon_workers("echo", NULL, (pid_t[DAEMON_WORKERS_MAX]){ 0 }) <= 8),
            "old generations pile up");
        clear(&daemon);
    }
}

static void sessions_move_from_model_to_model(void) {
    const unsigned rounds = harness_scale(12, 100);
    struct daemon daemon;
    struct streams *streams;

    change(0, "process");
    daemon_start(&daemon);
    daemon_do("{\"verb\":\"scale\",\"args\":{\"service\":\"echo\",\"n\":8,\"wait\":true}}");
    streams = streams_start(8, daemon.port, NULL);
    CHECK(harness_until(5000, streams->open == 8), "%u sessions", streams->open);
    for (unsigned i = 0; i < rounds; i++) {
        change(i + 1, daemon_models[(i + 1) % 3]);
        reload_well();
        streams_go_on(streams, 20);
        CHECK(streams->failed == 0, "round %u: %s", i, streams->why);
    }
    CHECK(streams_stop(streams) == 0, "%s", streams->why);
    CHECK(daemon_number("echo", "connections_total") == 8, "counted again");
    clear(&daemon);
}

/* Send, receive, compare, over and over; what is lost is found after two seconds. */
static _Noreturn void talk_datagrams(uint16_t port, _Atomic bool *is_over, _Atomic unsigned *done) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    const struct timeval patience = { .tv_sec = 2 };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    unsigned got, number = 0;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    connect(fd, (struct sockaddr *)&to, sizeof(to));
    for (; !*is_over; number++) {
        if (send(fd, &number, sizeof(number), 0) != sizeof(number) ||
            recv(fd, &got, sizeof(got), 0) != sizeof(got) || got != number)
            _exit(1);
        ++*done;
    }
    _exit(0);
}

static void storm_of_reloads_loses_no_datagram(void) {
    const unsigned rounds = harness_scale(12, 100);

    EACH_MODEL(m) {
        struct daemon daemon;
        pid_t pid[4];
        struct {
            _Atomic bool is_over;
            _Atomic unsigned done;
        } *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        daemon_write_service(
            "echo", "listen = \"udp://127.0.0.1:0\"; model = \"%s\";", daemon_models[m]);
        daemon_start(&daemon);
        for (unsigned c = 0; c < 4; c++)
            if ((pid[c] = fork()) == 0)
                talk_datagrams(daemon_port("echo", "udp"), &shared->is_over, &shared->done);
        for (unsigned i = 0; i < rounds; i++) {
            const unsigned before = shared->done;

            daemon_write_service("echo",
                "listen = \"udp://127.0.0.1:0\"; model = \"%s\"; idle_timeout = \"%us\";",
                daemon_models[m], 100 + i);
            reload_well();
            CHECK(harness_until(3000, shared->done >= before + 20), "%s, round %u: silence",
                daemon_models[m], i);
        }
        shared->is_over = true;
        for (unsigned c = 0; c < 4; c++) {
            int status;

            waitpid(pid[c], &status, 0);
            CHECK(status == 0, "%s: an answer is lost", daemon_models[m]);
        }
        harness_figure("%s: reloads=%u answers=%u lost=0", daemon_models[m], rounds, shared->done);
        clear(&daemon);
    }
}

static const struct harness_test tests[] = {
    { "storm_of_reloads_loses_no_connection", storm_of_reloads_loses_no_connection },
    { "storm_of_reloads_loses_no_request", storm_of_reloads_loses_no_request },
    { "sessions_move_from_model_to_model", sessions_move_from_model_to_model },
    { "storm_of_reloads_loses_no_datagram", storm_of_reloads_loses_no_datagram },
    { .name = NULL },
};

const struct harness_suite daemon_reload_storm_suite = { "daemon_reload_storm", tests };
