/* Messages out of bytes, and when to stop. What goes the other way: dialect_send.c. */
#include "workers/dialect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/log.h"
#include "workers/connection.h"
#include "workers/post.h"
#include "workers/worker_state.h"

#define NO_MEMORY_MS 100 /* then it is tried again */

size_t dialect_size(void) {
    return sizeof(struct dialect);
}

void dialect_init(struct dialect *dialect, const struct wire_rules *rules) {
    *dialect = (struct dialect){ .window = 0 };
    wire_init(&dialect->wire, rules);
}

void dialect_fini(struct dialect *dialect) {
    wire_fini(&dialect->wire);
}

/* ---- what the wire tells ---- */

static void give(struct connection *connection, const struct wire_message *message) {
    connection_give(connection, message->data, message->len, message->total);
    connection->dialect->unanswered++;
}

/* One line in the log for whom no service hears of. */
static void refuse(struct connection *connection, enum wire_event event) {
    struct worker *worker = connection->session.worker;
    const bool is_slow = event == WIRE_TOO_SLOW;
    char peer[NET_TEXT_MAX];

    connection->is_closing = true;
    connection->why = is_slow ? SESSION_END_TIMEOUT : SESSION_END_REFUSED;
    if (!is_slow)
        worker_count(worker, &worker->row->counts.bad_input, 1);
    net_format(peer, &connection->session.peer);
    log_write(LOG_LEVEL_INFO, is_slow ? "slow_client" : "bad_input",
        (const struct log_field[]){ LOG_TEXT("peer", peer),
            LOG_TEXT("cause", wire_event_name(event)),
            LOG_TEXT("mode", wire_mode_names[wire_mode(&connection->dialect->wire)]),
            { .key = NULL } },
        is_slow ? "a message was begun and not completed" : "what came is no message");
}

/* What the peer left behind is a message if it is text; half a frame is none. */
static void take_rest(struct connection *connection, const struct wire_message *rest) {
    if (wire_mode(&connection->dialect->wire) == WIRE_LINE && rest->len > 0)
        give(connection, rest);
    else
        refuse(connection, WIRE_INCOMPLETE);
}

static void act(
    struct connection *connection, enum wire_event event, const struct wire_message *message) {
    const struct iovec answer = { .iov_base = (void *)message->data, .iov_len = message->len };

    switch (event) {
    case WIRE_MESSAGE:
        give(connection, message);
        break;
    case WIRE_ANSWER:
        (void)connection_sendv(connection, &answer, 1);
        break;
    case WIRE_NO_MEMORY:
        dialect_pause(connection, NO_MEMORY_MS);
        break;
    case WIRE_INCOMPLETE:
        take_rest(connection, message);
        break;
    default:
        refuse(connection, event);
    }
}

/* ---- stopping and going on ---- */

static uint64_t now_ms(const struct connection *connection) {
    return *connection->post->now_ns / 1000000;
}

static bool is_paused(const struct connection *connection) {
    return connection->dialect->paused_until_ms > now_ms(connection);
}

/*
 * Have so many not been answered, or could they not be sent? Where there is mail, what waits is no
 * answer: a classic peer in a busy room would be read so seldom that its messages run together.
 */
static bool is_behind(struct connection *connection) {
    const struct service_ops *ops = connection->session.worker->args->ops;
    struct dialect *dialect = connection->dialect;

    if (dialect->unanswered < DIALECT_UNANSWERED_MOST || (ops->flags & SERVICE_MAIL) != 0)
        return false;
    if (!connection->is_full)
        connection_flush(connection, MSG_DONTWAIT);
    if (!connection_has_unsent(connection))
        dialect->unanswered = 0;
    return dialect->unanswered > 0;
}

/* Keep what is left. Returns false when there is no memory for it: then it is given at once. */
static bool stop(struct connection *connection, const struct wire_input *in) {
    char *kept = in->len > 0 ? malloc(in->len) : NULL;

    if (in->len > 0 && kept == NULL)
        return false;
    connection->unread = in->len > 0 ? memcpy(kept, in->data, in->len) : NULL;
    connection->unread_len = in->len;
    connection->dialect->is_stopped = true;
    return true;
}

/* The wire tells that something changed under what was queued in the raw form. */
static void end_raw_line(struct connection *connection, enum wire_form before) {
    struct iovec newline = { .iov_base = "\n", .iov_len = 1 };

    if (before == WIRE_FORM_RAW && wire_form(&connection->dialect->wire) != WIRE_FORM_RAW &&
        connection_has_unsent(connection))
        (void)connection_sendv(connection, &newline, 1);
}

static void go_on(struct connection *connection, struct wire_input *in) {
    struct dialect *dialect = connection->dialect;
    struct wire_message message;
    enum wire_event event = WIRE_WANT;
    enum wire_form before;

    for (;;) {
        dialect->is_stopped = false;
        if (connection->is_broken || connection->is_closing)
            return;
        if ((is_paused(connection) || is_behind(connection)) && stop(connection, in))
            return;
        connection->is_broken = event == WIRE_NO_MEMORY;
        if (connection->is_broken)
            return;
        before = wire_form(&dialect->wire);
        event = wire_next(&dialect->wire, in, &message);
        end_raw_line(connection, before);
        if (event == WIRE_WANT)
            break;
        act(connection, event, &message);
    }
    connection->is_closing = dialect->is_ended;
}

void dialect_read(struct connection *connection, const char *data, size_t len, bool is_end) {
    struct dialect *dialect = connection->dialect;
    struct wire_input in = { .data = data, .len = len, .now_ms = now_ms(connection) };

    dialect->is_ended |= is_end;
    in.is_end = dialect->is_ended;
    connection->is_corked = true;
    go_on(connection, &in);
    connection->is_corked = false;
    if (connection_has_unsent(connection) && !connection->is_full)
        connection_flush(connection, MSG_DONTWAIT);
}

bool dialect_resume(struct connection *connection) {
    char *data = connection->unread;
    const size_t len = connection->unread_len;

    if (!connection->dialect->is_stopped || is_paused(connection) || is_behind(connection))
        return false;
    connection->unread = NULL;
    connection->unread_len = 0;
    dialect_read(connection, data, len, false);
    free(data);
    return true;
}

/* ---- time ---- */

void dialect_pause(struct connection *connection, uint64_t for_ms) {
    connection->dialect->paused_until_ms = for_ms > 0 ? now_ms(connection) + for_ms : 0;
    post_touch(connection);
}

uint64_t dialect_due_ms(const struct connection *connection) {
    const struct dialect *dialect = connection->dialect;
    uint64_t due_ms = UINT64_MAX;

    if (!dialect->is_stopped)
        due_ms = wire_due_ms(&dialect->wire);
    else if (dialect->paused_until_ms > 0)
        due_ms = dialect->paused_until_ms;
    if (connection_has_unsent(connection) && dialect->pace_due_ms > 0 &&
        dialect->pace_due_ms < due_ms)
        due_ms = dialect->pace_due_ms;
    return due_ms;
}

void dialect_look(struct connection *connection) {
    struct dialect *dialect = connection->dialect;

    if (dialect->paused_until_ms <= now_ms(connection))
        dialect->paused_until_ms = 0;
    if (connection_has_unsent(connection) && !connection->is_full)
        connection_flush(connection, MSG_DONTWAIT);
    if (!dialect->is_stopped)
        dialect_read(connection, NULL, 0, false);
    else
        dialect_resume(connection);
}

/* ---- handing over ---- */

ssize_t dialect_pack(const struct dialect *dialect, char **out) {
    const size_t size = wire_pack_size(&dialect->wire);

    *out = malloc(size);
    return *out != NULL ? wire_pack(&dialect->wire, *out, size) : -1;
}

int dialect_unpack(struct dialect *dialect, const char *data, size_t len) {
    const struct wire_rules *rules = dialect->wire.rules;

    wire_fini(&dialect->wire);
    dialect->is_stopped = true; /* what was left is given when it serves */
    dialect->window = WIRE_RAW_SEND_MAX;
    if (wire_unpack(&dialect->wire, rules, data, len) == 0)
        return 0;
    wire_init(&dialect->wire, rules);
    return -1;
}
