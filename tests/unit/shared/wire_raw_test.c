/* Classic clients: one read is one message, and what a read cut is joined in time. */
#include "shared/wire_raw.h"

#include "shared/text_utf8.h"
#include "tests/unit/shared/wire_fixture.h"

#define A "\xd0\x90" /* two bytes, one character */

static const struct wire_rules rules = {
    .mode = WIRE_RAW, .frame_max_bytes = 4096, .line_max_bytes = 4096, .raw_gap_ms = 40
};
static char x1024[1025], x5000[5001];

static void fill(void) {
    memset(x1024, 'x', sizeof(x1024) - 1);
    memset(x5000, 'y', sizeof(x5000) - 1);
}

TestSuite(wire_raw, .init = fill);

struct read {
    uint64_t at_ms;
    const char *data; /* NULL: only time passes */
};

/* What is told after these reads; a "|" after each of them. */
static const char *tell(struct record *record, const struct read *reads, size_t n) {
    struct wire wire;

    memset(record, 0, sizeof(*record));
    wire_init(&wire, &rules);
    for (size_t i = 0; i < n; i++) {
        const char *data = reads[i].data;

        record_read(record, &wire, data, data != NULL ? strlen(data) : 0, reads[i].at_ms, false);
        record_text(record, "|");
    }
    record_end(record, &wire, reads[n - 1].at_ms);
    return record->log;
}

#define TELL(record, ...)                              \
    tell(record, (const struct read[]){ __VA_ARGS__ }, \
        sizeof((const struct read[]){ __VA_ARGS__ }) / sizeof(struct read))

Test(wire_raw, one_read_is_one_message) {
    struct record record;

    cr_assert_str_eq(
        TELL(&record, { 1, "Bob" }, { 1, "hello" }, { 2, A }), "[Bob]|[hello]|[" A "]|");
    /* nothing is known of lines here */
    cr_assert_str_eq(TELL(&record, { 1, "a\nb\n" }, { 1, "c\r" }), "[a\nb\n]|[c\r]|");
}

Test(wire_raw, cut_character_waits_for_its_rest) {
    struct record record;

    cr_assert_str_eq(TELL(&record, { 1, "a\xd0" }, { 40, "\x90!" }), "|[a" A "!]|");
    cr_assert_str_eq(TELL(&record, { 1, "\xf0" }, { 2, "\x9f" }, { 3, "\x98" }, { 4, "\x80" }),
        "|||[\xf0\x9f\x98\x80]|");
    cr_assert_str_eq(
        TELL(&record, { 1, "a\xd0" }, { 20, NULL }, { 41, NULL }, { 42, "b" }), "||[a\xd0]|[b]|");
    /* too late, though nobody looked at the time before */
    cr_assert_str_eq(TELL(&record, { 1, "a\xd0" }, { 41, "\x90" }), "|[a\xd0][\x90]|");
    /* broken, not cut */
    cr_assert_str_eq(
        TELL(&record, { 1, "a\xff" }, { 1, "\x90" }, { 1, "\xc3(" }), "[a\xff]|[\x90]|[\xc3(]|");
    cr_assert_str_eq(TELL(&record, { 1, "a\xd0" }), "|[a\xd0]", "the peer ended");
}

Test(wire_raw, full_chunk_waits_for_more) {
    struct record record;
    char wanted[8192];

    sprintf(wanted, "|[%s!]|", x1024);
    cr_assert_str_eq(TELL(&record, { 1, x1024 }, { 40, "!" }), wanted);
    sprintf(wanted, "||[%s]|[!]|", x1024);
    cr_assert_str_eq(TELL(&record, { 1, x1024 }, { 40, NULL }, { 41, NULL }, { 42, "!" }), wanted);
    sprintf(wanted, "||[%s%s]|[.]|", x1024, x1024);
    cr_assert_str_eq(TELL(&record, { 1, x1024 }, { 30, x1024 }, { 70, NULL }, { 71, "." }), wanted);
    /* one below is a whole one */
    sprintf(wanted, "[%s]|[!]|", x1024 + 1);
    cr_assert_str_eq(TELL(&record, { 1, x1024 + 1 }, { 1, "!" }), wanted);
    x1024[1023] = '\n';
    sprintf(wanted, "[%s]|[!]|", x1024);
    cr_assert_str_eq(TELL(&record, { 1, x1024 }, { 1, "!" }), wanted, "a newline ends a message");
}

Test(wire_raw, too_long_is_cut_between_characters) {
    struct record record;
    char wanted[8192];

    sprintf(wanted, "|[%.4096s/5001]|", x5000);
    cr_assert_str_eq(TELL(&record, { 1, x5000 }, { 2, "!" }), wanted);
    memcpy(x5000 + 4095, A, 2);
    sprintf(wanted, "||[%.4095s/5000]", x5000);
    cr_assert_str_eq(TELL(&record, { 1, x5000 }, { 40, NULL }), wanted);
}

Test(wire_raw, is_out_after_a_second_however_it_goes_on) {
    struct wire_raw raw = { .total = 0 };
    struct wire_message message;
    enum wire_event event = WIRE_WANT;
    uint64_t now_ms = 5;

    for (; event == WIRE_WANT && now_ms < 5000; now_ms += 30) {
        struct wire_input in = { .data = "\xd0", .len = 1, .now_ms = now_ms };

        event = wire_raw_next(&raw, 4096, 40, &in, &message);
    }
    cr_assert(event == WIRE_MESSAGE && now_ms >= 1005 && now_ms < 1100, "%zu", now_ms);
    wire_raw_fini(&raw);
}

Test(wire_raw, nothing_is_copied_or_kept_when_whole) {
    static const char data[] = "hello";
    struct wire_raw raw = { .total = 0 };
    struct wire_input in = { .data = data, .len = 5 };
    struct wire_message message;

    cr_assert_eq(wire_raw_next(&raw, 4096, 40, &in, &message), WIRE_MESSAGE);
    cr_assert(message.data == data && raw.body.data == NULL);
}

Test(wire_raw, encode_fits_one_recv) {
    char text[3000], out[WIRE_RAW_SEND_MAX];
    size_t n;

    n = wire_raw_encode(out, "hi", 2);
    cr_assert(n == 3 && memcmp(out, "\nhi", 3) == 0);
    cr_assert_eq(wire_raw_encode(out, "", 0), 1);
    memset(text, 'x', sizeof(text));
    cr_assert_eq(wire_raw_encode(out, text, 999), 1000);
    cr_assert_eq(out[999], 'x');
    /* characters of each size at the place where it is cut */
    for (size_t at = 990; at <= 1000; at++)
        for (const char **piece =
                 (const char *[]){ "\xd0\x90", "\xe2\x82\xac", "\xf0\x9f\x98\x80", NULL };
             *piece != NULL; piece++) {
            memset(text, 'x', sizeof(text));
            memcpy(text + at, *piece, strlen(*piece));
            n = wire_raw_encode(out, text, 1001);
            cr_assert(n <= WIRE_RAW_SEND_MAX && n > WIRE_RAW_SEND_MAX - 4);
            cr_assert(memcmp(out + n - 3, "\xe2\x80\xa6", 3) == 0);
            cr_assert(text_utf8_is_valid(out, n), "cut at %zu", at);
        }
}
