/*
 * Publishing. What makes it sound:
 *
 * - The tail is t before and after the slot of t is loaded, and it only grows: so the slot held lap
 *   lap(t) - 1 (nobody is there yet) or lap(t), and a swap of the former succeeds for one writer
 *   alone. A word is the same again only after 2^28 rounds, by the same row, at the same place.
 * - The tail passes t only after somebody has seen lap(t) in its slot; so t + 1 is never published
 *   before t, and when a swap at t succeeds, all before t can be read. That is why looking for a
 *   client's number in all records before t and then swapping at t is one step: a record with that
 *   number published in between would have taken t.
 * - The swap is sequentially consistent, and so are the loads of who sleeps behind it (bus_wake.c).
 *
 * The order by tickets (fetch-and-add, then fill in) was refused: who is killed with a ticket in
 * its hand leaves a hole that somebody has to wait for.
 */
#include "shared/bus_seat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_layout.h"
#include "shared/clock.h"
#include "shared/crc32c.h"
#include "shared/failpoint.h"

#define ATTEMPTS_MAX 1000000u

struct bus_seat *bus_sit(struct bus *bus, int row) {
    struct bus_seat *seat;

    if (row < 0 || (uint32_t)row >= bus->settings.rows) {
        errno = EINVAL;
        return NULL;
    }
    seat = calloc(1, sizeof(*seat));
    if (seat == NULL)
        return NULL;
    seat->index = bus_index_new(bus);
    if (seat->index == NULL) {
        free(seat);
        return NULL;
    }
    pthread_mutex_init(&seat->lock, NULL);
    seat->bus = bus;
    seat->row_number = (uint32_t)row;
    seat->row = &bus->row[row];
    seat->epoch = atomic_load(&seat->row->epoch);
    /* Whatever it is: what its last owner published and this one overwrites is seen to be gone. */
    seat->end = atomic_load(&seat->row->end);
    /* The last owner may have been killed asleep. */
    seat->ticket = atomic_load(&seat->row->ticket) | 1;
    bus_awake(seat);
    bus_index_find(seat->index, bus_next(bus), 0, 0); /* takes in the history now, not later */
    return seat;
}

void bus_leave(struct bus_seat *seat) {
    if (seat == NULL)
        return;
    pthread_mutex_destroy(&seat->lock);
    bus_index_free(seat->index);
    free(seat);
}

static void store_words(_Atomic uint64_t *dst, const void *src, size_t len) {
    uint64_t word;
    size_t at = 0;

    for (; len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, (const char *)src + at, sizeof(word));
        atomic_store_explicit(dst++, word, memory_order_release);
    }
    if (at < len) {
        word = 0;
        memcpy(&word, (const char *)src + at, len - at);
        atomic_store_explicit(dst, word, memory_order_release);
    }
}

/* Write the record into the row's arena. Returns its place. */
static uint64_t write_record(struct bus_seat *seat, const struct bus_record *record) {
    const uint32_t arena = seat->bus->arena_units, units = bus_units(record->len);
    uint32_t room = arena - (uint32_t)(seat->end & (arena - 1));
    uint64_t place = units <= room ? seat->end : seat->end + room;
    struct bus_head head = {
        .place = place,
        .member = record->member,
        .client_id = record->client_id,
        .wall_ns = clock_wall_ns(),
        .len = record->len,
        .kind = record->kind,
        .row = (uint16_t)seat->row_number,
        .payload_crc = crc32c(0, record->payload, record->len),
    };
    _Atomic uint64_t *words = bus_words(seat->bus, seat->row_number, place);

    head.head_crc = bus_head_crc(&head);
    /* Before the words: see bus_read.c. Who is killed here has made the oldest records gone. */
    seat->end = place + units;
    atomic_store_explicit(&seat->row->end, seat->end, memory_order_relaxed);
    FAILPOINT("bus-write");
    store_words(words, &head, sizeof(head));
    store_words(words + sizeof(head) / sizeof(uint64_t), record->payload, record->len);
    FAILPOINT("bus-swap");
    return place;
}

/* Returns 1 when it is published, 0 when its number was there before, -1 with EAGAIN. */
static int swap_in(
    struct bus_seat *seat, const struct bus_record *record, uint64_t place, uint64_t *out_seq) {
    struct bus *bus = seat->bus;
    uint64_t tail, word, mine;

    for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
        tail = atomic_load_explicit(&bus->shared->tail, memory_order_acquire);
        if (record->client_id != 0 &&
            (*out_seq = bus_index_find(seat->index, tail, record->member, record->client_id)) != 0)
            return 0;
        word = atomic_load_explicit(bus_slot(bus, tail), memory_order_acquire);
        if (atomic_load_explicit(&bus->shared->tail, memory_order_relaxed) != tail)
            continue;
        if (bus_lap_of(word) == bus_lap(bus, tail)) {
            bus_advance(bus, tail);
            continue;
        }
        mine = bus_pack(bus_lap(bus, tail), seat->row_number, place);
        if (!atomic_compare_exchange_strong(bus_slot(bus, tail), &word, mine))
            continue;
        FAILPOINT("bus-tail");
        bus_advance(bus, tail);
        *out_seq = tail;
        return 1;
    }
    errno = EAGAIN;
    return -1;
}

static uint64_t find(struct bus_seat *seat, uint64_t member, uint64_t client_id) {
    return bus_index_find(seat->index, bus_next(seat->bus), member, client_id);
}

static int publish(struct bus_seat *seat, const struct bus_record *record, uint64_t *out_seq) {
    if (atomic_load_explicit(&seat->row->epoch, memory_order_relaxed) != seat->epoch) {
        errno = ESTALE;
        return -1;
    }
    if (record->client_id != 0 && (*out_seq = find(seat, record->member, record->client_id)) != 0)
        return 0;
    return swap_in(seat, record, write_record(seat, record), out_seq);
}

int bus_publish_quietly(struct bus_seat *seat, const struct bus_record *record, uint64_t *out_seq) {
    int result;

    if (record->len > seat->bus->settings.payload_max) {
        errno = EMSGSIZE;
        return -1;
    }
    pthread_mutex_lock(&seat->lock);
    result = publish(seat, record, out_seq);
    pthread_mutex_unlock(&seat->lock);
    return result;
}

void bus_rouse(struct bus_seat *seat) {
    FAILPOINT("bus-wake");
    bus_wake(seat->bus);
}

int bus_publish(struct bus_seat *seat, const struct bus_record *record, uint64_t *out_seq) {
    const int result = bus_publish_quietly(seat, record, out_seq);

    if (result == 1)
        bus_rouse(seat);
    return result;
}

bool bus_find(struct bus_seat *seat, uint64_t member, uint64_t client_id, uint64_t *out_seq) {
    pthread_mutex_lock(&seat->lock);
    *out_seq = find(seat, member, client_id);
    pthread_mutex_unlock(&seat->lock);
    return *out_seq != 0;
}
