/* The queue of connections: seen, taken by one worker each, and not thrown away by a stop. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/clients.h"
#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

enum { WAITING = 30, WORKERS = 2, TRIES = 20 };

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
}

/* ---- stop ---- */

/* One answer came, byte for byte; else the connection was turned away. */
static bool is_served(int fd) {
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    char byte = 0;

    return poll(&wait, 1, 10000) == 1 && recv(fd, &byte, 1, 0) == 1 && byte == 'x';
}

/* How many connections the log tells of that found nobody. */
static unsigned told_lost(void) {
    const char *record = strstr(daemon_log(), " event=backlog_lost ");

    return record != NULL ? (unsigned)expect_number(record, "connections") : 0;
}

static void stop_service(void) {
    daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"echo\",\"wait\":false}}");
}

static void write_service(const char *model, const char *listen) {
    daemon_write_service("echo",
        "model = \"%s\"; max_children = %d; listen = [ %s ]; "
        "max_spawn_rate = 1000; backlog = %zu;",
        model, WORKERS, listen, strlen(listen) + 100); /* so that the files differ */
}

#define ONE_SOCKET  "\"tcp://127.0.0.1:0\""
#define TWO_SOCKETS ONE_SOCKET ", \"unix://two.sock\""

static void take_socket_away(const char *model) {
    write_service(model, ONE_SOCKET);
    daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
}

/*
 * All come while the workers are stopped, so that all of them are in the queue when the service is,
 * or their socket goes. Returns how many were served.
 */
static unsigned close_while_all_wait(const char *model, bool by_reload) {
    pid_t pid[DAEMON_WORKERS_MAX];
    unsigned served = 0, lost;
    struct daemon daemon;
    int fd[WAITING];
    size_t count;

    write_service(model, TWO_SOCKETS);
    daemon_start(&daemon);
    count = daemon_workers("echo", NULL, pid);
    for (size_t i = 0; i < count; i++)
        kill(pid[i], SIGSTOP);
    for (size_t i = 0; i < WAITING; i++) {
        fd[i] = by_reload ? daemon_connect_unix("services.d/two.sock")
                          : daemon_connect(daemon.port);
        CHECK(send(fd[i], "x", 1, MSG_NOSIGNAL) == 1, "%s", strerror(errno));
    }
    if (by_reload)
        take_socket_away(model);
    else
        stop_service();
    for (size_t i = 0; i < count; i++)
        kill(pid[i], SIGCONT);
    for (size_t i = 0; i < WAITING; i++) {
        served += is_served(fd[i]);
        close(fd[i]); /* whoever had it may take the next one */
    }
    if (by_reload)
        stop_service();
    CHECK(harness_until(10000, strcmp(daemon_state("echo"), "STOPPED") == 0), "%s",
        daemon_state("echo"));
    daemon_do("{\"verb\":\"reopen\"}"); /* what is noted by now is written then */
    lost = told_lost();
    /* One may be taken between the count and the end. */
    CHECK(served + lost >= WAITING && served + lost <= WAITING + WORKERS,
        "%s: %u served, %u told of: %s", model, served, lost, daemon_log());
    clear(&daemon);
    return served;
}

/* On a machine that is busy the workers may come too late: then it is told, and tried again. */
static void serve_everybody_who_waits(bool by_reload) {
    for (size_t m = 0; m < 3; m++) {
        unsigned served, tries = 1;

        while (
            (served = close_while_all_wait(daemon_models[m], by_reload)) < WAITING && tries < TRIES)
            tries++;
        harness_figure(
            "%s: waiting=%d served=%u tries=%u", daemon_models[m], WAITING, served, tries);
        CHECK(served == WAITING, "%s: %u of %d", daemon_models[m], served, WAITING);
    }
}

static void stop_serves_or_tells_of_everybody_who_waits(void) {
    serve_everybody_who_waits(false);
}

static void reload_serves_or_tells_of_who_waits_at_a_socket_that_goes(void) {
    serve_everybody_who_waits(true);
}

/*
 * Clients come without end. Between the moment when the workers have emptied the queue and the end
 * of the socket hardly anybody gets in who is not served.
 */
static void hardly_anybody_comes_too_late(void) {
    /* A TCP client that comes at the very end waits a second before it is turned away. */
    const unsigned rounds = harness_scale(2, 20);

    for (size_t m = 0; m < 3; m++) {
        struct clients *stopped, *taken;
        unsigned late[2] = { 0, 0 };
        struct daemon daemon;

        write_service(daemon_models[m], TWO_SOCKETS);
        daemon_start(&daemon);
        for (unsigned i = 0; i < rounds; i++) {
            taken = clients_start(daemon_port("echo", "tcp"), "services.d/two.sock");
            CHECK(harness_until(5000, taken->done > 50), "%u", taken->done);
            take_socket_away(daemon_models[m]);
            CHECK(harness_until(5000, !harness_exists("services.d/two.sock")), "it stays");
            clients_stop(taken);
            stopped = clients_start(daemon_port("echo", "tcp"), NULL);
            CHECK(harness_until(5000, stopped->done > 50), "%u", stopped->done);
            stop_service();
            CHECK(harness_until(5000, strcmp(daemon_state("echo"), "STOPPED") == 0), "%s",
                daemon_state("echo"));
            clients_stop(stopped);
            late[0] += taken->late;
            late[1] += stopped->late;
            write_service(daemon_models[m], TWO_SOCKETS);
            daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
            daemon_do("{\"verb\":\"start\",\"args\":{\"service\":\"echo\",\"wait\":true}}");
        }
        harness_figure("%s: sockets taken away=%u too late=%u, stops=%u too late=%u",
            daemon_models[m], rounds, late[0], rounds, late[1]);
        CHECK(late[0] <= 2 * rounds && late[1] <= 2 * rounds, "%s: %u and %u came too late",
            daemon_models[m], late[0], late[1]);
        clear(&daemon);
    }
}

static void whom_nobody_has_room_for_is_told_of_at_the_end(void) {
    struct daemon daemon;
    int fd[5];

    daemon_write_service("echo", "model = \"event\"; max_connections = 1;");
    daemon_start(&daemon);
    for (size_t i = 0; i < 5; i++)
        fd[i] = daemon_connect(daemon.port);
    CHECK(daemon_echo(fd[0], "x", 1), "echo");
    daemon_do("{\"verb\":\"stop\",\"args\":{\"service\":\"echo\",\"wait\":false}}");
    for (size_t i = 1; i < 5; i++)
        CHECK(daemon_is_closed(fd[i], 5000), "it still waits");
    CHECK(daemon_echo(fd[0], "y", 1), "the session is cut");
    daemon_do("{\"verb\":\"reopen\"}");
    CHECK(told_lost() == 4, "%u: %s", told_lost(), daemon_log());
    for (size_t i = 0; i < 5; i++)
        close(fd[i]);
    clear(&daemon);
}

/* ---- seen ---- */

static void queue_of_every_kind_of_socket_is_seen(void) {
    static const char *const listen[] = { "tcp://127.0.0.1:0", "unix://e.sock" };
    const json_t *queue;
    struct daemon daemon;

    for (size_t k = 0; k < 2; k++) {
        int fd[4];

        daemon_write_service(
            "echo", "listen = [ \"%s\" ]; max_children = 1; backlog = 50;", listen[k]);
        daemon_start(&daemon);
        for (size_t i = 0; i < 4; i++)
            fd[i] = k == 0 ? daemon_connect(daemon.port) : daemon_connect_unix("services.d/e.sock");
        CHECK(daemon_echo(fd[0], "x", 1), "echo");
        queue = json_object_get(daemon_service("echo"), "queue");
        if (!json_is_object(queue))
            harness_skip("this kernel does not say how many wait at a UNIX socket");
        CHECK(json_integer_value(json_object_get(queue, "waiting")) == 3 &&
                  json_integer_value(json_object_get(queue, "limit")) == 50,
            "%s: %s", listen[k], json_dumps(queue, 0));
        for (size_t i = 0; i < 4; i++)
            close(fd[i]);
        clear(&daemon);
    }
}

/* ---- one connection, one worker ---- */

static unsigned long switches_of(pid_t pid) {
    char path[64];
    const char *text;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    text = strstr(harness_read_file(path, NULL), "\nvoluntary_ctxt_switches:");
    CHECK(text != NULL, "no switches of %d", pid);
    return strtoul(strchr(text, ':') + 1, NULL, 10);
}

static unsigned long sum_switches(const pid_t *pid, size_t count) {
    unsigned long sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += switches_of(pid[i]);
    return sum;
}

static void connection_wakes_one_worker_of_many(void) {
    enum { MANY = 12, EXCHANGES = 200 };

    for (size_t m = 0; m < 3; m++) {
        struct daemon daemon;
        pid_t pid[DAEMON_WORKERS_MAX];
        unsigned long before, after;
        const char *why;

        daemon_write_service("echo", "model = \"%s\"; max_children = %d;", daemon_models[m], MANY);
        daemon_start(&daemon);
        CHECK(harness_until(5000, daemon_workers("echo", "idle", pid) == MANY), "%s", daemon_log());
        before = sum_switches(pid, MANY);
        for (int i = 0; i < EXCHANGES; i++) {
            why = daemon_exchange(daemon.port, 0);
            CHECK(why == NULL, "%s", why);
        }
        after = sum_switches(pid, MANY);
        harness_figure("%s: %.1f waits a connection, %d workers", daemon_models[m],
            (double)(after - before) / EXCHANGES, MANY);
        /* To accept, for the message, for the end; a herd would be all of them each time. */
        CHECK(after - before < EXCHANGES * MANY / 2, "%s: %lu waits of %d workers",
            daemon_models[m], after - before, MANY);
        clear(&daemon);
    }
}

static const struct harness_test tests[] = {
    { "reload_serves_or_tells_of_who_waits_at_a_socket_that_goes",
        reload_serves_or_tells_of_who_waits_at_a_socket_that_goes },
    { "hardly_anybody_comes_too_late", hardly_anybody_comes_too_late },
    { "stop_serves_or_tells_of_everybody_who_waits", stop_serves_or_tells_of_everybody_who_waits },
    { "whom_nobody_has_room_for_is_told_of_at_the_end",
        whom_nobody_has_room_for_is_told_of_at_the_end },
    { "queue_of_every_kind_of_socket_is_seen", queue_of_every_kind_of_socket_is_seen },
    { "connection_wakes_one_worker_of_many", connection_wakes_one_worker_of_many },
    { .name = NULL },
};

const struct harness_suite daemon_queue_suite = { "daemon_queue", tests };
