/* Memory for what is unfinished: it doubles, keeps its limit, and its shortage loses nothing. */
#include "shared/wire_buffer.h"

#include <stdbool.h>

#include "tests/unit/shared/wire_fixture.h"

TestSuite(wire_buffer);

Test(wire_buffer, doubles_up_to_the_limit) {
    struct wire_buffer buffer = { .data = NULL };
    char bytes[5000] = { 0 };

    cr_assert_eq(wire_buffer_append(&buffer, NULL, 0, 5000), 0);
    cr_assert_null(buffer.data);
    cr_assert_eq(wire_buffer_append(&buffer, bytes, 1, 5000), 0);
    cr_assert_eq(buffer.size, 512);
    cr_assert_eq(wire_buffer_append(&buffer, bytes, 1024, 5000), 0);
    cr_assert_eq(buffer.size, 2048);
    cr_assert_eq(wire_buffer_append(&buffer, bytes, 3975, 5000), 0);
    cr_assert(buffer.len == 5000 && buffer.size == 5000);
    wire_buffer_free(&buffer);
    cr_assert(buffer.data == NULL && buffer.len == 0);
    cr_assert_eq(wire_buffer_append(&buffer, bytes, 3, 20), 0);
    cr_assert_eq(buffer.size, 20);
    wire_buffer_free(&buffer);
}

/* The sanitizer brings a realloc of its own. */
#ifndef __SANITIZE_ADDRESS__
void *__libc_realloc(void *old, size_t size);

static bool is_short;

void *realloc(void *old, size_t size) {
    return is_short ? NULL : __libc_realloc(old, size);
}

/* Feed it byte by byte, each of them first when there is no memory. */
static void starve(struct record *record, const char *input, size_t len) {
    struct wire_message message;
    enum wire_event event;
    struct wire wire;
    uint64_t at_ms = 1;

    memset(record, 0, sizeof(*record));
    wire_init(&wire, &wire_rules_default);
    for (size_t i = 0; i < len; i++, at_ms++) {
        struct wire_input in = { .data = input + i, .len = 1, .now_ms = at_ms };

        do {
            is_short = true;
            event = wire_next(&wire, &in, &message);
            is_short = false;
            if (event == WIRE_NO_MEMORY)
                event = wire_next(&wire, &in, &message);
            record_event(record, event, &message);
        } while (event != WIRE_WANT);
    }
    record_end(record, &wire, at_ms);
}

Test(wire_buffer, shortage_loses_nothing) {
    static const struct {
        const char *input;
        size_t len;
        const char *log;
    } cases[] = {
        { BYTES("\0\0\0\2hi\0\0\0\1!"), "[hi][!]" },
        { BYTES("\xff\xf1hi\xff\xff\nyou\r\n"), "[hi\xff][you]" },
        { BYTES("\xd0\x90GET"), "[\xd0\x90][G][E][T]" },
        { BYTES("GET \n"), "[GET ]" },
        { BYTES("GET up"), "[GET ][u][p]" },
        { BYTES("GE"), "[GE]" },
    };
    struct record record;

    for (size_t i = 0; i < COUNT(cases); i++) {
        starve(&record, cases[i].input, cases[i].len);
        cr_expect_str_eq(record.log, cases[i].log);
    }
}

Test(wire_buffer, refusal_needs_no_memory) {
    static const char input[] = "\x7f\xff\xff\xff";
    static const struct wire_rules rules = { .mode = WIRE_FRAMED, .frame_max_bytes = 10 };
    struct wire_input in = { .data = input, .len = 4 };
    struct wire_message message;
    struct wire wire;

    wire_init(&wire, &rules);
    is_short = true;
    cr_expect_eq(wire_next(&wire, &in, &message), WIRE_TOO_LONG);
    cr_expect_eq(wire_next(&wire, &in, &message), WIRE_WANT);
    is_short = false;
    wire_fini(&wire);
}
#endif
