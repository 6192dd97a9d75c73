/* What is sent to NOTIFY_SOCKET, and what is kept when there is no room for it. */
#include "supervisor/notify.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/clock.h"

static char dir[64], path[96];
static int listener = -1;

static int bind_at(const char *place, bool is_abstract) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const size_t len = strlen(place);

    memcpy(address.sun_path, place, len);
    if (is_abstract)
        address.sun_path[0] = '\0';
    cr_assert_eq(bind(fd, (struct sockaddr *)&address,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + !is_abstract)),
        0);
    return fd;
}

static void prepare(void) {
    snprintf(dir, sizeof(dir), "/tmp/notify-test.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/n", dir);
    listener = bind_at(path, false);
    setenv("NOTIFY_SOCKET", path, 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void clean(void) {
    unlink(path);
    rmdir(dir);
}

TestSuite(notify, .init = prepare, .fini = clean);

/* The next datagram; "" when there is none. */
static const char *heard(void) {
    static char text[2048];
    ssize_t n = recv(listener, text, sizeof(text) - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

Test(notify, a_life_is_told_step_by_step) {
    uint64_t at_us;

    notify_open();
    cr_assert(notify_is_wanted());
    notify_status("1 of 2 services running");
    cr_assert_str_eq(heard(), "STATUS=1 of 2 services running\n");
    notify_status("1 of 2 services running");
    cr_assert_str_eq(heard(), "", "the same twice");
    notify_ready(NULL);
    cr_assert_str_eq(heard(), "READY=1\nSTATUS=1 of 2 services running\n");
    notify_reloading();
    cr_assert_eq(sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%" SCNu64 "\n", &at_us), 1);
    cr_assert(at_us <= clock_now_ns() / 1000 && at_us + 10000000 > clock_now_ns() / 1000);
    notify_ready("the last reload failed: a.conf:3");
    cr_assert_str_eq(
        heard(), "READY=1\nSTATUS=1 of 2 services running; the last reload failed: a.conf:3\n");
    notify_status("2 of 2 services running");
    cr_assert_str_eq(heard(), "STATUS=2 of 2 services running; the last reload failed: a.conf:3\n");
    notify_ready(NULL);
    cr_assert_str_eq(heard(), "READY=1\nSTATUS=2 of 2 services running\n");
    cr_assert(notify_feed());
    cr_assert_str_eq(heard(), "WATCHDOG=1\n");
    notify_stopping();
    cr_assert_str_eq(heard(), "STOPPING=1\n");
    cr_assert_str_eq(heard(), "");
}

Test(notify, a_status_is_one_line) {
    notify_open();
    notify_status("fine\nREADY=1");
    cr_assert_str_eq(heard(), "STATUS=fine\n");
    notify_ready("bad\nSTOPPING=1");
    cr_assert_str_eq(heard(), "READY=1\nSTATUS=fine; bad\n");
}

Test(notify, no_child_finds_the_variables) {
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    notify_open();
    cr_assert_null(getenv("NOTIFY_SOCKET"));
    cr_assert_null(getenv("WATCHDOG_USEC"));
    cr_assert_null(getenv("WATCHDOG_PID"));
}

Test(notify, without_the_variable_nothing_is_told) {
    unsetenv("NOTIFY_SOCKET");
    setenv("WATCHDOG_USEC", "3000000", 1);
    notify_open();
    cr_assert_not(notify_is_wanted());
    cr_assert_eq(notify_watchdog_ns(), 0);
    notify_ready(NULL);
    notify_status("fine");
    cr_assert(notify_feed());
    cr_assert(notify_flush());
}

Test(notify, what_is_no_address_is_left_alone) {
    setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
    notify_open();
    cr_assert_not(notify_is_wanted());
    setenv("NOTIFY_SOCKET", "@", 1);
    notify_open();
    cr_assert_not(notify_is_wanted());
}

Test(notify, an_abstract_name_is_one) {
    char name[64];

    snprintf(name, sizeof(name), "@notify-test-%d", getpid());
    close(listener);
    listener = bind_at(name, true);
    setenv("NOTIFY_SOCKET", name, 1);
    notify_open();
    notify_ready(NULL);
    cr_assert_str_eq(heard(), "READY=1\nSTATUS=\n");
}

Test(notify, a_socket_that_is_gone_is_no_mistake) {
    notify_open();
    close(listener);
    notify_ready(NULL);
    cr_assert(notify_feed());
    unlink(path);
    notify_status("fine");
    cr_assert(notify_feed());
    cr_assert(notify_flush(), "it is not tried for ever");
}

Test(notify, what_finds_no_room_comes_later_and_only_the_newest) {
    unsigned count = 0;

    notify_open();
    while (notify_feed())
        cr_assert(count++ < 100000);
    notify_status("old");
    notify_reloading();
    notify_status("new");
    notify_ready(NULL);
    cr_assert_not(notify_flush());
    for (unsigned i = 0; i < count; i++)
        cr_assert_str_eq(heard(), "WATCHDOG=1\n");
    cr_assert_str_eq(heard(), "");
    cr_assert(notify_flush());
    cr_assert_str_eq(heard(), "READY=1\nSTATUS=new\n");
    cr_assert_str_eq(heard(), "");
}

Test(notify, the_watchdog_is_ours_or_none) {
    char pid[32];

    setenv("WATCHDOG_USEC", "3000000", 1);
    notify_open();
    cr_assert_eq(notify_watchdog_ns(), 3000000000u, "for whoever is started");
    snprintf(pid, sizeof(pid), "%d", getpid());
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", "5000000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    notify_open();
    cr_assert_eq(notify_watchdog_ns(), 5000000000u, "for this pid");
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", "5000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    notify_open();
    cr_assert_eq(notify_watchdog_ns(), 0, "for another");
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", "often", 1);
    notify_open();
    cr_assert_eq(notify_watchdog_ns(), 0, "that is no number");
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", "1", 1);
    notify_open();
    cr_assert_eq(notify_watchdog_ns(), 20000000, "one that would burn a processor");
}
