/* A process that stands still at any step holds up nobody, and finds its way when it goes on. */
#include "tests/unit/shared/bus_fixture.h"

#include <sys/prctl.h>

#include "shared/failpoint.h"

TestSuite(bus_stop, .init = make, .timeout = 20);

static char long_text[PAYLOAD_MAX + 1]; /* 256 bytes with its head: 16 fill an arena */

/* Fork a child that does this and ends with what it returns; wait until it stops at the step. */
static pid_t stop_at(const char *step, int (*act)(struct bus_seat *own)) {
    int row = bus_claim_row(bus), status;
    pid_t pid = fork();
    char text[40];

    memset(long_text, 'x', PAYLOAD_MAX);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* stopped or not, should the test fail */
        snprintf(text, sizeof(text), "%s:stop", step);
        setenv("PREFORK_FAILPOINT", text, 1);
        failpoint_init();
        _exit(act(bus_sit(bus, row)));
    }
    cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
    cr_assert(WIFSTOPPED(status), "%s", step);
    return pid;
}

static int go_on(pid_t pid) {
    int status;

    kill(pid, SIGCONT);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Returns the sequence number, or 100 when it was there already. */
static int say_stopped(struct bus_seat *own) {
    return say_from(own, "stopped", 5) == 1 ? (int)seq : 100;
}

Test(bus_stop, publisher_that_stands_still_before_the_swap_comes_later) {
    pid_t pid = stop_at("bus-swap:1", say_stopped);

    say("one");
    say("two");
    cr_assert_eq(go_on(pid), 3);
    cr_assert(reads("one") && reads("two") && reads("stopped"));
}

Test(bus_stop, publisher_that_stands_still_after_the_swap_holds_up_nobody) {
    pid_t pid = stop_at("bus-tail:1", say_stopped);

    cr_assert(reads("stopped"));
    for (unsigned i = 0; i < 100; i++) {
        say("more");
        cr_assert(reads("more"));
    }
    cr_assert_eq(go_on(pid), 1);
    say("last");
    cr_assert(reads("last"));
    cr_assert_eq(reads_result(), BUS_EMPTY);
}

Test(bus_stop, number_that_somebody_else_publishes_meanwhile_is_not_published_again) {
    pid_t pid = stop_at("bus-swap:1", say_stopped);

    cr_assert_eq(say_from(seat, "the other's", 5), 1);
    cr_assert_eq(go_on(pid), 100);
    cr_assert(reads("the other's"));
    cr_assert_eq(reads_result(), BUS_EMPTY);
}

static int say_long(struct bus_seat *own) {
    for (int i = 0; i < 17; i++)
        say_from(own, long_text, 0);
    return 0;
}

Test(bus_stop, record_is_gone_before_a_byte_of_it_is_overwritten) {
    pid_t pid = stop_at("bus-write:17", say_long);

    cr_assert_eq(bus_oldest(bus), 2);
    cr_assert_eq(reads_result(), BUS_LAPPED);
    cr_assert_eq(reader.missed, 1);
    for (unsigned i = 2; i <= 16; i++)
        cr_assert(reads(long_text));
    cr_assert_eq(reads_result(), BUS_EMPTY);
    cr_assert_eq(go_on(pid), 0);
    cr_assert(reads(long_text));
}

static int read_first(struct bus_seat *own) {
    (void)own;
    return (int)reads_result();
}

Test(bus_stop, reader_that_stands_still_amid_a_record_is_told_that_it_is_gone) {
    pid_t pid;

    say("first");
    pid = stop_at("bus-read:1", read_first);
    for (unsigned i = 0; i < 16; i++)
        say(long_text);
    cr_assert_eq(go_on(pid), BUS_LAPPED);
}

static int sleep_until_woken(struct bus_seat *own) {
    struct epoll_event event;
    int epoll = watch(own);

    if (bus_sleep(own, &reader))
        epoll_wait(epoll, &event, 1, -1);
    return reads_result();
}

Test(bus_stop, sleeper_that_stands_still_between_its_steps_hears) {
    pid_t pid = stop_at("bus-sleep:1", sleep_until_woken);

    say("first");
    cr_assert_eq(go_on(pid), BUS_RECORD);
}

Test(bus_stop, publisher_that_is_late_does_not_call_off_a_later_sleep) {
    struct bus_seat *sleeper = take_seat();
    int epoll = watch(sleeper);
    pid_t pid;

    cr_assert(bus_sleep(sleeper, &reader));
    pid = stop_at("bus-woken:1", say_stopped);
    cr_assert(is_woken(epoll));
    bus_awake(sleeper);
    cr_assert(reads("stopped"));
    cr_assert(bus_sleep(sleeper, &reader));
    cr_assert_eq(go_on(pid), 1);
    say("next");
    cr_assert(is_woken(epoll));
}
