/* The bus: one order, history, what a death leaves behind, a client's number once. */
#include "tests/unit/shared/bus_fixture.h"

#include "shared/failpoint.h"

TestSuite(bus, .init = make);

Test(bus, records_come_whole_and_in_order_to_each_reader) {
    struct bus_seat *other = take_seat();
    struct bus_reader second;

    bus_begin(&second, bus, 1);
    cr_assert_eq(reads_result(), BUS_EMPTY);
    say("one");
    cr_assert_eq(seq, 1);
    cr_assert_eq(say_from(other, "two", 9), 1);
    say("");
    cr_assert(reads("one"));
    cr_assert(record.seq == 1 && record.kind == 7 && record.member == 42 && record.client_id == 0);
    cr_assert_gt(record.wall_ns, 0);
    cr_assert(reads("two"));
    cr_assert(record.seq == 2 && record.client_id == 9);
    cr_assert(reads(""));
    cr_assert_eq(reads_result(), BUS_EMPTY);
    cr_assert_eq(bus_next(bus), 4);
    for (uint64_t i = 1; i <= 3; i++)
        cr_assert(bus_read(&second, buf, &record) == BUS_RECORD && record.seq == i);
}

Test(bus, payload_has_a_limit) {
    char text[PAYLOAD_MAX + 2];

    memset(text, 'x', sizeof(text));
    text[PAYLOAD_MAX + 1] = '\0';
    cr_assert_eq(say_from(seat, text, 0), -1);
    cr_assert_eq(errno, EMSGSIZE);
    for (int len = PAYLOAD_MAX; len >= 0; len--) {
        text[len] = '\0';
        say(text);
        cr_assert(reads(text));
    }
}

Test(bus, new_reader_begins_anywhere_in_the_history) {
    for (unsigned i = 1; i <= 100; i++)
        say_number(i);
    cr_assert_eq(bus_oldest(bus), 101 - HISTORY);
    bus_begin(&reader, bus, bus_oldest(bus));
    cr_assert(reads("85"));
    bus_begin(&reader, bus, 100);
    cr_assert(reads("100"));
    cr_assert_eq(reads_result(), BUS_EMPTY);
    bus_begin(&reader, bus, bus_next(bus));
    cr_assert_eq(reads_result(), BUS_EMPTY);
}

Test(bus, lapped_reader_is_told_how_many_it_has_missed) {
    for (unsigned i = 1; i <= 2 * HISTORY; i++)
        say_number(i);
    cr_assert(reads("1"));
    say_number(2 * HISTORY + 1);
    say_number(2 * HISTORY + 2);
    /* The second is overwritten; what is promised is the history. */
    cr_assert_eq(reads_result(), BUS_LAPPED);
    cr_assert(reader.missed == HISTORY + 1 && reader.lapped == HISTORY + 1);
    for (unsigned i = HISTORY + 3; i <= 2 * HISTORY + 2; i++)
        cr_assert(bus_read(&reader, buf, &record) == BUS_RECORD && record.seq == i);
    cr_assert_eq(reads_result(), BUS_EMPTY);
}

Test(bus, full_arena_shortens_the_history_of_its_own_row) {
    struct bus_seat *other = take_seat();
    char text[PAYLOAD_MAX + 1];

    memset(text, 'x', sizeof(text));
    text[PAYLOAD_MAX] = '\0';
    cr_assert_eq(say_from(other, "before", 0), 1);
    /* 256 bytes each: 16 in an arena of 4096 */
    say_number(2);
    for (unsigned i = 0; i < 8; i++)
        say(text);
    cr_assert_eq(say_from(other, "between", 0), 1);
    cr_assert_eq(bus_oldest(bus), 1);
    for (unsigned i = 0; i < 10; i++)
        say(text);
    cr_assert_eq(bus_next(bus), 22);
    /* 2 to 5 have been overwritten. */
    cr_assert_eq(bus_oldest(bus), 6);
    cr_assert(reads("before"));
    cr_assert_eq(reads_result(), BUS_LAPPED);
    cr_assert(reader.missed == 4 && reader.cursor == 6);
    for (unsigned i = 6; i < 22; i++)
        cr_assert(bus_read(&reader, buf, &record) == BUS_RECORD && record.seq == i);
    cr_assert_eq(reads_result(), BUS_EMPTY);
}

Test(bus, cursor_ahead_of_the_bus_comes_back) {
    say("one");
    bus_begin(&reader, bus, 1000);
    cr_assert_eq(reads_result(), BUS_DAMAGED);
    cr_assert(reader.missed == 0 && reader.cursor == 2);
    cr_assert_eq(reads_result(), BUS_EMPTY);
}

/* ---- deaths ---- */

/* A child publishes "dead" from a row of its own and is killed at the step, if there is one. */
static int die_at(const char *step, int row) {
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        setenv("PREFORK_FAILPOINT", step, 1);
        failpoint_init();
        say_from(bus_sit(bus, row), "dead", 5);
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void check_death(const char *step, bool is_published) {
    int row = bus_claim_row(bus), status;

    say("before");
    status = die_at(step, row);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s", step);
    say("after");
    bus_release_row(bus, row);
    row = bus_claim_row(bus);
    cr_assert_eq(say_from(bus_sit(bus, row), "again", 5), is_published ? 0 : 1, "%s", step);
    cr_assert_eq(say_from(seat, "again", 5), 0, "%s", step);
    cr_assert_eq(seq, is_published ? 2 : 3, "%s", step);
    cr_assert(reads("before"), "%s", step);
    cr_assert(!is_published || reads("dead"), "%s", step);
    cr_assert(reads("after"), "%s", step);
    cr_assert(is_published || reads("again"), "%s", step);
    cr_assert_eq(reads_result(), BUS_EMPTY, "%s", step);
    cr_assert_eq(reader.damaged + reader.lapped, 0, "%s", step);
}

Test(bus, death_after_reserving_changes_nothing) {
    check_death("bus-write", false);
}

Test(bus, death_before_the_swap_changes_nothing) {
    check_death("bus-swap", false);
}

Test(bus, death_after_the_swap_has_published) {
    check_death("bus-tail", true);
}

Test(bus, death_before_the_waking_has_published) {
    check_death("bus-wake", true);
}

Test(bus, what_a_dead_writer_published_is_read_before_anybody_publishes_again) {
    die_at("bus-tail", bus_claim_row(bus));
    cr_assert(reads("dead"));
    cr_assert_eq(reads_result(), BUS_EMPTY);
    cr_assert_eq(bus_next(bus), 2);
}

Test(bus, row_is_taken_over_and_its_records_stay) {
    int row = bus_claim_row(bus);

    die_at("none", row);
    bus_release_row(bus, row);
    cr_assert_eq(bus_claim_row(bus), row);
    cr_assert_eq(say_from(bus_sit(bus, row), "heir", 0), 1);
    cr_assert(reads("dead"));
    cr_assert(reads("heir"));
}

Test(bus, row_has_one_owner) {
    struct bus_seat *heir;

    for (int i = 1; i < ROWS; i++)
        cr_assert_eq(bus_claim_row(bus), i);
    cr_assert_eq(bus_claim_row(bus), -1);
    cr_assert_eq(errno, ENOSPC);
    bus_release_row(bus, 0);
    heir = take_seat();
    cr_assert_eq(say_from(seat, "late", 0), -1);
    cr_assert_eq(errno, ESTALE);
    cr_assert_eq(say_from(heir, "heir", 0), 1);
    cr_assert_null(bus_sit(bus, ROWS));
    cr_assert_null(bus_sit(bus, -1));
}

/* ---- a client's number ---- */

Test(bus, client_id_is_published_once) {
    struct bus_seat *other = take_seat();

    cr_assert_eq(say_from(seat, "one", 11), 1);
    say("two");
    cr_assert_eq(say_from(seat, "one", 11), 0);
    cr_assert_eq(seq, 1);
    cr_assert_eq(say_from(other, "one", 11), 0);
    cr_assert_eq(seq, 1);
    cr_assert_eq(say_from(other, "three", 12), 1);
    cr_assert_eq(say_from(seat, "three", 12), 0);
    cr_assert_eq(seq, 3);
    cr_assert_eq(bus_next(bus), 4);
}

Test(bus, client_ids_of_two_members_are_apart) {
    const struct bus_record mine = { .member = 1, .client_id = 5 };
    const struct bus_record yours = { .member = 2, .client_id = 5 };

    cr_assert_eq(bus_publish(seat, &mine, &seq), 1);
    cr_assert_eq(bus_publish(seat, &yours, &seq), 1);
    cr_assert(bus_find(seat, 1, 5, &seq) && seq == 1);
    cr_assert(bus_find(seat, 2, 5, &seq) && seq == 2);
    cr_assert(!bus_find(seat, 5, 1, &seq));
}

Test(bus, client_ids_are_found_as_long_as_the_history_is) {
    for (uint64_t id = 1; id <= 1000; id++)
        cr_assert_eq(say_from(seat, "x", id), 1);
    for (uint64_t id = 1001 - HISTORY; id <= 1000; id++)
        cr_assert(bus_find(seat, 42, id, &seq) && seq == id);
    cr_assert(!bus_find(seat, 42, 1000 - 2 * HISTORY, &seq));
}

Test(bus, new_seat_knows_the_client_ids_of_the_history) {
    struct bus_seat *other;

    for (uint64_t id = 1; id <= 100; id++)
        cr_assert_eq(say_from(seat, "x", id), 1);
    other = take_seat();
    for (uint64_t id = 101 - HISTORY; id <= 100; id++)
        cr_assert(bus_find(other, 42, id, &seq) && seq == id);
}

/* ---- sleeping ---- */

Test(bus, sleeper_is_woken_once_and_who_is_awake_is_not) {
    struct bus_seat *other = take_seat();
    int epoll = watch(other), second = watch(other);

    say("one");
    cr_assert(!is_woken(epoll));
    cr_assert(!bus_sleep(other, &reader));
    cr_assert(reads("one"));
    cr_assert(bus_sleep(other, &reader));
    say("two");
    cr_assert(is_woken(epoll) && is_woken(second));
    say("three");
    cr_assert(!is_woken(epoll));
    bus_awake(other);
    cr_assert(!bus_sleep(other, &reader));
    cr_assert(reads("two") && reads("three"));
    cr_assert(bus_sleep(other, &reader));
    bus_awake(other);
    say("four");
    cr_assert(!is_woken(epoll));
}

Test(bus, one_thread_of_a_seat_awake_leaves_the_other_asleep) {
    struct bus_seat *other = take_seat();
    int epoll = watch(other);

    cr_assert(bus_sleep(other, &reader));
    cr_assert(bus_sleep(other, &reader));
    bus_awake(other);
    say("one");
    cr_assert(is_woken(epoll));
}

Test(bus, sleeper_that_a_dead_publisher_left_asleep_is_woken_by_the_next) {
    struct bus_seat *other = take_seat();
    int epoll = watch(other);

    cr_assert(bus_sleep(other, &reader));
    die_at("bus-wake", bus_claim_row(bus));
    cr_assert(!is_woken(epoll));
    say("next");
    cr_assert(is_woken(epoll));
}

Test(bus, sleeper_that_a_dead_publisher_left_asleep_is_woken_when_that_is_reaped) {
    struct bus_seat *other = take_seat();
    int epoll = watch(other), row = bus_claim_row(bus);

    cr_assert(bus_sleep(other, &reader));
    die_at("bus-tail", row);
    cr_assert(!is_woken(epoll));
    bus_release_row(bus, row);
    cr_assert(is_woken(epoll));
    bus_awake(other);
    cr_assert(reads("dead"));
}

Test(bus, full_wake_counter_wakes_all_the_same) {
    struct bus_seat *other = take_seat();
    uint64_t most = UINT64_MAX - 1;
    int epoll = watch(other);

    cr_assert_eq(write(bus_wake_fd(other), &most, sizeof(most)), sizeof(most));
    is_woken(epoll);
    cr_assert(bus_sleep(other, &reader));
    say("one");
    cr_assert(is_woken(epoll));
}

/* ---- making it ---- */

Test(bus, each_bus_has_a_room_of_its_own) {
    const uint8_t none[BUS_ROOM_SIZE] = { 0 };
    uint8_t first[BUS_ROOM_SIZE];

    memcpy(first, bus_room(bus), sizeof(first));
    cr_assert_neq(memcmp(first, none, sizeof(first)), 0);
    make();
    cr_assert_neq(memcmp(first, bus_room(bus), sizeof(first)), 0);
}

Test(bus, settings_out_of_range_are_refused) {
    const struct bus_settings good = { 1, 1, 1, 1 };
    struct bus_settings bad[] = {
        { 0, 16, 100, 4096 },
        { BUS_ROWS_MAX + 1, 16, 100, 4096 },
        { 4, 0, 100, 4096 },
        { 4, (1u << 20) + 1, 100, 4096 },
        { 4, 16, 0, 4096 },
        { 4, 16, (1u << 20) + 1, 256u << 20 },
        { 4, 16, 1000, 4096 },             /* not four in an arena */
        { 4, 16, 100, (256u << 20) + 1 },  /* too large */
        { 4, 1u << 20, 8192, 256u << 20 }, /* places would repeat */
        { 4, 16, UINT32_MAX, UINT32_MAX },
    };

    cr_assert_gt(bus_size(&good), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        cr_assert(bus_size(&bad[i]) == 0 && errno == EINVAL, "settings %zu", i);
        cr_assert_null(bus_new(&bad[i]));
    }
}

Test(bus, memory_of_another_kind_is_refused) {
    const struct bus_settings settings = { 2, 16, 100, 4096 };
    size_t size = bus_size(&settings);
    uint64_t *mem = aligned_alloc(4096, size);
    struct bus *attached;

    memset(mem, 0, size);
    cr_assert_null(bus_attach(mem, size));
    cr_assert_eq(bus_format(mem, &settings), 0);
    attached = bus_attach(mem, size);
    cr_assert_not_null(attached);
    cr_assert_eq(bus_payload_max(attached), 100);
    bus_free(attached);
    cr_assert_null(bus_attach(mem, size - 4096));
    cr_assert_null(bus_attach(mem, 8));
    mem[0]++;
    cr_assert_null(bus_attach(mem, size));
    cr_assert_eq(errno, EPROTO);
    free(mem);
}
