/* Arguments with holes. */
#include "workers/kernels/command/command.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(command, holes_are_filled_and_nothing_else_is_touched) {
    static const char *const cases[][2] = { { "plain", "plain" }, { "", "" }, { "{lo}", "5" },
        { "{lo}-{hi}", "5-18446744073709551615" }, { "a{i}b{attempt}c", "a8b2c" }, { "{", "{" },
        { "{lo", "{lo" }, { "{}", "{}" }, { "{lo}{lo}", "55" }, { "{LO}", "{LO}" },
        { "{{lo}}", "{5}" }, { "$HOME `x` %d", "$HOME `x` %d" } };
    const struct kernel_work work = { .id = 7, .lo = 5, .hi = UINT64_MAX, .attempt = 2 };
    char *text;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = command_expand(cases[i][0], &work);
        cr_assert_str_eq(text, cases[i][1]);
        free(text);
    }
}
