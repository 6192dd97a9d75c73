/* A path has a few places where it may stand, so that a look costs the same however many there are.
 */
#include "workers/services/message_log/message_log_senders.h"

#include <string.h>

#define PLACES 8u

static uint32_t mix(uint32_t hash, const void *data, size_t len) {
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

/* FNV-1a: an attacker who makes all his addresses meet drives out only who stands there. */
static unsigned first_place(const struct session_path *path) {
    uint32_t hash = mix(2166136261u, path->peer, sizeof(path->peer));

    hash = mix(hash, &path->port, sizeof(path->port));
    return (hash ^ hash >> 16) % (MESSAGE_LOG_SENDERS / PLACES) * PLACES;
}

static bool is_same(const struct session_path *a, const struct session_path *b) {
    return a->listener == b->listener && a->family == b->family && a->port == b->port &&
           a->scope == b->scope && memcmp(a->peer, b->peer, sizeof(a->peer)) == 0 &&
           memcmp(a->local, b->local, sizeof(a->local)) == 0;
}

static bool is_current(const struct message_log_sender *sender, uint64_t now_ms) {
    return sender->seen_at_ms > 0 && sender->seen_at_ms <= now_ms &&
           now_ms - sender->seen_at_ms < MESSAGE_LOG_SILENT_MS &&
           message_log_text_is_login(&sender->speaker.login);
}

struct message_log_sender *message_log_senders_find(
    struct message_log_senders *senders, const struct session_path *path, uint64_t now_ms) {
    struct message_log_sender *row = &senders->row[first_place(path)], *best = row;

    for (unsigned i = 0; i < PLACES; i++) {
        if (!is_current(&row[i], now_ms))
            row[i].seen_at_ms = 0;
        else if (is_same(&row[i].path, path)) {
            row[i].seen_at_ms = now_ms;
            return &row[i];
        }
        if (row[i].seen_at_ms < best->seen_at_ms)
            best = &row[i];
    }
    memset(best, 0, sizeof(*best));
    best->path = *path;
    best->seen_at_ms = now_ms > 0 ? now_ms : 1;
    return best;
}

void message_log_senders_forget(struct message_log_sender *sender) {
    memset(sender, 0, sizeof(*sender));
}
