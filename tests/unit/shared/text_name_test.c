/* Names: fit to be shown, and nobody looks like somebody else. */
#include "shared/text_name.h"

#include <criterion/criterion.h>
#include <string.h>

#include "shared/text_utf8.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define BYTES(string) string, sizeof(string) - 1
#define TEN           "1234567890"

TestSuite(text_name);

Test(text_name, table) {
    static const struct {
        const char *typed;
        size_t len;
        const char *wanted;
    } cases[] = {
        { BYTES("Алиса"), "Алиса" },
        { BYTES("  Анна \xc2\xa0\t Мария\r\n"), "Анна Мария" },
        { BYTES(""), "" },
        { BYTES(" \xe3\x80\x80\xe2\xa0\x80\n"), "" },
        { BYTES("B\x1b[31mob\a\x7f\xc2\x9b"), "B[31mob" },
        { BYTES("Bob\0"), "Bob" },
        { BYTES("\xff\xd0"), "\xef\xbf\xbd\xef\xbf\xbd" },
        /* overrides, zero widths, fillers, a soft hyphen, tags, a variation */
        { BYTES("\xe2\x80\xae"
                "boB\xe2\x80\xac"),
            "boB" },
        { BYTES("B\xe2\x80\x8bo\xef\xbb\xbf"
                "b\xe2\x81\xa6\xc2\xad\xe3\x85\xa4\xe1\x85\x9f\xf3\xa0\x81\x81"),
            "Bob" },
        { BYTES("\xe2\x80\x8b\xe2\x80\x8d"), "" },
        { BYTES("Bob\xef\xb8\x8f"), "Bob" },
        { BYTES("B\xef\xbf\xbfob"), "Bob" },
        { BYTES("B\xef\xbf\xb9ob"), "Bob" },
        { BYTES("line\xe2\x80\xa8two"), "line two" },
        /* the server's marks, and what hides them */
        { BYTES("🔵 Ева"), "Ева" },
        { BYTES(" \xe2\x80\x8b🔴\xef\xb8\x8f🔵\xcc\x81Ева🔵"), "Ева🔵" },
        { BYTES("🔵"), "" },
        /* an accent needs a letter to stand on */
        { BYTES("\xcc\x81x"), "x" },
        /* NFC */
        { BYTES("\xd0\xb8\xcc\x86\xd0\xb5\xcc\x88"), "йё" },
        { BYTES("e\xcc\x81"), "é" },
        { BYTES("\xe2\x84\xab"), "Å" },
        { BYTES("🐱 кот"), "🐱 кот" },
        /* 32 of them, no space at the end, no letter without its accents */
        { BYTES(TEN TEN TEN "1234"), TEN TEN TEN "12" },
        { BYTES(TEN TEN TEN "1 34"), TEN TEN TEN "1" },
        { BYTES(TEN TEN TEN "1x\xcc\xb8\xcc\xb8"), TEN TEN TEN "1" },
        { BYTES("😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀"), "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀" },
    };
    char name[TEXT_NAME_MAX + 1], again[TEXT_NAME_MAX + 1];
    size_t n;

    for (size_t i = 0; i < COUNT(cases); i++) {
        n = text_name(name, cases[i].typed, cases[i].len);
        cr_expect_str_eq(name, cases[i].wanted);
        cr_expect(n == strlen(name) && text_utf8_count(name, n) <= TEXT_NAME_RUNES);
        text_name(again, name, n);
        cr_expect_str_eq(again, name);
    }
}

Test(text_name, long_input_is_a_short_name) {
    static char typed[100000];
    char name[TEXT_NAME_MAX + 1];
    size_t n;

    for (size_t i = 0; i + 1 < sizeof(typed); i += 2)
        memcpy(typed + i, "\xcc\x81", 2);
    cr_assert_eq(text_name(name, typed, sizeof(typed)), 0);
    typed[1] = typed[0] = 'x';
    n = text_name(name, typed, sizeof(typed));
    cr_assert(n <= TEXT_NAME_MAX && text_utf8_count(name, n) <= TEXT_NAME_RUNES);
}

static bool look_alike(const char *one, const char *other) {
    char look[2][TEXT_NAME_MAX + 1];

    text_name_skeleton(look[0], one, strlen(one));
    text_name_skeleton(look[1], other, strlen(other));
    return strcmp(look[0], look[1]) == 0;
}

Test(text_name, skeletons_of_look_alikes_are_equal) {
    static const char *const pairs[][2] = {
        { "Алиса", "алиса" },
        { "АЛИСА", "алиса" },
        { "admin", "аdmin" }, /* Cyrillic а */
        { "Oleg", "Оlеg" },   /* О, е */
        { "BOBA", "ВОВА" },   /* all Cyrillic */
        { "COBA", "СОВА" },
        { "Мария", "Mария" }, /* Latin M: the other letters are read as before */
        { "Паша", "Пaшa" },
        { "ivan", "iνan" }, /* Greek ν */
        { "gań", "gaή" },
        { "Nick", "Νick" }, /* Greek Ν */
        { "Alex", "Αleχ" },
        { "root", "rοot" },
        { "paypal", "paypaI" }, /* I and l */
        { "Bill", "BiII" },
        { "user1", "userl" },
        { "Bob0", "BobO" },
        { "Ёлка", "Ëлка" },  /* Latin Ë */
        { "Bob", "Ｂｏｂ" }, /* full width */
        { "Bob", "𝐁𝐨𝐛" },    /* mathematical */
        { "file", "ﬁle" },
        { "a-b", "a–b" },
        { "STRASSE", "straße" },
    };

    for (size_t i = 0; i < COUNT(pairs); i++)
        cr_expect(look_alike(pairs[i][0], pairs[i][1]), "%s and %s", pairs[i][0], pairs[i][1]);
}

Test(text_name, skeletons_of_others_differ) {
    static const char *const pairs[][2] = {
        { "Алиса", "Алина" },
        { "Алиса", "Alice" },
        { "Вика", "Ника" },
        { "Vika", "Nika" },
        { "Андрей", "Андреа" },
        { "Анна", "Аня" },
        { "Олег", "Олеч" },
        { "Боб", "Bob" },
        { "Мила", "Мика" },
        { "Елена", "Ёлена" },
        { "Bob", "Bob_2" },
        { "李", "季" },
        { "Гена", "Лена" },
        { "Паша", "Даша" },
        { "Тима", "Дима" },
        { "Nina", "Dina" },
    };

    for (size_t i = 0; i < COUNT(pairs); i++)
        cr_expect_not(look_alike(pairs[i][0], pairs[i][1]), "%s and %s", pairs[i][0], pairs[i][1]);
}

Test(text_name, suffix_keeps_the_limits) {
    static const struct {
        const char *name;
        unsigned n;
        const char *wanted;
    } cases[] = {
        { "Алиса", 2, "Алиса_2" },
        { "Bob", 4294967295u, "Bob_4294967295" },
        { TEN TEN TEN "12", 2, TEN TEN TEN "_2" },
        { TEN TEN TEN "12", 10, TEN TEN "123456789_10" },
        { TEN TEN "123456789 12", 2, TEN TEN "123456789_2" },
        { "", 2, "_2" },
    };
    char name[TEXT_NAME_MAX + 1];
    size_t n;

    for (size_t i = 0; i < COUNT(cases); i++) {
        n = text_name_suffix(name, cases[i].name, strlen(cases[i].name), cases[i].n);
        cr_expect_str_eq(name, cases[i].wanted);
        cr_expect(n == strlen(name) && text_utf8_count(name, n) <= TEXT_NAME_RUNES);
    }
}
