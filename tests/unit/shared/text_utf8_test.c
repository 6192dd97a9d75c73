/* UTF-8: what is whole, where it may be cut, what stands for what is broken. */
#include "shared/text_utf8.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define BYTES(string) string, sizeof(string) - 1
#define FFFD          "\xef\xbf\xbd"

static const struct {
    const char *text;
    size_t len;
    size_t valid; /* bytes at the beginning */
    size_t count, tail;
    const char *replaced;
} cases[] = {
    { BYTES(""), 0, 0, 0, "" },
    { BYTES("plain text, longer than a word"), 30, 30, 0, "plain text, longer than a word" },
    { BYTES("\xd0\x90\xe2\x82\xac\xf0\x9f\x98\x80"), 9, 3, 0, "А€😀" },
    { BYTES("12345678\xd0"), 8, 9, 1, "12345678" FFFD },
    { BYTES("1234567\xd0\x90"), 9, 8, 0, "1234567А" },
    { BYTES("a\xe2\x82"), 1, 2, 2, "a" FFFD },
    { BYTES("a\xf0\x9f\x98"), 1, 2, 3, "a" FFFD },
    { BYTES("\xe2\x82z"), 0, 2, 0, FFFD "z" },
    { BYTES("\x80"), 0, 1, 0, FFFD },
    { BYTES("\xff\xfe"), 0, 2, 0, FFFD FFFD },
    { BYTES("\xc0\xaf"), 0, 2, 0, FFFD FFFD },
    { BYTES("\xed\xa0\x80"), 0, 3, 0, FFFD FFFD FFFD },
    { BYTES("\xe0\x80"), 0, 2, 0, FFFD FFFD },
    { BYTES("\xf0\x80\x80\x80"), 0, 4, 0, FFFD FFFD FFFD FFFD },
    { BYTES("\xf4\x90\x80\x80"), 0, 4, 0, FFFD FFFD FFFD FFFD },
    /* Unicode 15, table 3-8 */
    { BYTES("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64"), 1, 10, 0,
        "a" FFFD FFFD FFFD "b" FFFD "c" FFFD FFFD "d" },
};

TestSuite(text_utf8);

Test(text_utf8, table) {
    char out[128];
    size_t bad, n;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = cases[i].text;
        size_t len = cases[i].len;

        cr_expect_eq(text_utf8_valid(text, len), cases[i].valid, "%zu", i);
        cr_expect_eq(text_utf8_is_valid(text, len), cases[i].valid == len, "%zu", i);
        cr_expect_eq(text_utf8_count(text, len), cases[i].count, "%zu", i);
        cr_expect_eq(text_utf8_tail(text, len), cases[i].tail, "%zu", i);
        n = text_utf8_replace(out, text, len, &bad);
        cr_expect(
            n == strlen(cases[i].replaced) && memcmp(out, cases[i].replaced, n) == 0, "%zu", i);
        cr_expect(n <= TEXT_UTF8_GROWTH * len && (bad == 0) == (cases[i].valid == len));
    }
}

Test(text_utf8, cut_splits_no_character) {
    static const char text[] = "a\xd0\x90\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const size_t wanted[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11, 11 };

    for (size_t most = 0; most < COUNT(wanted); most++)
        cr_assert_eq(text_utf8_cut(text, sizeof(text) - 1, most), wanted[most], "%zu", most);
    /* what is broken may be cut anywhere */
    cr_assert_eq(text_utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 4), 4);
    cr_assert_eq(text_utf8_cut("a\xf0\x9f\x98z", 5, 3), 3);
}
