/*
 * Echo: what comes in goes out, byte for byte (RFC 862). Whoever comes and leaves is told, with
 * how many are connected over all workers.
 */
#include "workers/services/echo/echo.h"

#include <inttypes.h>

#include "workers/services/session.h"

struct echo_settings {
    bool log_messages;
};

static const struct setting settings_table[] = {
    { .name = "log_messages",
        .type = SETTING_BOOL,
        .offset = offsetof(struct echo_settings, log_messages),
        .fallback = "false",
        .help = "write each message to the log and the console" },
    { .name = NULL },
};

/* Words for people, by language. */
enum { CONNECTED, LEFT, MESSAGE };
static const char *const words[][2] = {
    [CONNECTED] = { "client connected: %s, active connections: %" PRIu64,
        "Подключен клиент: %s, активных подключений: %" PRIu64 },
    [LEFT] = { "client left: %s, active connections: %" PRIu64,
        "Клиент отключился: %s, активных подключений: %" PRIu64 },
    [MESSAGE] = { "message received: %.*s", "Получено сообщение: %.*s" },
};

/* Who, and how many there are now. */
static void tell(struct session *session, const char *event, unsigned what) {
    char peer[NET_TEXT_MAX];

    if (session_is_heard(session))
        session_say(session, event, words[what][session_lang(session)],
            net_format(peer, &session->peer), session_count_active(session));
}

static void echo_open(struct session *session) {
    tell(session, "connected", CONNECTED);
}

static void echo_message(struct session *session, const char *data, size_t len) {
    const struct echo_settings *settings = session_settings(session);

    if (settings->log_messages)
        session_say(session, "message", words[MESSAGE][session_lang(session)],
            (int)(len < 512 ? len : 512), data);
    session_send(session, data, len);
}

static void echo_close(struct session *session, enum session_end end) {
    (void)end;
    tell(session, "disconnected", LEFT);
}

const struct service_ops echo_service = {
    .name = "echo",
    .summary = "sends back what it gets, byte for byte",
    .flags = SERVICE_STREAM | SERVICE_DATAGRAM | SERVICE_PACKS,
    .listen = "tcp://127.0.0.1:50007",
    .settings = settings_table,
    .settings_size = sizeof(struct echo_settings),
    .open = echo_open,
    .message = echo_message,
    .close = echo_close,
};
