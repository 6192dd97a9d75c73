/* What is read and written: HELLO, commands, requests, events, floods, lines. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "workers/services/chat/chat_command.h"
#include "workers/services/chat/chat_flood.h"
#include "workers/services/chat/chat_hello.h"
#include "workers/services/chat/chat_words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROOM         "00112233445566778899aabbccddeeff"

TestSuite(chat_words);

static bool is_text(struct chat_text text, const char *wanted) {
    return text.len == strlen(wanted) &&
           (text.len == 0 || memcmp(text.data, wanted, text.len) == 0);
}

Test(chat_words, hello) {
    struct chat_hello hello;
    const char *why, *text = "HELLO 1 lang=ru x=y caps=history,json,z since=" ROOM
                             ":18 key=0123456789abcdeF name=Ann B=1";
    char room[33];

    cr_assert_eq(chat_hello_read(&hello, text, strlen(text), &why), CHAT_HELLO_OK);
    cr_expect(hello.has_lang && hello.is_russian && hello.wants_json && hello.wants_history);
    cr_expect(hello.has_since && hello.seq == 18);
    chat_hello_room(room, hello.room);
    cr_expect_str_eq(room, ROOM);
    cr_expect_str_eq(hello.key, "0123456789abcdeF");
    cr_expect(is_text((struct chat_text){ hello.name, hello.name_len }, "Ann B=1"));
}

Test(chat_words, hello_that_is_none) {
    static const struct {
        const char *text;
        enum chat_hello_result wanted;
    } cases[] = {
        { "", CHAT_HELLO_NONE },
        { "HELLO", CHAT_HELLO_NONE },
        { "Hello 1", CHAT_HELLO_NONE },
        { "HELLO 1", CHAT_HELLO_OK },
        { "HELLO 1  ", CHAT_HELLO_OK },
        { "HELLO 1 name=", CHAT_HELLO_OK },
        { "HELLO 1 lang=de", CHAT_HELLO_OK },
        { "HELLO 2", CHAT_HELLO_BAD },
        { "HELLO 11", CHAT_HELLO_BAD },
        { "HELLO world", CHAT_HELLO_BAD },
        { "HELLO 1 since=", CHAT_HELLO_BAD },
        { "HELLO 1 since=" ROOM, CHAT_HELLO_BAD },
        { "HELLO 1 since=" ROOM ":", CHAT_HELLO_BAD },
        { "HELLO 1 since=" ROOM ":-1", CHAT_HELLO_BAD },
        { "HELLO 1 since=" ROOM ":99999999999999999999", CHAT_HELLO_BAD },
        { "HELLO 1 since=0011223344556677889Aaabbccddeeff:1", CHAT_HELLO_BAD },
        { "HELLO 1 key=short", CHAT_HELLO_BAD },
        { "HELLO 1 key=0123456789abcde!", CHAT_HELLO_BAD },
        { "HELLO 1 key=0123456789012345678901234567890123456789012345678901234567890123x",
            CHAT_HELLO_BAD },
    };
    struct chat_hello hello;
    const char *why;

    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_expect_eq(chat_hello_read(&hello, cases[i].text, strlen(cases[i].text), &why),
            cases[i].wanted, "%s", cases[i].text);
        cr_expect_eq(why != NULL, cases[i].wanted == CHAT_HELLO_BAD, "%s", cases[i].text);
    }
}

Test(chat_words, commands) {
    static const struct {
        const char *line;
        enum chat_command_result result;
        enum chat_verb verb;
        const char *name, *text;
    } cases[] = {
        { "hello", CHAT_COMMAND_OK, CHAT_VERB_SAY, "", "hello" },
        { " /quit", CHAT_COMMAND_OK, CHAT_VERB_SAY, "", " /quit" },
        { "//x", CHAT_COMMAND_OK, CHAT_VERB_SAY, "", "/x" },
        { "the end", CHAT_COMMAND_OK, CHAT_VERB_SAY, "", "the end" },
        { "\tend ", CHAT_COMMAND_OK, CHAT_VERB_QUIT, "", NULL },
        { "/quit", CHAT_COMMAND_OK, CHAT_VERB_QUIT, "", NULL },
        { "/nick  Ann  B ", CHAT_COMMAND_OK, CHAT_VERB_NICK, "Ann  B", NULL },
        { "/nick", CHAT_COMMAND_USAGE, CHAT_VERB_NICK, "", NULL },
        { "/msg Ann hi  there", CHAT_COMMAND_OK, CHAT_VERB_PRIVATE, "Ann", "hi  there" },
        { "/msg \"Ann B\" hi", CHAT_COMMAND_OK, CHAT_VERB_PRIVATE, "Ann B", "hi" },
        { "/msg \"Ann B hi", CHAT_COMMAND_OK, CHAT_VERB_PRIVATE, "\"Ann", "B hi" },
        { "/msg \"\" hi", CHAT_COMMAND_USAGE, CHAT_VERB_PRIVATE, "", "hi" },
        { "/msg Ann", CHAT_COMMAND_USAGE, CHAT_VERB_PRIVATE, "Ann", "" },
        { "/msg \"Ann\"", CHAT_COMMAND_USAGE, CHAT_VERB_PRIVATE, "Ann", "" },
        { "/me", CHAT_COMMAND_USAGE, CHAT_VERB_ME, "", NULL },
        { "/me waves", CHAT_COMMAND_OK, CHAT_VERB_ME, "", "waves" },
        { "/history", CHAT_COMMAND_OK, CHAT_VERB_HISTORY, "", NULL },
        { "/history 12", CHAT_COMMAND_OK, CHAT_VERB_HISTORY, "", NULL },
        { "/history -1", CHAT_COMMAND_USAGE, CHAT_VERB_HISTORY, "", NULL },
        { "/history 9999999999", CHAT_COMMAND_USAGE, CHAT_VERB_HISTORY, "", NULL },
        { "/quiet maybe", CHAT_COMMAND_USAGE, CHAT_VERB_QUIET, "", NULL },
        { "/help", CHAT_COMMAND_OK, CHAT_VERB_HELP, "", NULL },
        { "/", CHAT_COMMAND_UNKNOWN, CHAT_VERB_SAY, "/", NULL },
        { "/Quit now", CHAT_COMMAND_UNKNOWN, CHAT_VERB_SAY, "/Quit", NULL },
    };
    struct chat_request request;

    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_expect_eq(chat_command_read(&request, cases[i].line, strlen(cases[i].line)),
            cases[i].result, "%s", cases[i].line);
        cr_expect_eq(request.verb, cases[i].verb, "%s", cases[i].line);
        cr_expect(is_text(request.name, cases[i].name), "%s", cases[i].line);
        cr_expect(
            cases[i].text == NULL || is_text(request.text, cases[i].text), "%s", cases[i].line);
    }
    chat_command_read(&request, "/history 12", 11);
    cr_expect_eq(request.number, 12);
    chat_command_read(&request, "/quiet off", 10);
    cr_expect_eq(request.on, 0);
    chat_command_read(&request, "/quiet", 6);
    cr_expect_eq(request.on, -1);
}

Test(chat_words, events_come_back_as_they_went) {
    char payload[CHAT_PAYLOAD_MAX], name[TEXT_NAME_MAX];
    struct chat_event event = { .kind = CHAT_PRIVATE, .number = 7 }, got;
    struct bus_record record = { .kind = CHAT_PRIVATE, .payload = payload, .seq = 3 };

    memset(name, 'n', sizeof(name));
    event.name = (struct chat_text){ name, sizeof(name) };
    event.other = (struct chat_text){ "Bob", 3 };
    event.text = (struct chat_text){ "text", 4 };
    record.len = (uint32_t)chat_event_encode(payload, &event);
    cr_assert(chat_event_decode(&record, &got));
    cr_expect(got.name.len == TEXT_NAME_MAX && is_text(got.other, "Bob"));
    cr_expect(is_text(got.text, "text") && got.number == 7 && got.seq == 3);
    /* Whatever is cut off it, and whatever its lengths say. */
    for (uint32_t len = 0; len < 8 + 1 + TEXT_NAME_MAX + 1 + 3; len++) {
        record.len = len;
        cr_expect_not(chat_event_decode(&record, &got), "%u", len);
    }
    payload[8] = (char)255;
    record.len = sizeof(payload);
    cr_expect_not(chat_event_decode(&record, &got));
    payload[8] = 0;
    record.kind = CHAT_GAP;
    cr_expect_not(chat_event_decode(&record, &got));
    record.kind = CHAT_KINDS;
    cr_expect_not(chat_event_decode(&record, &got));
}

Test(chat_words, flood) {
    const struct chat_flood_rule rule = { .burst = 3, .rate = 10 },
                                 none = { .burst = 1, .rate = CHAT_FLOOD_UNLIMITED };
    struct chat_flood flood = { 0 };

    cr_expect_eq(chat_flood_take(&flood, &rule, 1, 1000), 0);
    cr_expect_eq(chat_flood_take(&flood, &rule, 1, 1000), 0);
    cr_expect_eq(chat_flood_take(&flood, &rule, 1, 1000), 100);
    cr_expect_eq(chat_flood_try(&flood, &rule, 1099), 0);
    cr_expect_eq(chat_flood_try(&flood, &rule, 1100), 1);
    cr_expect_eq(chat_flood_take(&flood, &rule, 10, 1100), 1100, "a debt is kept");
    cr_expect_eq(chat_flood_take(&flood, &rule, 1, 60000), 0);
    cr_expect_eq(chat_flood_take(&flood, &none, 1000000, 60000), 0);
}

Test(chat_words, plurals) {
    static const struct {
        uint64_t n;
        const char *wanted;
    } cases[] = { { 1, "сообщение" }, { 2, "сообщения" }, { 4, "сообщения" }, { 5, "сообщений" },
        { 11, "сообщений" }, { 12, "сообщений" }, { 14, "сообщений" }, { 21, "сообщение" },
        { 22, "сообщения" }, { 111, "сообщений" }, { 1001, "сообщение" } };

    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_str_eq(chat_word_messages(cases[i].n, SERVICE_LANG_RU), cases[i].wanted);
    cr_expect_str_eq(chat_word_messages(1, SERVICE_LANG_EN), "message");
    cr_expect_str_eq(chat_word_messages(0, SERVICE_LANG_EN), "messages");
    for (unsigned i = 0; i < CHAT_WORDS; i++)
        cr_expect(chat_word((enum chat_word)i, SERVICE_LANG_EN) != NULL &&
                  chat_word((enum chat_word)i, SERVICE_LANG_RU) != NULL);
}
