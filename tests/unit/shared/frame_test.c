/* Frames: whole ones are taken, torn ones wait, damaged ones are seen. */
#include "shared/frame.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "shared/crc32c.h"

TestSuite(frame, .init = crc32c_init);

static size_t make(char *dst, uint32_t len) {
    struct frame frame = {
        .type = FRAME_DONE, .lane = 3, .chunk = 7, .records = len, .epoch = 1, .len = len
    };

    for (uint32_t i = 0; i < len; i++)
        dst[sizeof(frame) + i] = (char)i;
    frame_seal(&frame, dst + sizeof(frame));
    memcpy(dst, &frame, sizeof(frame));
    return sizeof(frame) + len;
}

Test(frame, torn_at_every_byte_is_never_taken) {
    char data[sizeof(struct frame) + 100];
    size_t len = make(data, 100);
    struct frame frame;
    const char *payload;

    for (size_t cut = 0; cut < len; cut++)
        cr_assert_eq(frame_read(data, cut, &frame, &payload), FRAME_MORE, "cut at %zu", cut);
    cr_assert_eq(frame_read(data, len, &frame, &payload), FRAME_COMPLETE);
    cr_assert(frame.chunk == 7 && frame.len == 100 && payload == data + sizeof(frame));
}

Test(frame, flipped_bit_is_never_taken) {
    char data[sizeof(struct frame) + 20], copy[sizeof(data)];
    size_t len = make(data, 20);
    struct frame frame;
    const char *payload;

    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(copy, data, len);
        copy[bit / 8] ^= (char)(1 << bit % 8);
        cr_assert_eq(frame_read(copy, len, &frame, &payload), FRAME_BAD, "bit %zu", bit);
    }
}

Test(frame, length_is_checked_before_it_is_used) {
    struct frame frame = { .type = FRAME_PART, .len = FRAME_PAYLOAD_MAX + 1 }, out;
    const char *payload;
    char *data = calloc(1, FRAME_PAYLOAD_MAX + 1);

    frame_seal(&frame, data);
    cr_assert_eq(frame_read(&frame, sizeof(frame), &out, &payload), FRAME_BAD);
    frame.len = FRAME_PAYLOAD_MAX;
    frame_seal(&frame, data);
    cr_assert_eq(frame_read(&frame, sizeof(frame), &out, &payload), FRAME_MORE);
    free(data);
}

Test(frame, empty_payload_is_a_frame) {
    char data[sizeof(struct frame)];
    struct frame frame;
    const char *payload;

    make(data, 0);
    cr_assert_eq(frame_read(data, sizeof(data), &frame, &payload), FRAME_COMPLETE);
}
