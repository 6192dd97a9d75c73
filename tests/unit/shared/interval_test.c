/* Intervals as people write them. */
#include "shared/interval.h"

#include <criterion/criterion.h>
#include <string.h>

static struct complaint complaint;

Test(interval, forms_mean_the_same) {
    static const char *const forms[] = { "3345212", "3 345 212", "1..3345212", "1 .. 3 345 212",
        "1-3345212", "1 - 3 345 212",
        "1\xe2\x80\x93"
        "3345212",
        "1e0-3345212" };
    struct interval interval;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        cr_assert_eq(interval_parse(forms[i], strlen(forms[i]), &interval, &complaint), 0, "%s: %s",
            forms[i], complaint.text);
        cr_assert(interval.lo == 1 && interval.hi == 3345212 && !interval.is_empty, "%s", forms[i]);
    }
}

Test(interval, zero_alone_is_empty_but_a_bound_may_be_zero) {
    struct interval interval;

    cr_assert_eq(interval_parse("0", 1, &interval, &complaint), 0);
    cr_assert(interval.is_empty);
    cr_assert_eq(interval_parse("0..0", 4, &interval, &complaint), 0);
    cr_assert(!interval.is_empty && interval.lo == 0 && interval.hi == 0);
    cr_assert_eq(interval_parse("0..18446744073709551615", 23, &interval, &complaint), 0);
    cr_assert(interval.lo == 0 && interval.hi == UINT64_MAX);
}

Test(interval, backwards_suggests_the_swap) {
    struct interval interval;

    cr_assert_eq(interval_parse("5..4", 4, &interval, &complaint), -1);
    cr_assert_not_null(strstr(complaint.text, "did you mean 4..5?"), "%s", complaint.text);
}

Test(interval, signs_and_halves_are_refused) {
    static const char *const bad[] = { "-5", "-5..4", "-5-4", "--", "..", "1..", "..5", "-", "1-",
        "1..2..3", "1-2-3", "1e-3", "a..b", "" };
    struct interval interval;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(
            interval_parse(bad[i], strlen(bad[i]), &interval, &complaint), -1, "%s", bad[i]);
        cr_assert_eq(strncmp(complaint.text, "interval: ", 10), 0, "%s", complaint.text);
    }
}

Test(interval, is_shown_grouped) {
    const struct interval interval = { .lo = 1, .hi = 3345212 };
    char text[INTERVAL_TEXT_MAX];

    cr_assert_str_eq(interval_format(text, &interval), "1..3 345 212");
    cr_assert_str_eq(interval_format_sheet(text, 1000001, 2000000), "1 000 001 - 2 000 000");
    cr_assert_str_eq(interval_format_sheet(text, UINT64_MAX, UINT64_MAX),
        "18 446 744 073 709 551 615 - 18 446 744 073 709 551 615");
}
