/* What is said, and who says it: the lab's three forms of login and message, and others. */
#include "workers/services/message_log/message_log_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

TestSuite(message_log_text);

static struct message_log_login login;

static struct message_log_said said_of(const char *text) {
    return (struct message_log_said){ .data = text, .len = strlen(text), .total = strlen(text) };
}

/* The name that the first message gives, and what is left of it. */
static void expect_login(const char *typed, const char *name, const char *rest) {
    struct message_log_said said = said_of(typed);

    login = (struct message_log_login){ .len = 0 };
    message_log_text_take_login(&login, &said, SERVICE_LANG_RU);
    cr_assert_str_eq(login.name, name, "\"%s\" is called \"%s\"", typed, login.name);
    cr_assert_eq(login.len, strlen(name));
    cr_assert(said.len == strlen(rest) && memcmp(said.data, rest, said.len) == 0,
        "\"%s\" leaves \"%.*s\"", typed, (int)said.len, said.data);
    cr_assert_eq(said.total, said.len);
}

static void expect_text(const char *typed, const char *text) {
    struct message_log_said said = said_of(typed);

    message_log_text_strip(&login, &said);
    cr_assert(said.len == strlen(text) && memcmp(said.data, text, said.len) == 0,
        "\"%s\" becomes \"%.*s\"", typed, (int)said.len, said.data);
    cr_assert_eq(said.total, said.len);
}

Test(message_log_text, first_message_is_a_login) {
    expect_login("Алиса", "Алиса", "");
    expect_login("  Анна   Мария ", "Анна Мария", "");
    expect_login("Алиса: привет: всем", "Алиса", "привет: всем");
    expect_login("Алиса\tпривет", "Алиса", "привет");
    expect_login("10:30", "10:30", "");
    expect_login("", "Аноним", "");
    expect_login("\x1b\x07", "Аноним", "");
    expect_login(": hi", "Аноним", "hi");
}

Test(message_log_text, nobody_is_called_like_an_address) {
    expect_login("(127.0.0.1:5", "127.0.0.1:5", "");
    expect_login(" ( (127.0.0.1:5): hello", "127.0.0.1:5)", "hello");
    expect_login("\x15(\xe2\x80\x8b(127.0.0.1:5", "127.0.0.1:5", "");
    expect_login("(((", "Аноним", "");
}

Test(message_log_text, rest_of_a_long_login_is_no_message) {
    struct message_log_said said = { .data = "Alice", .len = 5, .total = 5000 };

    login = (struct message_log_login){ .len = 0 };
    message_log_text_take_login(&login, &said, SERVICE_LANG_EN);
    cr_assert(said.len == 0 && said.total == 0);
}

Test(message_log_text, login_before_a_colon_is_taken_off) {
    expect_login("Алиса", "Алиса", "");
    expect_text("Алиса: привет", "привет");
    expect_text("Алиса:сразу", "сразу");
    expect_text("Алиса пришла", "Алиса пришла");
    expect_text("Боб: привет", "Боб: привет");
    expect_text("Алиса", "Алиса");
    expect_text("Алиса: end", "end");
}

Test(message_log_text, login_before_a_blank_is_taken_off) {
    expect_login("Алиса", "Алиса", "");
    expect_text("Алиса привет", "привет");
    expect_text("Алиса: так", "Алиса: так");
    expect_text("Алисая привет", "Алисая привет");
}

Test(message_log_text, who_sends_messages_alone_loses_no_word) {
    expect_login("I", "I", "");
    expect_text("Hello", "Hello");
    expect_text("I am here", "I am here");
    expect_text("I: too", "I: too");
}

Test(message_log_text, lone_end_is_goodbye) {
    struct message_log_said said = said_of("end");

    cr_assert(message_log_text_is_end(&said));
    said.total = 4;
    cr_assert_not(message_log_text_is_end(&said));
    said = said_of("end.");
    cr_assert_not(message_log_text_is_end(&said));
    said = said_of("the end");
    cr_assert_not(message_log_text_is_end(&said));
}

Test(message_log_text, heads_are_those_of_the_lab) {
    char head[MESSAGE_LOG_HEAD_MAX];
    const uint64_t at_ns = 1795271415ull * 1000000000u + 999999999u; /* 2026-11-21 14:30:15 UTC */

    setenv("TZ", "UTC", 1);
    tzset();
    login = (struct message_log_login){ .len = 0 };
    message_log_text_head(head, at_ns, &login, "127.0.0.1:51234");
    cr_assert_str_eq(head, "2026.11.21 14:30:15 (127.0.0.1:51234): ");
    expect_login("Алиса", "Алиса", "");
    message_log_text_head(head, at_ns, &login, "127.0.0.1:51234");
    cr_assert_str_eq(head, "2026.11.21 14:30:15 Алиса: ");
}

static void expect_note(size_t len, size_t total, enum service_lang lang, const char *wanted) {
    const struct message_log_said said = { .data = "", .len = len, .total = total };
    char note[MESSAGE_LOG_NOTE_MAX];

    cr_assert_eq(message_log_text_note(note, &said, len, lang), strlen(wanted));
    cr_assert_str_eq(note, wanted);
}

Test(message_log_text, what_is_cut_is_told) {
    expect_note(5, 5, SERVICE_LANG_EN, "");
    expect_note(4096, 5000, SERVICE_LANG_EN, " [cut, 5000 bytes in all]");
    expect_note(4096, 5000, SERVICE_LANG_RU, " [обрезано, всего 5000 байт]");
    expect_note(1, 5021, SERVICE_LANG_RU, " [обрезано, всего 5021 байт]");
    expect_note(1, 5022, SERVICE_LANG_RU, " [обрезано, всего 5022 байта]");
    expect_note(1, 5012, SERVICE_LANG_RU, " [обрезано, всего 5012 байт]");
}
