/*
 * Journals of any bytes, and journals whose checksums are right but whose records say anything:
 * reading ends where they end, and resuming from them takes over nothing that is not there.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/crc32c.h"
#include "supervisor/job/commit.h"
#include "supervisor/job/journal.h"
#include "supervisor/job/resume.h"

#define IDENTITY "kernel=divisible\nby=11,13,17\nchunk=1000000\n"
#define WINDOW   16u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    crc32c_init();
    return 0;
}

/* Give the bytes a right header of some identity, and right checksums to what follows it. */
static void repair(uint8_t *data, size_t size) {
    uint32_t len = data[8] % 64u, crc;
    struct journal_record record;

    if (size < 16 + len)
        return;
    memcpy(data, "PFJOURN1", 8);
    memcpy(data + 8, &len, 4);
    crc = crc32c(0, data + 16, len);
    memcpy(data + 12, &crc, 4);
    for (size_t at = 16 + len; size - at >= sizeof(record); at += sizeof(record)) {
        memcpy(&record, data + at, sizeof(record));
        record.type = 1 + record.type % 4;
        record.chunk %= 64;
        record.part %= 3;
        record.crc = 0;
        record.crc = crc32c(0, &record, sizeof(record));
        memcpy(data + at, &record, sizeof(record));
    }
}

static void resume(const struct journal_view *view) {
    struct ring *ring = ring_new(40, WINDOW, 3, NULL);
    struct resume_point point;
    struct commit commit;

    commit_init(&commit, ring, 0, NULL);
    if (resume_find(view, "/dev/null", 1, &point) == 0 && point.next > 40)
        point.next = 40;
    ring_begin(ring, point.next);
    if (resume_adopt_spooled(view, &commit) > WINDOW)
        abort();
    commit_fini(&commit);
    ring_free(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct journal_view view;
    struct complaint complaint;
    uint8_t *copy;

    if (size < 16)
        return 0;
    copy = malloc(size);
    memcpy(copy, data, size);
    if (data[9] % 4 != 0)
        repair(copy, size);
    if (journal_read(copy, size, &view) == 0) {
        if (view.valid_len > size || view.identity_len > size)
            abort();
        for (size_t i = 0; i < view.record_count; i++)
            if (journal_record_at(&view, i).type > JOURNAL_END)
                abort();
        journal_same_job(
            view.identity, view.identity_len, IDENTITY, sizeof(IDENTITY) - 1, &complaint);
        journal_same_job(
            IDENTITY, sizeof(IDENTITY) - 1, view.identity, view.identity_len, &complaint);
        if (view.record_count > 0)
            resume(&view);
    }
    free(copy);
    return 0;
}
