/* Seal and check frames. The reader takes bytes from a peer that may die or lie at any of them. */
#include "shared/frame.h"

#include <string.h>

#include "shared/crc32c.h"

void frame_seal(struct frame *frame, const void *payload) {
    frame->magic = FRAME_MAGIC;
    frame->payload_crc = crc32c(0, payload, frame->len);
    frame->header_crc = crc32c(0, frame, offsetof(struct frame, header_crc));
}

enum frame_verdict frame_read(
    const void *data, size_t len, struct frame *out, const char **out_payload) {
    if (len < sizeof(*out))
        return FRAME_MORE;
    memcpy(out, data, sizeof(*out));
    if (out->magic != FRAME_MAGIC || out->type < FRAME_PART || out->type > FRAME_LEFT ||
        out->len > FRAME_PAYLOAD_MAX ||
        out->header_crc != crc32c(0, out, offsetof(struct frame, header_crc)))
        return FRAME_BAD;
    if (len - sizeof(*out) < out->len)
        return FRAME_MORE;
    *out_payload = (const char *)data + sizeof(*out);
    if (out->payload_crc != crc32c(0, *out_payload, out->len))
        return FRAME_BAD;
    return FRAME_COMPLETE;
}
