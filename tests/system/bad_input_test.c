/*
 * What is no message, or a hostile one: each has its answer, a counter and a line in the log, and
 * costs nobody else anything. The chat and the message log, under each model.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/chats.h"
#include "tests/system/peers.h"
#include "tests/system/suites.h"

#define BAD       "\xef\xbf\xbd" /* what stands for what is no text */
#define PARTS_MAX 3
#define BYTE_MS   20

/* Where it is tried: services of one kind, and of one room. */
enum site {
    ALL,    /* whatever is spoken */
    STRICT, /* frames alone */
    HASTY,  /* who says nothing is soon shown out */
    TERSE,  /* a message has to come at once */
    SITES,
};

static const char *const services[SITES] = { "echo", "strict", "hasty", "terse" };
static const char *const site_settings[SITES] = { "", "wire = \"framed\";",
    "first_message_timeout = \"200ms\";", "message_timeout = \"150ms\";" };

struct part {
    const char *data;
    size_t len;
};
#define PART(text) \
    { text, sizeof(text) - 1 }

struct bad_input {
    const char *what;
    struct part part[PARTS_MAX]; /* the next one when the one before has been read */
    enum site site;
    bool is_slow; /* byte by byte, for as long as it is heard */
    bool waits;   /* for a limit of time */
    bool is_udp;
    bool ends;           /* the connection does, by itself */
    const char *answer;  /* words that it is sent; NULL: nothing is looked for */
    const char *counter; /* of the service, grows; NULL: none */
    const char *log;     /* words in the daemon's log; NULL: none */
    const char *seen;    /* what comes of it; NULL: nothing */
};

/* A line that has no end, but for the row that gives it one. */
static char endless[100001];

static uint64_t count(const char *service, const char *counter) {
    json_t *status = daemon_service(service),
           *own = json_object_get(json_object_get(status, "counters"), counter);

    return (uint64_t)json_integer_value(own != NULL ? own : json_object_get(status, counter));
}

/* By parts: a part is one read, or more. */
static void say_parts(const char *service, struct peer *peer, const struct bad_input *row) {
    uint64_t before;

    for (size_t i = 0; i < PARTS_MAX && row->part[i].len > 0; i++) {
        before = count(service, "bytes_in");
        peers_say_bytes(peer, row->part[i].data, row->part[i].len);
        CHECK(row->is_udp ||
                  harness_until(5000, count(service, "bytes_in") >= before + row->part[i].len),
            "%s: it is not read", row->what);
    }
}

/* Heard to the end, and held against what it should be. Returns whether it is shown out. */
static bool has_ended(struct peer *peer, const struct bad_input *row, bool *answered) {
    ssize_t n;

    *answered |= row->answer == NULL || peers_has_heard(peer, row->answer);
    n = peers_read(peer) ? 1 : 0;
    return n == 0 && *answered && peers_is_shown_out(peer);
}

static void say_slowly(struct peer *peer, const struct bad_input *row) {
    bool answered = false;

    for (size_t i = 0; !has_ended(peer, row, &answered); i++) {
        CHECK(i < row->part[0].len, "%s: it is heard to the end", row->what);
        peers_say_bytes(peer, row->part[0].data + i, 1);
        harness_pause_us(BYTE_MS * 1000);
    }
}

static struct peer *come(const char *service, const struct bad_input *row) {
    return row->is_udp ? peers_come_udp(daemon_port(service, "udp"))
                       : peers_new(daemon_connect(daemon_port(service, "tcp")));
}

/* `seen` waits for what the others see of it. */
static void try(const struct bad_input *row, const char *model, void (*seen)(const char *words)) {
    const char *service = services[row->site];
    const uint64_t counted = row->counter != NULL ? count(service, row->counter) : 0;
    const unsigned logged = row->log != NULL ? daemon_log_count(row->log) : 0;
    struct peer *peer = come(service, row);
    bool answered = false;

    if (row->is_slow)
        say_slowly(peer, row);
    else
        say_parts(service, peer, row);
    if (row->ends)
        CHECK(row->is_slow || harness_until(5000, has_ended(peer, row, &answered)),
            "%s, %s: it stays, and hears %s", model, row->what, peer->heard);
    else if (row->answer != NULL)
        peers_hear(peer, row->answer);
    if (row->seen != NULL)
        seen(row->seen);
    CHECK(row->counter == NULL || harness_until(5000, count(service, row->counter) > counted),
        "%s, %s: it is not counted", model, row->what);
    CHECK(row->log == NULL || harness_until(5000, daemon_log_count(row->log) > logged),
        "%s, %s: %s", model, row->what, daemon_log());
    peers_end(peer);
}

static void nobody_was_hurt(const char *model) {
    for (size_t i = 0; i < 2; i++)
        CHECK(
            count(services[i], "restarts") == 0, "%s: a worker has died: %s", model, daemon_log());
}

/* ---- what the wire refuses, whatever the service ---- */

#define SLOW_FRAME PART("\0\0\0\x40 byte by byte, and never all of the sixty-four that were said")
#define SLOW_LINE  PART("\xff\xfb\x1f byte by byte, and never the newline, as slowly as can be")

static const struct bad_input wire_rows[] = {
    { "a length over the limit", { PART("\x00\x01\x00\x01") }, .ends = true,
        .answer = "{\"err\":\"too_long\",\"max\":", .counter = "bad_input",
        .log = "cause=too_long" },
    { "a huge length", { PART("\x00\xff\xff\xff") }, .ends = true, .answer = "too_long",
        .counter = "bad_input", .log = "cause=too_long" },
    { "a negative length", { PART("\x80\x00\x00\x00") }, .site = STRICT, .ends = true,
        .answer = "too_long", .counter = "bad_input", .log = "cause=too_long" },
    { "a length of all ones", { PART("\xff\xff\xff\xff") }, .site = STRICT, .ends = true,
        .answer = "too_long", .counter = "bad_input", .log = "cause=too_long" },
    { "a line that never ends", { PART("first\n"), { endless, 100000 } }, .site = TERSE,
        .waits = true, .ends = true, .counter = "timed_out", .log = "event=slow_client" },
    { "a frame, byte by byte", { SLOW_FRAME }, .is_slow = true, .site = TERSE, .waits = true,
        .ends = true, .counter = "timed_out", .log = "cause=too_slow" },
    { "a line, byte by byte", { SLOW_LINE }, .is_slow = true, .site = TERSE, .waits = true,
        .ends = true, .counter = "timed_out", .log = "cause=too_slow" },
    { "a first message that never comes", .site = HASTY, .waits = true, .ends = true,
        .counter = "timed_out", .log = "event=slow_client msg=\"a first message never came\"" },
    { "GET", { PART("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }, .ends = true, .answer = "HTTP/1.0 400 ",
        .counter = "bad_input", .log = "cause=http" },
    { "POST", { PART("POST /form HTTP/1.1\r\n\r\nx") }, .ends = true, .answer = "HTTP/1.0 400 ",
        .counter = "bad_input", .log = "cause=http" },
    { "HTTP where frames are spoken", { PART("GET / HTTP/1.1\r\n\r\n") }, .site = STRICT,
        .ends = true, .counter = "bad_input" },
    { "TLS", { PART("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") }, .ends = true,
        .counter = "bad_input", .log = "cause=tls" },
    { "TLS, split", { PART("\x16"), PART("\x03"), PART("\x03\x00") }, .ends = true,
        .counter = "bad_input", .log = "cause=tls" },
    { .what = NULL },
};

/* ---- the chat ---- */

#define CAME " присоединился к чату\n"

static const struct bad_input chat_rows[] = {
    { "a negative length where all is spoken", { PART("\x80\x00\x00\x00") }, .seen = CAME },
    { "NUL", { PART("Нуль\n"), PART("a\0b\na\0b\na\0b\n") }, .ends = true,
        .answer = "вы шлёте не текст", .counter = "bad_text", .seen = "] Нуль: a" BAD "b\n" },
    { "NUL in frames", { PART("\0\0\0\1N"), PART("\0\0\0\1\0\0\0\0\1\0\0\0\0\1\0") }, .ends = true,
        .answer = "вы шлёте не текст", .counter = "bad_text", .seen = "] N: " BAD "\n" },
    { "broken UTF-8", { PART("Битый\n"), PART("\xc3\x28\n\xc3\n\xe2\x82\n") }, .ends = true,
        .answer = "вы шлёте не текст", .counter = "bad_text", .seen = "] Битый: " BAD "(\n" },
    { "a line that is far too long", { PART("Длинный\n"), { endless, 100001 } },
        .answer = "сказано только начало\n", .seen = "] Длинный: xxxxxx" },
    { "IAC, split", { PART("\xff"), PART("\xfb"), PART("\x1fТелнет\r\n") },
        .answer = "\xff\xfe\x1f", .seen = CHATS_JOINED "Телнет" CAME },
    { "a subnegotiation, split", { PART("\xff\xfa\x18"), PART("\x01\xff"), PART("\xf0Суб\r\n") },
        .answer = "Суб!", .seen = CHATS_JOINED "Суб" CAME },
    { "a name of control characters", { PART("\x1b\x07\x7f\xc2\x9b\r\n") }, .answer = "Аноним!",
        .seen = CHATS_JOINED "Аноним" CAME },
    { "a name that hides", { PART("\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf\n") }, .answer = "Аноним!",
        .seen = CHATS_JOINED "Аноним" CAME },
    { "no name", { PART("\r\n") }, .answer = "Аноним!", .seen = CHATS_JOINED "Аноним" CAME },
    { "a name that obeys", { PART("\x1b[2JЕва\n") }, .answer = "[2JЕва!",
        .seen = CHATS_JOINED "[2JЕва" CAME },
    { "the server's own mark", { PART(CHATS_LEFT CHATS_JOINED "Ева\n") }, .answer = "Ева!",
        .seen = CHATS_JOINED "Ева" CAME },
    { "a name like another's", { PART("\xd0\x92\xd0\xbe\xd1\x8c\n") }, /* in Cyrillic */
        .counter = NULL, .seen = CAME },
    { "another's name", { PART("bob\n") }, .counter = "suffixed", .seen = "bob_2" CAME },
    { "no command", { PART("Ева\n"), PART("/nothing\n") }, .answer = "/nothing",
        .seen = "Ева" CAME },
    { "what a terminal obeys",
        { PART("Ева\n"), PART("\x1b]0;x\x07\xc2\x9b"
                              "1m\xe2\x80\xae"
                              "a\n") },
        .seen = "] Ева: ]0;x1m" },
    { "a HELLO of another version", { PART("HELLO 2\n") }, .answer = "HELLO: " },
    { "JSON that is none", { PART("HELLO 1 caps=json name=Джей\n"), PART("{\"t\":\n") },
        .answer = "\"code\":\"bad_request\"", .seen = "Джей" CAME },
    { "a datagram of control characters", { PART("\x1b\x07"), PART("/quit") }, .is_udp = true,
        .seen = CHATS_JOINED "Аноним"
                             " присоединился к чату" },
    { .what = NULL },
};

static struct peer *ann, *bob;

static void ann_sees(const char *words) {
    peers_hear(ann, words);
}

static uint64_t count_members(void) {
    uint64_t joined = 0, left = 0;

    for (size_t i = 0; i < SITES; i++) {
        joined += count(services[i], "joined");
        left += count(services[i], "left");
    }
    return joined - left;
}

static void bob_still_talks(void) {
    CHECK(harness_until(5000, count_members() == 2), "%lu are in", (unsigned long)count_members());
    peers_say(bob, "я здесь\n");
    peers_hear(ann, "] Bob: я здесь\n");
}

/* All but the first, which is written apart. */
static void write_sites(size_t m, const char *kind) {
    for (size_t i = 1; i < SITES; i++)
        daemon_write_service(
            services[i], "%s model = \"%s\"; %s", kind, daemon_models[m], site_settings[i]);
}

static void wait_for_sites(void) {
    for (size_t i = 0; i < SITES; i++)
        CHECK(harness_until(10000,
                  daemon_number(services[i], "ready") >= daemon_number(services[i], "wanted")),
            "%s: %s", services[i], daemon_log());
}

/* What waits does so under one model, or where there is time under all. */
static void try_rows(
    const struct bad_input *rows, size_t m, void (*seen)(const char *words), void (*others)(void)) {
    for (; rows->what != NULL; rows++) {
        if (rows->waits && m != 2 && !harness_scale(false, true))
            continue;
        try(rows, daemon_models[m], seen);
        others();
    }
}

static void chat_answers_bad_input_and_nobody_else_is_hurt(void) {
    struct daemon daemon;

    memset(endless, 'x', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\n';
    EACH_MODEL(m) {
        write_sites(m, "type = \"chat\"; room = \"echo\";");
        chats_start(&daemon, m, "");
        wait_for_sites();
        ann = peers_come(daemon.port, "Ann\n");
        peers_hear(ann, "Ann!");
        bob = peers_come(daemon.port, "Bob\n");
        peers_hear(ann, "Bob ");
        try_rows(wire_rows, m, ann_sees, bob_still_talks);
        try_rows(chat_rows, m, ann_sees, bob_still_talks);
        nobody_was_hurt(daemon_models[m]);
        chats_clear(&daemon);
    }
}

/* ---- the message log ---- */

static const struct bad_input log_rows[] = {
    { "NUL", { PART("a\0b\n") }, .counter = "bad_text", .seen = "): a\\x00b\n" },
    { "broken UTF-8", { PART("\xc3\x28\xe2\x82\n") }, .counter = "bad_text",
        .seen = "): \\xc3(\\xe2\\x82\n" },
    { "control characters", { PART("\x01\x1b[31m\x07\x7f\n") },
        .seen = "): \\x01\\x1b[31m\\x07\\x7f\n" },
    { "marks of direction, and C1",
        { PART("\xe2\x80\xae"
               "a\xc2\x9b\n") },
        .seen = "): \\u{202e}a\\u{9b}\n" },
    { "a forged line",
        { PART("\0\0\0\x2b"
               "a\n2026.01.01 00:00:00 (10.0.0.1:1): forged\r") },
        .seen = "): a\\n2026.01.01 00:00:00 (10.0.0.1:1): forged\\r\n" },
    { "a line that is far too long", { PART("first\n"), { endless, 100001 } }, .counter = "cut",
        .seen = "xxxx [обрезано, всего 100000 байт]\n" },
    { "IAC, split", { PART("\xff"), PART("\xfb"), PART("\x1fтелнет\r\n") },
        .answer = "\xff\xfe\x1f", .seen = "): телнет\n" },
    { "a subnegotiation, split", { PART("\xff\xfa\x18"), PART("\x01\xff"), PART("\xf0суб\r\n") },
        .seen = "): суб\n" },
    { "a datagram of control characters", { PART("\x1b\xff") }, .is_udp = true,
        .counter = "bad_text", .seen = "): \\x1b\\xff\n" },
    { .what = NULL },
};

static const char log_file[] = "services.d/log.txt";
static unsigned good_lines;

static bool is_written(const char *words) {
    return harness_exists(log_file) && strstr(harness_read_file(log_file, NULL), words) != NULL;
}

static void record_is_written(const char *words) {
    CHECK(harness_until(5000, is_written(words)), "no %s in %s", words,
        harness_read_file(log_file, NULL));
}

static void bob_is_written_down(void) {
    char text[40], words[48];

    snprintf(text, sizeof(text), "line %u\n", ++good_lines);
    snprintf(words, sizeof(words), "): %s", text);
    peers_say(bob, text);
    record_is_written(words);
}

static void message_log_answers_bad_input_and_nobody_else_is_hurt(void) {
    struct daemon daemon;

    memset(endless, 'x', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\n';
    EACH_MODEL(m) {
        daemon_write_config("lang = \"ru\";\n");
        write_sites(m, "type = \"message_log\";");
        daemon_write_service("echo",
            "type = \"message_log\"; model = \"%s\"; file = \"log.txt\"; rate = 0; "
            "max_children = 4; listen = [ \"tcp://127.0.0.1:0\", \"udp://127.0.0.1:0\" ];",
            daemon_models[m]);
        daemon_start(&daemon);
        wait_for_sites();
        good_lines = 0;
        bob = peers_new(daemon_connect(daemon.port));
        bob_is_written_down();
        try_rows(wire_rows, m, record_is_written, bob_is_written_down);
        try_rows(log_rows, m, record_is_written, bob_is_written_down);
        nobody_was_hurt(daemon_models[m]);
        chats_clear(&daemon);
        unlink(log_file);
    }
}

static const struct harness_test tests[] = {
    { "chat_answers_bad_input_and_nobody_else_is_hurt",
        chat_answers_bad_input_and_nobody_else_is_hurt },
    { "message_log_answers_bad_input_and_nobody_else_is_hurt",
        message_log_answers_bad_input_and_nobody_else_is_hurt },
    { .name = NULL },
};

const struct harness_suite bad_input_suite = { "bad_input", tests };
