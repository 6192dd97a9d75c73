/*
 * A hostile peer of the framed form. However its bytes are cut, the messages are those that a
 * reader of the whole would see; no more memory is taken than bytes came; what is sealed is read.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/wire_frame.h"
#include "tests/fuzz/tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int ok) {
    if (!ok)
        abort();
}

/* What is next by the book: a frame of *out_len bytes at the result, or NULL: none is whole. */
static const uint8_t *next_by_book(const uint8_t **at, const uint8_t *end, uint32_t *out_len) {
    const uint8_t *payload = NULL;

    *out_len = 0;
    while (payload == NULL && end - *at >= 4) {
        *out_len = (uint32_t)(*at)[0] << 24 | (*at)[1] << 16 | (*at)[2] << 8 | (*at)[3];
        if (*out_len > 0)
            payload = *at + 4;
        else
            *at += 4;
    }
    if (payload == NULL || (size_t)(end - payload) < *out_len)
        return NULL;
    *at = payload + *out_len;
    return payload;
}

static void check_memory(const struct wire_frame *frame) {
    expect(frame->body.len <= frame->body.size || frame->body.data == NULL);
    expect(frame->body.size <= 2 * (frame->body.len + WIRE_BUFFER_FIRST));
    expect(wire_frame_is_partial(frame) || frame->is_given || frame->body.data == NULL);
    expect(wire_frame_rest(frame).len == frame->body.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint32_t max = size > 0 ? 1u << data[0] % 24 : 1;
    const size_t piece = size > 1 ? 1 + data[1] : 1;
    static struct tail cut;
    struct wire_frame frame = { .want = 0 };
    enum wire_event event = WIRE_WANT;
    const uint8_t *book, *end, *wanted;
    struct wire_message message;
    uint32_t len;
    char head[WIRE_FRAME_HEAD];

    data += size > 1 ? 2 : size;
    size -= size > 1 ? 2 : size;
    book = data;
    end = data + size;
    while (size > 0 && event != WIRE_TOO_LONG) {
        size_t n = size < piece ? size : piece;
        struct wire_input in = { .data = tail_copy(&cut, data, n), .len = n };

        while ((event = wire_frame_next(&frame, max, &in, &message)) == WIRE_MESSAGE) {
            wanted = next_by_book(&book, end, &len);
            expect(wanted != NULL && message.len == len && len <= max && len <= WIRE_LENGTH_MAX);
            expect(memcmp(message.data, wanted, len) == 0);
            expect(wire_frame_seal(head, len) == 0 && memcmp(head, wanted - 4, 4) == 0);
            check_memory(&frame);
        }
        check_memory(&frame);
        data += n;
        size -= n;
    }
    wanted = next_by_book(&book, end, &len);
    expect(wanted == NULL || event == WIRE_TOO_LONG);
    if (event == WIRE_TOO_LONG) {
        expect(message.total == len && (len > max || len > WIRE_LENGTH_MAX));
        expect(frame.body.data == NULL && (wire_frame_seal(head, len) < 0 || len > max));
    }
    wire_frame_fini(&frame);
    return 0;
}
