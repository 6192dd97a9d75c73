/*
 * A message log among hostile ones: whatever is said over streams and by datagrams, what another
 * worker hands over and leaves in the memory of the senders. Each record is one line that a
 * terminal shows and does not obey, and it fits where it goes.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/escape.h"
#include "shared/log.h"
#include "tests/fuzz/input.h"
#include "workers/services/message_log/message_log.h"
#include "workers/services/message_log/message_log_file.h"
#include "workers/services/message_log/message_log_senders.h"
#include "workers/services/post.h"

enum { PEERS = 3, PATHS = 4, PLACES = 8 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
    struct session session; /* first */
    struct message_log_speaker state;
    enum wire_form form;
    bool is_closing;
};

static struct peer peer[PEERS];
static struct message_log_senders *senders;
static struct message_log_sender *places[PATHS]; /* where each path may stand */
static void *settings, *worker;
static uint64_t now_ms;
static bool is_full; /* the file's disk */

/* ---- session.h, post.h ---- */

void *session_state(const struct session *session) {
    return &((struct peer *)session)->state;
}

struct post *session_post(const struct session *session) {
    (void)session;
    return NULL;
}

const void *session_settings(const struct session *session) {
    (void)session;
    return settings;
}

int session_send(struct session *session, const char *data, size_t len) {
    (void)session;
    expect(len > 2 && data[len - 1] != '\0');
    return 0;
}

enum wire_form session_form(const struct session *session) {
    return ((const struct peer *)session)->form;
}

void session_pause(struct session *session, uint64_t for_ms) {
    (void)session;
    expect(for_ms > 0);
}

void session_close(struct session *session) {
    ((struct peer *)session)->is_closing = true;
}

void session_add_count(const struct session *session, unsigned counter, uint64_t n) {
    (void)session, (void)n;
    expect(counter < SERVICE_COUNTERS_MAX);
}

enum service_lang session_lang(const struct session *session) {
    return session->messages % 2 == 0 ? SERVICE_LANG_EN : SERVICE_LANG_RU;
}

/* Escaped, it fits into a record of the log. */
void session_say(const struct session *session, const char *event, const char *format, ...) {
    static char text[8 * LOG_MSG_MAX], shown[ESCAPE_LINE_GROWTH * sizeof(text)];
    va_list args;
    int n;

    (void)session;
    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    expect(n > 0 && n < (int)sizeof(text));
    if (strcmp(event, "message") == 0)
        expect(escape_line(shown, sizeof(shown), text, (size_t)n) <= LOG_MSG_MAX);
}

static uint16_t port;

void session_path(const struct session *session, struct session_path *out) {
    (void)session;
    *out = (struct session_path){ .family = AF_INET, .port = port };
}

void *post_worker(struct post *post) {
    (void)post;
    return worker;
}

void *post_owned(struct post *post) {
    (void)post;
    return senders;
}

const void *post_settings(const struct post *post) {
    (void)post;
    return settings;
}

uint64_t post_now_ms(const struct post *post) {
    (void)post;
    return now_ms;
}

bool post_is_main(const struct post *post) {
    (void)post;
    return true;
}

void log_warn(const char *format, ...) {
    (void)format;
}

/* ---- message_log_file.h ---- */

int message_log_file_open(struct message_log_file *file, const char *path) {
    *file = (struct message_log_file){ .fd = 1000, .path = path };
    return 0;
}

int message_log_file_look(struct message_log_file *file) {
    (void)file;
    return is_full ? -1 : 0;
}

int message_log_file_write(const struct message_log_file *file, const char *line, size_t len) {
    uint32_t rune;
    int step;

    expect(file->fd == 1000 && len > 1 && line[len - 1] == '\n');
    for (size_t i = 0; i < len - 1; i += (size_t)step) {
        step = escape_decode((const unsigned char *)line + i, len - 1 - i, &rune);
        expect(step > 0 && (rune == '\\' || escape_is_shown(rune)));
    }
    return is_full ? -1 : 0;
}

void message_log_file_close(struct message_log_file *file) {
    file->fd = -1;
}

/* ---- */

static void *setting(const char *name) {
    const struct setting *row = message_log_service.settings;

    while (strcmp(row->name, name) != 0)
        row++;
    return (char *)settings + row->offset;
}

static void say(struct peer *who) {
    const bool is_cut = take(1) % 8 == 7;
    const char *text;
    size_t len;

    text = take_text(&len);
    who->session.messages++;
    who->session.total = is_cut ? len + 100000 : len;
    message_log_service.message(&who->session, text, len);
    if (who->is_closing)
        *who = (struct peer){ .form = who->form };
}

static void say_over_stream(void) {
    struct peer *who = &peer[take(1) % PEERS];

    who->session.proto = NET_TCP;
    say(who);
}

static void say_by_datagram(void) {
    struct peer front = { .session.proto = NET_UDP, .form = WIRE_FORM_RAW };

    port = (uint16_t)(1 + take(1) % PATHS);
    say(&front);
}

static void hand_over(void) {
    struct peer *who = &peer[take(1) % PEERS], *other = &peer[take(1) % PEERS];
    unsigned changes = (unsigned)take(1) % 8;
    char *packed = malloc(sizeof(who->state));
    const ssize_t n = message_log_service.pack(&who->session, packed, sizeof(who->state));

    expect(n == sizeof(who->state));
    while (changes-- > 0) {
        const size_t place = take(2) % (size_t)n;

        packed[place] = (char)take(1);
    }
    (void)message_log_service.unpack(&other->session, packed, (size_t)n - (take(1) == 1));
    free(packed);
}

static void write_into_senders(void) {
    struct message_log_sender *row = places[take(1) % PATHS] + take(1) % PLACES;
    const size_t place = take(2) % sizeof(*row);

    ((char *)row)[place] = (char)take(1);
}

static void pass_time(void) {
    const unsigned how = (unsigned)take(1);

    now_ms += how < 128 ? how * how : how * 30000u;
    is_full = how % 4 == 3;
    message_log_service.tick(NULL, now_ms);
}

/* ---- */

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    settings = malloc(message_log_service.settings_size);
    settings_set_defaults(message_log_service.settings, settings);
    worker = calloc(1, message_log_service.worker_size);
    senders = calloc(1, message_log_service.owned_size(settings));
    for (unsigned i = 0; i < PATHS; i++) {
        const struct session_path path = { .family = AF_INET, .port = (uint16_t)(1 + i) };
        const size_t row = (size_t)(message_log_senders_find(senders, &path, 1) - senders->row);

        places[i] = &senders->row[row / PLACES * PLACES];
    }
    return 0;
}

static void begin(unsigned how) {
    memset(peer, 0, sizeof(peer));
    for (unsigned i = 0; i < PATHS; i++)
        memset(places[i], 0, PLACES * sizeof(*places[i]));
    for (unsigned i = 0; i < PEERS; i++)
        peer[i].form = (enum wire_form)(i + 1);
    *(bool *)setting("login") = (how & 1) != 0;
    *(bool *)setting("ack") = (how & 2) != 0;
    *(uint64_t *)setting("max_message") = how & 4 ? 64 : 65536;
    *(uint64_t *)setting("rate") = how & 8 ? 0 : 20;
    *(uint64_t *)setting("burst") = 3;
    *(const char **)setting("file") = how & 16 ? "file" : NULL;
    now_ms = 1000000;
    is_full = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const acts[])(void) = { say_over_stream, say_over_stream, say_by_datagram,
        say_by_datagram, hand_over, write_into_senders, pass_time, say_over_stream };

    input_begin(data, size);
    begin((unsigned)take(1));
    expect(message_log_service.worker_open(NULL) == 0);
    while (input.left > 0)
        acts[take(1) % (sizeof(acts) / sizeof(acts[0]))]();
    message_log_service.worker_close(NULL);
    return 0;
}
