#ifndef TESTS_UNIT_SHARED_WIRE_FIXTURE_H
#define TESTS_UNIT_SHARED_WIRE_FIXTURE_H

/*
 * What a wire tells, written down: each message as [text], [text/total] when it was cut, each last
 * event as !name, one that ends inside a message as !incomplete[text]; and, apart from these, all
 * the bytes for the peer in a row.
 */

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/wire.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define BYTES(string) string, sizeof(string) - 1

struct record {
    char log[16384];
    size_t len;
    char answers[1024];
    size_t answers_len;
};

static inline void record_text(struct record *record, const char *format, ...) {
    va_list args;

    va_start(args, format);
    record->len += vsnprintf(
        record->log + record->len, sizeof(record->log) - record->len, format, args);
    va_end(args);
    cr_assert(record->len < sizeof(record->log));
}

static inline void record_bytes(struct record *record, const char *data, size_t len) {
    cr_assert(record->len + len + 1 < sizeof(record->log));
    if (len > 0)
        memcpy(record->log + record->len, data, len);
    record->len += len;
    record->log[record->len] = '\0';
}

static inline void record_message(struct record *record, const struct wire_message *message) {
    record_text(record, "[");
    record_bytes(record, message->data, message->len);
    if (message->total > message->len)
        record_text(record, "/%zu", message->total);
    record_text(record, "]");
}

static inline void record_event(
    struct record *record, enum wire_event event, const struct wire_message *message) {
    if (event == WIRE_MESSAGE) {
        record_message(record, message);
    } else if (event == WIRE_ANSWER) {
        cr_assert(record->answers_len + message->len <= sizeof(record->answers));
        memcpy(record->answers + record->answers_len, message->data, message->len);
        record->answers_len += message->len;
    } else if (event != WIRE_WANT) {
        record_text(record, "!%s", wire_event_name(event));
        if (event == WIRE_INCOMPLETE)
            record_message(record, message);
    }
}

/* One read of a peer, and all that comes of it. The bytes lie in memory of their own. */
static inline void record_read(struct record *record, struct wire *wire, const char *data,
    size_t len, uint64_t now_ms, bool is_end) {
    char *copy = len > 0 ? malloc(len) : NULL;
    struct wire_input in = { .data = copy, .len = len, .now_ms = now_ms, .is_end = is_end };
    struct wire_message message;
    enum wire_event event;

    if (len > 0)
        memcpy(copy, data, len);
    do {
        event = wire_next(wire, &in, &message);
        record_event(record, event, &message);
    } while (wire_event_is_told(event));
    cr_assert(event == WIRE_NO_MEMORY || in.len == 0);
    free(copy);
}

static inline void record_end(struct record *record, struct wire *wire, uint64_t now_ms) {
    record_read(record, wire, NULL, 0, now_ms, true);
    wire_fini(wire);
}

/* The text of an answer, which may hold NULs. */
#define RECORD_EXPECT(record, wanted_log, wanted_answers, wanted_answers_len, ...)        \
    do {                                                                                  \
        cr_expect((record)->len == strlen(wanted_log) &&                                  \
                      memcmp((record)->log, wanted_log, (record)->len) == 0,              \
            "told %s, not %s", (record)->log, wanted_log);                                \
        cr_expect((record)->answers_len == (wanted_answers_len) &&                        \
                      memcmp((record)->answers, wanted_answers, wanted_answers_len) == 0, \
            __VA_ARGS__);                                                                 \
    } while (0)

/* The same input, whole, cut in two at each position, and byte by byte: the same is told. */
static inline void record_splits(const struct wire_rules *rules, const char *input, size_t len,
    const char *log, const char *answers, size_t answers_len) {
    struct record record;
    struct wire wire;

    for (size_t cut = 0; cut <= len + 1; cut++) {
        memset(&record, 0, sizeof(record));
        wire_init(&wire, rules);
        if (cut <= len) {
            record_read(&record, &wire, input, cut, 1, false);
            record_read(&record, &wire, input + cut, len - cut, 1, false);
        } else {
            for (size_t i = 0; i < len; i++)
                record_read(&record, &wire, input + i, 1, 1, false);
        }
        record_end(&record, &wire, 1);
        RECORD_EXPECT(&record, log, answers, answers_len, "answers, cut at %zu: %s", cut, log);
    }
}

#endif
