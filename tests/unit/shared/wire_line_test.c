/* Lines and telnet: any split gives the same lines and the same answers. */
#include "shared/wire_line.h"

#include "tests/unit/shared/wire_fixture.h"

static const struct wire_rules rules = {
    .mode = WIRE_LINE, .frame_max_bytes = 20, .line_max_bytes = 20, .raw_gap_ms = 40
};

TestSuite(wire_line);

Test(wire_line, any_split_tells_the_same) {
    static const struct {
        const char *input;
        size_t len;
        const char *log;
    } cases[] = {
        { BYTES("hello\n"), "[hello]" },
        { BYTES("a\r\nb\nc\rd\r\0e\n"), "[a][b][c][d][e]" },
        { BYTES("\n\r\n\r\r\0\n\n"), "[][][][][][]" },
        { BYTES("a\r\r\nb\n\r"), "[a][][b][]" },
        { BYTES("\xd0\x90\xd0\xbb\xd0\xb8\xd1\x81\xd0\xb0\r\n"), "[Алиса]" },
        { BYTES("no end"), "!incomplete[no end]" },
        { BYTES("one\ntwo"), "[one]!incomplete[two]" },
        { BYTES("12345678901234567890\n"), "[12345678901234567890]" },
        { BYTES("123456789012345678901\nshort\n"), "[12345678901234567890/21][short]" },
        { BYTES("1234567890123456789\xd0\x90\n"), "[1234567890123456789/21]" },
        { BYTES("1234567890123456789\xd0\n"), "[1234567890123456789\xd0]" },
        { BYTES("123456789012345678901234567890"), "!incomplete[12345678901234567890/30]" },
        /* two bytes 0xff are one of text */
        { BYTES("a\xff\xff"
                "b\n\xff\xff\n"),
            "[a\xff"
            "b][\xff]" },
        { BYTES("a\r\xff\xff\n"), "[a][\xff]" },
        /* commands without options, in a line, at its end, inside its end */
        { BYTES("a\xff\xf1"
                "b\r\xff\xf9\nc\n\xff\xf4"),
            "[ab][c]" },
        /* subnegotiation, with a byte 0xff in it, and one whose end was lost */
        { BYTES("x\xff\xfa\x18\0xterm\n\xff\xff\n\xff\xf0y\n"), "[xy]" },
        { BYTES("x\xff\xfa\x18\0xterm\xff\xf1y\n"), "[xy]" },
        { BYTES("a\xff\xfa\x18"), "!incomplete[a]" },
        { BYTES("a\n\xff"), "[a]!incomplete[]" },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        record_splits(&rules, cases[i].input, cases[i].len, cases[i].log, BYTES(""));
}

Test(wire_line, options_are_refused_once) {
    static const struct {
        const char *input;
        size_t len;
        const char *log;
        const char *answers;
        size_t answers_len;
    } cases[] = {
        { BYTES("\xff\xfd\1"), "", BYTES("\xff\xfc\1") },
        { BYTES("\xff\xfb\x1f"), "", BYTES("\xff\xfe\x1f") },
        { BYTES("a\xff\xfd\3b\xff\xfb\3\n"), "[ab]", BYTES("\xff\xfc\3\xff\xfe\3") },
        /* each once, for each of the two */
        { BYTES("\xff\xfd\1\xff\xfd\1\xff\xfb\1\xff\xfb\1\xff\xfd\2"), "",
            BYTES("\xff\xfc\1\xff\xfe\1\xff\xfc\2") },
        { BYTES("\xff\xfd\xff\xff\xfd\xff\xff\xfd\0"), "", BYTES("\xff\xfc\xff\xff\xfc\0") },
        /* what is agreed to needs no answer */
        { BYTES("\xff\xfe\1\xff\xfc\1"), "", BYTES("") },
        /* after Ctrl-C telnet waits for each of these */
        { BYTES("\xff\xf4\xff\xfd\6\xff\xf4\xff\xfd\6"), "", BYTES("\xff\xfc\6\xff\xfc\6") },
        /* a client that offers all it has: more than one answer takes */
        { BYTES("\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\1\xff\xfb\3\xff\xfd\3"
                "\xff\xfb\x21\xff\xfb\x22\xff\xfb\5x\n"),
            "[x]",
            BYTES("\xff\xfe\x1f\xff\xfe\x20\xff\xfe\x18\xff\xfe\x27\xff\xfc\1\xff\xfe\3\xff\xfc\3"
                  "\xff\xfe\x21\xff\xfe\x22\xff\xfe\5") },
        { BYTES("\xff\xfa\1\xff\xfd\1x\n"), "[x]", BYTES("\xff\xfc\1") },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        record_splits(&rules, cases[i].input, cases[i].len, cases[i].log, cases[i].answers,
            cases[i].answers_len);
}

/* Feed the same bytes until it tells something, at most as often as that. */
static enum wire_event feed(struct wire_line *line, const char *data, size_t len, unsigned times) {
    struct wire_message message;
    enum wire_event event = WIRE_WANT;

    while (event == WIRE_WANT && times-- > 0) {
        struct wire_input in = { .data = data, .len = len };

        event = wire_line_next(line, 100, &in, &message);
        cr_assert(line->body.size <= WIRE_BUFFER_FIRST);
    }
    return event;
}

Test(wire_line, endless_line_takes_no_memory_and_ends) {
    static char text[65536];
    struct wire_line line = { .total = 0 };

    memset(text, 'x', sizeof(text));
    cr_assert_eq(feed(&line, text, sizeof(text), 16), WIRE_WANT);
    cr_assert(line.total == WIRE_LENGTH_MAX && line.body.len == 100);
    cr_assert_eq(feed(&line, text, 1, 1), WIRE_TOO_LONG);
    cr_assert_eq(feed(&line, "\xff\xff", 2, 1), WIRE_TOO_LONG, "nor does 0xff lead beyond it");
    wire_line_fini(&line);
}

Test(wire_line, endless_negotiation_ends) {
    static char text[65536];
    struct wire_line line = { .total = 0 };

    cr_assert_eq(feed(&line, "\xff\xfa", 2, 1), WIRE_WANT);
    cr_assert_eq(feed(&line, text, sizeof(text), 16), WIRE_WANT);
    cr_assert_eq(feed(&line, text, 1, 1), WIRE_TOO_LONG);
    cr_assert_eq(line.body.data, NULL);
}

Test(wire_line, whole_lines_are_not_copied) {
    static const char data[] = "hello\r\nthere\n";
    struct wire_line line = { .total = 0 };
    struct wire_input in = { .data = data, .len = sizeof(data) - 1 };
    struct wire_message message;

    cr_assert_eq(wire_line_next(&line, 100, &in, &message), WIRE_MESSAGE);
    cr_assert(message.data == data && message.len == 5);
    cr_assert_eq(wire_line_next(&line, 100, &in, &message), WIRE_MESSAGE);
    cr_assert(message.data == data + 7 && message.len == 5);
    cr_assert_eq(wire_line_next(&line, 100, &in, &message), WIRE_WANT);
    cr_assert_eq(line.body.data, NULL);
}

Test(wire_line, encode_ends_and_doubles) {
    static const struct {
        const char *text;
        size_t len;
        bool is_telnet;
        const char *wanted;
    } cases[] = {
        { BYTES("hi"), false, "hi\n" },
        { BYTES("hi"), true, "hi\r\n" },
        { BYTES(""), false, "\n" },
        { BYTES("a\nb"), false, "a\nb\n" },
        { BYTES("a\nb"), true, "a\r\nb\r\n" },
        { BYTES("\xff\xff"), false, "\xff\xff\xff\xff\n" },
        { BYTES("\xff"), true, "\xff\xff\r\n" },
    };
    char out[64];

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = wire_line_encode(out, cases[i].text, cases[i].len, cases[i].is_telnet);

        cr_assert(n == strlen(cases[i].wanted) && n <= 2 * cases[i].len + 2);
        cr_assert_arr_eq(out, cases[i].wanted, n);
    }
}
