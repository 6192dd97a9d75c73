/*
 * Relay: what a member says goes to all members of the room, once and in one order. The worked
 * example of a service that hears a bus, and the double that tests of the frame use.
 *
 *   hello MEMBER [ROOM:SEQ]    who it is, a number; with ROOM:SEQ it gets what came behind SEQ
 *     room ROOM SEQ            is the answer: where it stands
 *   ID TEXT                    say TEXT; ID, a number, is the member's own for it
 *     SEQ MEMBER ID TEXT       goes to all, and tells who said it that it counts
 *     again ID                 it was said before with this ID, and is not repeated
 *     gap N                    N messages are gone that this member should have got
 *
 * Each session reads the bus for itself, from its own cursor on: so it makes no difference whether
 * it is new, was handed over, or reads slowly. A service of many members would read for all of them
 * at once, and look after those that lag in this way.
 */
#include "workers/services/relay/relay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/services/relay/relay_private.h"

#define UNSENT_MOST 65536u /* what a member has not read of; then it waits */
#define ROOM_TEXT   (2 * BUS_ROOM_SIZE)

struct relay_session {
    uint64_t member; /* 0: it has not said hello */
    uint64_t cursor;
};

struct relay_packed {
    struct relay_session state;
    uint8_t room[BUS_ROOM_SIZE];
};

static const struct setting settings_table[] = {
    { .name = "history",
        .type = SETTING_NUMBER,
        .offset = offsetof(struct relay_settings, history),
        .operand = "N",
        .fallback = "2048",
        .min = 16,
        .max = 65536,
        .help = "messages that the room keeps for who comes back" },
    { .name = NULL },
};

static void relay_bus(const void *settings, struct bus_settings *out) {
    const struct relay_settings *relay = settings;

    out->history = (uint32_t)relay->history;
    out->payload_max = RELAY_TEXT_MAX;
    /* All of it may be one worker's; pages are made as they are touched. */
    out->arena_bytes = (uint32_t)relay->history * (RELAY_TEXT_MAX + 64);
}

/* ---- words ---- */

static void write_room(char out[ROOM_TEXT + 1], const struct post *post) {
    for (unsigned i = 0; i < BUS_ROOM_SIZE; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", bus_room(post_bus(post))[i]);
}

/* A number from 1 on and what stands behind it; the text is terminated. NULL: none. */
static const char *take_number(const char *text, uint64_t *out) {
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *out > 0 && errno == 0 ? end : NULL;
}

static bool read_hello(const struct post *post, const char *text, struct relay_words *out) {
    const char *rest = take_number(text, &out->number);
    char room[ROOM_TEXT + 1];

    if (rest == NULL || (*rest != ' ' && *rest != '\0'))
        return false;
    write_room(room, post);
    if (*rest == ' ' && strncmp(rest + 1, room, ROOM_TEXT) == 0 && rest[1 + ROOM_TEXT] == ':')
        take_number(rest + ROOM_TEXT + 2, &out->since);
    return true;
}

bool relay_read(const struct post *post, const char *data, size_t len, struct relay_words *out) {
    char head[128] = "";
    const char *rest;

    *out = (struct relay_words){ .is_hello = false };
    memcpy(head, data, len < sizeof(head) ? len : sizeof(head) - 1);
    out->is_hello = strncmp(head, "hello ", 6) == 0;
    if (out->is_hello)
        return read_hello(post, head + 6, out);
    rest = take_number(head, &out->number);
    if (rest == NULL || *rest != ' ' || len > RELAY_TEXT_MAX)
        return false;
    out->text = data + (rest - head) + 1;
    out->text_len = len - (size_t)(out->text - data);
    return true;
}

static void tell(struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell(struct session *session, const char *format, ...) {
    char line[RELAY_LINE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    (void)session_send(session, line, strlen(line));
}

void relay_welcome(struct session *session, uint64_t seq) {
    char room[ROOM_TEXT + 1];

    write_room(room, session_post(session));
    tell(session, "room %s %" PRIu64, room, seq);
}

/* ---- the bus ---- */

void relay_publish(struct session *session, uint64_t member, const struct relay_words *words) {
    const struct bus_record record = { .member = member,
        .client_id = words->number,
        .payload = words->text,
        .len = (uint32_t)words->text_len };
    uint64_t seq;
    int rc = post_publish(session_post(session), &record, &seq);

    if (rc < 0)
        tell(session, "error %s", strerror(errno));
    else if (rc == 0)
        tell(session, "again %" PRIu64, words->number);
    session_add_count(session, rc > 0 ? RELAY_PUBLISHED : RELAY_REPEATED, rc >= 0);
}

size_t relay_write_next(struct post *post, struct bus_reader *reader, char line[RELAY_LINE_MAX]) {
    char text[RELAY_TEXT_MAX];
    struct bus_record record;

    switch (bus_read(reader, text, &record)) {
    case BUS_EMPTY:
        return 0;
    case BUS_RECORD:
        return (size_t)snprintf(line, RELAY_LINE_MAX, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %.*s",
            record.seq, record.member, record.client_id, (int)record.len, text);
    default:
        post_add_count(post, RELAY_MISSED, reader->missed);
        return (size_t)snprintf(line, RELAY_LINE_MAX, "gap %" PRIu64, reader->missed);
    }
}

/* Returns true when there is more, and room for it. */
static bool catch_up(struct session *session) {
    struct relay_session *state = session_state(session);
    struct post *post = session_post(session);
    char line[RELAY_LINE_MAX];
    struct bus_reader reader;
    size_t len;

    if (state->member == 0)
        return false;
    bus_begin(&reader, post_bus(post), state->cursor);
    for (unsigned i = 0; i < RELAY_BATCH; i++) {
        if (session_unsent(session) >= UNSENT_MOST ||
            (len = relay_write_next(post, &reader, line)) == 0 ||
            session_send(session, line, len) < 0)
            return false;
        state->cursor = reader.cursor;
    }
    return true;
}

/* Who lags for want of room goes on when it has some. */
static bool relay_mail(struct post *post) {
    struct bus_reader *reader = post_reader(post);
    bool has_more = false;

    bus_begin(reader, post_bus(post), bus_next(post_bus(post)));
    for (struct session *session = post_first(post); session != NULL;
         session = post_next(post, session))
        has_more |= catch_up(session);
    return relay_datagrams_mail(post) || has_more;
}

static void relay_writable(struct session *session) {
    struct relay_session *state = session_state(session);

    /* It comes from another room. */
    if (state->member > 0 && state->cursor == 0) {
        state->cursor = bus_next(post_bus(session_post(session)));
        relay_welcome(session, state->cursor - 1);
    }
    while (catch_up(session))
        ;
}

/* ---- a session ---- */

static void relay_message(struct session *session, const char *data, size_t len) {
    struct relay_session *state = session_state(session);
    struct post *post = session_post(session);
    struct relay_words words;

    if (session->proto == NET_UDP) {
        relay_datagrams_take(session, data, len);
    } else if (session->total > len || !relay_read(post, data, len, &words) ||
               words.is_hello != (state->member == 0)) {
        tell(session, "error what? first \"hello MEMBER\", then \"ID TEXT\"");
    } else if (words.is_hello) {
        state->member = words.number;
        state->cursor = words.since > 0 ? words.since + 1 : bus_next(post_bus(post));
        relay_welcome(session, state->cursor - 1);
        while (catch_up(session))
            ;
    } else {
        relay_publish(session, state->member, &words);
    }
}

static ssize_t relay_pack(struct session *session, char *buf, size_t size) {
    struct relay_packed packed;

    if (size < sizeof(packed))
        return -1;
    memset(&packed, 0, sizeof(packed));
    memcpy(&packed.state, session_state(session), sizeof(packed.state));
    memcpy(packed.room, bus_room(post_bus(session_post(session))), sizeof(packed.room));
    memcpy(buf, &packed, sizeof(packed));
    return sizeof(packed);
}

static int relay_unpack(struct session *session, const char *data, size_t len) {
    struct relay_session *state = session_state(session);
    struct relay_packed packed;

    if (len != sizeof(packed))
        return -1;
    memcpy(&packed, data, sizeof(packed));
    *state = packed.state;
    if (memcmp(packed.room, bus_room(post_bus(session_post(session))), sizeof(packed.room)) != 0)
        state->cursor = 0;
    return 0;
}

static void relay_drain(struct session *session) {
    tell(session, "bye");
}

const struct service_ops relay_service = {
    .name = "relay",
    .summary = "sends what one says to all, once and in one order",
    .flags = SERVICE_STREAM | SERVICE_DATAGRAM | SERVICE_PACKS | SERVICE_TEXT | SERVICE_MAIL |
             SERVICE_OWNS_DATAGRAMS,
    .listen = "tcp://127.0.0.1:50009",
    .settings = settings_table,
    .settings_size = sizeof(struct relay_settings),
    .defaults = (const char *const[]){ "idle_timeout", "0", NULL },
    .counters = (const char *const[]){ "published", "repeated", "missed", NULL },
    .session_size = sizeof(struct relay_session),
    .message = relay_message,
    .writable = relay_writable,
    .drain = relay_drain,
    .pack = relay_pack,
    .unpack = relay_unpack,
    .mail = relay_mail,
    .bus = relay_bus,
    .owned_size = relay_datagrams_size,
};
