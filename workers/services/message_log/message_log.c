/*
 * Message log: what people send is shown and written down, with when and who, and nobody is
 * answered. Each message is one record, whatever stands in it: what a terminal would obey, and the
 * newlines, are escaped by whoever writes it out.
 */
#include "workers/services/message_log/message_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/escape.h"
#include "shared/log.h"
#include "shared/log_line.h"
#include "shared/text_utf8.h"
#include "workers/services/message_log/message_log_file.h"
#include "workers/services/message_log/message_log_senders.h"
#include "workers/services/post.h"

struct settings {
    bool login, ack;
    uint64_t max_message_bytes, rate, burst;
    const char *file;
};

static const struct setting settings_table[] = {
    { .name = "login",
        .type = SETTING_BOOL,
        .offset = offsetof(struct settings, login),
        .fallback = "false",
        .help = "the first that a sender says is who he is" },
    { .name = "ack",
        .type = SETTING_BOOL,
        .offset = offsetof(struct settings, ack),
        .fallback = "false",
        .help = "answer each message \"ok N\", where lines or frames are spoken" },
    { .name = "file",
        .type = SETTING_PATH,
        .offset = offsetof(struct settings, file),
        .operand = "FILE",
        .help = "write the records there, too, each as one line and whole" },
    { .name = "max_message",
        .type = SETTING_BYTES,
        .offset = offsetof(struct settings, max_message_bytes),
        .operand = "BYTES",
        .fallback = "4096",
        .min = 64,
        .max = 65536,
        .help = "what is longer is cut, and told how long it was" },
    { .name = "rate",
        .type = SETTING_NUMBER,
        .offset = offsetof(struct settings, rate),
        .operand = "N",
        .fallback = "20",
        .max = 1000000,
        .help = "messages a second of one sender: what comes faster has to wait, of datagrams it "
                "is dropped; 0: no limit" },
    { .name = "burst",
        .type = SETTING_NUMBER,
        .offset = offsetof(struct settings, burst),
        .operand = "N",
        .fallback = "50",
        .min = 1,
        .max = 1000000,
        .help = "so many at once all the same" },
    { .name = NULL },
};

/* In the order of `counters`. */
enum { RECORDS, LOGINS, CUT, BAD_TEXT, DELAYED, DROPPED, UNWRITTEN };

static const char *const connected[] = { "%s connected", "подключился %s" };
static const char *const dropped_words[] = { "%" PRIu64 " messages came too fast and were dropped",
    "сообщений отброшено, слишком частые: %" PRIu64 };

/* post_worker() */
struct worker_part {
    struct message_log_file file;
};

static struct message_log_rate rate_of(const struct settings *settings) {
    return (struct message_log_rate){ .burst = settings->burst, .per_s = settings->rate };
}

/* ---- records ---- */

/* One record; its data is not terminated and may hold anything. */
struct record {
    char head[MESSAGE_LOG_HEAD_MAX];
    const struct message_log_said *said;
    enum service_lang lang;
};

/* So much of it that its end and the note do not get lost in a record of the log. */
static size_t fit(const struct record *record, char note[MESSAGE_LOG_NOTE_MAX]) {
    const size_t room = LOG_MSG_MAX - ESCAPE_LINE_GROWTH * strlen(record->head);
    size_t len = log_line_fit(record->said->data, record->said->len, room);

    if (len < record->said->len)
        len = log_line_fit(record->said->data, len, room - MESSAGE_LOG_NOTE_MAX);
    message_log_text_note(note, record->said, len, record->lang);
    return len;
}

/* A NUL would end it there. */
static void copy_text(char *dst, const char *src, size_t len) {
    for (size_t i = 0; i < len; i++, src++) {
        if (*src != '\0') {
            *dst++ = *src;
        } else {
            memcpy(dst, TEXT_UTF8_BAD, 3);
            dst += 3;
        }
    }
    *dst = '\0';
}

static void say(struct session *session, const struct record *record) {
    char text[LOG_MSG_MAX + 1], note[MESSAGE_LOG_NOTE_MAX]; /* what fits grows no more */

    copy_text(text, record->said->data, fit(record, note));
    session_say(session, "message", "%s%s%s", record->head, text, note);
}

static size_t escape(char *dst, size_t size, size_t used, const char *text, size_t len) {
    return used + escape_line(dst + used, size - used, text, len);
}

static int write_down(const struct worker_part *part, const struct record *record) {
    const struct message_log_said *said = record->said;
    const size_t head = strlen(record->head);
    char note[MESSAGE_LOG_NOTE_MAX];
    const size_t note_len = message_log_text_note(note, said, said->len, record->lang);
    const size_t size = ESCAPE_LINE_GROWTH * (head + said->len + note_len) + 2;
    char *line = malloc(size);
    size_t len = 0;
    int rc;

    if (line == NULL)
        return -1;
    len = escape(line, size, len, record->head, head);
    len = escape(line, size, len, said->data, said->len);
    len = escape(line, size, len, note, note_len);
    line[len++] = '\n';
    rc = message_log_file_write(&part->file, line, len);
    free(line);
    return rc;
}

/* Returns false when it has to stand in the file and does not. */
static bool make_record(struct session *session, const struct message_log_speaker *speaker,
    const struct message_log_said *said) {
    const struct worker_part *part = post_worker(session_post(session));
    struct record record = { .said = said, .lang = session_lang(session) };
    char peer[NET_TEXT_MAX];

    message_log_text_head(
        record.head, clock_wall_ns(), &speaker->login, net_format(peer, &session->peer));
    say(session, &record);
    session_add_count(session, RECORDS, 1);
    session_add_count(session, CUT, said->total > said->len);
    session_add_count(session, BAD_TEXT,
        !text_utf8_is_valid(said->data, said->len) || memchr(said->data, '\0', said->len) != NULL);
    if (part->file.fd < 0 || write_down(part, &record) == 0)
        return true;
    session_add_count(session, UNWRITTEN, 1);
    log_warn("a message was not written to %s", part->file.path);
    return false;
}

/* ---- what is said ---- */

static void take_login(
    struct session *session, struct message_log_speaker *speaker, struct message_log_said *said) {
    message_log_text_take_login(&speaker->login, said, session_lang(session));
    session_say(session, "login", connected[session_lang(session)], speaker->login.name);
    session_add_count(session, LOGINS, 1);
}

static struct message_log_said cut(
    const struct settings *settings, const char *data, size_t len, const struct session *session) {
    const size_t most = (size_t)settings->max_message_bytes;

    return (struct message_log_said){ .data = data,
        .len = len > most ? text_utf8_cut(data, len, most) : len,
        .total = session->total > len ? session->total : len };
}

enum heard { HEARD, HEARD_UNWRITTEN, HEARD_END };

static enum heard hear(
    struct session *session, struct message_log_speaker *speaker, const char *data, size_t len) {
    const struct settings *settings = session_settings(session);
    struct message_log_said said = cut(settings, data, len, session);

    if (settings->login && speaker->login.len == 0) {
        if (message_log_text_is_end(&said))
            return HEARD_END;
        take_login(session, speaker, &said);
    } else if (settings->login) {
        message_log_text_strip(&speaker->login, &said);
    }
    if (message_log_text_is_end(&said))
        return HEARD_END;
    if (said.len > 0) {
        if (!make_record(session, speaker, &said))
            return HEARD_UNWRITTEN;
        speaker->records++;
    }
    return HEARD;
}

static void acknowledge(
    struct session *session, const struct message_log_speaker *speaker, bool is_written) {
    char text[32];
    int len = is_written ? snprintf(text, sizeof(text), "ok %" PRIu64, speaker->records)
                         : snprintf(text, sizeof(text), "error not written");

    if (session_form(session) != WIRE_FORM_RAW)
        (void)session_send(session, text, (size_t)len);
}

static void take_datagram(struct session *session, const char *data, size_t len) {
    const struct message_log_rate rate = rate_of(session_settings(session));
    struct post *post = session_post(session);
    struct session_path path;
    struct message_log_sender *sender;

    session_path(session, &path);
    sender = message_log_senders_find(post_owned(post), &path, post_now_ms(post));
    if (!message_log_speaker_may(&sender->speaker, &rate, post_now_ms(post))) {
        session_add_count(session, DROPPED, 1);
        sender->speaker.dropped++;
        return;
    }
    if (sender->speaker.dropped > 0)
        session_say(
            session, "dropped", dropped_words[session_lang(session)], sender->speaker.dropped);
    sender->speaker.dropped = 0;
    if (hear(session, &sender->speaker, data, len) == HEARD_END)
        message_log_senders_forget(sender);
}

static void message_log_message(struct session *session, const char *data, size_t len) {
    const struct settings *settings = session_settings(session);
    const struct message_log_rate rate = rate_of(settings);
    struct message_log_speaker *speaker = session_state(session);
    enum heard heard;
    uint64_t wait_ms;

    if (session->proto == NET_UDP) {
        take_datagram(session, data, len);
        return;
    }
    heard = hear(session, speaker, data, len);
    if (heard == HEARD_END) {
        session_close(session);
        return;
    }
    if (settings->ack)
        acknowledge(session, speaker, heard == HEARD);
    wait_ms = message_log_speaker_spend(speaker, &rate, post_now_ms(session_post(session)));
    if (wait_ms > 0) {
        session_add_count(session, DELAYED, 1);
        session_pause(session, wait_ms);
    }
}

/* ---- the worker ---- */

static int message_log_worker_open(struct post *post) {
    const struct settings *settings = post_settings(post);
    struct worker_part *part = post_worker(post);

    part->file.fd = -1;
    if (settings->file == NULL || message_log_file_open(&part->file, settings->file) == 0)
        return 0;
    log_warn("cannot open %s", settings->file);
    return -1;
}

static void message_log_worker_close(struct post *post) {
    struct worker_part *part = post_worker(post);

    message_log_file_close(&part->file);
}

static void message_log_tick(struct post *post, uint64_t now_ms) {
    struct worker_part *part = post_worker(post);

    (void)now_ms;
    if (post_is_main(post) && message_log_file_look(&part->file) < 0)
        log_warn("cannot open %s again", part->file.path);
}

static size_t message_log_owned_size(const void *settings) {
    (void)settings;
    return sizeof(struct message_log_senders);
}

static void message_log_wire_rules(const void *settings, struct wire_rules *out) {
    const struct settings *own = settings;

    out->line_max_bytes = (uint32_t)own->max_message_bytes;
}

/* ---- to another worker ---- */

static ssize_t message_log_pack(struct session *session, char *buf, size_t size) {
    if (size < sizeof(struct message_log_speaker))
        return -1;
    memcpy(buf, session_state(session), sizeof(struct message_log_speaker));
    return sizeof(struct message_log_speaker);
}

static int message_log_unpack(struct session *session, const char *data, size_t len) {
    struct message_log_speaker speaker;

    if (len != sizeof(speaker))
        return -1;
    memcpy(&speaker, data, sizeof(speaker));
    if (!message_log_text_is_login(&speaker.login))
        return -1;
    speaker.login.name[speaker.login.len] = '\0';
    memcpy(session_state(session), &speaker, sizeof(speaker));
    return 0;
}

const struct service_ops message_log_service = {
    .name = "message_log",
    .summary = "shows and writes down what people send, and answers nobody",
    .flags = SERVICE_STREAM | SERVICE_DATAGRAM | SERVICE_PACKS | SERVICE_TEXT |
             SERVICE_OWNS_DATAGRAMS,
    .listen = "tcp://127.0.0.1:50008",
    .settings = settings_table,
    .settings_size = sizeof(struct settings),
    .defaults = (const char *const[]){ "model", "event", "idle_timeout", "0", NULL },
    .counters = (const char *const[]){ "records", "logins", "cut", "bad_text", "delayed", "dropped",
        "unwritten", NULL },
    .session_size = sizeof(struct message_log_speaker),
    .worker_size = sizeof(struct worker_part),
    .message = message_log_message,
    .pack = message_log_pack,
    .unpack = message_log_unpack,
    .worker_open = message_log_worker_open,
    .worker_close = message_log_worker_close,
    .tick = message_log_tick,
    .owned_size = message_log_owned_size,
    .wire_rules = message_log_wire_rules,
};
