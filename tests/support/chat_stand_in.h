#ifndef TESTS_SUPPORT_CHAT_STAND_IN_H
#define TESTS_SUPPORT_CHAT_STAND_IN_H

/*
 * What of session.h and post.h is the same wherever the chat is run without a worker. Included once
 * by a program, behind its struct peer (the session comes first), its struct post and its `room`,
 * whose members it has in common with others: settings, lang, now_ms, bus, shared, owned.
 */

#include "workers/services/post.h"

/* Of the program: take what a peer is sent. Returns 0, or -1: he has no room for it. */
static int put_out(struct peer *peer, const char *data, size_t len);

/* ---- session.h ---- */

static struct peer *peer_of(const struct session *session) {
    return (struct peer *)session;
}

void *session_state(const struct session *session) {
    return peer_of(session)->state;
}

struct post *session_post(const struct session *session) {
    return peer_of(session)->post;
}

const void *session_settings(const struct session *session) {
    (void)session;
    return &room.settings;
}

void session_send_each(struct session_sending *list, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        list[i].is_sent = put_out(peer_of(list[i].session), list[i].data, list[i].len) == 0;
}

enum wire_form session_form(const struct session *session) {
    return peer_of(session)->form;
}

size_t session_unsent(const struct session *session) {
    return peer_of(session)->unsent;
}

enum service_lang session_lang(const struct session *session) {
    (void)session;
    return room.lang;
}

bool session_is_heard(const struct session *session) {
    (void)session;
    return true;
}

/* ---- post.h ---- */

const void *post_settings(const struct post *post) {
    (void)post;
    return &room.settings;
}

enum service_lang post_lang(const struct post *post) {
    (void)post;
    return room.lang;
}

uint64_t post_now_ms(const struct post *post) {
    (void)post;
    return room.now_ms;
}

struct bus *post_bus(const struct post *post) {
    (void)post;
    return room.bus;
}

int post_publish(struct post *post, const struct bus_record *record, uint64_t *out_seq) {
    return bus_publish(post->seat, record, out_seq);
}

struct bus_seat *post_seat(struct post *post) {
    return post->seat;
}

struct bus_reader *post_reader(struct post *post) {
    return &post->reader;
}

void *post_shared(struct post *post) {
    (void)post;
    return room.shared;
}

void *post_owned(struct post *post) {
    (void)post;
    return room.owned;
}

unsigned post_row(const struct post *post) {
    return (unsigned)post->row;
}

#endif
