#ifndef TESTS_UNIT_WORKERS_SERVICES_CHAT_CHAT_FIXTURE_H
#define TESTS_UNIT_WORKERS_SERVICES_CHAT_CHAT_FIXTURE_H

/*
 * A room without sockets: workers and peers as the chat sees them, over a real bus and real shared
 * memory. Included once by a test's program: it stands in for session.h and post.h.
 */

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_seat.h"
#include "shared/crc32c.h"
#include "shared/wire.h"
#include "workers/services/chat/chat.h"
#include "workers/services/chat/chat_count.h"
#include "workers/services/chat/chat_settings.h"
#include "workers/services/post.h"

#define UNUSED __attribute__((unused))

#define PEERS_MAX   16
#define WORKERS_MAX 6
#define OUT_BYTES   (1u << 21)

struct peer {
    struct session session; /* first */
    struct post *post;
    void *state;
    enum wire_form form;
    char *out; /* what he was sent, and has not been looked at */
    size_t out_len;
    size_t unsent; /* while he is stuck */
    bool is_stuck, is_closed, is_open;
    bool has_no_room; /* what is sent is refused */
    uint64_t paused_ms;
    struct session_path path;
};

struct post {
    int row;
    struct bus_seat *seat;
    struct bus_reader reader;
    void *state, *worker;
    bool owns;
    struct peer *peer[PEERS_MAX];
};

static struct fixture {
    struct chat_settings settings;
    enum service_lang lang;
    struct bus *bus;
    void *shared, *owned;
    uint32_t life[BUS_ROWS_MAX];
    struct post worker[WORKERS_MAX];
    unsigned workers;
    uint64_t now_ms, count[SERVICE_COUNTERS_MAX];
    char said[4096];
    struct peer datagram; /* the one whose hook runs */
    struct peer front;
} room;

#include "tests/support/chat_stand_in.h"

/* ---- session.h ---- */

static int put_out(struct peer *peer, const char *data, size_t len) {
    if (peer->has_no_room)
        return -1;
    if (peer->is_stuck) {
        if (peer->unsent + len > OUT_BYTES / 2)
            return -1;
        peer->unsent += len;
    }
    cr_assert(peer->out_len + len < OUT_BYTES);
    memcpy(peer->out + peer->out_len, data, len);
    peer->out_len += len;
    return 0;
}

int session_send(struct session *session, const char *data, size_t len) {
    static char encoded[WIRE_ENCODE_MOST(65536)];
    struct peer *peer = peer_of(session);

    if (session->proto == NET_UDP) {
        put_out(peer, data, len);
        return put_out(peer, "\n", 1);
    }
    return put_out(peer, encoded, wire_encode(peer->form, encoded, data, len));
}

int session_sendv(struct session *session, const struct iovec *iov, int n) {
    for (int i = 0; i < n; i++)
        if (put_out(peer_of(session), iov[i].iov_base, iov[i].iov_len) < 0)
            return -1;
    return 0;
}

void session_pause(struct session *session, uint64_t for_ms) {
    peer_of(session)->paused_ms = for_ms;
}

void session_close(struct session *session) {
    peer_of(session)->is_closed = true;
}

void session_add_count(const struct session *session, unsigned counter, uint64_t n) {
    (void)session;
    room.count[counter] += n;
}

static void keep_said(const char *format, va_list args) {
    size_t len = strlen(room.said);

    len += (size_t)vsnprintf(room.said + len, sizeof(room.said) - len - 2, format, args);
    if (len > sizeof(room.said) - 3)
        len = 0;
    strcpy(room.said + len, "\n");
}

void session_say(const struct session *session, const char *event, const char *format, ...) {
    va_list args;

    (void)session;
    (void)event;
    va_start(args, format);
    keep_said(format, args);
    va_end(args);
}

void session_path(const struct session *session, struct session_path *out) {
    *out = peer_of(session)->path;
}

/* ---- post.h ---- */

static struct session *next_from(struct post *post, unsigned i) {
    for (; i < PEERS_MAX; i++)
        if (post->peer[i] != NULL && post->peer[i]->is_open)
            return &post->peer[i]->session;
    return NULL;
}

struct session *post_first(struct post *post) {
    return next_from(post, 0);
}

struct session *post_next(struct post *post, struct session *session) {
    for (unsigned i = 0; i < PEERS_MAX; i++)
        if (post->peer[i] != NULL && &post->peer[i]->session == session)
            return next_from(post, i + 1);
    return NULL;
}

void *post_state(struct post *post) {
    return post->state;
}

void *post_worker(struct post *post) {
    return post->worker;
}

bool post_is_main(const struct post *post) {
    return post->row % 2 == 0; /* so that both kinds are met */
}

unsigned post_count_rows(const struct post *post) {
    (void)post;
    return BUS_ROWS_MAX;
}

uint32_t post_life(const struct post *post, unsigned row) {
    (void)post;
    return room.life[row];
}

bool post_owns(const struct post *post) {
    return post->owns;
}

struct session *post_to(struct post *post, const struct session_path *path) {
    if (!post->owns)
        return NULL;
    room.front.post = post;
    room.front.path = *path;
    /* Written to whom it goes. */
    put_out(&room.front, "", 0);
    room.front.out_len += (size_t)sprintf(room.front.out + room.front.out_len, "<%u>", path->port);
    return &room.front.session;
}

void post_add_count(const struct post *post, unsigned counter, uint64_t n) {
    (void)post;
    room.count[counter] += n;
}

void post_say(const struct post *post, const char *event, const char *format, ...) {
    va_list args;

    (void)post;
    (void)event;
    va_start(args, format);
    keep_said(format, args);
    va_end(args);
}

/* ---- what happens ---- */

static struct post *add_worker(void) {
    struct post *post = &room.worker[room.workers++];

    *post = (struct post){ .row = bus_claim_row(room.bus) };
    room.life[post->row]++;
    post->seat = bus_sit(room.bus, post->row);
    post->worker = calloc(1, chat_service.worker_size);
    post->state = calloc(1, chat_service.post_size(&room.settings));
    bus_begin(&post->reader, room.bus, bus_next(room.bus));
    cr_assert_eq(chat_service.worker_open(post), 0);
    return post;
}

/* Before a test changes them. */
static void set_settings(void) {
    crc32c_init();
    settings_set_defaults(chat_settings_table, &room.settings);
    room.settings.members_max = 20;
    room.settings.replay = 0;
    setenv("TZ", "UTC", 1);
}

static void open_room(unsigned workers) {
    struct bus_settings bus = { .rows = 8 };
    size_t size = chat_service.shared_size(&room.settings);

    room.now_ms = 1000000;
    chat_service.bus(&room.settings, &bus);
    room.bus = bus_new(&bus);
    room.shared = calloc(1, size);
    cr_assert_eq(chat_service.shared_init(room.shared, size, &room.settings), 0);
    room.owned = calloc(1, chat_service.owned_size(&room.settings));
    room.datagram.out = calloc(1, OUT_BYTES);
    room.front.out = calloc(1, OUT_BYTES);
    room.front.session.proto = room.datagram.session.proto = NET_UDP;
    room.front.form = room.datagram.form = WIRE_FORM_RAW;
    for (unsigned i = 0; i < workers; i++)
        add_worker();
}

/* All posts read what there is. */
static void turn(void) {
    for (unsigned i = 0; i < room.workers; i++)
        while (room.worker[i].seat != NULL && room.worker[i].reader.cursor != bus_next(room.bus))
            chat_service.mail(&room.worker[i]);
}

UNUSED static void tick(uint64_t for_ms) {
    room.now_ms += for_ms;
    for (unsigned i = 0; i < room.workers; i++)
        if (room.worker[i].seat != NULL)
            chat_service.tick(&room.worker[i], room.now_ms);
    turn();
}

static struct peer *add_peer(struct post *post, enum wire_form form) {
    struct peer *peer = calloc(1, sizeof(*peer));

    peer->post = post;
    peer->form = form;
    peer->state = calloc(1, chat_service.session_size);
    peer->out = calloc(1, OUT_BYTES);
    peer->is_open = true;
    for (unsigned i = 0; i < PEERS_MAX; i++)
        if (post->peer[i] == NULL) {
            post->peer[i] = peer;
            return peer;
        }
    cr_assert_fail("too many peers");
    return NULL;
}

/* He sends one message. */
UNUSED static void sends_bytes(struct peer *peer, const char *data, size_t len) {
    peer->session.messages++;
    peer->session.total = len;
    chat_service.message(&peer->session, data, len);
    turn();
}

UNUSED static void sends(struct peer *peer, const char *text) {
    sends_bytes(peer, text, strlen(text));
}

UNUSED static struct peer *joins(struct post *post, enum wire_form form, const char *name) {
    struct peer *peer = add_peer(post, form);

    sends(peer, name);
    return peer;
}

/* What he was sent since he was looked at last, times replaced; valid until the next call. */
UNUSED static const char *hears(struct peer *peer) {
    static char text[OUT_BYTES];
    size_t n = peer->out_len;
    char *at;

    memcpy(text, peer->out, n);
    text[n] = '\0';
    peer->out_len = 0;
    for (at = text; (at = strchr(at, '[')) != NULL; at++)
        if (strlen(at) > 9 && at[3] == ':' && at[6] == ':' && at[9] == ']')
            memcpy(at, "[HH:MM:SS]", 10);
    for (at = text; (at = strstr(at, ",\"ts\":\"")) != NULL; at++)
        memmove(at, at + 32, strlen(at + 32) + 1);
    return text;
}

UNUSED static void forget(struct peer *peer) {
    hears(peer);
}

UNUSED static void ends(struct peer *peer) {
    chat_service.close(&peer->session, SESSION_END_CLOSED);
    peer->is_open = false;
    turn();
}

/* What this worker had is left as it is; the parent reaps it. */
UNUSED static void kill_worker(struct post *post) {
    room.life[post->row]++;
    bus_release_row(room.bus, post->row);
    post->seat = NULL;
}

#define HEARS(peer, wanted) cr_expect_str_eq(hears(peer), wanted)

#endif
