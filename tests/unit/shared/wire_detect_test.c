/* The table of first bytes, and what may still become one of its rows. */
#include "shared/wire_detect.h"

#include "tests/unit/shared/wire_fixture.h"

TestSuite(wire_detect);

static const struct {
    const char *input;
    size_t len;
    enum wire_verdict verdict;
} cases[] = {
    { BYTES(""), WIRE_VERDICT_MORE },
    { BYTES("\0"), WIRE_VERDICT_FRAMED },
    { BYTES("\0\0\0\5hello\n"), WIRE_VERDICT_FRAMED },
    { BYTES("\xff"), WIRE_VERDICT_MORE },
    { BYTES("\xff\xf0"), WIRE_VERDICT_LINE },
    { BYTES("\xff\xfd\3"), WIRE_VERDICT_LINE },
    { BYTES("\xff\xfe"), WIRE_VERDICT_LINE },
    { BYTES("\xff\xef"), WIRE_VERDICT_RAW },
    { BYTES("\xff\xff"), WIRE_VERDICT_RAW },
    { BYTES("\xff"
            "a\n"),
        WIRE_VERDICT_LINE },
    { BYTES("\x16"), WIRE_VERDICT_MORE },
    { BYTES("\x16\3"), WIRE_VERDICT_MORE },
    { BYTES("\x16\3\0"), WIRE_VERDICT_TLS },
    { BYTES("\x16\3\1\2\0\1\0"), WIRE_VERDICT_TLS },
    { BYTES("\x16\3\4"), WIRE_VERDICT_TLS },
    { BYTES("\x16\3\5"), WIRE_VERDICT_RAW },
    { BYTES("\x16\2"), WIRE_VERDICT_RAW },
    { BYTES("G"), WIRE_VERDICT_MORE },
    { BYTES("GET"), WIRE_VERDICT_MORE },
    { BYTES("GET "), WIRE_VERDICT_MORE },
    { BYTES("GET /"), WIRE_VERDICT_HTTP },
    { BYTES("GET / HTTP/1.1\r\n\r\n"), WIRE_VERDICT_HTTP },
    { BYTES("GET http://x/ HTTP/1.1\r\n"), WIRE_VERDICT_HTTP },
    { BYTES("POST /x HTTP/1.1\r\n"), WIRE_VERDICT_HTTP },
    { BYTES("HEAD /"), WIRE_VERDICT_HTTP },
    { BYTES("PUT /"), WIRE_VERDICT_HTTP },
    { BYTES("PATCH /"), WIRE_VERDICT_HTTP },
    { BYTES("TRACE /"), WIRE_VERDICT_HTTP },
    { BYTES("DELETE /"), WIRE_VERDICT_HTTP },
    { BYTES("OPTIONS *"), WIRE_VERDICT_HTTP },
    { BYTES("OPTIONS "), WIRE_VERDICT_MORE },
    { BYTES("CONNECT a:443 HTTP/1.1\r\n"), WIRE_VERDICT_HTTP },
    { BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), WIRE_VERDICT_HTTP },
    { BYTES("Gleb"), WIRE_VERDICT_RAW },
    { BYTES("GET well soon"), WIRE_VERDICT_RAW },
    { BYTES("GET well soon\n"), WIRE_VERDICT_LINE },
    { BYTES("get /"), WIRE_VERDICT_RAW },
    { BYTES("Bob"), WIRE_VERDICT_RAW },
    { BYTES("Bob\n"), WIRE_VERDICT_LINE },
    { BYTES("Bob\r\n"), WIRE_VERDICT_LINE },
    { BYTES("Bob\r"), WIRE_VERDICT_LINE },
    { BYTES("Bob\nhello"), WIRE_VERDICT_LINE },
    { BYTES("\n"), WIRE_VERDICT_LINE },
    { BYTES("\xd0\x90"), WIRE_VERDICT_RAW },
    { BYTES("HELLO 1\n"), WIRE_VERDICT_LINE },
};

Test(wire_detect, table) {
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct wire_detect detect = { .held_len = 0 };

        cr_expect_eq(wire_detect_next(&detect, cases[i].input, cases[i].len), cases[i].verdict,
            "%zu: %s", i, cases[i].input);
    }
}

/* A newline that has not come yet cannot be seen; all else is the same however it is cut. */
Test(wire_detect, cut_anywhere) {
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t cut = 0; cut <= cases[i].len; cut++) {
            struct wire_detect detect = { .held_len = 0 };
            enum wire_verdict wanted = cases[i].verdict, verdict;

            verdict = wire_detect_next(&detect, cases[i].input, cut);
            if (verdict == WIRE_VERDICT_MORE) {
                cr_assert(detect.held_len == cut && memcmp(detect.held, cases[i].input, cut) == 0);
                verdict = wire_detect_next(&detect, cases[i].input + cut, cases[i].len - cut);
            } else if (verdict == WIRE_VERDICT_RAW && wanted == WIRE_VERDICT_LINE) {
                continue;
            }
            cr_expect_eq(verdict, wanted, "%zu, cut at %zu: %s", i, cut, cases[i].input);
        }
}

Test(wire_detect, only_letters_may_be_text) {
    struct wire_detect detect = { .held_len = 0 };

    cr_assert_not(wire_detect_is_text(&detect));
    wire_detect_next(&detect, "P", 1);
    cr_assert(wire_detect_is_text(&detect));
    detect.held_len = 0;
    wire_detect_next(&detect, "\xff", 1);
    cr_assert_not(wire_detect_is_text(&detect));
}
