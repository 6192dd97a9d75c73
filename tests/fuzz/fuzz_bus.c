/*
 * A hostile worker on the bus: words anywhere in the memory, descriptors and heads whose checksums
 * are right, tails and ends that jump. Readers end after a bounded number of steps within bounds,
 * and who is honest publishes, and is read, all the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_layout.h"
#include "shared/crc32c.h"
#include "tests/fuzz/input.h"

enum { ROWS = 3, HISTORY = 8, PAYLOAD_MAX = 100, OWN_ROW = 1 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct bus_settings settings = { ROWS, HISTORY, PAYLOAD_MAX, 4096 };
static struct bus *bus;
static struct bus_seat *seat;
static struct bus_reader reader;
static char *mem, *fresh, *buf; /* of the exact size each */
static size_t mem_size;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    crc32c_init();
    mem_size = bus_size(&settings);
    mem = aligned_alloc(4096, mem_size);
    fresh = calloc(1, mem_size);
    buf = malloc(PAYLOAD_MAX);
    expect(mem != NULL && fresh != NULL && buf != NULL && bus_format(fresh, &settings) == 0);
    memcpy(mem, fresh, mem_size);
    bus = bus_attach(mem, mem_size);
    expect(bus != NULL);
    return 0;
}

/* ---- the hostile one ---- */

static void write_anywhere(void) {
    size_t word = take(2) % (mem_size / 8);
    uint64_t value = take(8);

    memcpy(mem + 8 * word, &value, 8);
}

static void forge_descriptor(void) {
    uint64_t seq = bus->shared->tail + (uint64_t)(int8_t)take(1), offset = take(2);

    *bus_slot(bus, seq) = bus_pack(bus_lap(bus, seq), (uint32_t)take(1) % (ROWS + 1), offset);
}

/* A record that may be whole, and is found by a descriptor at the tail. */
static void forge_record(void) {
    const uint32_t row = (uint32_t)take(1) % ROWS, place = (uint32_t)take(2);
    uint32_t room = bus->arena_units - (place & (bus->arena_units - 1)), len;
    struct bus_head head = { .place = place, .row = (uint16_t)row, .kind = 1 };
    char *bytes = (char *)(void *)bus_words(bus, row, place);

    head.member = take(1) % 4;
    head.client_id = take(1) % 16;
    head.len = (uint32_t)take(take(1) % 4 == 0 ? 4 : 1);
    if (room < BUS_HEAD_UNITS)
        return;
    len = head.len < 16 * room - sizeof(head) ? head.len : 16 * room - (uint32_t)sizeof(head);
    head.payload_crc = crc32c(0, bytes + sizeof(head), len);
    head.head_crc = bus_head_crc(&head);
    memcpy(bytes, &head, sizeof(head));
    bus->row[row].end = place + take(1);
    *bus_slot(bus, bus->shared->tail) = bus_pack(bus_lap(bus, bus->shared->tail), row, place);
}

static void move_tail(void) {
    if (take(1) % 2 == 0)
        bus->shared->tail += (uint64_t)(int8_t)take(1);
    else
        bus->shared->tail = take(8);
}

static void move_end(void) {
    bus->row[take(1) % ROWS].end += (uint64_t)(int16_t)take(2);
}

/* ---- the honest ones ---- */

static void sit_again(void) {
    bus_release_row(bus, OWN_ROW);
    bus_leave(seat);
    expect(bus_claim_row(bus) == OWN_ROW);
    seat = bus_sit(bus, OWN_ROW);
    expect(seat != NULL);
}

static int publish(uint64_t client_id, uint32_t len) {
    static const char text[PAYLOAD_MAX + 1];
    const struct bus_record record = {
        .member = 2, .client_id = client_id, .payload = text, .len = len
    };
    uint64_t seq;
    int result = bus_publish(seat, &record, &seq);

    if (result < 0 && errno == ESTALE) {
        sit_again();
        result = bus_publish(seat, &record, &seq);
    }
    expect(result >= 0 || (errno == EMSGSIZE && len > PAYLOAD_MAX));
    return result;
}

static enum bus_result read_one(struct bus_record *record) {
    uint64_t cursor = reader.cursor;
    enum bus_result result = bus_read(&reader, buf, record);

    if (result == BUS_RECORD)
        expect(record->seq == cursor && reader.cursor == cursor + 1 && record->payload == buf &&
               record->len <= PAYLOAD_MAX);
    else if (result == BUS_LAPPED)
        expect(reader.cursor - cursor == reader.missed && reader.missed > 0);
    else if (result == BUS_EMPTY)
        expect(reader.cursor == cursor);
    return result;
}

static void read_to_the_end(void) {
    struct bus_record record;
    unsigned steps = 0;

    while (read_one(&record) != BUS_EMPTY)
        expect(++steps <= 4 * bus->slots);
}

static void act_honestly(void) {
    struct bus_record record;
    uint64_t found;

    switch (take(1) % 6) {
    case 0:
        publish(take(1) % 16, (uint32_t)take(1));
        break;
    case 1:
        read_one(&record);
        break;
    case 2:
        bus_find(seat, 2, take(1) % 16, &found);
        break;
    case 3:
        found = bus_oldest(bus);
        expect(bus_next(bus) - found <= HISTORY);
        bus_begin(&reader, bus, found);
        break;
    case 4:
        if (bus_sleep(seat, &reader))
            bus_awake(seat);
        break;
    default:
        bus_begin(&reader, bus, take(8));
        break;
    }
}

/* Whatever has happened: a record that is published now is read now, and known. */
static void go_on(void) {
    struct bus_record record;
    uint64_t next = bus_next(bus), id, found;

    arc4random_buf(&id, sizeof(id));
    bus_begin(&reader, bus, next);
    expect(publish(id, 10) == 1);
    if (next == 0)
        return; /* no reader begins there */
    expect(read_one(&record) == BUS_RECORD && record.client_id == id && record.len == 10);
    /* A descriptor that was forged before may lead to it, too. */
    expect(bus_find(seat, 2, id, &found) && found - next <= bus->slots);
    expect(publish(id, 10) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const acts[])(void) = { write_anywhere, forge_descriptor, forge_record, move_tail,
        move_end, act_honestly, act_honestly, act_honestly };

    memcpy(mem, fresh, mem_size);
    memset(bus->claimed, 0, sizeof(bus->claimed));
    expect(bus_claim_row(bus) == 0 && bus_claim_row(bus) == OWN_ROW);
    seat = bus_sit(bus, OWN_ROW);
    expect(seat != NULL);
    bus_begin(&reader, bus, 1);
    input_begin(data, size);
    while (input.left > 0)
        acts[take(1) % (sizeof(acts) / sizeof(acts[0]))]();
    read_to_the_end();
    go_on();
    bus_leave(seat);
    return 0;
}
