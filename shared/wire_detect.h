#ifndef SHARED_WIRE_DETECT_H
#define SHARED_WIRE_DETECT_H

/*
 * Which form a peer speaks, by the first bytes that it sends.
 *
 *     00                         framed: a length below 16 MiB begins so
 *     ff f0..fe                  lines with telnet
 *     16 03 00..04               TLS
 *     "GET /", "POST http" …     HTTP
 *     a newline in what came     lines
 *     anything else              raw
 *
 * What could still become one of the first four, but is shorter, is held. Pure; callable anywhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_DETECT_HELD_MAX 8u

enum wire_verdict {
    WIRE_VERDICT_MORE, /* all that was given is held */
    WIRE_VERDICT_FRAMED,
    WIRE_VERDICT_LINE,
    WIRE_VERDICT_TLS,
    WIRE_VERDICT_HTTP,
    WIRE_VERDICT_RAW,
};

/* All zero is one at its beginning. */
struct wire_detect {
    uint8_t held_len;
    char held[WIRE_DETECT_HELD_MAX];
};

/*
 * Judge what is held and, behind it, len bytes more. With WIRE_VERDICT_MORE these are held, too;
 * with any other verdict what is held stays what came before them.
 */
enum wire_verdict wire_detect_next(struct wire_detect *detect, const char *data, size_t len);

/*
 * What is held may be all that a classic client has to say (the name "G" begins like "GET "): after
 * a moment it is raw. Otherwise no text begins so.
 */
bool wire_detect_is_text(const struct wire_detect *detect);

#endif
