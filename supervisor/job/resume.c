/* Resume. One pass over the output confirms every RELEASED record up to the first that is wrong. */
#include "supervisor/job/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/crc32c.h"

#define PIECE (256u * 1024u)

/* Carry *crc from offset `from` to `to`. Returns 1, 0 when the file is shorter, -1 with errno. */
static int carry_crc(int fd, char *piece, uint64_t from, uint64_t to, uint32_t *crc) {
    ssize_t n;

    while (from < to) {
        n = pread(fd, piece, to - from < PIECE ? (size_t)(to - from) : PIECE, (off_t)from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        *crc = crc32c(*crc, piece, (size_t)n);
        from += (uint64_t)n;
    }
    return 1;
}

static struct resume_point point_of(const struct journal_record *record) {
    return (struct resume_point){ .next = record->chunk,
        .offset = record->offset,
        .records = record->records,
        .digest = record->digest,
        .output_crc = record->data_crc };
}

/*
 * The last RELEASED record, by the bytes between it and the one before. Returns 1 when they agree,
 * 0 when the whole output has to be read, -1 with errno.
 */
static int confirm_last(const struct journal_view *view, int fd, char *piece, uint64_t boot,
    struct resume_point *point) {
    struct journal_record last = { .type = 0 }, before = { .type = 0 }, record;
    uint32_t crc;
    int rc;

    for (size_t i = 0; i < view->record_count; i++) {
        record = journal_record_at(view, i);
        if (record.type != JOURNAL_RELEASED)
            continue;
        before = last;
        last = record;
    }
    if (last.type == 0 || boot == 0 || last.boot != boot || before.offset > last.offset)
        return 0;
    crc = before.data_crc;
    rc = carry_crc(fd, piece, before.offset, last.offset, &crc);
    if (rc <= 0 || crc != last.data_crc)
        return rc < 0 ? -1 : 0;
    *point = point_of(&last);
    return 1;
}

/* Follow the RELEASED records through the output as long as it agrees with them. */
static int confirm(
    const struct journal_view *view, int fd, char *piece, struct resume_point *point) {
    struct journal_record record;
    uint64_t at = 0;
    uint32_t crc = 0, further;
    int rc;

    for (size_t i = 0; i < view->record_count; i++) {
        record = journal_record_at(view, i);
        if (record.type != JOURNAL_RELEASED)
            continue;
        if (record.offset < at) {
            at = 0; /* the run after an earlier resume went on from further back */
            crc = 0;
        }
        further = crc;
        rc = carry_crc(fd, piece, at, record.offset, &further);
        if (rc < 0)
            return -1;
        if (rc == 0 || further != record.data_crc)
            continue;
        crc = further;
        at = record.offset;
        *point = point_of(&record);
    }
    return 0;
}

int resume_find(const struct journal_view *view, const char *output_path, uint64_t boot,
    struct resume_point *out) {
    struct journal_record last;
    int fd, rc = -1;
    char *piece;

    *out = (struct resume_point){ .next = 0 };
    piece = malloc(PIECE);
    fd = open(output_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        rc = 0;
    else if (fd >= 0 && piece != NULL)
        rc = confirm_last(view, fd, piece, boot, out);
    if (rc == 0 && fd >= 0)
        rc = confirm(view, fd, piece, out);
    if (rc > 0)
        rc = 0;
    for (size_t i = 0; rc == 0 && i < view->record_count; i++) {
        last = journal_record_at(view, i);
        out->held += last.type == JOURNAL_HELD && last.chunk < out->next;
        out->is_complete = last.type == JOURNAL_END && last.chunk == out->next;
    }
    if (fd >= 0)
        close(fd);
    free(piece);
    return rc;
}

/* The stretches of one chunk, as the journal names them one after the other. */
struct found {
    uint64_t chunk;
    struct slot slot;
    struct extent *extents;
    size_t count;
    bool is_whole;
};

static bool is_in_spool(const struct commit *commit, const struct found *found, char *piece) {
    uint32_t crc = 0;
    int rc;

    for (size_t i = 0; i < found->count; i++) {
        const struct extent *extent = &found->extents[i];
        rc = carry_crc(
            commit->store.spool.fd, piece, extent->offset, extent->offset + extent->len, &crc);
        if (rc <= 0)
            return false;
    }
    return crc == found->slot.data_crc;
}

/* Add one SPOOLED record to what was found of its chunk. Returns 0, or -1 with ENOMEM. */
static int add_stretch(struct found *found, const struct journal_record *record) {
    struct extent *grown;

    if (record->part == 0)
        found->count = 0;
    if (record->part != found->count || (record->part > 0 && record->chunk != found->chunk)) {
        found->is_whole = false;
        return 0;
    }
    grown = reallocarray(found->extents, found->count + 1, sizeof(*grown));
    if (grown == NULL)
        return -1;
    grown[found->count++] = (struct extent){ .offset = record->offset, .len = record->len };
    found->extents = grown;
    found->chunk = record->chunk;
    found->is_whole = record->is_last;
    found->slot = (struct slot){ .records = record->records,
        .digested = record->digested,
        .digest = record->digest,
        .data_crc = record->data_crc };
    return 0;
}

uint64_t resume_adopt_spooled(const struct journal_view *view, struct commit *commit) {
    struct found found = { .extents = NULL };
    char *piece = malloc(PIECE);
    struct journal_record record;
    uint64_t base = commit->ring->base, adopted = 0;

    for (size_t i = 0; piece != NULL && i < view->record_count; i++) {
        record = journal_record_at(view, i);
        if (record.type != JOURNAL_SPOOLED || record.chunk < base ||
            record.chunk - base >= commit->ring->window || record.chunk >= commit->ring->chunks)
            continue;
        if (add_stretch(&found, &record) < 0)
            break;
        if (!found.is_whole || commit_slot(commit, record.chunk)->state != SLOT_OPEN ||
            !is_in_spool(commit, &found, piece))
            continue;
        if (commit_adopt(commit, record.chunk, &found.slot, found.extents, found.count) < 0)
            break;
        adopted++;
    }
    free(found.extents);
    free(piece);
    return adopted;
}
