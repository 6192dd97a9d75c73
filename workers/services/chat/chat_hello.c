#include "workers/services/chat/chat_hello.h"

#include <stdio.h>
#include <string.h>

#define BEGINNING "HELLO "

struct word {
    const char *data;
    size_t len;
};

void chat_hello_room(char dst[2 * BUS_ROOM_SIZE + 1], const uint8_t room[BUS_ROOM_SIZE]) {
    for (unsigned i = 0; i < BUS_ROOM_SIZE; i++)
        snprintf(dst + 2 * (size_t)i, 3, "%02x", room[i]);
}

static int digit(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

static bool read_room(struct word word, uint8_t out[BUS_ROOM_SIZE]) {
    int high, low;

    for (unsigned i = 0; i < BUS_ROOM_SIZE; i++) {
        high = digit(word.data[2 * (size_t)i]);
        low = digit(word.data[2 * (size_t)i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* At most 19 digits: below 2^64. */
static bool read_number(struct word word, uint64_t *out) {
    if (word.len == 0 || word.len > 19)
        return false;
    *out = 0;
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(word.data[i] - '0');
    }
    return true;
}

static const char *take_since(struct chat_hello *out, struct word value) {
    const size_t room = (size_t)2 * BUS_ROOM_SIZE;

    out->has_since = value.len > room && value.data[room] == ':' && read_room(value, out->room) &&
                     read_number(
                         (struct word){ value.data + room + 1, value.len - room - 1 }, &out->seq);
    return out->has_since ? NULL : "since: write the room's id, a colon and a sequence number";
}

static bool is_plain(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *take_key(struct chat_hello *out, struct word value) {
    for (size_t i = 0; i < value.len; i++)
        if (!is_plain(value.data[i]))
            value.len = 0;
    if (value.len < CHAT_KEY_MIN || value.len > CHAT_KEY_MAX)
        return "key: 16 to 64 letters or digits that nobody else can guess";
    memcpy(out->key, value.data, value.len);
    out->key[value.len] = '\0';
    return NULL;
}

static bool is_word(struct word word, const char *text) {
    return word.len == strlen(text) && memcmp(word.data, text, word.len) == 0;
}

static const char *take_lang(struct chat_hello *out, struct word value) {
    out->is_russian = is_word(value, "ru");
    out->has_lang = out->is_russian || is_word(value, "en");
    return NULL; /* one that is not spoken here is none */
}

static struct word take_until(struct word *rest, char end) {
    const char *at = rest->len > 0 ? memchr(rest->data, end, rest->len) : NULL;
    struct word word = { rest->data, at != NULL ? (size_t)(at - rest->data) : rest->len };

    rest->data += word.len + (at != NULL);
    rest->len -= word.len + (at != NULL);
    return word;
}

static const char *take_caps(struct chat_hello *out, struct word value) {
    struct word cap;

    while (value.len > 0) {
        cap = take_until(&value, ',');
        out->wants_json |= is_word(cap, "json");
        out->wants_history |= is_word(cap, "history");
    }
    return NULL;
}

static const struct {
    const char *key;
    const char *(*take)(struct chat_hello *out, struct word value);
} keys[] = {
    { "lang=", take_lang },
    { "caps=", take_caps },
    { "since=", take_since },
    { "key=", take_key },
};

static const char *take_word(struct chat_hello *out, struct word word) {
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const size_t len = strlen(keys[i].key);

        if (word.len >= len && memcmp(word.data, keys[i].key, len) == 0)
            return keys[i].take(out, (struct word){ word.data + len, word.len - len });
    }
    return NULL;
}

enum chat_hello_result chat_hello_read(
    struct chat_hello *out, const char *text, size_t len, const char **out_why) {
    struct word rest = { text, len };

    *out = (struct chat_hello){ .name = NULL };
    *out_why = NULL;
    if (len < strlen(BEGINNING) || memcmp(text, BEGINNING, strlen(BEGINNING)) != 0)
        return CHAT_HELLO_NONE;
    take_until(&rest, ' ');
    if (!is_word(take_until(&rest, ' '), "1"))
        *out_why = "HELLO: version 1 is spoken here";
    while (rest.len > 0 && *out_why == NULL) {
        if (rest.len >= 5 && memcmp(rest.data, "name=", 5) == 0) {
            out->name = rest.data + 5;
            out->name_len = rest.len - 5;
            break;
        }
        *out_why = take_word(out, take_until(&rest, ' '));
    }
    return *out_why == NULL ? CHAT_HELLO_OK : CHAT_HELLO_BAD;
}
