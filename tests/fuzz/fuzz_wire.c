/*
 * A hostile peer, at its own pace, under any rules. Two wires get the same; one of them moves to
 * another process again and again, and is told the same. Then a hostile process: bytes that claim
 * to be a wire. Each message keeps the limits, each wire its time, and the end is told once.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/text_utf8.h"
#include "shared/wire.h"
#include "tests/fuzz/tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int ok) {
    if (!ok)
        abort();
}

static uint8_t take(const uint8_t **data, size_t *size) {
    uint8_t byte = 0;

    if (*size > 0) {
        byte = *(*data)++;
        --*size;
    }
    return byte;
}

static void move(struct wire *wire, const struct wire_rules *rules) {
    static struct tail room;
    size_t size = wire_pack_size(wire);
    char *packed = tail_make(&room, size);
    ssize_t n = wire_pack(wire, packed, size);

    expect(n == (wire->is_over ? -1 : (ssize_t)size));
    if (n > 0) {
        expect(wire_pack(wire, packed, size - 1) == -1);
        wire_fini(wire);
        memset(wire, 0xa5, sizeof(*wire));
        expect(wire_unpack(wire, rules, packed, size) == 0);
    }
}

static void check_event(
    const struct wire *wire, enum wire_event event, const struct wire_message *message) {
    const struct wire_rules *rules = wire->rules;
    const size_t max = wire_mode(wire) == WIRE_FRAMED ? rules->frame_max_bytes
                                                      : rules->line_max_bytes;

    expect(wire_event_name(event) != NULL && event != WIRE_NO_MEMORY);
    if (event == WIRE_MESSAGE)
        expect(message->len <= max && message->len <= message->total);
    if (event == WIRE_INCOMPLETE)
        expect(message->len <= (max > 8 ? max : 8));
    expect(!wire_event_is_last(event) || wire->is_over);
}

/* What a message becomes for this peer. */
static void check_send(struct wire *wire, const struct wire_message *message, uint64_t now_ms) {
    static struct tail room;
    char *sent = tail_make(&room, WIRE_ENCODE_MOST(message->len));
    size_t n = wire_encode(wire_form(wire), sent, message->data, message->len);
    size_t skip = wire_begin_send(wire, now_ms);

    expect(n > 0 && n <= WIRE_ENCODE_MOST(message->len) && skip <= 1);
    expect(wire_form(wire) != WIRE_FORM_RAW || n <= WIRE_RAW_SEND_MAX);
    if (wire_form(wire) == WIRE_FORM_RAW && text_utf8_is_valid(message->data, message->len))
        expect(text_utf8_is_valid(sent, n));
}

/* One read by both. They are told the same. */
static void read_both(struct wire *stays, struct wire *moves, const uint8_t *data, size_t len,
    uint64_t now_ms, bool is_end) {
    static struct tail room;
    struct wire_input in = {
        .data = tail_copy(&room, data, len), .len = len, .now_ms = now_ms, .is_end = is_end
    };
    struct wire_input twin = in;
    struct wire_message message, other;
    enum wire_event event;

    do {
        event = wire_next(stays, &in, &message);
        expect(wire_next(moves, &twin, &other) == event && twin.len == in.len);
        expect(message.len == other.len && message.total == other.total);
        expect(message.len == 0 || memcmp(message.data, other.data, message.len) == 0);
        check_event(stays, event, &message);
        if (event == WIRE_MESSAGE) {
            check_send(stays, &message, now_ms);
            check_send(moves, &other, now_ms);
        }
        if (event != WIRE_WANT && !wire_event_is_last(event))
            move(moves, moves->rules);
    } while (event != WIRE_WANT);
    expect(in.len == 0);
    expect(wire_due_ms(stays) > now_ms || stays->rules->raw_gap_ms == 0);
    expect(wire_due_ms(stays) == wire_due_ms(moves) && wire_form(stays) == wire_form(moves));
}

static void talk(const struct wire_rules *rules, const uint8_t *data, size_t size) {
    struct wire stays, moves;
    uint64_t now_ms = 1;

    wire_init(&stays, rules);
    wire_init(&moves, rules);
    while (size > 0) {
        const uint8_t how = take(&data, &size);
        size_t n = how % 32 < 31 ? how % 32 : 1024;

        n = n < size ? n : size;
        now_ms += how >= 64 ? (how / 64) * 30u : 0;
        read_both(&stays, &moves, data, n, now_ms, false);
        data += n;
        size -= n;
        if (how % 2 != 0)
            move(&moves, rules);
    }
    /* Nothing is left waiting for ever. */
    if (wire_is_partial(&stays) && wire_due_ms(&stays) != UINT64_MAX)
        read_both(&stays, &moves, NULL, 0, wire_due_ms(&stays), false);
    read_both(&stays, &moves, NULL, 0, now_ms + 100000, true);
    read_both(&stays, &moves, (const uint8_t *)"x\n", 2, now_ms + 200000, true);
    wire_fini(&stays);
    wire_fini(&moves);
}

static void unpack(const struct wire_rules *rules, const uint8_t *data, size_t size) {
    static const char text[] = "x\r\n\xff\xfd\1y\0\0\0\1z";
    struct wire_input in = { .data = text, .len = sizeof(text), .now_ms = 1000 };
    struct wire_message message;
    enum wire_event event;
    struct wire wire;

    if (wire_unpack(&wire, rules, (const char *)data, size) < 0)
        return;
    /* What was packed need not have kept today's limits: only bounds matter. */
    move(&wire, rules);
    while ((event = wire_next(&wire, &in, &message)) != WIRE_WANT)
        expect(event != WIRE_NO_MEMORY && message.len <= WIRE_LENGTH_MAX + sizeof(text));
    in = (struct wire_input){ .now_ms = 2000000, .is_end = true };
    while ((event = wire_next(&wire, &in, &message)) != WIRE_WANT)
        expect(message.len <= WIRE_LENGTH_MAX + sizeof(text));
    wire_fini(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t how = take(&data, &size);
    const struct wire_rules rules = {
        .mode = how % 8 < 4 ? WIRE_AUTO : how % 4,
        .frame_max_bytes = how & 0x10 ? 30 : 70000,
        .line_max_bytes = how & 0x20 ? 20 : 2000,
        .raw_gap_ms = 40,
        .partial_ms = how & 0x40 ? 200 : 0,
    };

    if (how & 0x80)
        unpack(&rules, data, size);
    else
        talk(&rules, data, size);
    return 0;
}
