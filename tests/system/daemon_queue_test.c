/* The queue of connections: seen, taken by one worker each, and not thrown away by a stop. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/system/clients.h"
#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/suites.h"

enum { WAITING = 30, WORKERS = 2, TRIES = 8 };

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

#define TCP  "\"tcp://127.0.0.1:0\""
#define UNIX "\"unix://two.sock\""
#define BOTH TCP ", " UNIX

static void take_socket_away(const char *model, const char *rest) {
    write_service(model, rest);
    daemon_do("{\"verb\":\"reload\",\"args\":{\"wait\":true}}");
}

/* How a socket comes to its end. */
struct ending {
    const char *name;
    bool is_unix;
    const char *rest; /* what is left by a reload; NULL: the service is stopped */
};

static int connect_to(const struct ending *ending, uint16_t port) {
    return ending->is_unix ? daemon_connect_unix("services.d/two.sock") : daemon_connect(port);
}

/* Is a client let in? One who would have to wait for that is not. */
static bool is_let_in(const struct ending *ending, uint16_t port) {
    const struct sockaddr_un at_path = { .sun_family = AF_UNIX, .sun_path = "services.d/two.sock" };
    const struct sockaddr_in at_port = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    const struct sockaddr *address = ending->is_unix ? (const struct sockaddr *)&at_path
                                                     : (const struct sockaddr *)&at_port;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    bool is_in;

    (void)connect(fd, address, ending->is_unix ? sizeof(at_path) : sizeof(at_port));
    is_in = getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
    close(fd);
    return is_in;
}

static void end(const struct ending *ending, const char *model) {
    if (ending->rest != NULL)
        take_socket_away(model, ending->rest);
    else
        stop_service();
}

/* Returns what the log tells of those who were lost. */
static unsigned stop_and_count_lost(const struct ending *ending) {
    if (ending->rest != NULL)
        stop_service();
    CHECK(harness_until(10000, strcmp(daemon_state("echo"), "STOPPED") == 0), "%s",
        daemon_state("echo"));
    daemon_do("{\"verb\":\"reopen\"}"); /* what is noted by now is written then */
    return told_lost();
}

/*
 * All come while the workers are stopped, so that all of them are in the queue when the service is,
 * or their socket goes. Returns how many were served.
 */
static unsigned close_while_all_wait(const struct ending *ending, const char *model) {
    pid_t pid[DAEMON_WORKERS_MAX];
    unsigned served = 0, lost;
    struct daemon daemon;
    int fd[WAITING];
    size_t count;

    write_service(model, BOTH);
    daemon_start(&daemon);
    count = daemon_workers("echo", NULL, pid);
    for (size_t i = 0; i < count; i++)
        kill(pid[i], SIGSTOP);
    for (size_t i = 0; i < WAITING; i++) {
        fd[i] = connect_to(ending, daemon.port);
        CHECK(send(fd[i], "x", 1, MSG_NOSIGNAL) == 1, "%s", strerror(errno));
    }
    CHECK(is_let_in(ending, daemon.port), "the queue is full before its time");
    end(ending, model);
    CHECK(!is_let_in(ending, daemon.port), "%s, %s: the queue grows while it is emptied",
        ending->name, model);
    for (size_t i = 0; i < count; i++)
        kill(pid[i], SIGCONT);
    for (size_t i = 0; i < WAITING; i++) {
        served += is_served(fd[i]);
        close(fd[i]); /* whoever had it may take the next one */
    }
    lost = stop_and_count_lost(ending);
    CHECK(served + lost >= WAITING, "%s, %s: %u served, %u told of: %s", ending->name, model,
        served, lost, daemon_log());
    /*
     * One may be taken between the count and the end; one more was let in, and went. The queue of a
     * UNIX socket outlives its end for workers that are late: more of it are served than was told.
     */
    CHECK(ending->is_unix || served + lost <= WAITING + WORKERS + 1,
        "%s, %s: %u served, %u told of: %s", ending->name, model, served, lost, daemon_log());
    clear(&daemon);
    return served;
}

/* On a machine that is busy the workers may come too late: then it is told, and tried again. */
static void serve_everybody_who_waits(const struct ending *ending) {
    for (size_t m = 0; m < 3; m++) {
        unsigned served, tries = 1;

        while ((served = close_while_all_wait(ending, daemon_models[m])) < WAITING && tries < TRIES)
            tries++;
        harness_figure("%s, %s: waiting=%d served=%u tries=%u", ending->name, daemon_models[m],
            WAITING, served, tries);
        CHECK(
            served == WAITING, "%s, %s: %u of %d", ending->name, daemon_models[m], served, WAITING);
    }
}

static void stop_serves_or_tells_of_everybody_who_waits(void) {
    serve_everybody_who_waits(&(const struct ending){ .name = "stop" });
}

static void reload_serves_or_tells_of_who_waits_at_a_socket_that_goes(void) {
    serve_everybody_who_waits(
        &(const struct ending){ .name = "unix goes", .is_unix = true, .rest = TCP });
    serve_everybody_who_waits(&(const struct ending){ .name = "tcp goes", .rest = UNIX });
}

/* Each worker is in a session, and has room for who waits when it has handed that over. */
static bool take_away_while_all_are_busy(const struct ending *ending) {
    unsigned served = 0, lost;
    struct daemon daemon;
    int session[WORKERS], waiting[WORKERS];

    write_service("process", BOTH);
    daemon_start(&daemon);
    for (size_t i = 0; i < WORKERS; i++) {
        session[i] = daemon_connect(daemon.port);
        CHECK(daemon_echo(session[i], "a", 1), "echo");
    }
    for (size_t i = 0; i < WORKERS; i++) {
        waiting[i] = connect_to(ending, daemon.port);
        CHECK(send(waiting[i], "x", 1, MSG_NOSIGNAL) == 1, "%s", strerror(errno));
    }
    end(ending, "process");
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(daemon_echo(session[i], "b", 1), "the session of a busy worker is lost");
        served += is_served(waiting[i]);
        close(waiting[i]);
    }
    for (size_t i = 0; i < WORKERS; i++)
        close(session[i]);
    lost = stop_and_count_lost(ending);
    CHECK(served + lost >= WORKERS, "%s: %u served, %u told of: %s", ending->name, served, lost,
        daemon_log());
    clear(&daemon);
    return served == WORKERS;
}

static void who_waits_for_a_busy_process_is_served_when_the_socket_goes(void) {
    static const struct ending endings[] = { { .name = "unix goes", .is_unix = true, .rest = TCP },
        { .name = "tcp goes", .rest = UNIX } };

    for (size_t e = 0; e < 2; e++) {
        unsigned tries = 1;

        while (!take_away_while_all_are_busy(&endings[e]) && tries < TRIES)
            tries++;
        harness_figure("%s: tries=%u", endings[e].name, tries);
        CHECK(tries < TRIES, "%s: nobody is served", endings[e].name);
    }
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

        write_service(daemon_models[m], BOTH);
        daemon_start(&daemon);
        for (unsigned i = 0; i < rounds; i++) {
            taken = clients_start(daemon_port("echo", "tcp"), "services.d/two.sock");
            CHECK(harness_until(5000, taken->done > 50), "%u", taken->done);
            take_socket_away(daemon_models[m], TCP);
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
            write_service(daemon_models[m], BOTH);
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
    { "who_waits_for_a_busy_process_is_served_when_the_socket_goes",
        who_waits_for_a_busy_process_is_served_when_the_socket_goes },
    { "hardly_anybody_comes_too_late", hardly_anybody_comes_too_late },
    { "stop_serves_or_tells_of_everybody_who_waits", stop_serves_or_tells_of_everybody_who_waits },
    { "whom_nobody_has_room_for_is_told_of_at_the_end",
        whom_nobody_has_room_for_is_told_of_at_the_end },
    { "queue_of_every_kind_of_socket_is_seen", queue_of_every_kind_of_socket_is_seen },
    { "connection_wakes_one_worker_of_many", connection_wakes_one_worker_of_many },
    { .name = NULL },
};

const struct harness_suite daemon_queue_suite = { "daemon_queue", tests };
