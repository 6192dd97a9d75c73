/* Numbers as people write them. */
#include "shared/number.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct complaint complaint;

Test(number, whole_numbers_are_read) {
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = { { "0", 0 }, { "7", 7 }, { "3345212", 3345212 }, { "3 345 212", 3345212 },
        { "3_345_212", 3345212 }, { "3,345,212", 3345212 },
        { "3\xc2\xa0"
          "345\xc2\xa0"
          "212",
            3345212 },
        { "3\xe2\x80\xaf"
          "345",
            3345 },
        { "3\xe2\x80\x89"
          "345",
            3345 },
        { "  42\t\n", 42 }, { "1e6", 1000000 }, { "1E6", 1000000 }, { "15e5", 1500000 },
        { "0e99", 0 }, { "1 000e3", 1000000 }, { "007", 7 }, { "18446744073709551615", UINT64_MAX },
        { "18 446 744 073 709 551 615", UINT64_MAX }, { "1e19", 10000000000000000000u } };
    uint64_t value;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(number_parse_u64(cases[i].text, strlen(cases[i].text), &value, &complaint), 0,
            "%s: %s", cases[i].text, complaint.text);
        cr_assert_eq(value, cases[i].value, "%s is %" PRIu64, cases[i].text, value);
    }
}

Test(number, everything_else_is_refused_with_a_reason) {
    static const struct {
        const char *text, *reason;
    } cases[] = { { "", "empty" }, { "   ", "empty" }, { "-1", "negative" },
        { "+1", "not a number" }, { "x", "not a number" }, { "1x", "not a number" },
        { "0x10", "not a number" }, { "1.5", "fraction" }, { "1,", "fraction" },
        { "1e3.5", "fraction" }, { "1e", "exponent" }, { "1e-3", "exponent" },
        { "1e20", "above 18446744073709551615" }, { "2e19", "above" },
        { "1e999999999999", "above" }, { "18446744073709551616", "above" },
        { "99999999999999999999999", "above" }, { "1 00", "by threes" },
        { "1000 000", "by threes" }, { "1,0000", "by threes" }, { "3 345,212", "mixes" },
        { "1__000", "not a number" }, { "1 000 ", NULL }, { "1_", "not a number" } };
    uint64_t value;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = number_parse_u64(cases[i].text, strlen(cases[i].text), &value, &complaint);
        if (cases[i].reason == NULL) {
            cr_assert_eq(rc, 0, "%s", cases[i].text);
            continue;
        }
        cr_assert_eq(rc, -1, "%s is %" PRIu64, cases[i].text, value);
        cr_assert_not_null(
            strstr(complaint.text, cases[i].reason), "%s: %s", cases[i].text, complaint.text);
    }
}

Test(number, text_need_not_be_terminated) {
    const char text[] = { '1', '2', '3', '4' };
    uint64_t value;

    cr_assert_eq(number_parse_u64(text, 2, &value, &complaint), 0);
    cr_assert_eq(value, 12);
}

Test(number, formatted_numbers_are_read_back) {
    const uint64_t edges[] = { 0, 9, 10, 99, 100, 99999999, 100000000, 100000001, 9999999999999999u,
        10000000000000000u, 18446744073709551615u, 10000000000000000000u };
    uint64_t value, x = 1;
    char text[NUMBER_TEXT_MAX], wanted[32];
    size_t len;

    for (size_t i = 0; i < 20000; i++) {
        value = i < sizeof(edges) / sizeof(edges[0]) ? edges[i] : x >> (i % 64);
        x = x * 6364136223846793005u + 1442695040888963407u;
        len = number_format_u64(text, value);
        snprintf(wanted, sizeof(wanted), "%" PRIu64, value);
        cr_assert(len == strlen(wanted) && memcmp(text, wanted, len) == 0, "%s", wanted);
        number_format_grouped(text, value);
        cr_assert_eq(number_parse_u64(text, strlen(text), &x, &complaint), 0, "%s", text);
        cr_assert_eq(x, value, "%s", text);
        x = value * 2862933555777941757u + 3037000493u + i;
    }
}

Test(number, durations_need_a_unit) {
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = { { "150ms", 150 }, { "30s", 30000 }, { "5m", 300000 }, { "5min", 300000 },
        { "2h", 7200000 }, { "1d", 86400000 }, { "30 s", 30000 }, { "1 000ms", 1000 },
        { "0s", 0 } };
    static const char *const bad[] = { "5", "s", "5x", "-5s", "1.5s", "99999999999999999999s",
        "18446744073709551615d", "" };
    uint64_t ms;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(
            number_parse_duration_ms(cases[i].text, strlen(cases[i].text), &ms, &complaint), 0,
            "%s: %s", cases[i].text, complaint.text);
        cr_assert_eq(ms, cases[i].ms, "%s", cases[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(
            number_parse_duration_ms(bad[i], strlen(bad[i]), &ms, &complaint), -1, "%s", bad[i]);
}

Test(number, sizes_are_powers_of_1024) {
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = { { "0", 0 }, { "65536", 65536 }, { "64k", 65536 }, { "64KiB", 65536 },
        { "4MiB", 4194304 }, { "4 MiB", 4194304 }, { "1G", 1073741824 } };
    uint64_t bytes;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(number_parse_bytes(cases[i].text, strlen(cases[i].text), &bytes, &complaint),
            0, "%s: %s", cases[i].text, complaint.text);
        cr_assert_eq(bytes, cases[i].bytes, "%s", cases[i].text);
    }
    cr_assert_eq(number_parse_bytes("4X", 2, &bytes, &complaint), -1);
    cr_assert_eq(number_parse_bytes("18446744073709551615k", 21, &bytes, &complaint), -1);
}

Test(number, percentages_stay_within_a_hundred) {
    double percent;

    cr_assert_eq(number_parse_percent("5%", 2, &percent, &complaint), 0);
    cr_assert_float_eq(percent, 5, 1e-9);
    cr_assert_eq(number_parse_percent("0.5%", 4, &percent, &complaint), 0);
    cr_assert_float_eq(percent, 0.5, 1e-9);
    cr_assert_eq(number_parse_percent("100", 3, &percent, &complaint), 0);
    cr_assert_eq(number_parse_percent("101%", 4, &percent, &complaint), -1);
    cr_assert_eq(number_parse_percent("-1%", 3, &percent, &complaint), -1);
    cr_assert_eq(number_parse_percent("1e9%", 4, &percent, &complaint), -1);
    cr_assert_eq(number_parse_percent("%", 1, &percent, &complaint), -1);
}

Test(number, spans_and_sizes_are_short) {
    char text[NUMBER_TEXT_MAX];

    cr_assert_str_eq(number_format_span(text, 350000), "350 us");
    cr_assert_str_eq(number_format_span(text, 2100000), "2.1 ms");
    cr_assert_str_eq(number_format_span(text, 12500000000u), "12.50 s");
    cr_assert_str_eq(number_format_span(text, 200000000000u), "3 min 20 s");
    cr_assert_str_eq(number_format_span(text, 7260000000000u), "2 h 1 min");
    cr_assert_str_eq(number_format_bytes(text, 512), "512 B");
    cr_assert_str_eq(number_format_bytes(text, 4194304), "4.0 MiB");
    cr_assert_str_eq(number_format_bytes(text, UINT64_MAX), "16.0 EiB");
}
