/* What a faulty worker leaves in the memory costs its own records, is counted, and hangs nobody. */
#include "shared/bus_layout.h"

#include <sys/mman.h>

#include "tests/unit/shared/bus_fixture.h"

static struct bus_seat *faulty;

/* Behind the memory lie pages that cannot be touched, as far as any row could reach. */
static struct bus *make_guarded(void) {
    const size_t size = bus_size(&small), guard = 8u << 20;
    void *mem = mmap(NULL, size + guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    crc32c_init();
    cr_assert(mem != MAP_FAILED && mprotect(mem, size, PROT_READ | PROT_WRITE) == 0);
    cr_assert_eq(bus_format(mem, &small), 0);
    return bus_attach(mem, size);
}

/* "good", one of the faulty row, "fine". */
static void make_three(void) {
    make_on(make_guarded());
    faulty = take_seat();
    say("good");
    cr_assert_eq(say_from(faulty, "the faulty one's", 3), 1);
    say("fine");
}

TestSuite(bus_damage, .init = make_three);

static void check_second_is_skipped(void) {
    cr_assert(reads("good"));
    cr_assert_eq(reads_result(), BUS_DAMAGED);
    cr_assert(reader.missed == 1 && reader.damaged == 1 && reader.lapped == 0);
    cr_assert(reads("fine"));
    cr_assert_eq(reads_result(), BUS_EMPTY);
    say("later");
    cr_assert(reads("later"));
}

static _Atomic uint64_t *words_of_second(void) {
    return bus_words(bus, 1, 0);
}

/* The second record at this offset, as `change` makes it, with checksums that are right. */
static void forge_at(uint64_t offset, void (*change)(struct bus_head *head)) {
    _Atomic uint64_t *words = bus_words(bus, 1, offset);
    struct bus_head head;

    memcpy(&head, (void *)words_of_second(), sizeof(head));
    head.place = offset;
    change(&head);
    if (head.len <= 4096)
        head.payload_crc = crc32c(0, (void *)(words + sizeof(head) / 8), head.len);
    head.head_crc = bus_head_crc(&head);
    memcpy((void *)words, &head, sizeof(head));
    *bus_slot(bus, 2) = bus_pack(bus_lap(bus, 2), 1, offset);
    if (bus->row[1].end < offset + 100)
        bus->row[1].end = offset + 100;
}

Test(bus_damage, changed_payload_is_skipped) {
    words_of_second()[6] ^= 1;
    check_second_is_skipped();
}

Test(bus_damage, changed_head_is_skipped) {
    for (unsigned bit = 0; bit < 8 * sizeof(struct bus_head); bit++) {
        words_of_second()[bit / 64] ^= 1ull << bit % 64;
        bus_begin(&reader, bus, 2);
        cr_assert_eq(reads_result(), BUS_DAMAGED, "bit %u", bit);
        words_of_second()[bit / 64] ^= 1ull << bit % 64;
    }
}

static void lengthen(struct bus_head *head) {
    head->len = PAYLOAD_MAX + 1;
}

static void lengthen_beyond_all(struct bus_head *head) {
    head->len = UINT32_MAX;
}

static void misplace(struct bus_head *head) {
    head->place++;
}

static void claim_to_be_another(struct bus_head *head) {
    head->row = 0;
}

Test(bus_damage, forged_heads_are_skipped) {
    void (*const changes[])(
        struct bus_head *) = { lengthen, lengthen_beyond_all, misplace, claim_to_be_another };

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        make_three();
        forge_at(0, changes[i]);
        check_second_is_skipped();
        cr_assert_eq(say_from(seat, "the faulty one's", 3), 1, "forgery %zu", i);
    }
}

Test(bus_damage, descriptors_that_lead_nowhere_are_skipped) {
    const uint32_t lap = bus_lap(bus, 2);
    const uint64_t words[] = {
        bus_pack(lap, ROWS, 0),             /* no such row */
        bus_pack(lap, BUS_ROWS_MAX - 1, 0), /* far outside */
        bus_pack(lap, ROWS - 1, 255),       /* beyond the end of the last arena */
        bus_pack(lap, 0, 1),                /* another row, amid a record */
        bus_pack(lap, 1, 1),                /* amid its own */
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        make_three();
        *bus_slot(bus, 2) = words[i];
        bus_oldest(bus);
        check_second_is_skipped();
    }
}

static void keep(struct bus_head *head) {
    (void)head;
}

Test(bus_damage, record_that_leaves_its_arena_is_skipped) {
    /* The last place where a head fits, and the one behind it. */
    for (uint32_t back = BUS_HEAD_UNITS; back >= BUS_HEAD_UNITS - 1; back--) {
        make_three();
        forge_at(bus->arena_units - back, keep);
        check_second_is_skipped();
    }
}

Test(bus_damage, record_that_is_longer_than_what_was_written_is_skipped) {
    forge_at(0, keep);
    bus->row[1].end = bus_units((uint32_t)strlen("the faulty one's")) - 1;
    check_second_is_skipped();
}

Test(bus_damage, slot_of_another_lap_is_skipped) {
    *bus_slot(bus, 2) = bus_pack(77, 1, 0);
    check_second_is_skipped();
}

Test(bus_damage, slot_that_nobody_reached_is_used_all_the_same) {
    *bus_slot(bus, 4) = bus_pack(77, 1, 0);
    cr_assert(reads("good") && reads_result() == BUS_RECORD && reads("fine"));
    cr_assert_eq(reads_result(), BUS_EMPTY);
    say("later");
    cr_assert(reads("later"));
}

Test(bus_damage, end_that_ran_away_makes_the_rows_records_gone) {
    bus->row[1].end += bus->arena_units;
    cr_assert(reads("good"));
    cr_assert_eq(reads_result(), BUS_LAPPED);
    cr_assert_eq(reader.missed, 1);
    cr_assert(reads("fine"));
    cr_assert_eq(bus_oldest(bus), 3);
    cr_assert_eq(say_from(faulty, "mended", 0), 1);
    cr_assert(reads("mended"));
}

Test(bus_damage, heir_of_any_end_writes_where_it_can_be_read) {
    const uint64_t ends[] = { 0, 1, 255, 256, UINT64_MAX, UINT64_MAX - 255, BUS_OFFSET_MASK };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        make_three();
        bus->row[1].end = ends[i];
        bus_release_row(bus, 1);
        cr_assert_eq(say_from(take_seat(), "heir", 0), 1);
        bus_begin(&reader, bus, 4);
        cr_assert(reads("heir"), "end %zu", i);
    }
}

/* However the tail was changed: who begins to read now gets what is published from now on. */
Test(bus_damage, order_goes_on_from_any_tail) {
    const uint64_t tails[] = { 0, 1, 2, 3, 5, 20, 1000, UINT64_MAX - 3, UINT64_MAX, 1ull << 63 };
    unsigned steps;

    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        make_three();
        cr_assert(reads("good"));
        bus->shared->tail = tails[i];
        bus_oldest(bus);
        for (steps = 0; steps < 4 * HISTORY && reads_result() != BUS_EMPTY; steps++)
            continue;
        cr_assert_lt(steps, 4 * HISTORY, "tail %zu", i);
        cr_assert_eq(say_from(seat, "new", 77), 1, "tail %zu", i);
        cr_assert(reads("new"), "tail %zu", i);
        cr_assert_eq(say_from(faulty, "new", 77), 0, "tail %zu", i);
        for (unsigned more = 0; more < 100; more++) {
            say("more");
            cr_assert(reads("more"), "tail %zu, %u more", i, more);
        }
    }
}

/* In leaps that all go ahead the tail comes round to where it was; in between stands nothing. */
Test(bus_damage, tail_that_goes_round_leads_nobody_in_a_circle, .timeout = 10) {
    const uint64_t there = bus_next(bus);

    cr_assert(bus_find(seat, 42, 3, &seq) && seq == 2);
    for (unsigned leap = 1; leap <= 8; leap++) {
        bus->shared->tail = there + leap * (1ull << 61) + (leap < 8 ? 1024 * leap : 0);
        bus_find(seat, 42, 3, &seq);
    }
    cr_assert(bus_find(seat, 42, 3, &seq) && seq == 2);
    for (uint64_t id = 100; id < 200; id++)
        cr_assert(!bus_find(seat, 42, id, &seq));
    cr_assert_eq(say_from(seat, "new", 77), 1);
}

Test(bus_damage, bits_of_rows_that_are_not_there_wake_nobody) {
    memset((void *)bus->shared->sleepy, 0xff, sizeof(bus->shared->sleepy));
    say("later");
    cr_assert(reads("good") && reads_result() == BUS_RECORD && reads("fine") && reads("later"));
}

Test(bus_damage, sizes_written_over_later_are_not_believed) {
    memset(&bus->shared->settings, 0xff, sizeof(bus->shared->settings));
    memset(bus->shared->room, 0, sizeof(bus->shared->room));
    forge_at(0, lengthen);
    check_second_is_skipped();
}
