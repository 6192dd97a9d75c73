/*
 * Who sleeps, and waking them. A system call for each sleeper that has not been woken yet, none for
 * those that are awake.
 *
 * The sleeper makes its ticket odd, sets its bit, then looks at its slot once more; the publisher
 * swaps into the slot, then looks at the bit and the ticket. All six are sequentially consistent:
 * in their one order either the swap comes before the sleeper's look, which finds the record, or
 * the ticket and the bit come before the publisher's, which wakes. Between them no tick is needed.
 *
 * The publisher writes to the descriptor first and makes the ticket even after: killed between, it
 * has woken; killed before, the ticket is odd still, and the next one wakes. Each sleep has a
 * ticket of its own, so that a late publisher cannot call off a later one.
 */
#include <errno.h>
#include <sys/eventfd.h>

#include "shared/bus_layout.h"
#include "shared/failpoint.h"

int bus_wake_fd(const struct bus_seat *seat) {
    return seat->bus->wake_fd[seat->row_number];
}

static void wake_row(struct bus *bus, uint32_t row) {
    uint32_t ticket = atomic_load(&bus->row[row].ticket);
    eventfd_t value;

    if (ticket % 2 == 0)
        return;
    if (eventfd_write(bus->wake_fd[row], 1) < 0 && errno == EAGAIN) {
        /* Nobody ever reads it, so it may be full in some centuries, or by a faulty worker. */
        eventfd_read(bus->wake_fd[row], &value);
        eventfd_write(bus->wake_fd[row], 1);
    }
    FAILPOINT("bus-woken");
    atomic_compare_exchange_strong(&bus->row[row].ticket, &ticket, ticket + 1);
}

void bus_wake(struct bus *bus) {
    uint32_t row;

    for (uint32_t i = 0; i * 64 < bus->settings.rows; i++)
        for (uint64_t bits = atomic_load(&bus->shared->sleepy[i]); bits != 0; bits &= bits - 1) {
            row = i * 64 + (uint32_t)__builtin_ctzll(bits);
            if (row < bus->settings.rows)
                wake_row(bus, row);
        }
}

static _Atomic uint64_t *sleepy_word(const struct bus_seat *seat) {
    return &seat->bus->shared->sleepy[seat->row_number / 64];
}

bool bus_sleep(struct bus_seat *seat, const struct bus_reader *reader) {
    const struct bus *bus = seat->bus;
    uint64_t word;

    pthread_mutex_lock(&seat->lock);
    seat->sleepers++;
    seat->ticket += 2;
    atomic_store(&seat->row->ticket, seat->ticket);
    atomic_fetch_or(sleepy_word(seat), 1ull << seat->row_number % 64);
    pthread_mutex_unlock(&seat->lock);
    FAILPOINT("bus-sleep");
    word = atomic_load(bus_slot(bus, reader->cursor));
    if (bus_lap_of(word) != bus_lap(bus, reader->cursor) &&
        atomic_load(&bus->shared->tail) == reader->cursor)
        return true;
    bus_awake(seat);
    return false;
}

void bus_awake(struct bus_seat *seat) {
    pthread_mutex_lock(&seat->lock);
    if (seat->sleepers > 0)
        seat->sleepers--;
    if (seat->sleepers == 0) {
        atomic_fetch_and(sleepy_word(seat), ~(1ull << seat->row_number % 64));
        atomic_store(&seat->row->ticket, seat->ticket + 1);
    }
    pthread_mutex_unlock(&seat->lock);
}
