#include "workers/services/chat/chat_event.h"

#include <string.h>

static char *put_short(char *dst, struct chat_text text) {
    *dst++ = (char)text.len;
    if (text.len > 0)
        memcpy(dst, text.data, text.len);
    return dst + text.len;
}

size_t chat_event_encode(char dst[CHAT_PAYLOAD_MAX], const struct chat_event *event) {
    char *at = dst;

    memcpy(at, &event->number, sizeof(event->number));
    at = put_short(at + sizeof(event->number), event->name);
    at = put_short(at, event->other);
    if (event->text.len > 0)
        memcpy(at, event->text.data, event->text.len);
    return (size_t)(at - dst) + event->text.len;
}

/* Take a length and so many bytes off what is left. */
static bool take_short(struct chat_text *rest, struct chat_text *out) {
    size_t len;

    if (rest->len == 0)
        return false;
    len = (uint8_t)rest->data[0];
    if (len > TEXT_NAME_MAX || len > rest->len - 1)
        return false;
    *out = (struct chat_text){ rest->data + 1, len };
    *rest = (struct chat_text){ rest->data + 1 + len, rest->len - 1 - len };
    return true;
}

bool chat_event_decode(const struct bus_record *record, struct chat_event *out) {
    struct chat_text rest = { record->payload, record->len };

    if (record->kind <= CHAT_GAP || record->kind >= CHAT_KINDS || rest.len < sizeof(out->number))
        return false;
    *out = (struct chat_event){ .seq = record->seq,
        .wall_ns = record->wall_ns,
        .member = record->member,
        .client_id = record->client_id,
        .kind = (enum chat_kind)record->kind };
    memcpy(&out->number, rest.data, sizeof(out->number));
    rest.data += sizeof(out->number);
    rest.len -= sizeof(out->number);
    if (!take_short(&rest, &out->name) || !take_short(&rest, &out->other) ||
        rest.len > CHAT_TEXT_MAX)
        return false;
    out->text = rest;
    return true;
}
