/* A session that moves to another process goes on where it was; bytes that are none are refused. */
#include <errno.h>

#include "shared/wire.h"
#include "tests/unit/shared/wire_fixture.h"

TestSuite(wire_pack);

static const struct {
    const char *input;
    size_t len;
} talks[] = {
    { BYTES("\0\0\0\5Alice\0\0\0\0\0\0\0\2hi\0\0\0\3by") },
    { BYTES("Bob\r\nhello\rthere\n\nhi\r\0oh") },
    { BYTES("\xff\xfd\3\xff\xfb\x18"
            "Al\xff\xf1ice\r\n\xff\xfa\x18\0xt\xff\xffxx\xff\xf0\xff\xfd\3\xff\xfd\1hi\r\n") },
    { BYTES("GET up\nand go\n") },
    { BYTES("Bob \xd0\x90") },
    { BYTES("\xe2\x82\xac\r\nhi\n") },
    { BYTES("GET / HTTP/1.1\r\n\r\n") },
};

/* The wire as another process gets it, in memory of its own. */
static void move(struct wire *wire) {
    size_t size = wire_pack_size(wire);
    char *packed = malloc(size);

    cr_assert_eq(wire_pack(wire, packed, size - 1), -1);
    cr_assert_eq(errno, ENOBUFS);
    cr_assert_eq(wire_pack(wire, packed, size), (ssize_t)size);
    wire_fini(wire);
    memset(wire, 0xa5, sizeof(*wire));
    cr_assert_eq(wire_unpack(wire, &wire_rules_default, packed, size), 0);
    free(packed);
}

/* Two reads, parted at `cut`; between them it moves. */
static void talk(struct record *record, const char *input, size_t len, size_t cut, bool moves) {
    struct wire wire;

    memset(record, 0, sizeof(*record));
    wire_init(&wire, &wire_rules_default);
    record_read(record, &wire, input, cut, 1, false);
    if (moves && !wire.is_over)
        move(&wire);
    record_read(record, &wire, input + cut, len - cut, 2, false);
    record_text(record, "%d %zu", wire_form(&wire), wire_due_ms(&wire));
    record_end(record, &wire, 3);
}

Test(wire_pack, moved_at_any_byte_tells_the_same) {
    struct record stayed, moved;

    for (size_t i = 0; i < COUNT(talks); i++)
        for (size_t cut = 0; cut <= talks[i].len; cut++) {
            talk(&stayed, talks[i].input, talks[i].len, cut, false);
            talk(&moved, talks[i].input, talks[i].len, cut, true);
            cr_expect(moved.len == stayed.len && memcmp(moved.log, stayed.log, moved.len) == 0,
                "talk %zu, moved at %zu: told %s, not %s", i, cut, moved.log, stayed.log);
            cr_expect(moved.answers_len == stayed.answers_len &&
                      memcmp(moved.answers, stayed.answers, moved.answers_len) == 0);
        }
}

/* It moves after each thing that is told, even if that lay in its own memory. */
Test(wire_pack, moved_between_two_messages_of_one_read) {
    static const struct {
        const char *reads[3];
        size_t len[3];
        const char *log, *answers;
    } cases[] = {
        { { "\xff\xf1"
            "Bo",
              "b\r\xff\xfd\1\nhello\r", "\nthere\n" },
            { 4, 12, 7 }, "[Bob][hello][there]", "\xff\xfc\1" },
        { { "\0\0\0\3B", "ob\0\0\0\2", "hi\0\0\0\1x" }, { 5, 6, 7 }, "[Bob][hi][x]", "" },
        { { "Bob \xd0", "\x90\r", "\nhello\n" }, { 5, 2, 7 }, "[Bob \xd0\x90][hello]", "" },
        { { "G", "hello", "Bob \xd0" }, { 1, 5, 5 }, "[G][hello][Bob \xd0]", "" },
    };
    struct wire_message message;
    enum wire_event event;
    struct wire wire;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct record record = { .len = 0 };

        wire_init(&wire, &wire_rules_default);
        for (size_t k = 0; k < 3; k++) {
            struct wire_input in = {
                .data = cases[i].reads[k], .len = cases[i].len[k], .now_ms = k + 1
            };

            do {
                event = wire_next(&wire, &in, &message);
                record_event(&record, event, &message);
                move(&wire);
            } while (event != WIRE_WANT);
        }
        record_end(&record, &wire, 4);
        RECORD_EXPECT(&record, cases[i].log, cases[i].answers, strlen(cases[i].answers), "answers");
    }
}

/* Two clocks need not agree: what is to come is not waited for longer than anything else. */
Test(wire_pack, clock_of_the_packer_does_not_count) {
    static const struct {
        const char *input;
        size_t len;
        uint64_t due_ms;
    } cases[] = { { BYTES("Bob\nhel"), 10005 }, { BYTES("\0\0"), 10005 }, { BYTES("Bob \xd0"), 45 },
        { BYTES("G"), 45 } };
    struct record record = { .len = 0 };
    struct wire wire;

    for (size_t i = 0; i < COUNT(cases); i++) {
        wire_init(&wire, &wire_rules_default);
        record_read(&record, &wire, cases[i].input, cases[i].len, 1000000, false);
        move(&wire);
        record_read(&record, &wire, NULL, 0, 5, false);
        cr_expect_eq(wire_due_ms(&wire), cases[i].due_ms, "%zu: %zu", i, wire_due_ms(&wire));
        wire_fini(&wire);
    }
}

Test(wire_pack, what_was_sent_and_refused_goes_along) {
    struct record record = { .len = 0 };
    struct wire wire;

    wire_init(&wire, &wire_rules_default);
    record_read(&record, &wire, "Bob", 3, 1, false);
    cr_assert_eq(wire_begin_send(&wire, 1000), 1);
    move(&wire);
    cr_assert_eq(wire_begin_send(&wire, 1040), 0);
    wire_fini(&wire);
}

Test(wire_pack, over_is_not_packed) {
    struct record record = { .len = 0 };
    char packed[512];
    struct wire wire;

    wire_init(&wire, &wire_rules_default);
    record_read(&record, &wire, BYTES("\x16\3\1"), 1, false);
    cr_assert_eq(wire_pack(&wire, packed, sizeof(packed)), -1);
    cr_assert_eq(errno, EINVAL);
}

/* Every byte of it set to a few values: whatever is taken for a wire is one. */
Test(wire_pack, lies_are_refused_or_harmless) {
    static const unsigned char lies[] = { 0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xff };
    struct record record = { .len = 0 };
    char packed[1024], lie[1024];
    struct wire wire;
    size_t size, refused = 0;

    for (size_t i = 0; i < COUNT(talks); i++) {
        wire_init(&wire, &wire_rules_default);
        record_read(&record, &wire, talks[i].input, talks[i].len - 1, 1, false);
        size = wire_pack_size(&wire);
        cr_assert_leq(size, sizeof(packed));
        if (wire_pack(&wire, packed, size) < 0)
            continue; /* over */
        wire_fini(&wire);
        for (size_t at = 0; at < size; at++)
            for (size_t k = 0; k < sizeof(lies); k++) {
                memcpy(lie, packed, size);
                lie[at] = (char)lies[k];
                memset(&record, 0, sizeof(record));
                if (wire_unpack(&wire, &wire_rules_default, lie, size) < 0) {
                    cr_assert_eq(errno, EPROTO);
                    refused++;
                    continue;
                }
                record_read(&record, &wire, BYTES("x\n\xff\xfb\1\0\0\0\1y"), 5, false);
                record_end(&record, &wire, 100000);
            }
        for (size_t len = 0; len < size; len++)
            cr_assert_eq(wire_unpack(&wire, &wire_rules_default, packed, len), -1);
    }
    cr_assert_gt(refused, 100);
}

/* What is packed after these bytes came. */
static size_t pack_of(char packed[1024], const char *input, size_t len) {
    struct record record = { .len = 0 };
    struct wire wire;
    ssize_t n;

    wire_init(&wire, &wire_rules_default);
    record_read(&record, &wire, input, len, 1, false);
    n = wire_pack(&wire, packed, 1024);
    wire_fini(&wire);
    cr_assert_gt(n, 0);
    return (size_t)n;
}

/* A field is found by what differs between two wires. */
Test(wire_pack, what_cannot_be_is_refused) {
    static const struct {
        const char *one, *other;
        size_t len, other_len;
        char lie;
    } cases[] = {
        { "G", "GE", 1, 2, 9 },                           /* more held than there is room */
        { "ab\nx", "ab\nx\xff", 4, 5, WIRE_LINE_STATES }, /* no such state */
        { "\0", "\0\0", 1, 2, 5 },                        /* a longer head than there is */
    };
    char one[1024], other[1024], *length;
    struct wire wire;
    size_t size, at = 0;

    for (size_t i = 0; i < COUNT(cases); i++) {
        size = pack_of(one, cases[i].one, cases[i].len);
        cr_assert_eq(pack_of(other, cases[i].other, cases[i].other_len), size);
        for (at = 0; one[at] == other[at];)
            at++;
        cr_assert_eq(wire_unpack(&wire, &wire_rules_default, one, size), 0);
        one[at] = cases[i].lie;
        cr_expect_eq(wire_unpack(&wire, &wire_rules_default, one, size), -1, "%zu", i);
    }
    /* a frame shorter than what there is of it */
    size = pack_of(one, BYTES("\0\0\1\7abc"));
    length = memmem(one, size, "\0\0\1\7", 4);
    cr_assert_not_null(length);
    for (int len = 0; len <= 3; len++) {
        length[2] = '\0';
        length[3] = (char)len;
        cr_expect_eq(wire_unpack(&wire, &wire_rules_default, one, size), -1);
    }
}

/* One that has told a line and keeps its answers for afterwards. */
static size_t pack_unanswered(char packed[1024], const char *input, size_t len) {
    struct wire_input in = { .data = input, .len = len, .now_ms = 1 };
    struct wire_message message;
    struct wire wire;
    ssize_t n;

    wire_init(&wire, &wire_rules_default);
    cr_assert_eq(wire_next(&wire, &in, &message), WIRE_MESSAGE);
    n = wire_pack(&wire, packed, 1024);
    wire_fini(&wire);
    cr_assert_gt(n, 0);
    return (size_t)n;
}

Test(wire_pack, more_answers_than_there_is_room_are_refused) {
    char one[1024], other[1024];
    size_t size = pack_unanswered(one, BYTES("\xff\xfd\1a\n")), at = 0;
    struct wire wire;

    cr_assert_eq(pack_unanswered(other, BYTES("\xff\xfd\1\xff\xfd\2a\n")), size);
    while (one[at] != 3 || other[at] != 6)
        cr_assert_lt(++at, size);
    one[at] = WIRE_LINE_ANSWER_MAX + 1;
    cr_assert_eq(wire_unpack(&wire, &wire_rules_default, one, size), -1);
    one[at] = 3;
    cr_assert_eq(wire_unpack(&wire, &wire_rules_default, one, size), 0);
}

Test(wire_pack, other_rules_than_its_mode_are_refused) {
    static const struct wire_rules framed = { .mode = WIRE_FRAMED, .frame_max_bytes = 100 };
    struct record record = { .len = 0 };
    char packed[1024];
    struct wire wire, other;
    size_t size;

    wire_init(&wire, &wire_rules_default);
    record_read(&record, &wire, "Bob\n", 4, 1, false);
    size = wire_pack_size(&wire);
    cr_assert_eq(wire_pack(&wire, packed, sizeof(packed)), (ssize_t)size);
    cr_assert_eq(wire_unpack(&other, &framed, packed, size), -1);
    wire_fini(&wire);
}
