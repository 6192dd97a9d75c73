/*
 * Members by UDP. Who they are lies in memory that outlives the worker that owns the datagrams, and
 * so does how far they have been served: counted before it is sent, so that no death lets anybody
 * get anything twice.
 */
#include <string.h>

#include "workers/services/relay/relay_private.h"

#define MEMBERS_MAX 64
#define AT_ONCE     8

struct member {
    uint64_t number; /* 0: the place is free */
    struct session_path path;
};

/* Writer: the owner of the datagrams. */
struct owned {
    uint64_t cursor; /* of all members; 0: there was none yet */
    struct member member[MEMBERS_MAX];
};

size_t relay_datagrams_size(const void *settings) {
    (void)settings;
    return sizeof(struct owned);
}

static struct member *find(struct owned *owned, const struct session_path *path) {
    for (unsigned i = 0; i < MEMBERS_MAX; i++)
        if (owned->member[i].number != 0 &&
            memcmp(&owned->member[i].path, path, sizeof(*path)) == 0)
            return &owned->member[i];
    return NULL;
}

static struct member *find_free(struct owned *owned) {
    for (unsigned i = 0; i < MEMBERS_MAX; i++)
        if (owned->member[i].number == 0)
            return &owned->member[i];
    return NULL;
}

/* The others are served first, so that one cursor is enough for all. */
static void join(struct session *session, struct owned *owned, uint64_t number) {
    struct post *post = session_post(session);
    struct member *member = find_free(owned);

    while (relay_datagrams_mail(post))
        ;
    if (member == NULL) {
        session_send(session, "error full", 10);
        return;
    }
    session_path(session, &member->path);
    member->number = number;
    relay_welcome(session, owned->cursor - 1);
}

void relay_datagrams_take(struct session *session, const char *data, size_t len) {
    struct post *post = session_post(session);
    struct owned *owned = post_owned(post);
    struct relay_words words;
    struct session_path path;
    struct member *member;

    session_path(session, &path);
    member = find(owned, &path);
    if (member != NULL && len == 3 && memcmp(data, "bye", 3) == 0)
        member->number = 0;
    else if (relay_read(post, data, len, &words) && words.is_hello == (member == NULL)) {
        if (words.is_hello)
            join(session, owned, words.number);
        else
            relay_publish(session, member->number, &words);
    }
}

/* Encoded once for all of them. */
static void send_to_all(struct post *post, struct owned *owned, const struct iovec *lines) {
    struct session *session;

    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        session = owned->member[i].number != 0 ? post_to(post, &owned->member[i].path) : NULL;
        if (session != NULL)
            (void)session_sendv(session, lines, 1);
    }
}

/* Read some records; returns how many bytes they are as datagrams are written. */
static size_t encode_some(struct post *post, struct bus_reader *reader, char *out) {
    char line[RELAY_LINE_MAX];
    size_t len, size = 0;

    for (unsigned i = 0; i < AT_ONCE; i++) {
        len = relay_write_next(post, reader, line);
        if (len == 0)
            break;
        size += wire_encode(WIRE_FORM_RAW, out + size, line, len);
    }
    return size;
}

bool relay_datagrams_mail(struct post *post) {
    struct owned *owned = post_owned(post);
    char encoded[AT_ONCE * WIRE_ENCODE_MOST(RELAY_LINE_MAX)];
    struct iovec lines = { .iov_base = encoded };
    struct bus_reader reader;

    if (!post_owns(post))
        return false;
    if (owned->cursor == 0)
        owned->cursor = bus_next(post_bus(post));
    bus_begin(&reader, post_bus(post), owned->cursor);
    lines.iov_len = encode_some(post, &reader, encoded);
    owned->cursor = reader.cursor;
    send_to_all(post, owned, &lines);
    return lines.iov_len > 0;
}
