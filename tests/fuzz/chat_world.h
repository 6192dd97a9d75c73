#ifndef TESTS_FUZZ_CHAT_WORLD_H
#define TESTS_FUZZ_CHAT_WORLD_H

/*
 * What stands below the chat, for one run of a target: two workers, their peers, the bus and the
 * memory they share, all without sockets. It stands in for session.h, post.h and chance. Included
 * once. What is sent is read, and counted for nobody.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_layout.h"
#include "shared/crc32c.h"
#include "tests/fuzz/input.h"
#include "workers/services/chat/chat.h"
#include "workers/services/chat/chat_member.h"
#include "workers/services/post.h"

enum { WORKERS = 2, ROWS = 3, PEERS = 6, MEMBERS_MAX = 12, UDP_MEMBERS = 4, HISTORY = 8 };

struct peer {
    struct session session; /* first */
    struct post *post;
    struct chat_member *state;
    enum wire_form form;
    size_t unsent;
    bool is_open, is_closing;
};

struct post {
    unsigned index;
    int row;
    struct bus_seat *seat;
    struct bus_reader reader;
    struct chat_post state;
    struct chat_worker worker;
};

static struct {
    struct chat_settings settings;
    struct bus *bus;
    char *mem, *fresh; /* of the bus; its arenas are not made fresh */
    void *shared, *fresh_shared, *owned;
    size_t fresh_size, shared_size, owned_size;
    uint32_t life[ROWS];
    struct post post[WORKERS];
    struct peer peer[PEERS];
    struct peer datagram;
    struct session_path path; /* of the datagram */
    enum service_lang lang;
    bool is_event; /* else one of the two is a thread's post */
    uint64_t now_ms, chance;
} room;

/* ---- chance: the same in each run ---- */

static uint32_t draw_number(void) {
    room.chance = room.chance * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(room.chance >> 32);
}

void arc4random_buf(void *buf, size_t len) {
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = (uint8_t)draw_number();
}

uint32_t arc4random_uniform(uint32_t bound) {
    return bound > 0 ? draw_number() % bound : 0;
}

uint32_t arc4random(void) {
    return draw_number();
}

#include "tests/support/chat_stand_in.h"

/* ---- session.h ---- */

/* All of it is read; a peer that does not read has room for so much. */
static int put_out(struct peer *peer, const char *data, size_t len) {
    static char sink[1 << 16];

    memcpy(sink, data, len < sizeof(sink) ? len : sizeof(sink));
    if (peer->unsent == 0)
        return 0;
    if (peer->unsent + len > room.settings.queue_hard + 65536)
        return -1;
    peer->unsent += len;
    return 0;
}

int session_send(struct session *session, const char *data, size_t len) {
    static struct tail room;
    struct peer *peer = peer_of(session);
    char *encoded = tail_make(&room, WIRE_ENCODE_MOST(len));

    return put_out(peer, encoded, wire_encode(peer->form, encoded, data, len));
}

int session_sendv(struct session *session, const struct iovec *iov, int n) {
    int result = 0;

    for (int i = 0; i < n && result == 0; i++)
        result = put_out(peer_of(session), iov[i].iov_base, iov[i].iov_len);
    return result;
}

void session_pause(struct session *session, uint64_t for_ms) {
    (void)session;
    expect(for_ms > 0);
}

void session_close(struct session *session) {
    peer_of(session)->is_closing = true;
}

void session_add_count(const struct session *session, unsigned counter, uint64_t n) {
    (void)session, (void)n;
    expect(counter < SERVICE_COUNTERS_MAX);
}

static void say(const char *format, va_list args) {
    static char text[8192];

    vsnprintf(text, sizeof(text), format, args);
}

void session_say(const struct session *session, const char *event, const char *format, ...) {
    va_list args;

    (void)session, (void)event;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

void session_path(const struct session *session, struct session_path *out) {
    *out = peer_of(session) == &room.datagram ? room.path : (struct session_path){ .port = 0 };
}

/* ---- post.h ---- */

static struct session *next_from(struct post *post, unsigned i) {
    for (; i < PEERS; i++)
        if (room.peer[i].is_open && room.peer[i].post == post && !room.peer[i].is_closing)
            return &room.peer[i].session;
    return NULL;
}

struct session *post_first(struct post *post) {
    return next_from(post, 0);
}

struct session *post_next(struct post *post, struct session *session) {
    return next_from(post, (unsigned)(peer_of(session) - room.peer) + 1);
}

void *post_state(struct post *post) {
    return &post->state;
}

void *post_worker(struct post *post) {
    return &post->worker;
}

bool post_is_main(const struct post *post) {
    return post->index == 0 || room.is_event;
}

unsigned post_count_rows(const struct post *post) {
    (void)post;
    return ROWS;
}

uint32_t post_life(const struct post *post, unsigned row) {
    (void)post;
    expect(row < ROWS);
    return room.life[row];
}

bool post_owns(const struct post *post) {
    return post->index == 0;
}

struct session *post_to(struct post *post, const struct session_path *path) {
    room.datagram.post = post;
    return path->port != 0 ? &room.datagram.session : NULL;
}

void post_add_count(const struct post *post, unsigned counter, uint64_t n) {
    (void)post, (void)n;
    expect(counter < SERVICE_COUNTERS_MAX);
}

void post_say(const struct post *post, const char *event, const char *format, ...) {
    va_list args;

    (void)post, (void)event;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

/* ---- its life ---- */

static void world_make(void) {
    struct bus_settings bus = { .rows = ROWS };

    crc32c_init();
    setenv("TZ", "UTC", 1);
    settings_set_defaults(chat_settings_table, &room.settings);
    room.settings.members_max = MEMBERS_MAX;
    room.settings.udp_members = UDP_MEMBERS;
    room.settings.history = HISTORY;
    room.settings.crowd = 6;
    room.settings.replay = 4;
    room.settings.queue_soft = 8192;
    room.settings.queue_hard = 32768;
    room.settings.udp_trusted = CHAT_TRUST_LOOPBACK;
    chat_service.bus(&room.settings, &bus);
    bus.arena_bytes = 4 * bus.payload_max;
    room.shared_size = chat_service.shared_size(&room.settings);
    room.owned_size = chat_service.owned_size(&room.settings);
    room.mem = aligned_alloc(BUS_PAGE, bus_size(&bus));
    room.shared = malloc(room.shared_size);
    room.fresh_shared = calloc(1, room.shared_size);
    room.owned = malloc(room.owned_size);
    memset(room.mem, 0, bus_size(&bus));
    expect(bus_format(room.mem, &bus) == 0);
    expect(chat_service.shared_init(room.fresh_shared, room.shared_size, &room.settings) == 0);
    room.bus = bus_attach(room.mem, bus_size(&bus));
    expect(room.bus != NULL);
    room.fresh_size = (size_t)((char *)room.bus->arena - room.mem);
    room.fresh = malloc(room.fresh_size);
    memcpy(room.fresh, room.mem, room.fresh_size);
    for (unsigned i = 0; i < PEERS; i++)
        room.peer[i].state = malloc(chat_service.session_size);
    room.datagram.session.proto = NET_UDP;
    room.datagram.form = WIRE_FORM_RAW;
}

static void start_worker(unsigned index) {
    struct post *post = &room.post[index];

    *post = (struct post){ .index = index, .row = bus_claim_row(room.bus), .state = post->state };
    expect(post->row >= 0);
    room.life[post->row] |= 1;
    post->seat = bus_sit(room.bus, post->row);
    expect(post->seat != NULL);
    bus_begin(&post->reader, room.bus, bus_next(room.bus));
    if (chat_service.worker_open(post) < 0) {
        /* What was there is no room any more: its parent would make one. */
        memcpy(room.shared, room.fresh_shared, room.shared_size);
        expect(chat_service.worker_open(post) == 0);
    }
}

/* Its buffers are the next one's: to make them takes longer than all the rest of a run. */
static void forget_state(struct chat_post *state) {
    state->scene = (struct chat_scene){ .line = state->scene.line };
    state->joined = state->left = 0;
    state->has_room_text = false;
    state->batch.count = 0;
}

/* In order, or killed: then nobody is told, and what it has is left as it is. */
static void stop_worker(unsigned index, bool is_killed) {
    struct post *post = &room.post[index];

    for (unsigned i = 0; i < PEERS; i++) {
        struct peer *peer = &room.peer[i];

        if (!peer->is_open || peer->post != post)
            continue;
        if (!is_killed)
            chat_service.close(&peer->session, SESSION_END_CUT);
        peer->is_open = false;
    }
    if (!is_killed)
        chat_service.worker_close(post);
    forget_state(&post->state);
    bus_release_row(room.bus, post->row);
    bus_leave(post->seat);
    room.life[post->row] += 1;
}

static void world_begin(void) {
    memcpy(room.mem, room.fresh, room.fresh_size);
    memset(room.bus->claimed, 0, sizeof(room.bus->claimed));
    memset(room.life, 0, sizeof(room.life));
    memcpy(room.shared, room.fresh_shared, room.shared_size);
    memset(room.owned, 0, room.owned_size);
    for (unsigned i = 0; i < PEERS; i++)
        room.peer[i].is_open = false;
    room.now_ms = 1000000;
    room.chance = 1;
    for (unsigned i = 0; i < WORKERS; i++)
        start_worker(i);
}

static void world_end(void) {
    for (unsigned i = 0; i < PEERS; i++)
        if (room.peer[i].is_open)
            chat_service.close(&room.peer[i].session, SESSION_END_CUT);
    for (unsigned i = 0; i < WORKERS; i++)
        stop_worker(i, true);
}

static struct peer *add_peer(unsigned i, unsigned post, enum wire_form form) {
    struct peer *peer = &room.peer[i];
    struct chat_member *state = peer->state;

    *peer = (struct peer){ .post = &room.post[post], .state = state, .form = form };
    memset(state, 0, chat_service.session_size);
    peer->session.proto = NET_TCP;
    peer->session.peer.len = sizeof(struct sockaddr_in);
    peer->session.peer.sa.in.sin_family = AF_INET;
    peer->is_open = true;
    return peer;
}

static void close_peer(struct peer *peer) {
    chat_service.close(&peer->session, SESSION_END_CLOSED);
    peer->is_open = false;
}

/* All posts read what there is; who is to be closed is. */
static void turn(void) {
    for (unsigned i = 0; i < WORKERS; i++) {
        struct post *post = &room.post[i];

        for (unsigned steps = 0; post->reader.cursor != bus_next(room.bus); steps++) {
            expect(steps < 64);
            chat_service.mail(post);
        }
    }
    for (unsigned i = 0; i < PEERS; i++)
        if (room.peer[i].is_open && room.peer[i].is_closing)
            close_peer(&room.peer[i]);
}

#endif
