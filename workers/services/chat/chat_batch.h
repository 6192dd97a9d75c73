#ifndef WORKERS_SERVICES_CHAT_CHAT_BATCH_H
#define WORKERS_SERVICES_CHAT_CHAT_BATCH_H

/*
 * What a post reads off the bus at once, and as each voice hears it: written once, when the first
 * member with that voice is met. Pure but for malloc and the bus.
 */

#include "workers/services/chat/chat_show.h"

#define CHAT_BATCH_MOST  128
#define CHAT_BATCH_BYTES 65536 /* of payloads */

struct chat_batch {
    struct chat_event event[CHAT_BATCH_MOST];
    unsigned count;
    uint64_t first, end; /* the sequence numbers it reaches over: all in [first, end) */
    uint64_t parties;    /* who has a part in any of them, hashed: others hear what all hear */
    unsigned joined, left, missed;
    size_t bytes;     /* about what it is for one who hears it */
    uint32_t written; /* by voice, a bit each */
    struct chat_buffer payloads;
    struct chat_buffer voice[CHAT_VOICES];
};

/* Read on until there is nothing more, it is full, or `limit` is reached; forgets what was there.
 */
void chat_batch_read(struct chat_batch *batch, struct bus_reader *reader, uint64_t limit);

/* The bit of `parties` that is his, and some others'. */
static inline uint64_t chat_batch_party(uint64_t member) {
    return 1ull << (member * 0x9e3779b97f4a7c15ull >> 58);
}

/* May this member hear what all hear? False also for a few who have no part in it. */
static inline bool chat_batch_is_stranger(const struct chat_batch *batch, uint64_t member) {
    return (batch->parties & chat_batch_party(member)) == 0;
}

/* As everybody with this voice hears it; chat_batch_make() when nobody has asked for it yet. */
const struct chat_buffer *chat_batch_make(
    struct chat_batch *batch, struct chat_scene *scene, struct chat_voice voice);

static inline const struct chat_buffer *chat_batch_write(
    struct chat_batch *batch, struct chat_scene *scene, struct chat_voice voice) {
    const unsigned index = chat_voice_index(voice);

    return (batch->written >> index & 1) != 0 ? &batch->voice[index]
                                              : chat_batch_make(batch, scene, voice);
}

/* Give its memory back. */
void chat_batch_free(struct chat_batch *batch);

#endif
