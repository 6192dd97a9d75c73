/* What a service sees of its post: the other half of the contract in services/post.h. */
#include <stdarg.h>
#include <stdio.h>

#include "shared/console.h"
#include "shared/log.h"
#include "workers/datagrams.h"
#include "workers/dialect.h"
#include "workers/post.h"
#include "workers/services/post.h"
#include "workers/worker_state.h"

/* ---- sessions ---- */

/*
 * Sending to one takes long enough to bring what is touched of the next one: a room that is larger
 * than the caches would be waited for piece by piece. Each has its parts at the same distances.
 */
static void fetch_next(const struct post_session *session) {
    const char *next = (const char *)TAILQ_NEXT(session, order);

    if (next == NULL)
        return;
    __builtin_prefetch(next);
    __builtin_prefetch(next + offsetof(struct connection, fd));
    __builtin_prefetch(next + offsetof(struct post_session, order));
    if (session->connection.dialect != NULL)
        __builtin_prefetch(
            next + ((const char *)&session->connection.dialect->wire.mode - (const char *)session));
    if (session->connection.state != NULL)
        __builtin_prefetch(
            next + ((const char *)session->connection.state - (const char *)session));
}

static struct session *front_of(struct post_session *session) {
    while (session != NULL && !post_is_open(session))
        session = TAILQ_NEXT(session, order);
    if (session == NULL)
        return NULL;
    fetch_next(session);
    return &session->connection.session;
}

struct session *post_first(struct post *post) {
    return front_of(TAILQ_FIRST(&post->order));
}

struct session *post_next(struct post *post, struct session *session) {
    (void)post;
    return front_of(TAILQ_NEXT((struct post_session *)session, order));
}

/* ---- what it has ---- */

void *post_state(struct post *post) {
    return post->state;
}

void *post_worker(struct post *post) {
    return post->worker->state;
}

const void *post_settings(const struct post *post) {
    return post->worker->args->settings;
}

const char *post_service_name(const struct post *post) {
    return post->worker->args->service_name;
}

enum service_lang post_lang(const struct post *post) {
    return post->worker->args->lang;
}

uint64_t post_now_ms(const struct post *post) {
    return *post->now_ns / 1000000;
}

bool post_is_main(const struct post *post) {
    return post->is_main;
}

/* ---- the room ---- */

struct bus *post_bus(const struct post *post) {
    return room_bus(post->worker->args->room);
}

struct bus_seat *post_seat(struct post *post) {
    return post->worker->seat;
}

struct bus_reader *post_reader(struct post *post) {
    return &post->reader;
}

void *post_shared(struct post *post) {
    const struct room *room = post->worker->args->room;

    return room != NULL ? room_shared(room) : NULL;
}

void *post_owned(struct post *post) {
    const struct owner *owner = post->worker->args->owner;

    return owner != NULL ? owner_memory(owner) : NULL;
}

unsigned post_row(const struct post *post) {
    return (unsigned)post->worker->args->room_row;
}

unsigned post_count_rows(const struct post *post) {
    const struct room *room = post->worker->args->room;

    return room != NULL ? room_count_rows(room) : 0;
}

uint32_t post_life(const struct post *post, unsigned row) {
    const struct room *room = post->worker->args->room;

    return room != NULL ? room_life(room, row) : 0;
}

/* ---- datagrams ---- */

bool post_owns(const struct post *post) {
    return post->is_main && post->worker->owns;
}

struct session *post_to(struct post *post, const struct session_path *path) {
    return post_owns(post) ? datagrams_front(post->worker->datagrams, path) : NULL;
}

/* ---- telling ---- */

void post_add_count(const struct post *post, unsigned counter, uint64_t n) {
    if (counter < SCOREBOARD_OWN)
        worker_count(post->worker, &post->worker->row->counts.own[counter], n);
}

bool post_is_heard(const struct post *post) {
    (void)post;
    return log_is_wanted(LOG_LEVEL_INFO) || console_is_on();
}

void post_say(const struct post *post, const char *event, const char *format, ...) {
    char text[LOG_LINE_MAX];
    va_list args;

    if (!post_is_heard(post))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_write(LOG_LEVEL_INFO | LOG_EVERY, event, NULL, "%s", text);
    if (console_is_on())
        console_say("%s: %s", post_service_name(post), text);
}
