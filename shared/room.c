/* Lives lie before the services' memory, on pages of their own: what is trusted is the parent's. */
#include "shared/room.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "shared/bus.h"
#include "shared/mapping.h"

#define MAGIC 0x6d6f6f722d666b70ull /* "pkf-room" */
#define ABI   1u
#define PAGE  4096u

struct head {
    uint64_t magic;
    uint32_t abi;
    _Atomic uint32_t deaths;
    _Atomic uint32_t life[BUS_ROWS_MAX];
};

#define HEAD_BYTES ((sizeof(struct head) + PAGE - 1) / PAGE * PAGE)

/* Sizes are this process's own copy. */
struct room {
    struct bus *bus;
    struct head *head;
    size_t shared_size;
    unsigned rows;
};

struct room *room_new(const struct bus_settings *bus, size_t shared_size,
    int (*init)(void *mem, size_t size, const void *settings), const void *settings) {
    struct room *room = calloc(1, sizeof(*room));

    if (room == NULL)
        return NULL;
    room->shared_size = shared_size;
    room->rows = bus->rows;
    room->bus = bus_new(bus);
    if (room->bus != NULL)
        room->head = mapping_new("preforkd room", HEAD_BYTES + shared_size);
    if (room->head == NULL ||
        (shared_size > 0 && init != NULL && init(room_shared(room), shared_size, settings) < 0)) {
        room_free(room);
        return NULL;
    }
    room->head->abi = ABI;
    room->head->magic = MAGIC;
    return room;
}

void room_free(struct room *room) {
    if (room == NULL)
        return;
    mapping_free(room->head, HEAD_BYTES + room->shared_size);
    bus_free(room->bus);
    free(room);
}

void room_forget(struct room *room) {
    mapping_free(room->head, HEAD_BYTES + room->shared_size);
    bus_forget(room->bus);
}

int room_claim_row(struct room *room) {
    int row = bus_claim_row(room->bus);

    if (row >= 0)
        atomic_fetch_add(&room->head->life[row], 1);
    return row;
}

/* Its life first: who is woken by the second step finds that it is over. */
void room_release_row(struct room *room, int row) {
    if (row < 0)
        return;
    atomic_fetch_add(&room->head->life[row], 1);
    atomic_fetch_add(&room->head->deaths, 1);
    bus_release_row(room->bus, row);
}

struct bus *room_bus(const struct room *room) {
    return room->bus;
}

void *room_shared(const struct room *room) {
    return room->shared_size > 0 ? (char *)room->head + HEAD_BYTES : NULL;
}

unsigned room_count_rows(const struct room *room) {
    return room->rows;
}

uint32_t room_life(const struct room *room, unsigned row) {
    return row < room->rows ? atomic_load_explicit(&room->head->life[row], memory_order_acquire)
                            : 0;
}

int room_wake_fd(const struct room *room, unsigned row) {
    return bus_row_fd(room->bus, row);
}

uint32_t room_count_deaths(const struct room *room) {
    return atomic_load_explicit(&room->head->deaths, memory_order_acquire);
}
