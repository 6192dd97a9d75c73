/* When those who sleep on the bus are woken for what a post has published. */
#include <poll.h>

#include "shared/bus_seat.h"
#include "shared/crc32c.h"
#include "tests/unit/workers/post_fixture.h"

static struct bus_seat *sleeper;
static struct bus_reader reader;

static void open_bus(void) {
    static const struct bus_settings settings = {
        .rows = 2, .history = 256, .payload_max = 64, .arena_bytes = 65536
    };
    struct bus *bus;

    crc32c_init();
    fixture_open();
    bus = bus_new(&settings);
    worker->seat = bus_sit(bus, bus_claim_row(bus));
    sleeper = bus_sit(bus, bus_claim_row(bus));
    bus_begin(&reader, bus, bus_next(bus));
    cr_assert(bus_sleep(sleeper, &reader));
}

TestSuite(post_bus, .init = open_bus, .timeout = 30);

static bool is_woken(void) {
    struct pollfd watch = { .fd = bus_wake_fd(sleeper), .events = POLLIN };

    return poll(&watch, 1, 0) == 1;
}

static void publish(void) {
    const struct bus_record record = { .member = 1, .payload = "one", .len = 3 };
    uint64_t seq;

    cr_assert_eq(post_publish(&worker->post, &record, &seq), 1);
}

Test(post_bus, turn_wakes_nobody_until_all_of_it_is_published) {
    publish();
    publish();
    cr_assert_eq(bus_next(reader.bus), reader.cursor + 2, "it is not there");
    cr_assert_not(is_woken());
    post_work(&worker->post);
    cr_assert(is_woken());
}

Test(post_bus, what_a_turn_publishes_at_its_end_is_told_before_it_waits) {
    publish();
    post_rest(&worker->post);
    cr_assert(is_woken());
}

Test(post_bus, what_a_post_publishes_last_is_told) {
    publish();
    post_fini(&worker->post);
    cr_assert(is_woken());
}

Test(post_bus, long_turn_keeps_nobody_waiting) {
    unsigned n = 0;

    while (!is_woken() && n < 200) {
        publish();
        n++;
    }
    cr_assert_eq(n, 128);
}
