/*
 * The ring of descriptors. A bare ticket counter was refused: a ticket lives in a register until
 * it is published, so a death there loses the chunk, and workers that hold tickets beyond the
 * window leave nobody to take a returned head.
 */
#include "shared/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shared/failpoint.h"

/* A test that counts laps with fewer bits meets their wrap in a moment. */
#ifndef RING_LAP_BITS
#define RING_LAP_BITS 20
#endif
#define LAP_MASK   ((1u << RING_LAP_BITS) - 1)
#define EPOCH_MASK 0xffffffu
#define OWNER_MASK 0xfffu
#define STATE_MASK 0xffu
#define WAIT_NS    50000000

uint64_t ring_pack(struct ring_word word) {
    return (word.lap & LAP_MASK) << 44 | (uint64_t)(word.epoch & EPOCH_MASK) << 20 |
           (uint64_t)(word.owner & OWNER_MASK) << 8 | (uint64_t)word.state;
}

struct ring_word ring_unpack(uint64_t packed) {
    return (struct ring_word){
        .lap = packed >> 44,
        .epoch = packed >> 20 & EPOCH_MASK,
        .owner = packed >> 8 & OWNER_MASK,
        .state = packed & STATE_MASK,
    };
}

static size_t mapped_size(uint32_t window, uint32_t lanes) {
    return sizeof(struct ring) + lanes * sizeof(struct ring_lane) + window * sizeof(uint64_t);
}

struct ring *ring_new(uint64_t chunks, uint32_t window, uint32_t lanes, int *out_fd) {
    const unsigned seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    size_t size = mapped_size(window, lanes);
    struct ring *ring = MAP_FAILED;
    int fd;

    fd = memfd_create("prefork-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return NULL;
    if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, seals) == 0)
        ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED || out_fd == NULL)
        close(fd);
    if (ring == MAP_FAILED)
        return NULL;
    if (out_fd != NULL)
        *out_fd = fd;
    ring->abi = RING_ABI;
    ring->chunks = chunks;
    ring->window = window;
    ring->lanes = lanes;
    for (uint32_t i = 0; i < lanes; i++)
        ring_lane(ring, i)->chunk = RING_NO_CHUNK;
    return ring;
}

static bool is_whole(const struct ring *ring, size_t size) {
    return ring->abi == RING_ABI && ring->lanes > 0 && ring->lanes <= RING_LANES_MAX + 1 &&
           ring->window > 0 && (ring->window & (ring->window - 1)) == 0 &&
           mapped_size(ring->window, ring->lanes) == size;
}

struct ring *ring_map(int fd) {
    struct ring *ring;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return NULL;
    if (st.st_size < (off_t)sizeof(*ring)) {
        errno = EPROTO;
        return NULL;
    }
    ring = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED)
        return NULL;
    if (is_whole(ring, (size_t)st.st_size))
        return ring;
    munmap(ring, (size_t)st.st_size);
    errno = EPROTO;
    return NULL;
}

void ring_clear_lane(struct ring *ring, uint32_t lane) {
    struct ring_lane *row = ring_lane(ring, lane);

    atomic_store(&row->chunk, RING_NO_CHUNK);
    atomic_store(&row->stop, 0);
    atomic_store(&row->yield, 0);
    atomic_store(&row->doing, RING_DOING_STARTING);
}

void ring_free(struct ring *ring) {
    if (ring != NULL)
        munmap(ring, mapped_size(ring->window, ring->lanes));
}

struct ring_lane *ring_lane(struct ring *ring, uint32_t lane) {
    return (struct ring_lane *)(void *)ring->storage + lane;
}

_Atomic uint64_t *ring_word_at(struct ring *ring, uint64_t chunk) {
    void *words = ring_lane(ring, ring->lanes);

    return (_Atomic uint64_t *)words + (chunk & (ring->window - 1));
}

const char *ring_doing_name(enum ring_doing doing) {
    static const char *const names[] = {
        [RING_DOING_STARTING] = "starting",
        [RING_DOING_CLAIMING] = "claiming",
        [RING_DOING_COMPUTING] = "computing",
        [RING_DOING_WRITING] = "writing",
        [RING_DOING_WRITTEN] = "after its last byte",
        [RING_DOING_IDLE] = "idle",
        [RING_DOING_LEAVING] = "leaving",
    };

    /* The number comes from shared memory: it is checked, not trusted. */
    return (unsigned)doing < sizeof(names) / sizeof(names[0]) ? names[doing] : "unknown";
}

static uint64_t lap_of(const struct ring *ring, uint64_t chunk) {
    return chunk >> __builtin_ctz(ring->window) & LAP_MASK;
}

void ring_begin(struct ring *ring, uint64_t base) {
    struct ring_word word = { .state = RING_FREE };

    ring->base = ring->hint = base;
    for (uint64_t i = 0; i < ring->window; i++) {
        word.lap = lap_of(ring, base + i);
        *ring_word_at(ring, base + i) = ring_pack(word);
    }
}

/* The end of the window for one read of base; the sum must not pass 2^64. */
static uint64_t window_end(const struct ring *ring, uint64_t base) {
    uint64_t reach = ring->head_only ? 1 : ring->window;

    return ring->chunks - base < reach ? ring->chunks : base + reach;
}

static bool is_claimable(struct ring_word word, uint32_t lane) {
    return word.state == RING_FREE || (word.state == RING_RECHECK && word.owner != lane + 1);
}

/* Try to turn one word to RUN. */
static bool claim_one(struct ring *ring, uint32_t lane, uint64_t chunk, uint32_t *out_epoch) {
    _Atomic uint64_t *at = ring_word_at(ring, chunk);
    uint64_t packed = atomic_load_explicit(at, memory_order_relaxed), claimed;
    struct ring_word word = ring_unpack(packed);

    if (word.lap != lap_of(ring, chunk) || !is_claimable(word, lane))
        return false;
    word.state = RING_RUN;
    word.owner = lane + 1;
    word.epoch = (word.epoch + 1) & EPOCH_MASK;
    claimed = ring_pack(word);
    if (!atomic_compare_exchange_strong(at, &packed, claimed))
        return false;
    FAILPOINT("claimed");
    /*
     * Laps are counted modulo 2^20. A lane that slept through that many laps between the load
     * and the swap would hold a later chunk than it thinks; base has passed it then.
     */
    if (atomic_load(&ring->base) > chunk) {
        word.state = RING_FREE;
        word.owner = 0;
        atomic_store(at, ring_pack(word));
        return false;
    }
    *out_epoch = word.epoch;
    return true;
}

/* Look for claimable neighbours in [from, end). */
static bool claim_between(struct ring *ring, uint32_t lane, uint64_t from, uint64_t end,
    uint32_t most, struct ring_claim *out) {
    for (uint64_t chunk = from; chunk < end; chunk++) {
        if (!claim_one(ring, lane, chunk, &out->epoch[0]))
            continue;
        out->first = chunk;
        out->count = 1;
        while (out->count < most && chunk + out->count < end &&
               claim_one(ring, lane, chunk + out->count, &out->epoch[out->count]))
            out->count++;
        atomic_store_explicit(&ring->hint, chunk + out->count, memory_order_relaxed);
        return true;
    }
    return false;
}

bool ring_claim(
    struct ring *ring, uint32_t lane, uint32_t most, uint64_t *seen, struct ring_claim *out) {
    uint64_t returns, base, end, from;

    if (atomic_load_explicit(&ring->order, memory_order_relaxed) != RING_ORDER_RUN)
        return false;
    returns = atomic_load(&ring->returns);
    base = atomic_load(&ring->base);
    end = window_end(ring, base);
    from = atomic_load_explicit(&ring->hint, memory_order_relaxed);
    if (returns != *seen || from < base || from > end)
        from = base; /* something came back: it may lie anywhere, and the head matters most */
    *seen = returns;
    return claim_between(ring, lane, from, end, most, out) ||
           (from != base && claim_between(ring, lane, base, from, most, out));
}

bool ring_claim_solo(struct ring *ring, uint32_t lane, uint64_t chunk, struct ring_claim *out) {
    _Atomic uint64_t *at = ring_word_at(ring, chunk);
    uint64_t packed = atomic_load(at);
    struct ring_word word = ring_unpack(packed);

    if (word.state != RING_SOLO || word.lap != lap_of(ring, chunk))
        return false;
    word.state = RING_RUN;
    word.owner = lane + 1;
    word.epoch = (word.epoch + 1) & EPOCH_MASK;
    out->first = chunk;
    out->count = 1;
    out->epoch[0] = word.epoch;
    return atomic_compare_exchange_strong(at, &packed, ring_pack(word));
}

uint32_t ring_count_claimable(struct ring *ring, uint32_t lane, uint32_t most) {
    uint64_t base = atomic_load(&ring->base), end = window_end(ring, base);
    uint64_t hint = atomic_load_explicit(&ring->hint, memory_order_relaxed), from, chunk;
    struct ring_word word;
    uint32_t count = 0;

    if (atomic_load_explicit(&ring->order, memory_order_relaxed) != RING_ORDER_RUN)
        return 0;
    from = hint < base || hint > end ? base : hint; /* where the next claim will most likely be */
    for (uint64_t i = base; i < end && count < most; i++) {
        chunk = i - base < end - from ? from + (i - base) : i - (end - from);
        word = ring_unpack(*ring_word_at(ring, chunk));
        count += word.lap == lap_of(ring, chunk) && is_claimable(word, lane);
    }
    return count;
}

bool ring_is_owned(struct ring *ring, uint32_t first, uint32_t count) {
    uint64_t base = atomic_load(&ring->base), end = window_end(ring, base);
    struct ring_word word;

    for (uint64_t i = base; i < end; i++) {
        word = ring_unpack(*ring_word_at(ring, i));
        if (word.state == RING_RUN && word.owner > first && word.owner - 1 - first < count)
            return true;
    }
    return false;
}

bool ring_is_at_end(struct ring *ring) {
    return window_end(ring, atomic_load(&ring->base)) >= ring->chunks;
}

bool ring_is_finished(struct ring *ring) {
    return atomic_load(&ring->base) >= ring->chunks;
}

void ring_wait(struct ring *ring, uint32_t wake_seen) {
    const struct timespec timeout = { .tv_nsec = WAIT_NS };

    atomic_store(&ring->sleeping, 1);
    syscall(SYS_futex, &ring->wake, FUTEX_WAIT, wake_seen, &timeout, NULL, 0);
}

static void set_word(struct ring *ring, uint64_t chunk, enum ring_state state, uint32_t owner) {
    _Atomic uint64_t *at = ring_word_at(ring, chunk);
    struct ring_word word = ring_unpack(atomic_load(at));

    word.state = state;
    word.owner = owner;
    atomic_store(at, ring_pack(word));
}

void ring_return(struct ring *ring, uint64_t chunk, enum ring_state state) {
    set_word(ring, chunk, state, 0);
    atomic_fetch_add(&ring->returns, 1);
}

void ring_return_recheck(struct ring *ring, uint64_t chunk, uint32_t not_by_lane) {
    set_word(ring, chunk, RING_RECHECK, not_by_lane + 1);
    atomic_fetch_add(&ring->returns, 1);
}

void ring_set(struct ring *ring, uint64_t chunk, enum ring_state state) {
    set_word(ring, chunk, state, 0);
}

void ring_advance(struct ring *ring, enum ring_state next) {
    uint64_t base = atomic_load_explicit(&ring->base, memory_order_relaxed);
    _Atomic uint64_t *at = ring_word_at(ring, base);
    struct ring_word word = ring_unpack(atomic_load_explicit(at, memory_order_relaxed));

    word.lap = lap_of(ring, base) + 1;
    word.epoch = 0; /* within a lap the epoch is the number of the attempt */
    word.state = next;
    word.owner = 0;
    atomic_store_explicit(at, ring_pack(word), memory_order_release);
    atomic_store_explicit(&ring->base, base + 1, memory_order_release);
}

void ring_set_order(struct ring *ring, enum ring_order order) {
    atomic_store(&ring->order, order);
}

bool ring_wake(struct ring *ring) {
    atomic_fetch_add(&ring->wake, 1);
    if (atomic_exchange(&ring->sleeping, 0) == 0)
        return false;
    syscall(SYS_futex, &ring->wake, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    return true;
}
