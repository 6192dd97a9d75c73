#ifndef WORKERS_SERVICES_CHAT_CHAT_COOKIE_H
#define WORKERS_SERVICES_CHAT_CHAT_COOKIE_H

/*
 * Proof that who sends a datagram hears what is sent to where it came from: a number of the room's
 * secret, the address and the time, which the server does not have to remember. It holds for a
 * minute or two. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workers/services/chat/chat_room.h"
#include "workers/services/session.h"

#define CHAT_COOKIE_TEXT 16u /* bytes of "/cookie XXXXXXXX" */

void chat_cookie_write(char dst[CHAT_COOKIE_TEXT + 1], const struct chat_room *room,
    const struct session_path *path, uint64_t now_ms);

/* Take a cookie and the blank behind it off a text, if it begins with one. Is it the right one? */
bool chat_cookie_take(const struct chat_room *room, const struct session_path *path,
    uint64_t now_ms, const char **data, size_t *len);

#endif
