/* What is sent is what the other end's wire tells. */
#include "shared/wire.h"

#include "tests/unit/shared/wire_fixture.h"

TestSuite(wire_send);

static const char first[WIRE_FORMS + 1][8] = { "\0\0\0\1x", "x\n", "\xff\xf1x\r\n", "x" };

/* A peer that has said "x" in this form. */
static void open_as(struct wire *wire, enum wire_form form) {
    static struct record record;
    const size_t len = form == WIRE_FORM_FRAMED ? 5 : strlen(first[form]);

    wire_init(wire, &wire_rules_default);
    record_read(&record, wire, first[form], len, 1, false);
}

Test(wire_send, form_is_that_of_the_peer) {
    struct wire wire;

    for (int form = 0; form < WIRE_FORMS; form++) {
        open_as(&wire, form);
        cr_assert_eq(wire_form(&wire), (enum wire_form)form);
        wire_fini(&wire);
    }
    wire_init(&wire, &wire_rules_default);
    cr_assert_eq(wire_form(&wire), WIRE_FORM_RAW, "who has said nothing yet");
}

Test(wire_send, encode_writes_each_form) {
    static const struct {
        enum wire_form form;
        const char *wanted;
        size_t len;
    } cases[] = {
        { WIRE_FORM_FRAMED, BYTES("\0\0\0\3a\nb") },
        { WIRE_FORM_LINE, BYTES("a\nb\n") },
        { WIRE_FORM_TELNET, BYTES("a\r\nb\r\n") },
        { WIRE_FORM_RAW, BYTES("\na\nb") },
    };
    char out[WIRE_ENCODE_MOST(3)];

    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert_eq(wire_encode(cases[i].form, out, "a\nb", 3), cases[i].len);
        cr_assert_arr_eq(out, cases[i].wanted, cases[i].len);
    }
    cr_assert_eq(wire_encode(WIRE_FORM_FRAMED, out, NULL, 0), 4);
    cr_assert_eq(wire_encode(WIRE_FORM_FRAMED, out, "x", WIRE_LENGTH_MAX + 1), 0);
}

Test(wire_send, newline_parts_only_what_would_glue) {
    struct wire wire;

    open_as(&wire, WIRE_FORM_RAW);
    cr_assert_eq(wire_begin_send(&wire, 1000), 1, "the first");
    cr_assert_eq(wire_begin_send(&wire, 1074), 0);
    cr_assert_eq(wire_begin_send(&wire, 1148), 0);
    cr_assert_eq(wire_begin_send(&wire, 1223), 1);
    wire_fini(&wire);
    for (int form = 0; form < WIRE_FORM_RAW; form++) {
        open_as(&wire, form);
        cr_assert_eq(wire_begin_send(&wire, 1000), 0);
        cr_assert_eq(wire_begin_send(&wire, 2000), 0);
        wire_fini(&wire);
    }
}

Test(wire_send, other_end_tells_what_was_encoded) {
    static const char *const texts[] = { "hello", "", "\xff\xff", "\xd0\x90\xd0\xbb", "a\tb" };
    static const enum wire_mode modes[] = { WIRE_FRAMED, WIRE_LINE, WIRE_LINE };
    char out[64], wanted[64];

    for (int form = 0; form < WIRE_FORM_RAW; form++)
        for (size_t i = 0; i < COUNT(texts); i++) {
            const struct wire_rules rules = {
                .mode = modes[form], .frame_max_bytes = 100, .line_max_bytes = 100
            };
            bool is_alive = form == WIRE_FORM_FRAMED && texts[i][0] == '\0';
            size_t n = wire_encode(form, out, texts[i], strlen(texts[i]));

            /* an empty frame is a sign of life and no message */
            snprintf(wanted, sizeof(wanted), is_alive ? "" : "[%s]", texts[i]);
            record_splits(&rules, out, n, wanted, BYTES(""));
        }
}
