#include "workers/services/chat/chat_cookie.h"

#include <stdio.h>
#include <string.h>

#define HOLDS_MS 60000

static void write_of(char dst[CHAT_COOKIE_TEXT + 1], const struct chat_room *room,
    const struct session_path *path, uint64_t slot) {
    struct {
        uint64_t slot;
        uint8_t peer[16];
        uint32_t scope, listener;
        uint64_t port;
    } from = { .slot = slot, .scope = path->scope, .port = path->port, .listener = path->listener };

    memcpy(from.peer, path->peer, sizeof(from.peer));
    snprintf(dst, CHAT_COOKIE_TEXT + 1, "/cookie %08x",
        (uint32_t)chat_room_hash(room, 'c', &from, sizeof(from)));
}

void chat_cookie_write(char dst[CHAT_COOKIE_TEXT + 1], const struct chat_room *room,
    const struct session_path *path, uint64_t now_ms) {
    write_of(dst, room, path, now_ms / HOLDS_MS);
}

/* Every byte is looked at: how long it takes tells nothing. */
static bool is_same(const char *a, const char *b) {
    unsigned differs = 0;

    for (unsigned i = 0; i < CHAT_COOKIE_TEXT; i++)
        differs |= (unsigned)(a[i] ^ b[i]);
    return differs == 0;
}

bool chat_cookie_take(const struct chat_room *room, const struct session_path *path,
    uint64_t now_ms, const char **data, size_t *len) {
    const uint64_t slot = now_ms / HOLDS_MS;
    char now[CHAT_COOKIE_TEXT + 1], before[CHAT_COOKIE_TEXT + 1];
    bool is_right;

    if (*len < CHAT_COOKIE_TEXT || memcmp(*data, "/cookie ", 8) != 0)
        return false;
    write_of(now, room, path, slot);
    write_of(before, room, path, slot - 1);
    is_right = is_same(*data, now) | is_same(*data, before);
    *data += CHAT_COOKIE_TEXT;
    *len -= CHAT_COOKIE_TEXT;
    if (*len > 0 && **data == ' ') {
        ++*data;
        --*len;
    }
    return is_right;
}
