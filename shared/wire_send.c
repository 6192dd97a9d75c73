/* A message as its readers take it: the other half of wire.h. */
#include <string.h>

#include "shared/wire.h"

size_t wire_encode(enum wire_form form, char *dst, const char *text, size_t len) {
    if (form == WIRE_FORM_RAW)
        return wire_raw_encode(dst, text, len);
    if (form != WIRE_FORM_FRAMED)
        return wire_line_encode(dst, text, len, form == WIRE_FORM_TELNET);
    if (wire_frame_seal(dst, len) < 0)
        return 0;
    if (len > 0)
        memcpy(dst + WIRE_FRAME_HEAD, text, len);
    return WIRE_FRAME_HEAD + len;
}

size_t wire_begin_send(struct wire *wire, uint64_t now_ms) {
    const bool is_soon = wire->sent_at_ms > 0 && now_ms < wire->sent_at_ms + WIRE_RAW_SEND_GAP_MS;

    wire->sent_at_ms = now_ms > 0 ? now_ms : 1;
    return wire_form(wire) == WIRE_FORM_RAW && !is_soon ? 1 : 0;
}
