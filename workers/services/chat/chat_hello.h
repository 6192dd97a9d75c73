#ifndef WORKERS_SERVICES_CHAT_CHAT_HELLO_H
#define WORKERS_SERVICES_CHAT_CHAT_HELLO_H

/*
 * How a program introduces itself, in its first frame or line:
 *
 *     HELLO 1 [lang=en|ru] [caps=json,history] [since=ROOM:SEQ] [key=KEY] [name=the rest]
 *
 * Words that are not known are for a later version: they are passed over. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/bus.h"

#define CHAT_KEY_MIN 16
#define CHAT_KEY_MAX 64

enum chat_hello_result {
    CHAT_HELLO_NONE, /* it is no HELLO: a name */
    CHAT_HELLO_OK,
    CHAT_HELLO_BAD, /* one that makes no sense */
};

struct chat_hello {
    bool has_lang, is_russian;
    bool wants_json, wants_history;
    bool has_since;
    uint8_t room[BUS_ROOM_SIZE]; /* since: which one, and behind which record */
    uint64_t seq;
    char key[CHAT_KEY_MAX + 1]; /* "": none */
    const char *name;           /* in what was given; NULL: none */
    size_t name_len;
};

enum chat_hello_result chat_hello_read(
    struct chat_hello *out, const char *text, size_t len, const char **out_why);

/* The room's id in hexadecimal; terminated. */
void chat_hello_room(char dst[2 * BUS_ROOM_SIZE + 1], const uint8_t room[BUS_ROOM_SIZE]);

#endif
