/*
 * Reading the bus. What makes it sound:
 *
 * - The slot of the cursor is loaded before the tail (acquire). When the tail is then at most one
 *   round ahead of the cursor, only three laps could have stood in the slot, so that laps counted
 *   modulo 2^28 (or 2^2) are not mistaken.
 * - The descriptor is loaded with acquire and was swapped in after its record's words were stored:
 *   they are seen.
 * - Whoever overwrites them raises the row's `end` first and then stores words with release. A
 *   reader that loads one such word, with acquire, finds the raised `end` after it: it has copied
 *   a mixture only if end - place > arena, and then says LAPPED.
 * - The head says who wrote what where, and has a checksum as the payload has: what a faulty
 *   worker scribbled is found, and lengths are used only after they were found in bounds.
 */
#include <string.h>

#include "shared/bus_layout.h"
#include "shared/crc32c.h"
#include "shared/failpoint.h"

static uint64_t load(const _Atomic uint64_t *word) {
    return atomic_load_explicit(word, memory_order_acquire);
}

static void load_words(void *dst, const _Atomic uint64_t *src, size_t len) {
    uint64_t word;
    size_t at = 0;

    for (; len - at >= sizeof(word); at += sizeof(word)) {
        word = load(src++);
        memcpy((char *)dst + at, &word, sizeof(word));
    }
    if (at < len) {
        word = load(src);
        memcpy((char *)dst + at, &word, len - at);
    }
}

static bool is_at(const struct bus *bus, uint64_t word, uint64_t seq) {
    return bus_lap_of(word) == bus_lap(bus, seq);
}

void bus_advance(struct bus *bus, uint64_t tail) {
    atomic_compare_exchange_strong(&bus->shared->tail, &tail, tail + 1);
}

uint64_t bus_next(struct bus *bus) {
    uint64_t tail = load(&bus->shared->tail);

    /* A writer leaves it one behind; a faulty one anywhere, but a round is all that can follow. */
    for (uint32_t i = 0; i < bus->slots && is_at(bus, load(bus_slot(bus, tail)), tail); i++) {
        bus_advance(bus, tail);
        tail = load(&bus->shared->tail);
    }
    return tail;
}

/* True when the record has been overwritten in its arena; its slot has not. */
static bool is_gone(const struct bus *bus, uint64_t word) {
    return bus_row_of(word) < bus->settings.rows && bus_distance(bus, word) > bus->arena_units;
}

uint64_t bus_oldest(struct bus *bus) {
    uint64_t seq = bus_next(bus), word;

    for (uint32_t i = 0; i < bus->settings.history && seq > 1; i++, seq--) {
        word = load(bus_slot(bus, seq - 1));
        if (!is_at(bus, word, seq - 1) || is_gone(bus, word))
            break;
    }
    return seq;
}

uint32_t bus_head_crc(const struct bus_head *head) {
    return crc32c(0, head, offsetof(struct bus_head, head_crc));
}

enum bus_peek bus_peek(const struct bus *bus, uint64_t word, struct bus_head *out) {
    uint32_t offset = bus_offset_of(word), row = bus_row_of(word), distance;
    uint32_t room = bus->arena_units - (offset & (bus->arena_units - 1));

    if (row >= bus->settings.rows || room < BUS_HEAD_UNITS)
        return BUS_PEEK_DAMAGED;
    load_words(out, bus_words(bus, row, offset), sizeof(*out));
    distance = bus_distance(bus, word);
    if (distance > bus->arena_units)
        return BUS_PEEK_GONE;
    if (out->head_crc != bus_head_crc(out) || (out->place & BUS_OFFSET_MASK) != offset ||
        out->row != row || out->len > bus->settings.payload_max || bus_units(out->len) > room ||
        bus_units(out->len) > distance)
        return BUS_PEEK_DAMAGED;
    return BUS_PEEK_WHOLE;
}

void bus_begin(struct bus_reader *reader, struct bus *bus, uint64_t seq) {
    *reader = (struct bus_reader){ .bus = bus, .cursor = seq > 0 ? seq : 1 };
}

static enum bus_result skip_damaged(struct bus_reader *reader) {
    reader->cursor++;
    reader->missed = 1;
    reader->damaged++;
    return BUS_DAMAGED;
}

/* What lies before `to` is gone, and perhaps more behind it: told at once. */
static enum bus_result skip_gone(struct bus_reader *reader, uint64_t to) {
    struct bus *bus = reader->bus;
    uint64_t next = bus_next(bus), word;

    for (; (int64_t)(next - to) > 0; to++) {
        word = load(bus_slot(bus, to));
        if (!is_at(bus, word, to) || !is_gone(bus, word))
            break;
    }
    reader->missed = to - reader->cursor;
    reader->lapped += reader->missed;
    reader->cursor = to;
    return BUS_LAPPED;
}

static enum bus_result take(
    struct bus_reader *reader, uint64_t word, void *buf, struct bus_record *out) {
    const struct bus *bus = reader->bus;
    const _Atomic uint64_t *words;
    struct bus_head head;

    switch (bus_peek(bus, word, &head)) {
    case BUS_PEEK_GONE:
        return skip_gone(reader, reader->cursor + 1);
    case BUS_PEEK_DAMAGED:
        return skip_damaged(reader);
    case BUS_PEEK_WHOLE:
        break;
    }
    FAILPOINT("bus-read");
    words = bus_words(bus, head.row, head.place) + sizeof(head) / sizeof(uint64_t);
    load_words(buf, words, head.len);
    if (bus_distance(bus, word) > bus->arena_units)
        return skip_gone(reader, reader->cursor + 1);
    if (crc32c(0, buf, head.len) != head.payload_crc)
        return skip_damaged(reader);
    *out = (struct bus_record){
        .seq = reader->cursor++,
        .wall_ns = head.wall_ns,
        .member = head.member,
        .client_id = head.client_id,
        .kind = head.kind,
        .len = head.len,
        .payload = buf,
    };
    return BUS_RECORD;
}

/* There is no record in the cursor's slot, or the tail is elsewhere. */
static enum bus_result pass_over(struct bus_reader *reader, void *buf, struct bus_record *out) {
    struct bus *bus = reader->bus;
    uint64_t next = bus_next(bus), word;
    int64_t ahead = (int64_t)(next - reader->cursor);

    if (ahead == 0)
        return BUS_EMPTY;
    if (ahead < 0) {
        reader->cursor = next;
        reader->missed = 0;
        reader->damaged++;
        return BUS_DAMAGED;
    }
    /* It is published: not yet overwritten if the tail is within a round of it after this look. */
    word = load(bus_slot(bus, reader->cursor));
    next = bus_next(bus);
    if (next - reader->cursor > bus->slots)
        return skip_gone(reader, next - bus->settings.history);
    return is_at(bus, word, reader->cursor) ? take(reader, word, buf, out) : skip_damaged(reader);
}

enum bus_result bus_read(struct bus_reader *reader, void *buf, struct bus_record *out) {
    struct bus *bus = reader->bus;
    uint64_t word = load(bus_slot(bus, reader->cursor)), tail = load(&bus->shared->tail);

    if (is_at(bus, word, reader->cursor) && tail - reader->cursor <= bus->slots)
        return take(reader, word, buf, out);
    return pass_over(reader, buf, out);
}
