/* Ack: shows each datagram and answers OK, as the lab's UDP server does. */
#include "workers/services/ack/ack.h"

#include <string.h>

#include "workers/services/session.h"

struct ack_settings {
    const char *answer;
};

static const struct setting settings_table[] = {
    { .name = "answer",
        .type = SETTING_TEXT,
        .offset = offsetof(struct ack_settings, answer),
        .operand = "TEXT",
        .fallback = "OK",
        .help = "what each datagram is answered with" },
    { .name = NULL },
};

static void ack_message(struct session *session, const char *data, size_t len) {
    const struct ack_settings *settings = session_settings(session);
    char peer[NET_TEXT_MAX];

    session_say(session, "datagram", "%s: %.*s", net_format(peer, &session->peer),
        (int)(len < 512 ? len : 512), data);
    session_send(session, settings->answer, strlen(settings->answer));
}

const struct service_ops ack_service = {
    .name = "ack",
    .summary = "shows each datagram and answers OK",
    .flags = SERVICE_DATAGRAM | SERVICE_PACKS,
    .listen = "udp://127.0.0.1:5400",
    .settings = settings_table,
    .settings_size = sizeof(struct ack_settings),
    .message = ack_message,
};
