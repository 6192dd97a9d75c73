/*
 * The gate. A slot is a word: 0 when free, else row + 1 in the upper 16 bits and 48 bits of the
 * source's hash. Looking for a free one starts where this process found one last, so that it is
 * one step mostly. A rate is kept as the time at which the next one would be due (the generic
 * cell rate algorithm): one word, no refill to lose when somebody dies.
 */
#include "shared/gate.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/scoreboard.h"

#define SOURCE_CELLS 16384u
#define SOURCE_MASK  0xffffffffffffull
#define ROW_SHIFT    48
#define ROW_WORDS    (SCOREBOARD_ROWS / 64)
#define SECOND_NS    1000000000ull

struct shared {
    _Atomic uint64_t member[ROW_WORDS]; /* writer: the parent */
    _Atomic uint64_t room[ROW_WORDS];   /* a bit each: its worker, or the parent for a dead one */
    _Atomic uint32_t is_asked;
    _Atomic uint32_t waiting; /* too high when a waiting one was killed: then it wakes in vain */
    _Atomic uint64_t due_ns;
    _Atomic uint64_t source_due_ns[SOURCE_CELLS];
    _Atomic uint64_t slot[];
};

struct gate {
    struct gate_limits limits;
    uint32_t slots;
    uint32_t most_slots; /* that were ever allowed: who holds one of them may still be there */
    uint32_t hint;       /* of this process alone */
    int wake_fd;
    uint64_t seed;
    size_t size;
    struct shared *shared;
};

struct gate *gate_new(const struct gate_limits *limits, uint32_t slots) {
    struct gate *gate = calloc(1, sizeof(*gate));

    if (gate == NULL)
        return NULL;
    gate_renew(gate, limits, slots);
    /* Room for any later limits; pages as touched. */
    gate->size = sizeof(struct shared) + GATE_SLOTS_MAX * sizeof(uint64_t);
    gate->seed = ((uint64_t)arc4random() << 32) | arc4random();
    gate->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    gate->shared = mmap(NULL, gate->size, PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (gate->shared == MAP_FAILED || gate->wake_fd < 0) {
        gate_free(gate);
        return NULL;
    }
    return gate;
}

void gate_renew(struct gate *gate, const struct gate_limits *limits, uint32_t slots) {
    bool counts = limits->max_connections > 0 || limits->max_connections_per_source > 0;

    gate->limits = *limits;
    gate->slots = !counts ? 0 : slots < GATE_SLOTS_MAX ? slots : GATE_SLOTS_MAX;
    if (limits->max_connections > 0 && limits->max_connections < gate->slots)
        gate->slots = (uint32_t)limits->max_connections;
    if (gate->slots > gate->most_slots)
        gate->most_slots = gate->slots;
}

void gate_free(struct gate *gate) {
    int saved_errno = errno;

    if (gate == NULL)
        return;
    if (gate->shared != MAP_FAILED)
        munmap(gate->shared, gate->size);
    if (gate->wake_fd >= 0)
        close(gate->wake_fd);
    free(gate);
    errno = saved_errno;
}

bool gate_enter(struct gate *gate, unsigned row, uint32_t *out_slot) {
    const uint64_t mine = (uint64_t)(row + 1) << ROW_SHIFT;
    uint64_t expected;
    uint32_t at;

    *out_slot = GATE_NO_SLOT;
    if (gate->slots == 0)
        return true;
    for (uint32_t i = 0; i < gate->slots; i++) {
        at = (gate->hint + i) % gate->slots;
        expected = 0;
        if (gate->shared->slot[at] != 0 ||
            !atomic_compare_exchange_strong(&gate->shared->slot[at], &expected, mine))
            continue;
        gate->hint = at + 1;
        *out_slot = at;
        return true;
    }
    return false;
}

bool gate_name_source(struct gate *gate, uint32_t slot, uint64_t source) {
    uint64_t own, count = 0;

    if (slot == GATE_NO_SLOT || gate->limits.max_connections_per_source == 0 || source == 0)
        return true;
    source &= SOURCE_MASK;
    own = gate->shared->slot[slot];
    atomic_store(&gate->shared->slot[slot], (own & ~SOURCE_MASK) | source);
    for (uint32_t i = 0; i < gate->slots; i++)
        count += gate->shared->slot[i] != 0 && (gate->shared->slot[i] & SOURCE_MASK) == source;
    return count <= gate->limits.max_connections_per_source;
}

bool gate_move(struct gate *gate, uint32_t slot, unsigned from, unsigned to) {
    uint64_t own;

    if (slot == GATE_NO_SLOT)
        return true;
    if (slot >= GATE_SLOTS_MAX)
        return false;
    own = gate->shared->slot[slot];
    return own >> ROW_SHIFT == from + 1 &&
           atomic_compare_exchange_strong(&gate->shared->slot[slot], &own,
               (own & SOURCE_MASK) | (uint64_t)(to + 1) << ROW_SHIFT);
}

static void wake_one(struct gate *gate) {
    if (atomic_load(&gate->shared->waiting) > 0)
        eventfd_write(gate->wake_fd, 1);
}

void gate_leave(struct gate *gate, uint32_t slot) {
    if (slot == GATE_NO_SLOT)
        return;
    atomic_store(&gate->shared->slot[slot], 0);
    wake_one(gate);
}

/* Count one against a rate of so many a second; a second's worth may come at once. */
static bool pass(_Atomic uint64_t *due_ns, uint64_t rate, uint64_t now_ns) {
    const uint64_t step = SECOND_NS / rate;
    uint64_t due = atomic_load(due_ns), next;

    do {
        next = (due > now_ns ? due : now_ns) + step;
        if (next > now_ns + SECOND_NS)
            return false;
    } while (!atomic_compare_exchange_weak(due_ns, &due, next));
    return true;
}

bool gate_pass_rate(struct gate *gate, uint64_t source, uint64_t now_ns) {
    const uint64_t rate = gate->limits.max_rate_per_source;
    uint64_t cell = (source ^ gate->seed) * 0x9e3779b97f4a7c15ull;

    if (rate > 0 && source != 0 &&
        !pass(&gate->shared->source_due_ns[(cell >> 40) % SOURCE_CELLS], rate, now_ns))
        return false;
    return gate->limits.max_rate == 0 || pass(&gate->shared->due_ns, gate->limits.max_rate, now_ns);
}

int gate_wake_fd(const struct gate *gate) {
    return gate->wake_fd;
}

void gate_wait(struct gate *gate) {
    atomic_fetch_add(&gate->shared->waiting, 1);
}

void gate_wait_done(struct gate *gate) {
    eventfd_t value = 0;
    bool others = atomic_fetch_sub(&gate->shared->waiting, 1) > 1;

    /* Whoever reads takes all that was written: hand on what is for others. */
    if (eventfd_read(gate->wake_fd, &value) == 0 && value > 1 && others)
        eventfd_write(gate->wake_fd, value - 1);
}

void gate_add_member(struct gate *gate, unsigned row) {
    atomic_fetch_or(&gate->shared->member[row / 64], 1ull << row % 64);
}

void gate_remove_member(struct gate *gate, unsigned row) {
    bool freed = false;

    atomic_fetch_and(&gate->shared->member[row / 64], ~(1ull << row % 64));
    atomic_fetch_and(&gate->shared->room[row / 64], ~(1ull << row % 64));
    for (uint32_t i = 0; i < gate->most_slots; i++)
        if (gate->shared->slot[i] >> ROW_SHIFT == row + 1) {
            atomic_store(&gate->shared->slot[i], 0);
            freed = true;
        }
    /* A dead worker may have been among those that waited: wake one too many rather than none. */
    if (freed)
        eventfd_write(gate->wake_fd, 1);
}

unsigned gate_set_room(struct gate *gate, unsigned row, bool has_room) {
    unsigned count = 0;

    if (has_room)
        atomic_fetch_or(&gate->shared->room[row / 64], 1ull << row % 64);
    else
        atomic_fetch_and(&gate->shared->room[row / 64], ~(1ull << row % 64));
    for (int i = 0; i < ROW_WORDS; i++)
        count += (unsigned)__builtin_popcountll(gate->shared->room[i]);
    return count;
}

void gate_visit_members(
    const struct gate *gate, void (*visit)(void *owner, unsigned row), void *owner) {
    uint64_t word;

    for (unsigned i = 0; i < ROW_WORDS; i++)
        for (word = gate->shared->member[i]; word != 0; word &= word - 1)
            visit(owner, i * 64 + (unsigned)__builtin_ctzll(word));
}

bool gate_ask(struct gate *gate) {
    return atomic_exchange(&gate->shared->is_asked, 1) == 0;
}

void gate_heard(struct gate *gate) {
    atomic_store(&gate->shared->is_asked, 0);
}
