/* The command line by tables. */
#include "shared/options.h"

#include <criterion/criterion.h>
#include <string.h>

struct values {
    uint64_t workers;
    bool json, quiet;
    const char *file;
};

static const struct setting table[] = {
    { .name = "workers",
        .type = SETTING_NUMBER,
        .offset = offsetof(struct values, workers),
        .operand = "N",
        .min = 1,
        .max = 9,
        .help = "" },
    { .name = "json",
        .letter = 'j',
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, json),
        .help = "" },
    { .name = "quiet",
        .letter = 'q',
        .type = SETTING_BOOL,
        .offset = offsetof(struct values, quiet),
        .help = "" },
    { .name = "file",
        .letter = 'f',
        .type = SETTING_TEXT,
        .offset = offsetof(struct values, file),
        .operand = "FILE",
        .help = "" },
    { .name = NULL },
};

static struct values values;
static struct options options;
static struct complaint complaint;
static const char *operand;

static enum options_found next(void) {
    return options_next(&options, &operand, &complaint);
}

static void begin(char **argv) {
    values = (struct values){ .workers = 0 };
    options_begin(&options, argv);
    options_add(&options, table, &values);
}

Test(options, operands_and_options_may_be_mixed) {
    char *argv[] = { "a", "--workers", "3", "b", "c", "--json", "--workers=4", "--", "-x", NULL };

    begin(argv);
    cr_assert_eq(next(), OPTIONS_OPERAND);
    cr_assert(strcmp(operand, "a") == 0 && options.is_next_to_last);
    cr_assert_eq(next(), OPTIONS_OPERAND);
    cr_assert(strcmp(operand, "b") == 0 && !options.is_next_to_last && values.workers == 3);
    cr_assert_eq(next(), OPTIONS_OPERAND);
    cr_assert(strcmp(operand, "c") == 0 && options.is_next_to_last);
    cr_assert_eq(next(), OPTIONS_END);
    cr_assert(values.json && values.workers == 4);
    cr_assert_str_eq(options.rest[0], "-x");
}

Test(options, dash_and_digit_is_an_operand) {
    char *argv[] = { "-5", "-", NULL };

    begin(argv);
    cr_assert(next() == OPTIONS_OPERAND && strcmp(operand, "-5") == 0);
    cr_assert(next() == OPTIONS_OPERAND && strcmp(operand, "-") == 0);
    cr_assert_eq(next(), OPTIONS_END);
    cr_assert_null(options.rest);
}

Test(options, letters_may_stand_together_and_the_last_may_take_a_value) {
    static const char *const cases[][3] = { { "-jq", NULL, NULL }, { "-jqf", "x", "x" },
        { "-fx", NULL, "x" }, { "-f", "x", "x" }, { "-jfx", NULL, "x" }, { "--file", "x", "x" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *argv[] = { (char *)cases[i][0], (char *)cases[i][1], NULL };
        begin(argv);
        cr_assert_eq(next(), OPTIONS_END, "%s: %s", cases[i][0], complaint.text);
        cr_assert_eq(values.json, cases[i][0][1] == 'j', "%s", cases[i][0]);
        cr_assert_eq(values.quiet, strchr(cases[i][0], 'q') != NULL, "%s", cases[i][0]);
        if (cases[i][2] != NULL)
            cr_assert_str_eq(values.file, cases[i][2]);
        else
            cr_assert_null(values.file);
    }
}

Test(options, bad_ones_are_told) {
    static const char *const cases[][3] = { { "--wrokers", "2", "did you mean --workers?" },
        { "--workers", NULL, "--workers needs a value: --workers N" },
        { "--workers", "10", "--workers: 10 is outside" }, { "--json=5", NULL, "true or false" },
        { "-x", NULL, "unknown option -x" }, { "-jx", NULL, "unknown option -jx" },
        { "-f", NULL, "-f needs a value: -f FILE" }, { "-jf", NULL, "-jf needs a value" },
        { "-f", "", "--file: must not be empty" }, { "--", NULL, NULL },
        { "--a-very-long-option-name-that-is-longer-than-any-buffer-that-holds-an-option-name=5",
            NULL, "unknown option --a-very" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *argv[] = { (char *)cases[i][0], (char *)cases[i][1], NULL };
        begin(argv);
        if (cases[i][2] == NULL) {
            cr_assert_eq(next(), OPTIONS_END);
            continue;
        }
        cr_assert_eq(next(), OPTIONS_BAD, "%s", cases[i][0]);
        cr_assert_not_null(strstr(complaint.text, cases[i][2]), "%s", complaint.text);
    }
}

Test(options, help_ends_the_reading) {
    char *argv[] = { "a", "--help", "--wrong", NULL };

    begin(argv);
    cr_assert_eq(next(), OPTIONS_OPERAND);
    cr_assert_eq(next(), OPTIONS_HELP);
}
