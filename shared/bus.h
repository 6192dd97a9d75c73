#ifndef SHARED_BUS_H
#define SHARED_BUS_H

/*
 * The bus: records that many processes publish and all of them read, in one order, from memory that
 * outlives each of them. A writer puts a whole record into the arena of its own row; then one
 * compare-and-swap writes the record's descriptor into the slot of the next sequence number:
 *
 *     written -> [swap] published -> tail advanced, by anybody -> sleepers woken
 *     slot of sequence s:  lap(s) - 1: not yet  ->  lap(s): published  ->  lap(s) + 1: lapped
 *
 * A writer killed before the swap has done nothing; after it, all is done but the waking, which the
 * next publisher does, or bus_release_row() when the parent has reaped the killed one, or the
 * sleeper's own tick (BUS_TICK_MS): a sleeper never hears of a record later than that.
 *
 * Invariants: the order has no hole and no record stands in it twice; a row has one living owner;
 * no pointer, lock or trusted length lies in the memory. Whatever bytes a faulty worker leaves
 * there, a call ends after a bounded number of steps and touches nothing outside the memory, and
 * what others publish from then on is read. (A hostile one can publish in anybody's name; that is
 * not the bus's to judge.)
 *
 * History: the newest `history` records, or fewer when one row's arena has not held its share of
 * them: its oldest are overwritten first. bus_oldest() says where the history without gaps begins.
 *
 * crc32c_init() must have been called.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUS_ROWS_MAX  1024
#define BUS_TICK_MS   50 /* how long to sleep at most */
#define BUS_ROOM_SIZE 16 /* bytes of the random id */

struct bus;

struct bus_settings {
    uint32_t rows;        /* workers at once, those that leave included; each costs a descriptor */
    uint32_t history;     /* records; the next power of two is taken */
    uint32_t payload_max; /* bytes of one record */
    uint32_t arena_bytes; /* of each row, the next power of two; a record takes 48 and its payload
                             in it, rounded up to 16; pages are made as they are touched */
};

struct bus_record {
    uint64_t seq;       /* from 1 on; by the bus */
    uint64_t wall_ns;   /* when it was published, for people; by the bus */
    uint64_t member;    /* who sends */
    uint64_t client_id; /* the sender's own number of this record, published once; 0: none */
    uint16_t kind;      /* the caller's */
    uint32_t len;
    const void *payload;
};

/* ---- making it: the parent, before fork ---- */

/*
 * Bytes that it needs; 0 with EINVAL when a setting is out of range: history up to 2^20,
 * payload_max up to 1 MiB, at least four of them in an arena, and an arena and history times
 * payload_max up to 256 MiB each.
 */
size_t bus_size(const struct bus_settings *settings);

/* Make a bus in bus_size() bytes of zeros, aligned to a page. Returns 0, or -1 with errno. */
int bus_format(void *mem, const struct bus_settings *settings);

/*
 * Take up the bus in this memory, and make the descriptors that wake its rows. Children inherit
 * what is returned. Returns NULL with errno: EPROTO when there is no bus of this kind.
 */
struct bus *bus_attach(void *mem, size_t size);

/* All of that, in a sealed memfd of its own. Returns NULL with errno. */
struct bus *bus_new(const struct bus_settings *settings);
void bus_free(struct bus *bus);

/* In a child that has no business there: unmap what bus_new() mapped; nothing else is done. */
void bus_forget(struct bus *bus);

/* The descriptor that wakes this row. */
int bus_row_fd(const struct bus *bus, uint32_t row);

/*
 * A free row for the worker that is about to be forked. The parent alone keeps the list: a row is
 * free again by bus_release_row(), when its worker is reaped and not before; that also wakes whom
 * the dead one may have left asleep. Returns the row, or -1 with ENOSPC.
 */
int bus_claim_row(struct bus *bus);
void bus_release_row(struct bus *bus, int row);

/* ---- any process ---- */

/* The random id of this bus: a sequence number means nothing without it. */
const uint8_t *bus_room(const struct bus *bus);

/* Most bytes of a payload. */
uint32_t bus_payload_max(const struct bus *bus);

/* The sequence number that will be published next. */
uint64_t bus_next(struct bus *bus);

/* The oldest record from which on all can be read now. About 4 us for a history of 2048. */
uint64_t bus_oldest(struct bus *bus);

/* ---- reading: any process, any thread; each reader is one thread's ---- */

struct bus_reader {
    struct bus *bus;
    uint64_t cursor;          /* the sequence number to be read next */
    uint64_t missed;          /* by the last call, if it returned LAPPED or DAMAGED */
    uint64_t lapped, damaged; /* missed for this reason so far */
};

enum bus_result {
    BUS_EMPTY,   /* nothing yet */
    BUS_RECORD,  /* the cursor is behind it */
    BUS_LAPPED,  /* `missed` records in a row are gone: the cursor is behind them */
    BUS_DAMAGED, /* `missed` records cannot be believed: the cursor is behind them. 0: the cursor
                    was ahead of the bus, and is at its end */
};

/* Read from `seq` on: bus_next(), bus_oldest(), or behind the last one that was seen. */
void bus_begin(struct bus_reader *reader, struct bus *bus, uint64_t seq);

/*
 * Read one record, its payload into buf (bus_payload_max() bytes). No system call, does not block.
 */
enum bus_result bus_read(struct bus_reader *reader, void *buf, struct bus_record *out);

#endif
