/* The settings table: one truth for parsing, defaults, names and help. */
#include "shared/settings.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "shared/interval.h"

struct values {
    bool flag;
    uint64_t number, bytes, wait_ms;
    double share;
    unsigned choice, choices;
    const char *text;
    struct setting_numbers numbers;
    int64_t nice;
    uint64_t mode, limit;
    const char *path;
    struct setting_texts texts;
    struct interval interval;
};

static const char *const names[] = { "process", "thread", "event", NULL };

#define ROW(field) .name = #field, .offset = offsetof(struct values, field)

static const struct setting table[] = {
    { ROW(flag), .type = SETTING_BOOL, .help = "a flag" },
    { ROW(number), .type = SETTING_NUMBER, .operand = "N", .fallback = "5", .min = 1, .max = 10,
        .help = "a number" },
    { ROW(bytes), .type = SETTING_BYTES, .operand = "BYTES", .fallback = "4MiB", .help = "bytes" },
    { .name = "wait",
        .offset = offsetof(struct values, wait_ms),
        .type = SETTING_DURATION,
        .operand = "TIME",
        .min = 10,
        .max = 1000,
        .help = "a time" },
    { ROW(share), .type = SETTING_PERCENT, .operand = "P%", .fallback = "0%", .help = "a share" },
    { ROW(choice), .type = SETTING_CHOICE, .operand = "HOW", .choices = names, .fallback = "thread",
        .help = "a choice" },
    { ROW(choices), .type = SETTING_CHOICES, .operand = "HOW,...", .choices = names,
        .fallback = "process,event", .help = "choices" },
    { ROW(text), .type = SETTING_TEXT, .operand = "FILE", .help = "a text" },
    { ROW(numbers), .type = SETTING_NUMBERS, .operand = "N,...", .fallback = "11,13,17", .min = 1,
        .max = UINT64_MAX, .help = "numbers" },
    { ROW(nice), .type = SETTING_INTEGER, .operand = "N", .min = (uint64_t)-20, .max = 19,
        .help = "a signed number" },
    { ROW(mode), .type = SETTING_MODE, .operand = "MODE", .fallback = "0660", .max = 0777,
        .help = "rights" },
    { ROW(limit), .type = SETTING_NUMBER, .operand = "N", .fallback = "inherit", .unset = "inherit",
        .min = 1, .max = 100, .help = "a number or a word" },
    { ROW(path), .type = SETTING_PATH, .operand = "FILE", .letter = 'p', .help = "a path" },
    { ROW(texts), .type = SETTING_TEXTS, .operand = "TEXT", .max = 8, .help = "some texts" },
    { ROW(interval), .type = SETTING_INTERVAL, .operand = "INTERVAL", .help = "numbers" },
    { .name = "two_words", .type = SETTING_BOOL, .help = "a name with a dash" },
    { .name = NULL },
};

static struct complaint complaint;

static int set(const char *name, const char *text, struct values *values) {
    return settings_set(settings_find(table, name), text, values, &complaint);
}

Test(settings, defaults_fill_the_struct) {
    struct values values = { .flag = false };

    settings_set_defaults(table, &values);
    cr_assert(values.number == 5 && values.bytes == 4194304 && values.choice == 1 &&
              values.choices == 5 && values.numbers.count == 3 && values.numbers.value[2] == 17);
    cr_assert(values.mode == 0660 && values.limit == UINT64_MAX && values.texts.count == 0);
}

Test(settings, values_are_written_back_as_they_are_read) {
    static const char *const rows[][2] = { { "flag", "true" }, { "number", "7" },
        { "bytes", "64k" }, { "wait", "150ms" }, { "share", "12.5%" }, { "choice", "event" },
        { "choices", "thread,event" }, { "text", "a b" }, { "numbers", "2,3,18446744073709551615" },
        { "nice", "-20" }, { "nice", "19" }, { "mode", "0777" }, { "mode", "0000" },
        { "limit", "7" }, { "limit", "inherit" }, { "path", "a/b" }, { "texts", "one" },
        { "bytes", "0" }, { "bytes", "1023" }, { "bytes", "3G" }, { "wait", "1s" },
        { "interval", "0" }, { "interval", "0..0" }, { "interval", "7..18446744073709551615" },
        { "share", "0.00001%" }, { "share", "100%" }, { "share", "33.3333333%" } };
    struct values values = { .flag = false };
    char text[128];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(set(rows[i][0], rows[i][1], &values), 0, "%s", complaint.text);
        settings_format(settings_find(table, rows[i][0]), &values, text, sizeof(text));
        cr_assert_str_eq(text, rows[i][1]);
    }
}

Test(settings, refusals_name_setting_value_and_what_is_allowed) {
    static const char *const rows[][3] = {
        { "number", "0", "--number: 0 is outside the allowed range, 1 to 10" },
        { "number", "11", "--number: 11 is outside" },
        { "wait", "5ms", "--wait: 5ms is outside the allowed range, 10ms to 1s" },
        { "wait", "5", "--wait: \"5\" needs a unit" },
        { "choice", "thraed", "did you mean \"thread\"? allowed: process, thread, event" },
        { "choice", "zzz", "--choice: unknown \"zzz\"; allowed: process" },
        { "choices", "process,x", "--choices: unknown \"x\"" },
        { "flag", "yes", "true or false" },
        { "text", "", "must not be empty" },
        { "numbers", "1,,2", "--numbers: \"\" is empty" },
        { "numbers", "1,0", "outside" },
        { "numbers", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "at most 16" },
        { "share", "200%", "from 0% to 100%" },
        { "nice", "-21", "--nice: -21 is outside the allowed range, -20 to 19" },
        { "nice", "20", "--nice: 20 is outside" },
        { "nice", "--1", "is negative" },
        { "nice", "", "is empty" },
        { "nice", "9223372036854775808", "outside" },
        { "mode", "0888", "--mode: \"0888\" is not an octal mode: write 0660" },
        { "mode", "u+rw", "not an octal mode" },
        { "mode", "", "not an octal mode" },
        { "mode", "000777", "not an octal mode" },
        { "mode", "1000", "--mode: 1000 is outside the allowed range, 0000 to 0777" },
        { "limit", "0", "--limit: 0 is outside the allowed range, 1 to 100, or \"inherit\"" },
        { "limit", "inherits", "is not a number" },
        { "path", "", "--path: must not be empty" },
        { "interval", "", "--interval: \"\" is empty" },
        { "interval", "5..4", "--interval: 5..4 runs backwards" },
    };
    struct values values = { .flag = false };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(set(rows[i][0], rows[i][1], &values), -1, "%s", rows[i][1]);
        cr_assert_not_null(strstr(complaint.text, rows[i][2]), "%s", complaint.text);
    }
}

Test(settings, texts_are_added_one_by_one_up_to_a_bound) {
    struct values values = { .flag = false };
    char text[64];

    for (unsigned i = 0; i < 8; i++)
        cr_assert_eq(set("texts", i % 2 ? "b" : i == 4 ? "" : "a", &values), 0);
    cr_assert_eq(set("texts", "c", &values), -1);
    cr_assert_not_null(strstr(complaint.text, "at most 8 are allowed"));
    settings_format(settings_find(table, "texts"), &values, text, sizeof(text));
    cr_assert_str_eq(text, "a,b,a,b,,b,a,b");
}

Test(settings, texts_without_a_bound_of_their_own_have_the_usual_one) {
    static const struct setting row = { .name = "t", .type = SETTING_TEXTS };
    struct setting_texts texts = { .count = 0 };

    for (unsigned i = 0; i < SETTING_TEXTS_MAX; i++)
        cr_assert_eq(settings_store(&row, "a", &texts, &complaint), 0);
    cr_assert_eq(settings_store(&row, "a", &texts, &complaint), -1);
    cr_assert_not_null(strstr(complaint.text, "at most 64 are allowed"));
}

Test(settings, an_interval_is_written_in_one_way) {
    struct values values = { .flag = false };
    char text[64];

    cr_assert_eq(set("interval", "3 345 212", &values), 0);
    settings_format(settings_find(table, "interval"), &values, text, sizeof(text));
    cr_assert_str_eq(text, "1..3345212");
}

Test(settings, a_time_of_zero_needs_no_unit) {
    static const struct setting row = { .name = "t", .type = SETTING_DURATION };
    uint64_t value = 9;

    cr_assert_eq(settings_store(&row, "0", &value, &complaint), 0);
    cr_assert_eq(value, 0);
    cr_assert_eq(settings_store(&row, "5", &value, &complaint), -1);
    cr_assert_eq(set("wait", "0", &(struct values){ .flag = false }), -1, "0 is below the range");
}

Test(settings, times_and_sizes_are_written_in_the_largest_unit_that_fits) {
    static const char *const times[][2] = { { "0ms", "0" }, { "1500ms", "1500ms" }, { "60s", "1m" },
        { "90s", "90s" }, { "120m", "2h" }, { "48h", "2d" } };
    static const struct setting row = { .name = "t", .type = SETTING_DURATION };
    char text[32];
    uint64_t value;

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        cr_assert_eq(settings_store(&row, times[i][0], &value, &complaint), 0);
        cr_assert_str_eq(settings_format(&row, &value, text, sizeof(text)), times[i][1]);
    }
}

Test(settings, a_complaint_without_the_name) {
    struct values values;

    cr_assert_eq(settings_store(settings_find(table, "number"), "0", &values, &complaint), -1);
    cr_assert_eq(strncmp(complaint.text, "0 is outside", 12), 0, "%s", complaint.text);
}

Test(settings, names_are_found_with_dashes) {
    char name[32];

    cr_assert_not_null(settings_find(table, "two-words"));
    cr_assert_not_null(settings_find(table, "two_words"));
    cr_assert_null(settings_find(table, "two"));
    cr_assert_null(settings_find(table, "two_words_more"));
    cr_assert_null(settings_find(table, ""));
    cr_assert_str_eq(
        settings_option_name(settings_find(table, "two_words"), name, sizeof(name)), "--two-words");
}

Test(settings, help_and_manual_page_name_every_row) {
    char *text = NULL, name[64];
    size_t size;
    FILE *out = open_memstream(&text, &size);

    settings_write_help(out, table);
    fflush(out);
    for (const struct setting *s = table; s->name != NULL; s++)
        cr_assert_not_null(
            strstr(text, settings_option_name(s, name, sizeof(name))), "%s", s->name);
    cr_assert_not_null(strstr(text, "(default: 4MiB)"));
    cr_assert_not_null(strstr(text, "\n  -p, --path FILE"));
    rewind(out);
    settings_write_mdoc(out, table);
    fflush(out);
    for (const struct setting *s = table; s->name != NULL; s++)
        cr_assert_not_null(
            strstr(text, settings_option_name(s, name, sizeof(name)) + 2), "%s", s->name);
    cr_assert_not_null(strstr(text, ".It Fl p , Fl Fl path Ar FILE\nA path.\n"));
    rewind(out);
    settings_write_keys_mdoc(out, table);
    fclose(out);
    cr_assert_not_null(strstr(text, ".It Ic flag = Ar true | false\nA flag.\n"));
    cr_assert_not_null(strstr(text, ".It Ic two_words = Ar true | false\n"));
    cr_assert_not_null(strstr(text, ".It Ic mode = Ar MODE\nRights.\nDefault: 0660.\n"));
    free(text);
}
