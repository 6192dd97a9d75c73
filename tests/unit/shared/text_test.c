/* Escaping, nearest words, exits in words, complaints. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "shared/complaint.h"
#include "shared/escape.h"
#include "shared/exit_words.h"
#include "shared/suggest.h"

Test(escape, line_shows_and_does_not_obey) {
    static const struct {
        const char *from, *to;
    } cases[] = { { "plain", "plain" }, { "a\nb\r\t", "a\\nb\\r\\t" }, { "\033[31m", "\\x1b[31m" },
        { "back\\slash", "back\\\\slash" }, { "\x7f", "\\x7f" },
        { "\xd0\x90\xd0\xbb\xd0\xb8\xd1\x81\xd0\xb0", "\xd0\x90\xd0\xbb\xd0\xb8\xd1\x81\xd0\xb0" },
        { "\xff", "\\xff" }, { "\xc3", "\\xc3" }, { "\xc0\xaf", "\\xc0\\xaf" },
        { "\xed\xa0\x80", "\\xed\\xa0\\x80" }, { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
        { "\xe2\x80\xae"
          "evil",
            "\\u{202e}evil" },
        { "\xc2\x9b"
          "31m",
            "\\u{9b}31m" },
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" } };
    char text[64];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        escape_line(text, sizeof(text), cases[i].from, strlen(cases[i].from));
        cr_assert_str_eq(text, cases[i].to);
    }
}

Test(escape, line_cuts_between_pieces) {
    char text[6];

    cr_assert_eq(escape_line(text, sizeof(text), "abc\033def", 7), 3);
    cr_assert_str_eq(text, "abc");
    cr_assert_eq(escape_line(text, 1, "abc", 3), 0);
    cr_assert_str_eq(text, "");
    cr_assert_eq(escape_line(text, 0, "abc", 3), 0);
}

Test(escape, json_is_valid_in_any_pieces) {
    const char whole[] = "\"\\\b\f\n\r\t\001\x7f \xd0\x96 \xf0\x9f\x98\x80 \xff\xc3(\xe2\x82";
    const char wanted[] = "\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f \xd0\x96 \xf0\x9f\x98\x80 "
                          "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd";
    size_t len = sizeof(whole) - 1, used, out, at, piece;
    char text[256];

    for (size_t step = 1; step <= len; step++) {
        out = at = 0;
        for (piece = step; at < len; piece += step) {
            size_t end = piece < len ? piece : len;
            out += escape_json(text + out, whole + at, end - at, end == len, &used);
            at += used;
        }
        text[out] = '\0';
        cr_assert_str_eq(text, wanted, "pieces of %zu", step);
    }
}

Test(suggest, distance_counts_edits_and_swaps) {
    cr_assert_eq(suggest_distance("workers", "workers"), 0);
    cr_assert_eq(suggest_distance("wrokers", "workers"), 1);
    cr_assert_eq(suggest_distance("worker", "workers"), 1);
    cr_assert_eq(suggest_distance("", "abc"), 3);
    cr_assert_eq(suggest_distance("kitten", "sitting"), 3);
}

Test(suggest, nearest_word_wins_and_far_ones_do_not) {
    struct suggestion best = { .word = "" };

    suggest_offer(&best, "thraed", "process");
    cr_assert_str_eq(best.word, "");
    suggest_offer(&best, "thraed", "threads");
    suggest_offer(&best, "thraed", "thread");
    cr_assert_str_eq(best.word, "thread");
}

Test(suggest, long_words_are_far_from_everything) {
    char word[200];

    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    cr_assert_gt(suggest_distance(word, word), 1000000);
}

Test(exit_words, say_how_it_ended) {
    char words[EXIT_WORDS_MAX];

    cr_assert_str_eq(exit_words_describe(words, CLD_EXITED, 3), "exited with 3");
    cr_assert_str_eq(exit_words_describe(words, CLD_KILLED, SIGKILL), "was killed by SIGKILL");
    cr_assert_str_eq(exit_words_describe(words, CLD_DUMPED, SIGSEGV), "was killed by SIGSEGV");
    cr_assert_str_eq(exit_words_signal(words, 63), "signal 63");
}

Test(complaint, is_cut_and_prefixed) {
    struct complaint complaint;
    char longer[2000];

    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    cr_assert_eq(complaint_set(&complaint, "%s", longer), -1);
    cr_assert_eq(strlen(complaint.text), sizeof(complaint.text) - 1);
    complaint_set(&complaint, "%d is wrong", 7);
    cr_assert_eq(complaint_prefix(&complaint, "--%s", "key"), -1);
    cr_assert_str_eq(complaint.text, "--key: 7 is wrong");
    complaint_prefix(&complaint, "%s", longer);
    cr_assert_eq(strlen(complaint.text), sizeof(complaint.text) - 1);
}
