#ifndef WORKERS_SERVICES_CHAT_CHAT_CLIENT_H
#define WORKERS_SERVICES_CHAT_CHAT_CLIENT_H

/*
 * One member of a chat, at his terminal or as a program. Over frames he speaks JSON with the
 * server: what he says is acknowledged, and after a lost connection he comes back where he was,
 * sends again what was not acknowledged, and misses nothing.
 *
 *   LOST --connected--> GREETING --welcome--> IN --/quit, end of input--> LEAVING --> OVER
 *    ^  `--too long--> OVER  |                |
 *    `-----connection lost---+----------------'
 *   GREETING --no frame comes back, form auto--> IN, as a classic client
 *   classic clients and datagrams: GREETING is passed over; a lost connection is the end
 *
 * For a command: blocks, owns signals and the terminal. One thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shared/dial.h"
#include "shared/talk.h"
#include "shared/text_name.h"

#define CHAT_CLIENT_PENDING 64u

struct chat_client_settings {
    struct dial_target target;
    enum wire_mode wire;
    char name[4 * TEXT_NAME_MAX]; /* as typed */
    uint64_t timeout_ms;          /* for the connection */
    uint64_t reconnect_ms;        /* how long it is tried after a loss */
    bool is_russian;
    bool is_json;  /* events as JSON lines on stdout */
    bool is_plain; /* no line editing */
    bool stays;    /* the end of the input is not the end */
};

/* Returns an exit code: 0, or with the complaint what dial_open() says, 3, 69, 74, 130, 143. */
int chat_client_run(const struct chat_client_settings *settings, struct complaint *complaint);

#endif
