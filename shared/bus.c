/*
 * The bus's memory and its rows. Sizes are checked once, when a process takes the memory up, and
 * kept in its own memory from then on: what others write there later cannot move a bound.
 */
#include "shared/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "shared/bus_layout.h"
#include "shared/mapping.h"

static uint32_t round_up(uint32_t value, uint32_t least) {
    uint32_t rounded = least;

    while (rounded < value)
        rounded *= 2;
    return rounded;
}

/* Check and round. Returns 0, or -1 with EINVAL. */
static int settle(const struct bus_settings *in, struct bus_settings *out) {
    bool ok = in->rows >= 1 && in->rows <= BUS_ROWS_MAX && in->history >= 1 &&
              in->history <= BUS_HISTORY_MAX && in->payload_max >= 1 &&
              in->payload_max <= BUS_PAYLOAD_TOP && in->arena_bytes <= BUS_ARENA_MAX;

    if (ok) {
        *out = *in;
        out->history = round_up(in->history, 4);
        out->arena_bytes = round_up(in->arena_bytes, BUS_PAGE);
        /*
         * A few records in an arena at least; and a descriptor never stays so long in its slot that
         * its row comes to the same low bits of a place again.
         */
        ok = out->arena_bytes / BUS_UNIT >= 4 * bus_units(in->payload_max) &&
             2ull * out->history * bus_units(in->payload_max) <= BUS_OFFSET_MASK / 2;
    }
    if (!ok)
        errno = EINVAL;
    return ok ? 0 : -1;
}

static size_t pages(size_t bytes) {
    return (bytes + BUS_PAGE - 1) / BUS_PAGE * BUS_PAGE;
}

struct places {
    size_t rows, slots, arenas, end;
};

static struct places lay_out(const struct bus_settings *settled) {
    struct places at;

    at.rows = pages(sizeof(struct bus_shared));
    at.slots = at.rows + pages(settled->rows * sizeof(struct bus_row));
    at.arenas = at.slots + pages(2 * (size_t)settled->history * sizeof(uint64_t));
    at.end = at.arenas + (size_t)settled->rows * settled->arena_bytes;
    return at;
}

size_t bus_size(const struct bus_settings *settings) {
    struct bus_settings settled;

    return settle(settings, &settled) == 0 ? lay_out(&settled).end : 0;
}

int bus_format(void *mem, const struct bus_settings *settings) {
    struct bus_shared *shared = mem;
    _Atomic uint64_t *slots;

    if (settle(settings, &shared->settings) < 0 ||
        getrandom(shared->room, sizeof(shared->room), 0) != sizeof(shared->room))
        return -1;
    /* Zero in a slot is the lap before the first one, in all slots but that of 0, where none is. */
    slots = (void *)((char *)mem + lay_out(&shared->settings).slots);
    slots[0] = bus_pack(1, 0, 0);
    shared->tail = 1;
    shared->abi = BUS_ABI;
    shared->magic = BUS_MAGIC;
    return 0;
}

static int make_wake_fds(struct bus *bus) {
    for (uint32_t i = 0; i < bus->settings.rows; i++) {
        bus->wake_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (bus->wake_fd[i] < 0)
            return -1;
    }
    return 0;
}

struct bus *bus_attach(void *mem, size_t size) {
    struct bus_shared *shared = mem;
    struct bus_settings settings;
    struct places at;
    struct bus *bus;

    if (size < sizeof(*shared) || shared->magic != BUS_MAGIC || shared->abi != BUS_ABI ||
        settle(&shared->settings, &settings) < 0 || (at = lay_out(&settings)).end != size) {
        errno = EPROTO;
        return NULL;
    }
    bus = calloc(1, sizeof(*bus) + settings.rows * sizeof(bus->wake_fd[0]));
    if (bus == NULL)
        return NULL;
    bus->size = size;
    bus->settings = settings;
    memcpy(bus->room, shared->room, sizeof(bus->room));
    bus->slots = 2 * settings.history;
    bus->arena_units = settings.arena_bytes / BUS_UNIT;
    bus->shared = shared;
    bus->row = (void *)((char *)mem + at.rows);
    bus->slot = (void *)((char *)mem + at.slots);
    bus->arena = (void *)((char *)mem + at.arenas);
    memset(bus->wake_fd, -1, settings.rows * sizeof(bus->wake_fd[0]));
    if (make_wake_fds(bus) < 0) {
        bus_free(bus);
        return NULL;
    }
    return bus;
}

struct bus *bus_new(const struct bus_settings *settings) {
    size_t size = bus_size(settings);
    void *mem = size > 0 ? mapping_new("preforkd bus", size) : NULL;
    struct bus *bus = NULL;
    int saved_errno;

    if (mem == NULL)
        return NULL;
    if (bus_format(mem, settings) == 0)
        bus = bus_attach(mem, size);
    saved_errno = errno;
    if (bus != NULL)
        bus->mapped = mem;
    else
        mapping_free(mem, size);
    errno = saved_errno;
    return bus;
}

void bus_free(struct bus *bus) {
    int saved_errno = errno;

    if (bus == NULL)
        return;
    for (uint32_t i = 0; i < bus->settings.rows; i++)
        if (bus->wake_fd[i] >= 0)
            close(bus->wake_fd[i]);
    mapping_free(bus->mapped, bus->size);
    free(bus);
    errno = saved_errno;
}

void bus_forget(struct bus *bus) {
    mapping_free(bus->mapped, bus->size);
    bus->mapped = NULL;
}

int bus_row_fd(const struct bus *bus, uint32_t row) {
    return row < bus->settings.rows ? bus->wake_fd[row] : -1;
}

int bus_claim_row(struct bus *bus) {
    for (uint32_t i = 0; i < bus->settings.rows; i++) {
        if ((bus->claimed[i / 64] >> i % 64 & 1) != 0)
            continue;
        bus->claimed[i / 64] |= 1ull << i % 64;
        atomic_fetch_add(&bus->row[i].epoch, 1);
        return (int)i;
    }
    errno = ENOSPC;
    return -1;
}

void bus_release_row(struct bus *bus, int row) {
    if (row < 0)
        return;
    bus->claimed[row / 64] &= ~(1ull << row % 64);
    atomic_fetch_and(&bus->shared->sleepy[row / 64], ~(1ull << row % 64));
    bus_wake(bus);
}

const uint8_t *bus_room(const struct bus *bus) {
    return bus->room;
}

uint32_t bus_payload_max(const struct bus *bus) {
    return bus->settings.payload_max;
}
