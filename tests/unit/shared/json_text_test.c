/* JSON of any text, and JSON that a terminal may be shown. */
#include "shared/json_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(json_text);

static void expect_dump(const char *text, bool is_for_terminal, const char *wanted) {
    json_t *value = json_pack("{s:s}", "t", text);
    char *dump = json_text_dump(value, is_for_terminal);

    cr_assert_str_eq(dump, wanted);
    free(dump);
    json_decref(value);
}

Test(json_text, terminal_is_shown_printable_ascii_alone) {
    expect_dump("a", true, "{\"t\":\"a\"}");
    expect_dump("\x1b[2J\n", true, "{\"t\":\"\\u001B[2J\\n\"}");
    expect_dump("\xc2\x9b\xd0\xb6", true, "{\"t\":\"\\u009B\\u0436\"}");
    expect_dump("a\x7f", true, "{\"t\":\"a\\u007f\"}");
    expect_dump("\x7f\x7fz", true, "{\"t\":\"\\u007f\\u007fz\"}");
}

Test(json_text, program_is_given_utf8) {
    expect_dump("\xd0\xb6\x7f", false, "{\"t\":\"\xd0\xb6\x7f\"}");
}
