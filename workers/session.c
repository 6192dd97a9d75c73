/*
 * What a service may do with its session: the other half of the contract in service.h. A session of
 * a stream is the front of its connection; a datagram's lives as long as its hook.
 */
#include <stdarg.h>
#include <stdio.h>

#include "shared/console.h"
#include "shared/log.h"
#include "workers/datagrams.h"
#include "workers/services/session.h"
#include "workers/worker_state.h"

int session_send(struct session *session, const char *data, size_t len) {
    if (session->proto == NET_UDP)
        return datagrams_answer(session->worker->datagrams, data, len);
    return connection_send((struct connection *)session, data, len);
}

void session_close(struct session *session) {
    if (session->proto != NET_UDP)
        ((struct connection *)session)->is_closing = true;
}

const void *session_settings(const struct session *session) {
    return session->worker->args->settings;
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
    char text[1024], peer[NET_TEXT_MAX];
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
