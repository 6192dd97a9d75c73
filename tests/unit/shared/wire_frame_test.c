/* Frames: any split gives the same messages, lengths are checked first, memory follows the bytes.
 */
#include "shared/wire_frame.h"

#include "tests/unit/shared/wire_fixture.h"

static const struct wire_rules rules = {
    .mode = WIRE_FRAMED, .frame_max_bytes = 20, .line_max_bytes = 20, .raw_gap_ms = 40
};

TestSuite(wire_frame);

Test(wire_frame, any_split_tells_the_same) {
    static const struct {
        const char *input;
        size_t len;
        const char *log;
    } cases[] = {
        { BYTES(""), "" },
        { BYTES("\0\0\0\5hello"), "[hello]" },
        { BYTES("\0\0\0\2hi\0\0\0\1!"), "[hi][!]" },
        { BYTES("\0\0\0\0\0\0\0\2hi\0\0\0\0\0\0\0\0"), "[hi]" },
        { BYTES("\0\0\0\x0a\xd0\x90\xd0\xbb\xd0\xb8\xd1\x81\xd0\xb0"), "[Алиса]" },
        { BYTES("\0\0\0\x14"
                "12345678901234567890"),
            "[12345678901234567890]" },
        { BYTES("\0\0\0\3a\nb\0\0\0\3\r\n\xff"), "[a\nb][\r\n\xff]" },
        { BYTES("\0\0\0\5hell"), "!incomplete[hell/5]" },
        { BYTES("\0\0\0\2hi\0\0"), "[hi]!incomplete[]" },
        { BYTES("\0\0\0\1x\0\0\0\7"), "[x]!incomplete[/7]" },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        record_splits(&rules, cases[i].input, cases[i].len, cases[i].log, BYTES(""));
}

Test(wire_frame, payload_may_be_any_bytes) {
    struct wire_frame frame = { .want = 0 };
    struct wire_input in = { .data = "\0\0\0\3\0\xff\0", .len = 7 };
    struct wire_message message;

    cr_assert_eq(wire_frame_next(&frame, 3, &in, &message), WIRE_MESSAGE);
    cr_assert(message.len == 3 && memcmp(message.data, "\0\xff\0", 3) == 0);
    cr_assert_eq(wire_frame_next(&frame, 3, &in, &message), WIRE_WANT);
}

Test(wire_frame, too_long_is_answered_and_over) {
    static const struct {
        const char *input;
        size_t len;
    } cases[] = { { BYTES("\0\0\0\x15") }, { BYTES("\x7f\xff\xff\xff") },
        { BYTES("\xff\xff\xff\xff") }, { BYTES("\x80\0\0\0") },
        { BYTES("\0\0\0\x15"
                "123456789012345678901") },
        { BYTES("GET / HTTP/1.1\r\n\r\n") } };
    static const char answer[] = "\0\0\0\x1b{\"err\":\"too_long\",\"max\":20}";

    for (size_t i = 0; i < COUNT(cases); i++)
        record_splits(&rules, cases[i].input, cases[i].len, "!too_long", BYTES(answer));
}

Test(wire_frame, too_long_tells_how_long) {
    struct wire_frame frame = { .want = 0 };
    struct wire_input in = { .data = "\0\x10\0\1", .len = 4 };
    struct wire_message message;

    /* Above WIRE_LENGTH_MAX no limit helps. */
    cr_assert_eq(wire_frame_next(&frame, UINT32_MAX, &in, &message), WIRE_TOO_LONG);
    cr_assert(message.total == 0x100001 && frame.body.data == NULL);
}

Test(wire_frame, memory_grows_as_bytes_arrive_and_goes_when_idle) {
    static const struct {
        size_t bytes;
        uint32_t size;
    } steps[] = { { 1, 512 }, { 511, 512 }, { 1, 1024 }, { 600, 2048 }, { 58886, 60000 } };
    static char zeros[60000];
    struct wire_frame frame = { .want = 0 };
    struct wire_input in = { .data = "\0\0\xea\x60", .len = 4 };
    struct wire_message message;

    cr_assert_eq(wire_frame_next(&frame, 65536, &in, &message), WIRE_WANT);
    cr_assert_eq(frame.body.size, 0, "a header takes no memory");
    for (size_t i = 0; i < COUNT(steps); i++) {
        in = (struct wire_input){ .data = zeros, .len = steps[i].bytes };
        cr_assert_eq(wire_frame_next(&frame, 65536, &in, &message), WIRE_WANT);
        cr_assert_eq(frame.body.size, steps[i].size, "step %zu: %u", i, frame.body.size);
    }
    in = (struct wire_input){ .data = zeros, .len = 1 };
    cr_assert_eq(wire_frame_next(&frame, 65536, &in, &message), WIRE_MESSAGE);
    cr_assert_eq(message.len, 60000);
    cr_assert_eq(wire_frame_next(&frame, 65536, &in, &message), WIRE_WANT);
    cr_assert(frame.body.data == NULL && frame.body.size == 0);
}

Test(wire_frame, whole_frames_are_not_copied) {
    static const char data[] = "\0\0\0\5hello";
    struct wire_frame frame = { .want = 0 };
    struct wire_input in = { .data = data, .len = sizeof(data) - 1 };
    struct wire_message message;

    cr_assert_eq(wire_frame_next(&frame, 100, &in, &message), WIRE_MESSAGE);
    cr_assert(message.data == data + 4 && frame.body.data == NULL);
}

Test(wire_frame, seal_writes_what_is_read) {
    char head[WIRE_FRAME_HEAD];

    cr_assert_eq(wire_frame_seal(head, 0x0a0b0c), 0);
    cr_assert_arr_eq(head, "\0\x0a\x0b\x0c", 4);
    cr_assert_eq(wire_frame_seal(head, WIRE_LENGTH_MAX), 0);
    cr_assert_eq(wire_frame_seal(head, WIRE_LENGTH_MAX + 1), -1);
}
