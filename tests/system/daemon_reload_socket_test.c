/* Reload and sockets: they move, come and go, and nobody who is connected notices. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/clients.h"
#include "tests/system/daemon.h"
#include "tests/system/reloads.h"
#include "tests/system/suites.h"

static void clear(struct daemon *daemon) {
    daemon_stop(daemon);
    unlink("preforkd.log");
}

static void address_moves_from_one_service_to_another(void) {
    struct daemon daemon;
    struct clients *clients;
    uint16_t port;

    daemon_write_service("a", "%s", "");
    daemon_write_service("echo", "%s", "");
    daemon_start(&daemon);
    /* Fixed, so that it can be named. */
    port = daemon_port("a", "tcp");
    daemon_write_service("a", "listen = \"tcp://127.0.0.1:%u\"; port_policy = \"next\";", port);
    reloads_do();
    port = daemon_port("a", "tcp");
    daemon_write_service("a", "listen = \"tcp://127.0.0.1:%u\"; port_policy = \"next\";", port);
    reloads_do();
    CHECK(daemon_port("a", "tcp") == port, "moved");
    clients = clients_start(port, NULL);
    for (unsigned i = 0; i < 6; i++) {
        const char *has = i % 2 == 0 ? "b" : "a", *had = i % 2 == 0 ? "a" : "b";
        char path[64];

        snprintf(path, sizeof(path), "services.d/%s.conf", had);
        unlink(path);
        daemon_write_service(
            has, "listen = \"tcp://127.0.0.1:%u\"; port_policy = \"strict\";", port);
        reloads_do();
        CHECK(daemon_port(has, "tcp") == port, "%s has another port", has);
    }
    CHECK(harness_until(10000, clients->done > 500), "the clients did nothing");
    clients_stop(clients);
    harness_figure("moved 6 times, exchanges=%u failed=%u", clients->done, clients->failed);
    CHECK(clients->failed == 0, "%u failed: %s", clients->failed, clients->why);
    clear(&daemon);
}

static void listeners_are_added_and_removed_beside_those_that_stay(void) {
    struct daemon daemon;
    uint16_t port;
    int fd;

    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:0\", \"unix://one.sock\" ];");
    daemon_start(&daemon);
    port = daemon.port;
    fd = daemon_connect_unix("services.d/one.sock");
    CHECK(daemon_echo(fd, "before", 6), "echo");
    daemon_write_service("echo", "listen = [ \"tcp://127.0.0.1:0\", \"unix://two.sock\", "
                                 "\"udp://127.0.0.1:0\" ];");
    reloads_do();
    CHECK(daemon_port("echo", "tcp") == port, "the port moved");
    CHECK(daemon_exchange(port, 0) == NULL, "tcp");
    CHECK(daemon_exchange_unix("services.d/two.sock") == NULL, "two");
    CHECK(daemon_port("echo", "udp") != 0, "udp");
    CHECK(harness_until(5000, !harness_exists("services.d/one.sock")), "the old socket is there");
    CHECK(daemon_echo(fd, "after", 5), "a session of the old socket is lost");
    close(fd);
    clear(&daemon);
}

static void rights_and_limits_follow_their_file(void) {
    struct daemon daemon;
    struct stat st;
    int fd[4];

    daemon_write_service("echo",
        "model = \"event\"; listen = [ \"tcp://127.0.0.1:0\", \"unix://e.sock\" ]; "
        "listen_mode = \"0600\"; max_connections = 1; when_full = \"refuse\";");
    daemon_start(&daemon);
    CHECK(stat("services.d/e.sock", &st) == 0 && (st.st_mode & 0777) == 0600, "%o", st.st_mode);
    fd[0] = daemon_connect(daemon.port);
    CHECK(daemon_echo(fd[0], "x", 1), "the first");
    fd[1] = daemon_connect(daemon.port);
    CHECK(daemon_is_closed(fd[1], 5000), "one more than the limit");
    daemon_write_service("echo",
        "model = \"event\"; listen = [ \"tcp://127.0.0.1:0\", \"unix://e.sock\" ]; "
        "listen_mode = \"0666\"; max_connections = 3; when_full = \"refuse\";");
    reloads_do();
    CHECK(stat("services.d/e.sock", &st) == 0 && (st.st_mode & 0777) == 0666, "%o", st.st_mode);
    CHECK(daemon_echo(fd[0], "y", 1), "the first is lost");
    for (unsigned i = 1; i < 3; i++) {
        fd[i] = daemon_connect(daemon.port);
        CHECK(daemon_echo(fd[i], "x", 1), "number %u", i);
    }
    fd[3] = daemon_connect(daemon.port);
    CHECK(daemon_is_closed(fd[3], 5000), "the new limit does not hold");
    for (unsigned i = 0; i < 4; i++)
        close(fd[i]);
    clear(&daemon);
}

/* Within the moment in which its old socket is still open for whoever waits there. */
static void service_that_comes_back_at_once_has_its_port(void) {
    struct daemon daemon;
    uint16_t port;

    daemon_write_service("echo", "%s", "");
    daemon_write_service("more", "%s", "");
    daemon_start(&daemon);
    port = daemon_port("more", "tcp");
    for (unsigned i = 0; i < 5; i++) {
        daemon_write_service(
            "more", "listen = \"tcp://127.0.0.1:%u\"; port_policy = \"strict\";", port);
        reloads_do();
        CHECK(daemon_exchange(port, 0) == NULL, "it does not serve");
        unlink("services.d/more.conf");
        reloads_do();
    }
    clear(&daemon);
}

static const struct harness_test tests[] = {
    { "address_moves_from_one_service_to_another", address_moves_from_one_service_to_another },
    { "listeners_are_added_and_removed_beside_those_that_stay",
        listeners_are_added_and_removed_beside_those_that_stay },
    { "rights_and_limits_follow_their_file", rights_and_limits_follow_their_file },
    { "service_that_comes_back_at_once_has_its_port",
        service_that_comes_back_at_once_has_its_port },
    { .name = NULL },
};

const struct harness_suite daemon_reload_socket_suite = { "daemon_reload_socket", tests };
