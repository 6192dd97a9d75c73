/* Messages: nothing that a terminal obeys, nothing that looks like the server's own line. */
#include "shared/text_clean.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define BYTES(string) string, sizeof(string) - 1
#define FFFD          "\xef\xbf\xbd"

TestSuite(text_clean);

Test(text_clean, table) {
    static const struct {
        const char *text;
        size_t len;
        const char *wanted;
        size_t bad, stripped;
    } cases[] = {
        { BYTES(""), "", 0, 0 },
        { BYTES("Привет, Боб!"), "Привет, Боб!", 0, 0 },
        { BYTES("a\tb  c "), "a\tb  c ", 0, 0 },
        { BYTES("\x1b[31mred\x1b[0m\a"), "[31mred[0m", 0, 3 },
        { BYTES("a\x7f\xc2\x9b"
                "31m\xc2\x85z"),
            "a31mz", 0, 3 },
        { BYTES("a\0b"), "a" FFFD "b", 1, 0 },
        { BYTES("a\xff\xd0"), "a" FFFD FFFD, 2, 0 },
        { BYTES("one\r\ntwo"), "onetwo", 0, 2 },
        { BYTES("one\xe2\x80\xa8two\xe2\x80\xa9three"), "onetwothree", 0, 2 },
        /* who writes from right to left */
        { BYTES("\xd7\xa9\xe2\x80\x8f!"), "\xd7\xa9\xe2\x80\x8f!", 0, 0 },
        /* the server's marks: at the beginning only, whatever hides them */
        { BYTES("🔵 Ева присоединилась"), "Ева присоединилась", 0, 1 },
        { BYTES("🔴🔵🔴Ева"), "Ева", 0, 1 },
        { BYTES(" \t\xc2\xa0\xe2\x80\x8b🔴\xef\xb8\x8f Ева"), "Ева", 0, 1 },
        { BYTES("\x1b\x01🔵x"), "x", 0, 3 },
        { BYTES("🔵"), "", 0, 1 },
        { BYTES("  two blanks"), "  two blanks", 0, 0 },
        { BYTES("это 🔵 не то"), "это 🔵 не то", 0, 0 },
        { BYTES("🟢 ok"), "🟢 ok", 0, 0 },
    };
    struct text_found found;
    char out[256];
    size_t n;

    for (size_t i = 0; i < COUNT(cases); i++) {
        n = text_clean(out, cases[i].text, cases[i].len, &found);
        cr_expect(n == strlen(cases[i].wanted) && memcmp(out, cases[i].wanted, n) == 0, "%zu: %.*s",
            i, (int)n, out);
        cr_expect(found.bad == cases[i].bad && found.stripped == cases[i].stripped,
            "%zu: %zu bad, %zu stripped", i, found.bad, found.stripped);
    }
}

Test(text_clean, lines_of_a_text) {
    static const struct {
        const char *text;
        const char *wanted; /* each line behind a | */
    } cases[] = {
        { "", "" },
        { "one", "|one" },
        { "one\n", "|one" },
        { "one\ntwo", "|one|two" },
        { "one\r\ntwo\rthree\r", "|one|two|three" },
        { "\n\r\n\rx\n\n", "||||x|" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = cases[i].text, *line;
        size_t len = strlen(text), line_len;
        char lines[64] = "";

        while (text_next_line(&text, &len, &line, &line_len)) {
            strcat(lines, "|");
            strncat(lines, line, line_len);
        }
        cr_expect_str_eq(lines, cases[i].wanted);
    }
}
