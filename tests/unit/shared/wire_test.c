/* One port, all forms: what is told of a peer, when, and how it ends. */
#include "shared/wire.h"

#include "tests/unit/shared/wire_fixture.h"

#define A "\xd0\x90"

static struct record record;
static struct wire wire;

static void begin(void) {
    memset(&record, 0, sizeof(record));
    wire_init(&wire, &wire_rules_default);
}

static void end(void) {
    wire_fini(&wire);
}

TestSuite(wire, .init = begin, .fini = end);

static void read_at(uint64_t now_ms, const char *data) {
    record_read(&record, &wire, data, data != NULL ? strlen(data) : 0, now_ms, false);
}

Test(wire, deterministic_forms_survive_any_split) {
    static const struct {
        const char *input;
        size_t len;
        const char *log;
        const char *answers;
        size_t answers_len;
    } cases[] = {
        { BYTES("\0\0\0\5Alice\0\0\0\0\0\0\0\2hi"), "[Alice][hi]", BYTES("") },
        { BYTES("\0\0\0\4A\n\n\n\0\0\0\1"), "[A\n\n\n]!incomplete[/1]", BYTES("") },
        { BYTES("\xff\xfd\3\xff\xfb\x18"
                "Al\xff\xf1ice\r\nhi\r\0"),
            "[Alice][hi]", BYTES("\xff\xfc\3\xff\xfe\x18") },
        { BYTES("\x16\3\1\2\0\1\0\1\xfc\3\3"), "!tls", BYTES("") },
        { BYTES("\0\x01\0\1xxxxxxxxx"), "!too_long",
            BYTES("\0\0\0\x1e{\"err\":\"too_long\",\"max\":65536}") },
        { BYTES("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "!http",
            BYTES("HTTP/1.0 400 This is not a web server\r\nConnection: close\r\n"
                  "Content-Length: 0\r\n\r\n") },
        { BYTES("\xff"), "!incomplete[\xff]", BYTES("") },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        record_splits(&wire_rules_default, cases[i].input, cases[i].len, cases[i].log,
            cases[i].answers, cases[i].answers_len);
}

Test(wire, lines_are_seen_by_the_first_newline) {
    read_at(1, "Bob\r\nhel");
    cr_assert_eq(wire_mode(&wire), WIRE_LINE);
    read_at(5, "lo\nbye\n");
    cr_assert_str_eq(record.log, "[Bob][hello][bye]");
}

Test(wire, classic_client_is_raw) {
    cr_assert_eq(wire_mode(&wire), WIRE_AUTO);
    read_at(1, "Bob");
    cr_assert_eq(wire_mode(&wire), WIRE_RAW);
    read_at(2, "hello");
    read_at(3, "two\nlines, no end");
    cr_assert_str_eq(record.log, "[Bob][hello][two\nlines, no end]");
    cr_assert_eq(wire_mode(&wire), WIRE_RAW);
}

Test(wire, raw_turns_line_when_a_chunk_ends_in_a_newline) {
    read_at(1, "Bo");
    read_at(900, "b\nhello\n");
    cr_assert_eq(wire_mode(&wire), WIRE_LINE);
    read_at(901, "hel");
    read_at(999, "lo\r");
    read_at(1000, "\n");
    cr_assert_str_eq(record.log, "[Bo][b][hello][hello]");
}

Test(wire, line_cut_in_a_character_is_one_line) {
    read_at(1, "Bob \xd0");
    cr_assert_eq(wire_due_ms(&wire), 41);
    read_at(2, "\x90\r\n");
    cr_assert_str_eq(record.log, "[Bob " A "]");
    read_at(3, "hel");
    cr_assert_eq(wire_mode(&wire), WIRE_LINE);
    read_at(4, "lo\n");
    cr_assert_str_eq(record.log, "[Bob " A "][hello]");
}

Test(wire, line_cut_inside_its_end_has_no_empty_line_behind_it) {
    read_at(1, "Bob \xd0");
    read_at(2, "\x90\r");
    read_at(3, "\nhello\n");
    cr_assert_str_eq(record.log, "[Bob " A "][hello]");
}

Test(wire, line_after_what_waited_too_long_is_a_line) {
    read_at(1, "Bob \xd0");
    read_at(50, "hello\n");
    cr_assert_str_eq(record.log, "[Bob \xd0][hello]");
    cr_assert_eq(wire_mode(&wire), WIRE_LINE);
}

Test(wire, raw_by_the_rules_stays_raw) {
    static const struct wire_rules raw = { .mode = WIRE_RAW, .line_max_bytes = 100 };

    wire_init(&wire, &raw);
    read_at(1, "\0");
    read_at(1, "Bob\n");
    read_at(1, "GET / HTTP/1.0\r\n");
    cr_assert_str_eq(record.log, "[Bob\n][GET / HTTP/1.0\r\n]");
}

Test(wire, name_that_begins_like_http_waits_a_moment) {
    read_at(1, "G");
    cr_assert_str_eq(record.log, "");
    cr_assert_eq(wire_due_ms(&wire), 41);
    read_at(40, NULL);
    cr_assert_str_eq(record.log, "");
    read_at(41, NULL);
    cr_assert_str_eq(record.log, "[G]");
    cr_assert(wire_mode(&wire) == WIRE_RAW && wire_due_ms(&wire) == UINT64_MAX);
}

Test(wire, name_that_begins_like_http_and_what_follows) {
    static const struct {
        uint64_t at_ms;
        const char *second;
        const char *log;
    } cases[] = {
        { 2, "hello", "[G][hello]" },
        { 99, "hello", "[G][hello]" },
        { 2, "leb\n", "[Gleb]" },
        { 99, "hello\n", "[G][hello]" },
        { 2, "ET / HTTP/1.0\r\n\r\n", "!http" },
        { 99, "ET / HTTP/1.0\r\n\r\n", "[G][ET / HTTP/1.0][]" },
        { 2, "E", "[GE]" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        wire_fini(&wire);
        begin();
        read_at(1, "G");
        read_at(cases[i].at_ms, cases[i].second);
        record_read(&record, &wire, NULL, 0, cases[i].at_ms, true);
        cr_expect_str_eq(record.log, cases[i].log);
    }
}

Test(wire, telnet_waits_for_its_second_byte_as_long_as_for_any_line) {
    read_at(1, "\xff");
    read_at(9000, "\xfd\1Bob\r\n");
    cr_assert_str_eq(record.log, "[Bob]");
}

Test(wire, slow_peer_is_told_and_over) {
    static const struct {
        const char *input;
        size_t len;
    } cases[] = { { BYTES("\0\0") }, { BYTES("\0\0\0\5hel") }, { BYTES("Bob\nhel") },
        { BYTES("Bob\n\xff\xfd") }, { BYTES("\xff") }, { BYTES("\x16\3") } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        wire_fini(&wire);
        begin();
        record_read(&record, &wire, cases[i].input, cases[i].len, 1, false);
        cr_assert_eq(wire_due_ms(&wire), 10001, "%zu: %zu", i, wire_due_ms(&wire));
        record.len = 0;
        /* a byte more is no excuse */
        record_read(&record, &wire, "\3", cases[i].input[0] == '\0', 9000, false);
        record_read(&record, &wire, NULL, 0, 10000, false);
        cr_assert_eq(record.len, 0);
        record_read(&record, &wire, NULL, 0, 10001, false);
        cr_expect_str_eq(record.log, "!too_slow", "%zu: %s", i, record.log);
        cr_expect_eq(wire_due_ms(&wire), UINT64_MAX);
        record_read(&record, &wire, "more\n", 5, 10002, false);
        cr_expect_str_eq(record.log, "!too_slow", "told once, and no more is read");
    }
}

Test(wire, time_begins_anew_with_each_message) {
    read_at(1, "one\ntw");
    read_at(9000, "o\nthr");
    cr_assert_eq(wire_due_ms(&wire), 19000);
    read_at(18000, "ee\n");
    cr_assert_str_eq(record.log, "[one][two][three]");
    cr_assert_eq(wire_due_ms(&wire), UINT64_MAX);
}

Test(wire, no_limit_of_time_is_none) {
    struct wire_rules rules = wire_rules_default;

    rules.partial_ms = 0;
    wire_init(&wire, &rules);
    read_at(1, "one\ntw");
    read_at(1000000, NULL);
    cr_assert(wire_due_ms(&wire) == UINT64_MAX && wire_is_partial(&wire));
}

Test(wire, end_inside_a_message_is_told_with_it) {
    static const struct {
        const char *input;
        size_t len;
        const char *log;
    } cases[] = {
        { BYTES("Bob\nhello"), "[Bob]!incomplete[hello]" },
        { BYTES("Bob\n"), "[Bob]" },
        { BYTES("Bob \xd0"), "[Bob \xd0]" },
        { BYTES("GET "), "[GET ]" },
        { BYTES(""), "" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        /* with the last bytes, and after them */
        for (int later = 0; later < 2; later++) {
            wire_fini(&wire);
            begin();
            record_read(&record, &wire, cases[i].input, cases[i].len, 1, !later);
            cr_expect(later || strcmp(record.log, cases[i].log) == 0, "with the last bytes");
            record_read(&record, &wire, NULL, 0, 2, true);
            cr_expect_str_eq(record.log, cases[i].log);
        }
    }
}

Test(wire, who_leaves_the_loop_keeps_the_rest) {
    struct wire_input in = { .data = "a\nb\nc\n", .len = 6, .now_ms = 1 };
    struct wire_message message;

    cr_assert_eq(wire_next(&wire, &in, &message), WIRE_MESSAGE);
    cr_assert(in.len == 4 && memcmp(in.data, "b\nc\n", 4) == 0);
    record_read(&record, &wire, in.data, in.len, 2, false);
    cr_assert_str_eq(record.log, "[b][c]");
}

Test(wire, idle_peer_costs_its_struct_alone) {
    static const char *const talks[] = { "Bob\nhel", "Bob \xd0", "G" };

    cr_assert_leq(sizeof(struct wire), 200);
    for (size_t i = 0; i < COUNT(talks); i++) {
        wire_fini(&wire);
        begin();
        read_at(1, talks[i]);
        cr_assert(wire_is_partial(&wire));
        read_at(2, "lo\n");
        cr_assert_not(wire_is_partial(&wire));
        read_at(3, NULL);
        cr_assert(wire.mode != WIRE_LINE || wire.part.line.body.data == NULL);
        cr_assert(wire.mode != WIRE_RAW || wire.part.raw.body.data == NULL);
    }
}

Test(wire, names_are_words_for_a_setting) {
    cr_assert_str_eq(wire_mode_names[WIRE_AUTO], "auto");
    cr_assert_str_eq(wire_mode_names[WIRE_FRAMED], "framed");
    cr_assert_str_eq(wire_mode_names[WIRE_LINE], "line");
    cr_assert_str_eq(wire_mode_names[WIRE_RAW], "raw");
    cr_assert_null(wire_mode_names[WIRE_RAW + 1]);
    cr_assert_str_eq(wire_event_name(WIRE_HTTP), "http");
}
