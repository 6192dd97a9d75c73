#ifndef SHARED_BUS_LAYOUT_H
#define SHARED_BUS_LAYOUT_H

/*
 * How the bus lies in memory; for its own files and their tests. All that more than one process
 * touches is atomic, the bytes of records included: they are copied word by word, with release and
 * acquire, which costs nothing on x86 and lets ThreadSanitizer see what the argument is built on.
 *
 *     header | rows | slots | arenas, each from a page of its own
 *
 * An arena counts units of 16 bytes from the row's first record on, for ever (its places); a
 * place's low bits are where it lies. `end` is raised before any byte below it is overwritten, so a
 * record at `place` is whole while end - place <= arena: who copies, and then finds this still so,
 * has copied no other record's bytes.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/bus.h"
#include "shared/bus_seat.h"

#define BUS_MAGIC 0x7375622d66657270ull /* "pref-bus" */
#define BUS_ABI   1u
#define BUS_UNIT  16u

/* A test that counts laps with fewer bits meets their wrap in a moment. */
#ifndef BUS_LAP_BITS
#define BUS_LAP_BITS 28
#endif
#define BUS_LAP_MASK     ((1u << BUS_LAP_BITS) - 1)
#define BUS_ROW_SHIFT    26 /* 10 bits of row */
#define BUS_LAP_SHIFT    36
#define BUS_OFFSET_MASK  0x3ffffffu /* low bits of the place: repeats after 1 GiB */
#define BUS_HISTORY_MAX  (1u << 20)
#define BUS_ARENA_MAX    (256u << 20)
#define BUS_PAYLOAD_TOP  (1u << 20)
#define BUS_PAGE         4096u
#define BUS_SLEEPY_WORDS (BUS_ROWS_MAX / 64)

/* At the head of each record; 48 bytes. */
struct bus_head {
    uint64_t place;
    uint64_t member, client_id, wall_ns;
    uint32_t len;
    uint16_t kind, row;
    uint32_t payload_crc;
    uint32_t head_crc; /* of all above */
};
#define BUS_HEAD_UNITS (sizeof(struct bus_head) / BUS_UNIT)

struct bus_row {
    _Alignas(64) _Atomic uint64_t end; /* writer: the owner */
    _Atomic uint32_t epoch;            /* grows with each owner; writer: the parent */
    /* odd: asleep. The owner makes it odd, a publisher that has woken it even */
    _Alignas(64) _Atomic uint32_t ticket;
};

/* What stands above `tail` is written before the first fork, and read by bus_attach() alone. */
struct bus_shared {
    uint64_t magic;
    uint32_t abi;
    struct bus_settings settings; /* rounded */
    uint8_t room[BUS_ROOM_SIZE];
    _Alignas(64) _Atomic uint64_t tail; /* the next sequence number, or one that is taken */
    /* a bit for each row whose owner sleeps, or was killed asleep */
    _Alignas(64) _Atomic uint64_t sleepy[BUS_SLEEPY_WORDS];
};

/* A process's view: sizes are its own copy, so that nobody else can change them. */
struct bus {
    void *mapped; /* to be unmapped by bus_free(), or NULL */
    size_t size;
    struct bus_settings settings;
    uint8_t room[BUS_ROOM_SIZE];
    uint32_t slots; /* a power of two: twice the history, so that who is lapped is not so again at
                       once */
    uint32_t arena_units;
    struct bus_shared *shared;
    struct bus_row *row;
    _Atomic uint64_t *slot;
    _Atomic uint64_t *arena;
    uint64_t claimed[BUS_SLEEPY_WORDS]; /* by the parent, in its own memory */
    int wake_fd[];
};

static inline uint32_t bus_lap(const struct bus *bus, uint64_t seq) {
    return (uint32_t)(seq / bus->slots + 1) & BUS_LAP_MASK;
}

static inline _Atomic uint64_t *bus_slot(const struct bus *bus, uint64_t seq) {
    return bus->slot + (seq & (bus->slots - 1));
}

static inline uint64_t bus_pack(uint32_t lap, uint32_t row, uint64_t place) {
    return (uint64_t)lap << BUS_LAP_SHIFT | (uint64_t)row << BUS_ROW_SHIFT |
           (place & BUS_OFFSET_MASK);
}

static inline uint32_t bus_lap_of(uint64_t word) {
    return (uint32_t)(word >> BUS_LAP_SHIFT);
}

static inline uint32_t bus_row_of(uint64_t word) {
    return word >> BUS_ROW_SHIFT & (BUS_ROWS_MAX - 1);
}

static inline uint32_t bus_offset_of(uint64_t word) {
    return word & BUS_OFFSET_MASK;
}

/* Units that a record takes. */
static inline uint32_t bus_units(uint32_t len) {
    return (uint32_t)(BUS_HEAD_UNITS + (len + BUS_UNIT - 1) / BUS_UNIT);
}

/* Words of the row's arena from this offset on. */
static inline _Atomic uint64_t *bus_words(const struct bus *bus, uint32_t row, uint64_t offset) {
    size_t unit = (size_t)row * bus->arena_units + (offset & (bus->arena_units - 1));

    return bus->arena + unit * (BUS_UNIT / sizeof(uint64_t));
}

/* How far the row's end is from this offset: more than the arena when what lay there is gone. */
static inline uint32_t bus_distance(const struct bus *bus, uint64_t word) {
    uint64_t end = atomic_load_explicit(&bus->row[bus_row_of(word)].end, memory_order_relaxed);

    return (uint32_t)(end - bus_offset_of(word)) & BUS_OFFSET_MASK;
}

struct bus_index;

/* A worker's own memory, but for what `row` points at. */
struct bus_seat {
    struct bus *bus;
    struct bus_row *row;
    uint32_t row_number, epoch;
    pthread_mutex_t lock; /* of this process alone: who is killed inside takes it along */
    uint64_t end;         /* place of the next record; the row's `end` is a copy for the others */
    uint32_t ticket;      /* odd */
    unsigned sleepers;    /* threads between bus_sleep() and bus_awake() */
    struct bus_index *index;
};

/* ---- bus_read.c ---- */

enum bus_peek { BUS_PEEK_WHOLE, BUS_PEEK_GONE, BUS_PEEK_DAMAGED };

/* Copy and check the head of the record that a descriptor names. */
enum bus_peek bus_peek(const struct bus *bus, uint64_t word, struct bus_head *out);

/* The checksum of a head. */
uint32_t bus_head_crc(const struct bus_head *head);

/* Somebody published at `tail`: let the tail pass it. */
void bus_advance(struct bus *bus, uint64_t tail);

/* ---- bus_wake.c ---- */

/* Wake every row that sleeps. No system call when none does. */
void bus_wake(struct bus *bus);

/* ---- bus_index.c: which client ids are in the history; private memory, one thread at a time ----
 */

struct bus_index *bus_index_new(struct bus *bus);
void bus_index_free(struct bus_index *index);

/*
 * Take in all records before `seq`, which must be published, then look. Returns the sequence number
 * of the newest record of this member with this id, or 0.
 */
uint64_t bus_index_find(struct bus_index *index, uint64_t seq, uint64_t member, uint64_t client_id);

#endif
