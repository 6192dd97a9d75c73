/* Sockets that were handed over: whose they are, and which are nobody's. */
#include "supervisor/listen_inherited.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/listen.h"

/* The test's own library has what lies at 3. */
#define FIRST 200

static struct config config;
static struct net_address at; /* of the last socket that was made */

/* A socket of the test that lies at descriptor `to`, where a manager would put it. */
static void hand_over(int fd, int to) {
    at.len = sizeof(at.sa);
    getsockname(fd, &at.sa.any, &at.len);
    cr_assert_eq(dup3(fd, to, 0), to);
    close(fd);
}

static int bind_on_loopback(int type, const struct net_address *where) {
    const struct sockaddr_in any = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int on = 1;
    int fd = fcntl(socket(AF_INET, type, 0), F_DUPFD, 100);

    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    cr_assert_eq(where != NULL ? bind(fd, &where->sa.any, where->len)
                               : bind(fd, (const struct sockaddr *)&any, sizeof(any)),
        0);
    if (type == SOCK_STREAM)
        cr_assert_eq(listen(fd, 8), 0);
    return fd;
}

static void announce(unsigned count, const char *names) {
    char text[32];

    snprintf(text, sizeof(text), "%d", getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof(text), "%u", count);
    setenv("LISTEN_FDS", text, 1);
    if (names != NULL)
        setenv("LISTEN_FDNAMES", names, 1);
    else
        unsetenv("LISTEN_FDNAMES");
}

/* The next service of the configuration, listening on one address. */
static void add_service(const char *name, enum net_proto proto, const struct net_address *address) {
    struct config_service *service = &config.service[config.service_count++];

    snprintf(service->name, sizeof(service->name), "%s", name);
    service->listen[0] = (struct config_listen){ .proto = proto, .address = *address };
    service->listen_count = 1;
}

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

Test(listen_inherited, a_socket_is_found_by_its_very_address) {
    struct net_address address, other;
    struct complaint why;
    enum net_proto proto;

    hand_over(bind_on_loopback(SOCK_STREAM, NULL), FIRST);
    address = at;
    announce(1, NULL);
    listen_inherited_take(FIRST);
    cr_assert_eq(listen_inherited_find(NET_TCP, &address, "echo"), FIRST);
    cr_assert(fcntl(FIRST, F_GETFD) & FD_CLOEXEC);
    cr_assert(fcntl(FIRST, F_GETFL) & O_NONBLOCK);
    cr_assert_eq(listen_inherited_find(NET_UDP, &address, "echo"), -1, "another protocol");
    other = address;
    net_set_port(&other, (uint16_t)(net_port(&address) ^ 1));
    cr_assert_eq(listen_inherited_find(NET_TCP, &other, "echo"), -1, "another port");
    cr_assert_eq(net_parse("tcp://0.0.0.0:0", &proto, &other, &why), 0);
    net_set_port(&other, net_port(&address));
    cr_assert_eq(listen_inherited_find(NET_TCP, &other, "echo"), -1, "every address");
    cr_assert_eq(net_parse("tcp://[::]:0", &proto, &other, &why), 0);
    net_set_port(&other, net_port(&address));
    cr_assert_eq(listen_inherited_find(NET_TCP, &other, "echo"), -1, "another family");
    cr_assert_null(getenv("LISTEN_PID"));
    cr_assert_null(getenv("LISTEN_FDS"));
    cr_assert_null(getenv("LISTEN_FDNAMES"));
}

Test(listen_inherited, of_two_at_one_address_the_name_decides) {
    struct net_address address;
    struct complaint what;

    hand_over(bind_on_loopback(SOCK_DGRAM, NULL), FIRST);
    address = at;
    hand_over(bind_on_loopback(SOCK_DGRAM, &address), FIRST + 1);
    announce(2, "other:echo");
    listen_inherited_take(FIRST);
    cr_assert_eq(listen_inherited_find(NET_UDP, &address, "echo"), FIRST + 1);
    cr_assert_eq(listen_inherited_find(NET_UDP, &address, "other"), FIRST);
    cr_assert_eq(listen_inherited_find(NET_UDP, &address, "third"), FIRST);
    add_service("echo", NET_UDP, &address);
    cr_assert(listen_inherited_drop_unused(&config, &what));
    cr_assert_not(is_open(FIRST));
    cr_assert(is_open(FIRST + 1));
    cr_assert_not(listen_inherited_drop_unused(&config, &what));
}

Test(listen_inherited, unix_sockets_by_path_and_by_name) {
    struct net_address address;
    struct complaint why;
    enum net_proto proto;
    char text[2][96];

    for (int i = 0; i < 2; i++) {
        int fd = fcntl(socket(AF_UNIX, SOCK_STREAM, 0), F_DUPFD, 100);

        snprintf(text[i], sizeof(text[i]),
            i == 0 ? "unix:///tmp/inherited-test.%d" : "unix://@i.%d", getpid());
        cr_assert_eq(net_parse(text[i], &proto, &address, &why), 0);
        cr_assert_eq(bind(fd, &address.sa.any, address.len), 0, "%s", strerror(errno));
        cr_assert_eq(listen(fd, 8), 0);
        hand_over(fd, FIRST + i);
    }
    announce(2, NULL);
    listen_inherited_take(FIRST);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(net_parse(text[i], &proto, &address, &why), 0);
        cr_assert_eq(listen_inherited_find(NET_UNIX, &address, "x"), FIRST + i, "%s", text[i]);
        strcat(text[i], "0");
        cr_assert_eq(net_parse(text[i], &proto, &address, &why), 0);
        cr_assert_eq(listen_inherited_find(NET_UNIX, &address, "x"), -1, "%s", text[i]);
        text[i][strlen(text[i]) - 1] = '\0';
    }
    unlink(text[0] + strlen("unix://"));
}

Test(listen_inherited, what_nobody_can_use_is_closed_and_told) {
    int pipes[2], pair[2];
    struct complaint what;

    cr_assert_eq(pipe(pipes), 0);
    cr_assert_eq(dup2(pipes[0], 103), 103);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(dup2(pair[0], 104), 104);
    hand_over(bind_on_loopback(SOCK_STREAM, NULL), 105);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(dup2(103 + i, FIRST + i), FIRST + i);
    close(FIRST + 3);
    announce(4, "pipe:pair:tcp:gone");
    listen_inherited_take(FIRST);
    cr_assert(listen_inherited_drop_unused(&config, &what));
    cr_assert_str_eq(
        what.text, "descriptor 200 (\"pipe\") was handed over and is closed: it is no socket");
    cr_assert(listen_inherited_drop_unused(&config, &what));
    cr_assert_str_eq(
        what.text, "descriptor 201 (\"pair\") was handed over and is closed: it does not listen");
    cr_assert(listen_inherited_drop_unused(&config, &what));
    cr_assert_not_null(strstr(what.text, "descriptor 202 (\"tcp\") was handed over and is closed: "
                                         "no service listens on tcp://127."));
    cr_assert(listen_inherited_drop_unused(&config, &what));
    cr_assert_str_eq(
        what.text, "descriptor 203 (\"gone\") was handed over and is closed: it is not open");
    cr_assert_not(listen_inherited_drop_unused(&config, &what));
    for (int fd = FIRST; fd < FIRST + 3; fd++)
        cr_assert_not(is_open(fd), "%d", fd);
}

Test(listen_inherited, those_of_another_process_are_not_ours) {
    hand_over(bind_on_loopback(SOCK_STREAM, NULL), FIRST);
    announce(1, NULL);
    setenv("LISTEN_PID", "1", 1);
    listen_inherited_take(FIRST);
    cr_assert_eq(listen_inherited_find(NET_TCP, &at, "echo"), -1);
    cr_assert_null(getenv("LISTEN_FDS"));
    announce(1, NULL);
    setenv("LISTEN_FDS", "many", 1);
    listen_inherited_take(FIRST);
    cr_assert_eq(listen_inherited_find(NET_TCP, &at, "echo"), -1);
}

Test(listen_inherited, it_outlives_the_listener_that_used_it) {
    const struct config_service service = { .name = "echo" };
    struct listen_note note;
    struct complaint why;
    struct config_listen wanted = { .proto = NET_TCP };
    struct listener listener;
    int listening = 0;
    socklen_t len = sizeof(listening);

    hand_over(bind_on_loopback(SOCK_STREAM, NULL), FIRST);
    wanted.address = at;
    announce(1, NULL);
    listen_inherited_take(FIRST);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(listen_open(&listener, &wanted, &service, &config, &note, &why), 0);
        cr_assert_eq(listener.fd, FIRST);
        listen_close(&listener);
        cr_assert_eq(listener.fd, -1);
        cr_assert_eq(getsockopt(FIRST, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len), 0);
        cr_assert_eq(listening, 1);
    }
}
