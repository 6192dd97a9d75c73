/*
 * Counting repeats. What is held back is added to `owed` and leaves it by one exchange, so each
 * held record is told once, whichever threads meet. A row is lent to another kind of record when
 * its window is over and nothing is owed; when no row is free the record is not limited.
 */
#include "shared/log_repeat.h"

#include <stdatomic.h>

#define ROWS      128
#define PROBES    8
#define WINDOW_MS (LOG_REPEATS_S * 1000u)

static struct row {
    _Atomic uint64_t key; /* 0: free */
    _Atomic uint64_t since_at_ms;
    _Atomic uint32_t count;
    _Atomic uint64_t owed;
    _Atomic(const char *) event, format;
    _Atomic int level;
} rows[ROWS];

static _Atomic uint64_t look_at_ms = UINT64_MAX; /* no window with something owed ends before */

void log_repeat_reset(void) {
    for (int i = 0; i < ROWS; i++) {
        if (atomic_load(&rows[i].key) == 0)
            continue; /* what is not written stays shared after a fork */
        atomic_store(&rows[i].key, 0);
        atomic_store(&rows[i].owed, 0);
        atomic_store(&rows[i].since_at_ms, 0);
    }
    atomic_store(&look_at_ms, UINT64_MAX);
}

static uint64_t hash(const char *event, const char *format) {
    uint64_t sum = (uint64_t)(uintptr_t)format * 0x9e3779b97f4a7c15u;

    for (; *event != '\0'; event++)
        sum = (sum ^ (unsigned char)*event) * 0x100000001b3u;
    sum ^= sum >> 32;
    return sum != 0 ? sum : 1;
}

static bool is_over(const struct row *row, uint64_t now_ms) {
    return now_ms - atomic_load(&row->since_at_ms) >= WINDOW_MS;
}

/* The row of this kind, claimed when it has none; NULL when there is no room. */
static struct row *find(
    enum log_level level, const char *event, const char *format, uint64_t now_ms) {
    uint64_t key = hash(event, format), found;
    struct row *row;

    for (unsigned i = 0; i < PROBES; i++) {
        row = rows + (key + i) % ROWS;
        if (atomic_load_explicit(&row->key, memory_order_relaxed) == key)
            return row;
    }
    for (unsigned i = 0; i < PROBES; i++) {
        row = rows + (key + i) % ROWS;
        found = atomic_load(&row->key);
        if (found != 0 && (!is_over(row, now_ms) || atomic_load(&row->owed) > 0))
            continue;
        if (!atomic_compare_exchange_strong(&row->key, &found, key))
            continue;
        atomic_store(&row->event, event);
        atomic_store(&row->format, format);
        atomic_store(&row->level, (int)level);
        atomic_store(&row->count, 0);
        atomic_store(&row->since_at_ms, now_ms);
        return row;
    }
    return NULL;
}

static void look_no_later(uint64_t at_ms) {
    uint64_t old = atomic_load(&look_at_ms);

    while (at_ms < old && !atomic_compare_exchange_weak(&look_at_ms, &old, at_ms))
        continue;
}

bool log_repeat_holds(
    enum log_level level, const char *event, const char *format, uint64_t now_ms) {
    struct row *row = find(level, event, format, now_ms);
    uint64_t since;

    if (row == NULL)
        return false;
    since = atomic_load(&row->since_at_ms);
    if (now_ms - since >= WINDOW_MS &&
        atomic_compare_exchange_strong(&row->since_at_ms, &since, now_ms)) {
        atomic_store(&row->count, 0);
        since = now_ms;
    }
    if (atomic_fetch_add(&row->count, 1) < LOG_REPEATS_MAX)
        return false;
    atomic_fetch_add(&row->owed, 1);
    look_no_later(since + WINDOW_MS);
    return true;
}

bool log_repeat_is_due(uint64_t now_ms) {
    return now_ms >= atomic_load_explicit(&look_at_ms, memory_order_relaxed);
}

bool log_repeat_next(uint64_t now_ms, struct log_repeat *out) {
    struct row *row;

    if (!log_repeat_is_due(now_ms))
        return false;
    atomic_store(&look_at_ms, UINT64_MAX);
    for (row = rows; row < rows + ROWS; row++) {
        if (atomic_load(&row->owed) == 0)
            continue;
        if (!is_over(row, now_ms)) {
            look_no_later(atomic_load(&row->since_at_ms) + WINDOW_MS);
            continue;
        }
        out->level = (enum log_level)atomic_load(&row->level);
        out->event = atomic_load(&row->event);
        out->format = atomic_load(&row->format);
        out->count = atomic_exchange(&row->owed, 0);
        if (out->count == 0)
            continue;
        look_no_later(now_ms); /* there may be more */
        return true;
    }
    return false;
}
