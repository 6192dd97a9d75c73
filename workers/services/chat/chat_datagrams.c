/*
 * A row's member is `used` from the last step of coming in on, to the first of going: who takes
 * over from one who was killed in between finds a row that is nobody's, and a place in the room
 * whose lease runs out.
 */
#include "workers/services/chat/chat_datagrams.h"

#include <bsd/stdlib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "workers/services/chat/chat_cookie.h"
#include "workers/services/chat/chat_count.h"
#include "workers/services/chat/chat_member.h"
#include "workers/services/chat/chat_say.h"
#include "workers/services/chat/chat_words.h"

#define LEASE_MS 15000 /* behind the silence after which he is told to have left */

struct row {
    _Atomic uint32_t is_used;
    uint32_t dropped; /* too fast: not told him yet */
    struct session_path path;
    struct chat_guest guest;
    struct chat_flood flood;
    uint64_t since; /* records before this are not his */
    uint64_t seen_ms;
    uint64_t is_asked; /* whether he is still there */
};

struct table {
    uint64_t next; /* the record that is to be given next */
    uint64_t top;  /* rows are used below this */
    struct row row[];
};

static struct chat_voice voice_of(const struct post *post) {
    return (struct chat_voice){ .form = WIRE_FORM_RAW, .lang = (uint8_t)post_lang(post) };
}

static uint32_t count_rows(const void *settings) {
    return (uint32_t)((const struct chat_settings *)settings)->udp_members;
}

size_t chat_datagrams_size(const void *settings) {
    return sizeof(struct table) + count_rows(settings) * sizeof(struct row);
}

static struct table *table_of(struct post *post) {
    return post_owns(post) ? post_owned(post) : NULL;
}

static uint64_t top_of(struct post *post, const struct table *table) {
    const uint32_t rows = count_rows(post_settings(post));

    return table->top < rows ? table->top : rows;
}

/* What an owner that was killed, or worse, left there is not believed. */
static bool is_sound(struct post *post, const struct row *row) {
    return atomic_load(&row->is_used) == 1 && row->guest.name_len <= TEXT_NAME_MAX &&
           row->guest.name[row->guest.name_len] == '\0' &&
           chat_room_is_ours(chat_guest_room(post), &row->guest.place);
}

/* The next row from *at on that has a member. Others are emptied on the way. */
static struct row *next_row(struct post *post, struct table *table, uint64_t *at) {
    const uint64_t top = top_of(post, table);

    for (; *at < top; ++*at) {
        if (is_sound(post, &table->row[*at]))
            return &table->row[(*at)++];
        atomic_store(&table->row[*at].is_used, 0);
    }
    return NULL;
}

static struct row *find(struct post *post, struct table *table, const struct session_path *path) {
    uint64_t at = 0;
    struct row *row;

    while ((row = next_row(post, table, &at)) != NULL)
        if (row->path.port == path->port && row->path.listener == path->listener &&
            row->path.family == path->family &&
            memcmp(row->path.peer, path->peer, sizeof(path->peer)) == 0 &&
            row->path.scope == path->scope)
            return row;
    return NULL;
}

static struct row *find_free(struct post *post, struct table *table) {
    const uint32_t rows = count_rows(post_settings(post));

    for (uint32_t i = 0; i < rows; i++)
        if (!is_sound(post, &table->row[i])) {
            if (table->top <= i)
                table->top = i + 1;
            return &table->row[i];
        }
    return NULL;
}

/* ---- coming and going ---- */

static void leave(struct post *post, struct row *row) {
    atomic_store(&row->is_used, 0);
    chat_guest_leave(post, &row->guest);
}

static uint64_t lease_until(const struct post *post, uint64_t now_ms) {
    const struct chat_settings *settings = post_settings(post);

    return now_ms + settings->udp_timeout_ms + LEASE_MS;
}

static struct row *join(struct session *session, const char *name, size_t len) {
    struct post *post = session_post(session);
    struct table *table = table_of(post);
    struct row *row = find_free(post, table);
    const uint64_t now_ms = post_now_ms(post);
    const struct chat_entry entry = { .owner = { CHAT_ROOM_LEASED, 1 },
        .until_ms = lease_until(post, now_ms),
        .typed = name,
        .typed_len = len,
        .lang = post_lang(post) };

    if (row == NULL) {
        session_add_count(session, CHAT_COUNT_REFUSED, 1);
        return NULL;
    }
    *row = (struct row){ .seen_ms = now_ms };
    session_path(session, &row->path);
    arc4random_buf(&row->guest.id, sizeof(row->guest.id));
    row->guest.id |= 1;
    if (chat_guest_enter(post, &row->guest, &entry, &row->since) != CHAT_ENTER_OK) {
        session_add_count(session, CHAT_COUNT_REFUSED, 1);
        return NULL;
    }
    atomic_store(&row->is_used, 1);
    return row;
}

/* ---- what he says ---- */

static void say(struct session *session, struct row *row, const char *text, size_t len) {
    const struct chat_settings *settings = session_settings(session);
    struct post *post = session_post(session);
    unsigned lines;

    if (!chat_flood_try(&row->flood, &settings->flood, post_now_ms(post))) {
        row->dropped++;
        session_add_count(session, CHAT_COUNT_UDP_DROPPED, 1);
        return;
    }
    chat_say_lines(session, &row->guest, text, len, &lines);
}

static bool is_text(const char *data, size_t len, const char *text) {
    return len == strlen(text) && memcmp(data, text, len) == 0;
}

static void take_known(struct session *session, struct row *row, const char *data, size_t len) {
    const char *tab = len > 0 ? memchr(data, '\t', len) : NULL;
    struct post *post = session_post(session);

    row->seen_ms = post_now_ms(post);
    row->is_asked = 0;
    chat_room_renew(chat_guest_room(post), &row->guest.place, lease_until(post, row->seen_ms));
    if (is_text(data, len, "/quit"))
        leave(post, row);
    else if (tab != NULL && is_text(data, (size_t)(tab - data), row->guest.name))
        say(session, row, tab + 1, len - (size_t)(tab + 1 - data));
    else if (len > 0)
        say(session, row, data, len);
}

/* A name; or with a message behind it, as the lab's other client sends them. */
static void take_name(struct session *session, const char *data, size_t len) {
    const char *tab = memchr(data, '\t', len);
    const size_t n = tab != NULL ? (size_t)(tab - data) : len;
    struct row *row = join(session, data, n);

    if (row != NULL && tab != NULL)
        take_known(session, row, tab + 1, len - n - 1);
}

static void take_unknown(struct session *session, const char *data, size_t len) {
    const struct chat_settings *settings = session_settings(session);
    const struct chat_room *room = chat_guest_room(session_post(session));
    const uint64_t now_ms = post_now_ms(session_post(session));
    char answer[CHAT_COOKIE_TEXT + 1];
    struct session_path path;
    bool has_cookie;

    session_path(session, &path);
    has_cookie = chat_cookie_take(room, &path, now_ms, &data, &len);
    if (len > 6 && memcmp(data, "/join ", 6) == 0) {
        data += 6;
        len -= 6;
    }
    if (len == 0 || is_text(data, len, "/quit"))
        return;
    if (has_cookie || chat_datagrams_is_trusted(&session->peer, settings->udp_trusted)) {
        take_name(session, data, len);
        return;
    }
    session_add_count(session, CHAT_COUNT_UDP_DROPPED, 1);
    if (3 * session->total >= CHAT_COOKIE_TEXT) {
        chat_cookie_write(answer, room, &path, now_ms);
        (void)session_send(session, answer, CHAT_COOKIE_TEXT);
    }
}

void chat_datagrams_take(struct session *session, const char *data, size_t len) {
    struct post *post = session_post(session);
    struct table *table = table_of(post);
    struct session_path path;
    struct row *row;

    if (table == NULL)
        return;
    session_path(session, &path);
    row = find(post, table, &path);
    if (row != NULL)
        take_known(session, row, data, len);
    else
        take_unknown(session, data, len);
}

/* ---- what he hears ---- */

static void send_to(struct post *post, struct row *row, const struct chat_buffer *out) {
    const struct iovec piece = { .iov_base = out->data, .iov_len = out->len };
    struct session *session;

    if (out->has_failed || out->len == 0)
        return;
    session = post_to(post, &row->path);
    if (session != NULL)
        (void)session_sendv(session, &piece, 1);
}

static void hear(struct post *post, struct row *row, struct chat_batch *batch) {
    struct chat_post *own = chat_member_post(post);
    const struct chat_ear ear = { .id = row->guest.id, .next = row->since, .key = "" };

    if (row->since < batch->first && chat_batch_is_stranger(batch, row->guest.id)) {
        send_to(post, row, chat_batch_write(batch, &own->scene, voice_of(post)));
        return;
    }
    chat_buffer_clear(&own->own);
    chat_show_events(&own->own, &own->scene, voice_of(post), batch->event, batch->count, &ear);
    send_to(post, row, &own->own);
}

void chat_datagrams_hear(struct post *post, struct chat_batch *batch) {
    struct table *table = table_of(post);
    uint64_t at = 0, heard = 0;
    struct row *row;

    if (table == NULL || table->next >= batch->end)
        return;
    /* Before it is sent: who takes over sends nothing twice. */
    table->next = batch->end;
    for (; (row = next_row(post, table, &at)) != NULL; heard++)
        hear(post, row, batch);
    post_add_count(post, CHAT_COUNT_DELIVERED, heard * batch->count);
}

void chat_datagrams_catch_up(struct post *post) {
    struct chat_batch *batch = &chat_member_post(post)->batch;
    const uint64_t limit = post_reader(post)->cursor;
    struct table *table = table_of(post);
    struct bus_reader reader;

    if (table == NULL)
        return;
    /* The first owner of all, or in another room: nothing was missed. */
    if (table->next == 0 || table->next > bus_next(post_bus(post)))
        table->next = limit;
    if (table->next >= limit)
        return;
    bus_begin(&reader, post_bus(post), table->next);
    while (table->next < limit) {
        chat_batch_read(batch, &reader, limit);
        if (batch->end == batch->first)
            break;
        chat_datagrams_hear(post, batch);
    }
}

void chat_datagrams_show_crowd(struct post *post) {
    struct chat_post *own = chat_member_post(post);
    struct table *table = table_of(post);
    uint64_t at = 0;
    struct row *row;

    if (table == NULL)
        return;
    chat_buffer_clear(&own->own);
    chat_show_crowd(&own->own, &own->scene, voice_of(post), own->joined, own->left);
    while ((row = next_row(post, table, &at)) != NULL)
        send_to(post, row, &own->own);
}

/* ---- time ---- */

static void send_text(struct post *post, const struct row *row, const char *text, size_t len) {
    struct session *session = post_to(post, &row->path);

    if (session != NULL)
        (void)session_send(session, text, len);
}

static void tell_dropped(struct post *post, struct row *row) {
    char text[160];
    const enum service_lang lang = post_lang(post);
    int n = snprintf(text, sizeof(text), "[%s] %s: %u %s",
        chat_show_time(&chat_member_post(post)->scene.clock, clock_wall_ns()),
        chat_word(CHAT_WORD_FLOOD, lang), row->dropped, chat_word_messages(row->dropped, lang));

    row->dropped = 0;
    send_text(post, row, text, (size_t)n);
}

static void look_at(struct post *post, struct row *row, uint64_t now_ms) {
    const struct chat_settings *settings = post_settings(post);
    const uint64_t silent_ms = now_ms > row->seen_ms ? now_ms - row->seen_ms : 0;

    if (silent_ms >= settings->udp_timeout_ms) {
        leave(post, row);
        return;
    }
    chat_room_renew(chat_guest_room(post), &row->guest.place, lease_until(post, row->seen_ms));
    if (row->dropped > 0)
        tell_dropped(post, row);
    if (silent_ms >= settings->udp_timeout_ms / 4 * 3 && row->is_asked == 0) {
        row->is_asked = 1;
        send_text(post, row, "", 0);
    }
}

void chat_datagrams_tick(struct post *post, uint64_t now_ms) {
    struct table *table = table_of(post);
    uint64_t at = 0;
    struct row *row;

    while (table != NULL && (row = next_row(post, table, &at)) != NULL)
        look_at(post, row, now_ms);
}

/* ---- whom to believe ---- */

static bool is_private_v4(uint32_t host) {
    return host >> 24 == 10 || host >> 20 == 0xac1 || host >> 16 == 0xc0a8 || host >> 16 == 0xa9fe;
}

static bool is_trusted_v4(uint32_t host, unsigned trust) {
    return host >> 24 == 127 || (trust == CHAT_TRUST_PRIVATE && is_private_v4(host));
}

bool chat_datagrams_is_trusted(const struct net_address *peer, unsigned trust) {
    const uint8_t *six = peer->sa.in6.sin6_addr.s6_addr;
    uint32_t host;

    if (trust == CHAT_TRUST_NONE || trust == CHAT_TRUST_ALL)
        return trust == CHAT_TRUST_ALL;
    if (peer->sa.any.sa_family == AF_INET)
        return is_trusted_v4(ntohl(peer->sa.in.sin_addr.s_addr), trust);
    if (IN6_IS_ADDR_V4MAPPED(&peer->sa.in6.sin6_addr)) {
        memcpy(&host, six + 12, sizeof(host));
        return is_trusted_v4(ntohl(host), trust);
    }
    return IN6_IS_ADDR_LOOPBACK(&peer->sa.in6.sin6_addr) ||
           (trust == CHAT_TRUST_PRIVATE &&
               ((six[0] & 0xfe) == 0xfc || (six[0] == 0xfe && (six[1] & 0xc0) == 0x80)));
}
