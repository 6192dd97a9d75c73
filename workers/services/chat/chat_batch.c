#include "workers/services/chat/chat_batch.h"

#include <string.h>

#include "shared/clock.h"

#define AROUND_BYTES 32 /* each message has beside its name and text */

static void clear(struct chat_batch *batch, uint64_t first) {
    batch->count = 0;
    batch->first = batch->end = first;
    batch->parties = 0;
    batch->joined = batch->left = batch->missed = 0;
    batch->bytes = 0;
    batch->written = 0;
    chat_buffer_clear(&batch->payloads);
}

static void add_gap(struct chat_batch *batch, const struct bus_reader *reader) {
    if (reader->missed == 0)
        return;
    batch->event[batch->count++] = (struct chat_event){ .kind = CHAT_GAP,
        .seq = reader->cursor - 1,
        .number = reader->missed,
        .wall_ns = clock_wall_ns() };
    batch->missed += (unsigned)reader->missed;
}

static void add_record(struct chat_batch *batch, const struct bus_record *record) {
    struct chat_event *event = &batch->event[batch->count];

    if (!chat_event_decode(record, event))
        return;
    batch->count++;
    batch->payloads.len += record->len;
    batch->bytes += record->len + AROUND_BYTES;
    batch->parties |= chat_batch_party(event->member);
    if (event->kind == CHAT_PRIVATE)
        batch->parties |= chat_batch_party(event->number);
    batch->joined += event->kind == CHAT_JOINED;
    batch->left += event->kind == CHAT_LEFT;
}

void chat_batch_read(struct chat_batch *batch, struct bus_reader *reader, uint64_t limit) {
    struct bus_record record;
    enum bus_result result;

    clear(batch, reader->cursor);
    /* Once, so that it stays where it is. */
    if (chat_buffer_reserve(&batch->payloads, CHAT_BATCH_BYTES + CHAT_PAYLOAD_MAX) == NULL)
        return;
    while (batch->count < CHAT_BATCH_MOST && batch->payloads.len < CHAT_BATCH_BYTES &&
           reader->cursor < limit) {
        result = bus_read(reader, batch->payloads.data + batch->payloads.len, &record);
        if (result == BUS_EMPTY)
            break;
        if (result == BUS_RECORD)
            add_record(batch, &record);
        else
            add_gap(batch, reader);
    }
    batch->end = reader->cursor;
}

const struct chat_buffer *chat_batch_make(
    struct chat_batch *batch, struct chat_scene *scene, struct chat_voice voice) {
    const unsigned index = chat_voice_index(voice);
    struct chat_buffer *out = &batch->voice[index];

    chat_buffer_clear(out);
    chat_show_events(out, scene, voice, batch->event, batch->count, NULL);
    batch->written |= 1u << index;
    return out;
}

void chat_batch_free(struct chat_batch *batch) {
    chat_buffer_free(&batch->payloads);
    for (unsigned i = 0; i < CHAT_VOICES; i++)
        chat_buffer_free(&batch->voice[i]);
    batch->written = 0;
}
