/*
 * The ordered release. The journal is told rarely: a job that has run for long loses at most a
 * thousandth of its time to a kill, one that has just begun at most some milliseconds.
 */
#include "supervisor/job/release.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/crc32c.h"
#include "shared/escape.h"
#include "shared/failpoint.h"
#include "shared/number.h"

#define CHECKPOINT_LEAST_NS 5000000u
#define CHECKPOINT_MOST_NS  1000000000u
#define LINE_MAX_BYTES      1024
#define PIECE               (64u * 1024u)

static void put_line(struct release *release, const char *line) {
    output_put(release->output, line, strlen(line));
}

void release_begin(struct release *release) {
    if (release->format == RESULT_CSV)
        put_line(release, release->count_only ? "count\n" : "chunk,number\n");
}

void release_end(struct release *release) {
    char line[LINE_MAX_BYTES], number[NUMBER_TEXT_MAX];

    if (!release->count_only)
        return;
    snprintf(number, sizeof(number), "%" PRIu64, release->records);
    if (release->format == RESULT_SHEET)
        number_format_grouped(number, release->records);
    if (release->format == RESULT_JSON)
        snprintf(line, sizeof(line), "{\"count\":%s}\n", number);
    else
        snprintf(line, sizeof(line), "%s\n", number);
    put_line(release, line);
}

/* The head is in the output: it counts, and the window moves on. */
static void account(struct release *release) {
    uint64_t chunk = release->commit->ring->base;
    struct slot *slot = commit_slot(release->commit, chunk);

    release->records += slot->records;
    release->digest = crc32c_combine(release->digest, slot->digest, slot->digested);
    release->next = chunk + 1;
    release->copied = 0;
    if (release->on_released != NULL)
        release->on_released(release->arg, chunk, slot);
    commit_advance(release->commit);
}

bool release_can_pass(struct release *release, uint32_t len) {
    if (release->is_behind_gap)
        return false;
    if (output_room(release->output) < len)
        output_flush(release->output);
    return output_room(release->output) >= len;
}

void release_pass(struct release *release, const struct frame *frame, const char *payload) {
    output_lend(release->output, payload, frame->len, frame->payload_crc);
    account(release);
}

/* Read a piece of the head's result into data. Returns how many bytes, or -1 with errno. */
static ssize_t read_head(struct release *release, const struct slot *slot, void *data, size_t len) {
    uint64_t left = slot->rest_len - release->copied;

    if (slot->state == SLOT_DONE)
        return result_read(&release->commit->store, &slot->result, release->copied, data, len);
    if (len > left)
        len = (size_t)left;
    return rest_read(release->rest, slot->rest_offset + release->copied, data, len) < 0
               ? -1
               : (ssize_t)len;
}

/* Copy the head's result to the output, as far as there is room. */
static enum release_state copy_head(struct release *release, const struct slot *slot) {
    uint64_t size = slot->state == SLOT_DONE ? result_size(&slot->result) : slot->rest_len;
    enum output_state state;
    char piece[PIECE];
    size_t room;
    ssize_t n;

    while (release->copied < size) {
        room = output_room(release->output);
        if (room == 0) {
            state = output_flush(release->output);
            if (state != OUTPUT_EMPTY)
                return state == OUTPUT_ERROR ? RELEASE_ERROR : RELEASE_BLOCKED;
            continue;
        }
        n = read_head(release, slot, piece, room < PIECE ? room : PIECE);
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return RELEASE_ERROR;
        }
        output_put(release->output, piece, (size_t)n);
        release->copied += (uint64_t)n;
    }
    account(release);
    return RELEASE_WAITING;
}

/* A result that is in memory as a whole goes to the output without a copy. */
static bool give_head(struct release *release, struct slot *slot) {
    size_t len = slot->result.len;
    char *data;

    if (slot->state != SLOT_DONE || len == 0 || release->copied > 0)
        return false;
    if (output_room(release->output) < len)
        output_flush(release->output);
    if (output_room(release->output) < len)
        return false;
    data = result_take(&release->commit->store, &slot->result, &len);
    output_give(release->output, data, len, slot->data_crc);
    account(release);
    return true;
}

/* Keep the head's result for a later run. */
static enum release_state keep_head(struct release *release, const struct slot *slot) {
    uint64_t chunk = release->commit->ring->base;
    struct rest_entry entry = {
        .chunk = chunk,
        .len = result_size(&slot->result),
        .records = slot->records,
        .digested = slot->digested,
        .digest = slot->digest,
        .data_crc = slot->data_crc,
    };

    if (slot->state == SLOT_DONE &&
        rest_append(release->rest, &entry, &release->commit->store, &slot->result) < 0)
        return RELEASE_ERROR;
    commit_advance(release->commit);
    return RELEASE_WAITING;
}

static void mark_gap(struct release *release, const struct slot *slot) {
    char line[LINE_MAX_BYTES], cause[LINE_MAX_BYTES / 2], bounds[INTERVAL_TEXT_MAX];
    uint64_t chunk = release->commit->ring->base, lo, hi;
    size_t used;

    split_bounds(release->split, chunk, &lo, &hi);
    if (release->format == RESULT_JSON) {
        used = escape_json(cause, slot->cause,
            strnlen(slot->cause, sizeof(cause) / ESCAPE_JSON_GROWTH - 1), true, &used);
        cause[used] = '\0';
        snprintf(line, sizeof(line),
            "{\"chunk\":%" PRIu64 ",\"lo\":%" PRIu64 ",\"hi\":%" PRIu64 ",\"held\":\"%s\"}\n",
            chunk + 1, lo, hi, cause);
    } else if (release->format == RESULT_CSV) {
        snprintf(line, sizeof(line), "%" PRIu64 ",held\n", chunk + 1);
    } else {
        escape_line(cause, sizeof(cause), slot->cause, strlen(slot->cause));
        snprintf(line, sizeof(line), "# held: chunk %" PRIu64 ", %s: %s\n", chunk + 1,
            interval_format_sheet(bounds, lo, hi), cause);
    }
    put_line(release, line);
}

/* The head is held: behind it the output ends, or it goes on. */
static enum release_state pass_gap(struct release *release, const struct slot *slot) {
    struct journal_record record = { .type = JOURNAL_HELD, .chunk = release->commit->ring->base };

    if (release->on_held == RELEASE_STOP && release->rest == NULL)
        return RELEASE_GAP;
    if (release->on_held == RELEASE_MARK && !release->count_only) {
        if (output_room(release->output) < LINE_MAX_BYTES &&
            output_flush(release->output) != OUTPUT_EMPTY)
            return RELEASE_BLOCKED;
        mark_gap(release, slot);
    }
    if (release->journal != NULL && journal_append(release->journal, &record) < 0)
        return RELEASE_ERROR;
    release->held++;
    release->is_behind_gap = release->on_held == RELEASE_STOP;
    if (!release->is_behind_gap)
        release->next = release->commit->ring->base + 1;
    commit_advance(release->commit);
    return RELEASE_WAITING;
}

enum release_state release_pump(struct release *release) {
    struct ring *ring = release->commit->ring;
    enum release_state state = RELEASE_WAITING;

    while (state == RELEASE_WAITING && !ring_is_finished(ring)) {
        struct slot *slot = commit_slot(release->commit, ring->base);
        if (slot->state == SLOT_OPEN || slot->state == SLOT_CHECKING)
            return RELEASE_WAITING;
        if (slot->state == SLOT_HELD)
            state = pass_gap(release, slot);
        else if (release->is_behind_gap)
            state = keep_head(release, slot);
        else if (!give_head(release, slot))
            state = copy_head(release, slot);
    }
    return state;
}

int release_checkpoint(struct release *release, uint64_t now_ns, bool is_asked) {
    uint64_t interval_ns = (now_ns - release->started_ns) / 1000;
    struct journal_record record = {
        .type = JOURNAL_RELEASED,
        .chunk = release->next,
        .offset = release->output->offset,
        .boot = release->boot,
        .records = release->records,
        .digest = release->digest,
        .data_crc = release->output->crc,
    };

    if (interval_ns < CHECKPOINT_LEAST_NS)
        interval_ns = failpoint_is_armed ? 0 : CHECKPOINT_LEAST_NS; /* tests want every step */
    if (interval_ns > CHECKPOINT_MOST_NS)
        interval_ns = CHECKPOINT_MOST_NS;
    /* In the middle of a chunk the output's length says nothing about whole chunks. */
    if (release->journal == NULL || release->next == release->journaled || release->copied > 0 ||
        (!is_asked && now_ns - release->journaled_ns < interval_ns))
        return 0;
    FAILPOINT("released");
    if (journal_append(release->journal, &record) < 0)
        return -1;
    release->journaled = release->next;
    release->journaled_bytes = record.offset;
    release->journaled_ns = now_ns;
    return 0;
}

int release_journal_spooled(struct release *release, uint64_t chunk, const struct slot *slot) {
    const struct result *result = &slot->result;

    if (release->journal == NULL)
        return 0;
    for (size_t i = 0; i < result->extent_count; i++) {
        struct journal_record record = {
            .type = JOURNAL_SPOOLED,
            .chunk = chunk,
            .offset = result->extents[i].offset,
            .len = result->extents[i].len,
            .records = slot->records,
            .digested = slot->digested,
            .digest = slot->digest,
            .data_crc = slot->data_crc,
            .part = (uint32_t)i,
            .is_last = i + 1 == result->extent_count,
        };
        if (journal_append(release->journal, &record) < 0)
            return -1;
    }
    return 0;
}
