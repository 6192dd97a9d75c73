/*
 * Acceptance. What a worker says is gossip: the ring's word, which only we write once a chunk is
 * taken, decides whether it counts.
 */
#include "supervisor/job/commit.h"

#include <stdlib.h>
#include <string.h>

#include "shared/crc32c.h"

int commit_init(struct commit *commit, struct ring *ring, uint64_t budget, const char *spool_path) {
    *commit = (struct commit){ .ring = ring, .store = { .budget = budget } };
    spool_init(&commit->store.spool, spool_path);
    commit->slots = calloc(ring->window, sizeof(*commit->slots));
    return commit->slots != NULL ? 0 : -1;
}

void commit_fini(struct commit *commit) {
    if (commit->slots == NULL)
        return;
    for (uint32_t i = 0; i < commit->ring->window; i++) {
        /* The spool keeps what the journal names. */
        free(commit->slots[i].result.data);
        free(commit->slots[i].result.extents);
        free(commit->slots[i].cause);
    }
    free(commit->slots);
    commit->slots = NULL;
    spool_fini(&commit->store.spool);
}

struct slot *commit_slot(struct commit *commit, uint64_t chunk) {
    return &commit->slots[chunk & (commit->ring->window - 1)];
}

static bool is_in_window(const struct commit *commit, uint64_t chunk) {
    uint64_t base = commit->ring->base;

    return chunk >= base && chunk - base < commit->ring->window && chunk < commit->ring->chunks;
}

static void forget_attempt(struct commit *commit, struct slot *slot) {
    result_clear(&commit->store, &slot->result);
    slot->parts = 0;
    slot->data_crc = 0;
}

/* Whether a chunk is to be computed twice: the same draw in every run of the same job. */
static bool is_drawn(const struct commit *commit, uint64_t chunk) {
    uint32_t draw;

    if (commit->check_percent <= 0)
        return false;
    draw = crc32c(0, &chunk, sizeof(chunk));
    return (double)draw < commit->check_percent / 100.0 * 4294967296.0;
}

static void accept(struct commit *commit, struct slot *slot, const struct frame *frame) {
    slot->state = SLOT_DONE;
    slot->lane = frame->lane;
    slot->records = frame->records;
    slot->digested = frame->digested;
    slot->digest = frame->digest;
    commit->done++;
    if (result_is_spooled(&slot->result))
        commit->spooled++;
}

/* The second attempt of a chunk that has its result: only the digest matters. */
static enum commit_verdict compare(
    struct commit *commit, struct slot *slot, const struct frame *frame) {
    ring_set(commit->ring, frame->chunk, RING_KEPT);
    if (frame->records != slot->records || frame->digest != slot->digest ||
        frame->digested != slot->digested) {
        commit_hold(commit, frame->chunk, "gave two different results");
        return COMMIT_DIFFERENT;
    }
    slot->state = SLOT_DONE;
    commit->checked++;
    return COMMIT_DONE;
}

/* The lane that must not compute the chunk again; with a single lane there is no other to ask. */
static uint32_t lane_to_avoid(const struct commit *commit, uint32_t lane) {
    return commit->ring->lanes > 2 ? lane : RING_LANES_MAX;
}

/* Keep the payload; the chunk whose turn it is may take memory when there is no disk. */
static bool keep(
    struct commit *commit, struct slot *slot, const struct frame *frame, const char *payload) {
    if (result_append(&commit->store, &slot->result, payload, frame->len) == 0)
        return true;
    return frame->chunk == commit->ring->base &&
           result_append_forced(&commit->store, &slot->result, payload, frame->len) == 0;
}

static enum commit_verdict take_result(struct commit *commit, struct slot *slot,
    const struct frame *frame, const char *payload, bool may_pass) {
    bool is_last = frame->type == FRAME_DONE,
         is_checked = is_last && is_drawn(commit, frame->chunk);

    if (slot->attempt != frame->epoch) {
        forget_attempt(commit, slot);
        slot->attempt = frame->epoch;
    }
    if (frame->part != slot->parts)
        return COMMIT_BAD;
    slot->parts++;
    slot->data_crc = slot->parts == 1
                         ? frame->payload_crc
                         : crc32c_combine(slot->data_crc, frame->payload_crc, frame->len);
    if (is_last && !is_checked && may_pass && slot->parts == 1 &&
        frame->chunk == commit->ring->base) {
        accept(commit, slot, frame);
        return COMMIT_PASS;
    }
    if (!keep(commit, slot, frame, payload))
        return COMMIT_NO_ROOM;
    if (!is_last)
        return COMMIT_PART;
    accept(commit, slot, frame);
    if (!is_checked) {
        ring_set(commit->ring, frame->chunk, RING_KEPT);
        return COMMIT_DONE;
    }
    slot->state = SLOT_CHECKING;
    ring_return_recheck(commit->ring, frame->chunk, lane_to_avoid(commit, frame->lane));
    return COMMIT_RECHECK;
}

enum commit_verdict commit_take(struct commit *commit, const struct frame *frame,
    const char *payload, uint32_t first_lane, uint32_t lanes, bool may_pass) {
    struct ring_word word;
    struct slot *slot;

    if (frame->type == FRAME_LEFT || frame->lane < first_lane || frame->lane - first_lane >= lanes)
        return COMMIT_BAD;
    if (!is_in_window(commit, frame->chunk)) {
        commit->ignored++;
        return COMMIT_IGNORED;
    }
    word = ring_unpack(*ring_word_at(commit->ring, frame->chunk));
    slot = commit_slot(commit, frame->chunk);
    if (word.state != RING_RUN || word.owner != frame->lane + 1u || word.epoch != frame->epoch ||
        (slot->state != SLOT_OPEN && slot->state != SLOT_CHECKING)) {
        commit->ignored++;
        return COMMIT_IGNORED;
    }
    if (frame->type == FRAME_FAIL) {
        if (slot->state == SLOT_OPEN)
            forget_attempt(commit, slot);
        return COMMIT_FAILED;
    }
    if (slot->state == SLOT_CHECKING)
        return frame->type == FRAME_DONE ? compare(commit, slot, frame) : COMMIT_PART;
    return take_result(commit, slot, frame, payload, may_pass);
}

void commit_return(struct commit *commit, uint64_t chunk) {
    struct slot *slot = commit_slot(commit, chunk);

    if (slot->state == SLOT_CHECKING) {
        ring_return_recheck(commit->ring, chunk, lane_to_avoid(commit, slot->lane));
        return;
    }
    forget_attempt(commit, slot);
    ring_return(commit->ring, chunk, slot->is_suspect ? RING_SOLO : RING_FREE);
}

void commit_hold(struct commit *commit, uint64_t chunk, const char *cause) {
    struct slot *slot = commit_slot(commit, chunk);

    forget_attempt(commit, slot);
    slot->state = SLOT_HELD;
    free(slot->cause);
    slot->cause = strdup(cause);
    ring_set(commit->ring, chunk, RING_HELD);
}

int commit_adopt(struct commit *commit, uint64_t chunk, const struct slot *found,
    const struct extent *extents, size_t count) {
    struct slot *slot = commit_slot(commit, chunk);

    for (size_t i = 0; i < count; i++)
        if (result_adopt(&commit->store, &slot->result, extents[i]) < 0)
            return -1;
    slot->state = SLOT_DONE;
    slot->records = found->records;
    slot->digested = found->digested;
    slot->digest = found->digest;
    slot->data_crc = found->data_crc;
    ring_set(commit->ring, chunk, RING_KEPT);
    return 0;
}

/* The slot begins to serve `chunk`. Returns the state that the ring's word is to have. */
static enum ring_state open_slot(struct commit *commit, uint64_t chunk) {
    struct slot *slot = commit_slot(commit, chunk);
    struct rest_entry entry;
    uint64_t offset;

    *slot = (struct slot){ .state = SLOT_OPEN };
    if (commit->rest == NULL || chunk >= commit->rest->next ||
        !rest_peek(commit->rest, chunk, &entry, &offset) || entry.chunk != chunk)
        return RING_FREE;
    slot->state = SLOT_REST;
    slot->records = entry.records;
    slot->digested = entry.digested;
    slot->digest = entry.digest;
    slot->data_crc = entry.data_crc;
    slot->rest_offset = offset;
    slot->rest_len = entry.len;
    return RING_KEPT;
}

void commit_advance(struct commit *commit) {
    uint64_t chunk = commit->ring->base;
    struct slot *slot = commit_slot(commit, chunk);
    enum ring_state next = RING_FREE;

    result_clear(&commit->store, &slot->result);
    free(slot->cause);
    if (commit->ring->chunks - chunk > commit->ring->window)
        next = open_slot(commit, chunk + commit->ring->window);
    else
        *slot = (struct slot){ .state = SLOT_OPEN };
    ring_advance(commit->ring, next);
}

void commit_open_window(struct commit *commit) {
    uint64_t base = commit->ring->base;

    for (uint64_t i = 0; i < commit->ring->window && i < commit->ring->chunks - base; i++)
        if (open_slot(commit, base + i) != RING_FREE)
            ring_set(commit->ring, base + i, RING_KEPT);
}

void commit_visit_owned(struct commit *commit, uint32_t first, uint32_t count,
    void (*visit)(void *arg, uint64_t chunk, uint32_t lane), void *arg) {
    struct ring *ring = commit->ring;
    uint64_t base = ring->base;
    struct ring_word word;

    for (uint64_t i = 0; i < ring->window && i < ring->chunks - base; i++) {
        word = ring_unpack(*ring_word_at(ring, base + i));
        if (word.state == RING_RUN && word.owner > first && word.owner - 1 - first < count)
            visit(arg, base + i, word.owner - 1);
    }
}
