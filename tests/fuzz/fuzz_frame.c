/*
 * A hostile worker: bytes that claim to be frames, some with checksums made right, go to the frame
 * reader and on to acceptance. Whatever comes, a chunk is accepted at most once.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/crc32c.h"
#include "shared/frame.h"
#include "supervisor/job/commit.h"

#define CHUNKS 40u
#define WINDOW 16u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rest rest; /* an earlier run kept the results of chunks 5 and 20 */

static void keep(uint64_t chunk) {
    struct result_store store = { .budget = 100 };
    struct result result = { .data = NULL };
    struct rest_entry entry = { .chunk = chunk, .len = 4, .data_crc = crc32c(0, "kept", 4) };

    if (result_append(&store, &result, "kept", 4) < 0 ||
        rest_append(&rest, &entry, &store, &result) < 0)
        abort();
    result_clear(&store, &result);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    char path[64];

    (void)argc, (void)argv;
    crc32c_init();
    snprintf(path, sizeof(path), "/tmp/preforkd-fuzz-%d", getpid());
    if (rest_open(&rest, path) < 0)
        abort();
    keep(5);
    keep(20);
    unlink(path);
    return 0;
}

/* Make the frame at the beginning of data whole: right magic, length and checksums. */
static void repair(uint8_t *data, size_t size) {
    struct frame frame;

    memcpy(&frame, data, sizeof(frame));
    frame.type = (uint16_t)(1 + frame.type % 3);
    frame.lane %= 3;
    frame.chunk %= CHUNKS + 2;
    frame.epoch %= 4;
    frame.part %= 3;
    frame.len = (uint32_t)(frame.len % (size - sizeof(frame) + 1));
    frame_seal(&frame, data + sizeof(frame));
    memcpy(data, &frame, sizeof(frame));
}

static void give_back(void *arg, uint64_t chunk, uint32_t lane) {
    struct slot *slot = commit_slot(arg, chunk);

    slot->is_suspect = lane == 1 && slot->state == SLOT_OPEN;
    commit_return(arg, chunk);
}

/* What the supervisor does between frames: children die, chunks are held, the head is released. */
static void happen(struct commit *commit, uint8_t what) {
    uint64_t base = commit->ring->base;
    enum slot_state head;

    if (what % 16 == 1)
        commit_visit_owned(commit, what / 16 % 2, 1, give_back, commit);
    if (what % 16 == 2 && commit_slot(commit, base)->state == SLOT_OPEN &&
        ring_unpack(*ring_word_at(commit->ring, base)).state == RING_RUN)
        commit_hold(commit, base, "as asked");
    while (!ring_is_finished(commit->ring)) {
        head = commit_slot(commit, commit->ring->base)->state;
        if (head == SLOT_OPEN || head == SLOT_CHECKING)
            break;
        commit_advance(commit);
    }
}

static void take(struct commit *commit, const struct frame *frame, const char *payload,
    unsigned accepted[CHUNKS]) {
    switch (commit_take(commit, frame, payload, 0, 2, frame->len % 2)) {
    case COMMIT_PASS:
    case COMMIT_DONE:
        if (frame->chunk >= CHUNKS || ++accepted[frame->chunk] > 1)
            abort();
        if (commit_slot(commit, frame->chunk)->state != SLOT_DONE)
            abort();
        break;
    case COMMIT_FAILED:
    case COMMIT_NO_ROOM:
        commit_return(commit, frame->chunk);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ring *ring = ring_new(CHUNKS, WINDOW, 3, NULL);
    unsigned accepted[CHUNKS] = { 0 };
    uint8_t *copy = malloc(size + 1), *at = copy;
    struct commit commit;
    struct ring_claim claim;
    struct frame frame;
    const char *payload;
    uint64_t seen = 0;
    uint8_t what;

    memcpy(copy, data, size);
    commit_init(&commit, ring, 256, NULL);
    commit.check_percent = size % 3 == 0 ? 50 : 0;
    commit.rest = size % 2 == 0 ? &rest : NULL;
    rest.cursor = 0;
    commit_open_window(&commit);
    while (size > sizeof(frame)) {
        ring_claim(ring, at[0] % 2, 1 + at[1] % 4, &seen, &claim);
        what = at[3]; /* before it becomes a part of the magic */
        if (at[2] % 4 != 0)
            repair(at, size);
        if (frame_read(at, size, &frame, &payload) != FRAME_COMPLETE) {
            at++;
            size--;
            continue;
        }
        if ((const uint8_t *)payload + frame.len > at + size)
            abort();
        take(&commit, &frame, payload, accepted);
        happen(&commit, what);
        at += sizeof(frame) + frame.len;
        size -= sizeof(frame) + frame.len;
    }
    commit_fini(&commit);
    ring_free(ring);
    free(copy);
    return 0;
}
