/*
 * What a service may do with its session: the other half of the contract in service.h. A session of
 * a stream is the front of its connection; a datagram's lives as long as its hook.
 */
#include <stdarg.h>
#include <stdio.h>

#include "shared/console.h"
#include "shared/log.h"
#include "workers/datagrams.h"
#include "workers/dialect.h"
#include "workers/post.h"
#include "workers/services/session.h"
#include "workers/worker_state.h"

_Static_assert(SERVICE_COUNTERS_MAX == SCOREBOARD_OWN, "each has a place");

static bool is_datagram(const struct session *session) {
    return session->proto == NET_UDP;
}

static bool is_text(const struct session *session) {
    return (session->worker->args->ops->flags & SERVICE_TEXT) != 0;
}

static struct connection *connection_of(const struct session *session) {
    return (struct connection *)session;
}

void *session_state(const struct session *session) {
    return is_datagram(session) ? NULL : connection_of(session)->state;
}

struct post *session_post(const struct session *session) {
    if (is_datagram(session) || connection_of(session)->post == NULL)
        return &session->worker->post;
    return connection_of(session)->post;
}

const void *session_settings(const struct session *session) {
    return session->worker->args->settings;
}

int session_send(struct session *session, const char *data, size_t len) {
    if (is_datagram(session))
        return is_text(session) ? datagrams_send_text(session, data, len)
                                : datagrams_send(session, data, len);
    return is_text(session) ? dialect_send(connection_of(session), data, len)
                            : connection_send(connection_of(session), data, len);
}

int session_sendv(struct session *session, const struct iovec *iov, int n) {
    if (is_datagram(session))
        return datagrams_send_encoded(session, iov, n);
    return connection_sendv(connection_of(session), iov, n);
}

void session_send_each(struct session_sending *list, unsigned n) {
    connection_send_each(list, n);
}

enum wire_form session_form(const struct session *session) {
    if (is_datagram(session) || connection_of(session)->dialect == NULL)
        return WIRE_FORM_RAW;
    return wire_form(&connection_of(session)->dialect->wire);
}

size_t session_unsent(const struct session *session) {
    struct connection *connection;

    if (is_datagram(session))
        return 0;
    connection = connection_of(session);
    if (!connection_has_unsent(connection))
        return 0;
    connection->owes_writable = true;
    return connection_count_unsent(connection);
}

void session_pause(struct session *session, uint64_t for_ms) {
    if (!is_datagram(session) && connection_of(session)->dialect != NULL)
        dialect_pause(connection_of(session), for_ms);
}

void session_close(struct session *session) {
    if (is_datagram(session))
        return;
    connection_of(session)->is_closing = true;
    post_touch(connection_of(session));
}

void session_path(const struct session *session, struct session_path *out) {
    if (is_datagram(session))
        datagrams_find_path(session, out);
    else
        *out = (struct session_path){ .family = 0 };
}

void session_add_count(const struct session *session, unsigned counter, uint64_t n) {
    struct worker *worker = session->worker;

    if (counter < SCOREBOARD_OWN)
        worker_count(worker, &worker->row->counts.own[counter], n);
}

enum service_lang session_lang(const struct session *session) {
    return session->worker->args->lang;
}

struct active {
    const struct scoreboard *board;
    uint64_t sum;
};

static void add_sessions(void *owner, unsigned row) {
    struct active *active = owner;

    active->sum += active->board->row[row].sessions;
}

uint64_t session_count_active(const struct session *session) {
    struct active active = { .board = session->worker->args->board };

    gate_visit_members(session->worker->args->gate, add_sessions, &active);
    return active.sum;
}

bool session_is_heard(const struct session *session) {
    (void)session;
    return log_is_wanted(LOG_LEVEL_INFO) || console_is_on();
}

void session_say(const struct session *session, const char *event, const char *format, ...) {
    char text[LOG_LINE_MAX], peer[NET_TEXT_MAX];
    va_list args;

    if (!session_is_heard(session))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    net_format(peer, &session->peer);
    log_write(LOG_LEVEL_INFO | LOG_EVERY, event,
        (const struct log_field[]){ LOG_TEXT("peer", peer), { .key = NULL } }, "%s", text);
    if (console_is_on())
        console_say("%s: %s", session->worker->args->service_name, text);
}
