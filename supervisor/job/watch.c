/* Watch the lanes. */
#include "supervisor/job/watch.h"

void watch_reset(struct watch *watch) {
    *watch = (struct watch){ .chunk = RING_NO_CHUNK };
}

static enum watch_verdict condemn(struct watch *watch, enum watch_verdict verdict) {
    watch->is_condemned = true;
    return verdict;
}

enum watch_verdict watch_look(struct watch *watch, const struct ring_lane *row,
    const struct watch_limits *limits, uint64_t elapsed_ms) {
    uint64_t progress = atomic_load_explicit(&row->progress, memory_order_relaxed);
    uint64_t chunk = atomic_load_explicit(&row->chunk, memory_order_relaxed);

    watch->silent_ms = progress == watch->progress ? watch->silent_ms + elapsed_ms : 0;
    watch->progress = progress;
    if (chunk != watch->chunk) {
        watch->chunk = chunk;
        watch->chunk_ms = 0;
        watch->is_asked = false;
    } else if (chunk != RING_NO_CHUNK) {
        watch->chunk_ms += elapsed_ms;
    }
    if (limits->chunk_ms != 0 && watch->chunk_ms >= limits->chunk_ms) {
        if (watch->is_asked && watch->chunk_ms >= limits->chunk_ms + limits->grace_ms)
            return condemn(watch, WATCH_OVERDUE);
        if (!watch->is_asked) {
            watch->is_asked = true;
            return WATCH_STOP;
        }
    }
    if (limits->silent_ms != 0 && watch->silent_ms >= limits->silent_ms)
        return condemn(watch, WATCH_SILENT);
    return WATCH_FINE;
}
