/* The clients at terminals: what they ask, and what stands on the screen while others speak. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/daemon.h"
#include "tests/system/expect.h"
#include "tests/system/screen.h"
#include "tests/system/suites.h"

#define PATIENCE_MS 20000
#define PROMPT      "Message (or /quit to leave):"

static struct daemon daemon_;

static void start(const char *type) {
    daemon_write_config("lang = \"en\";\n");
    daemon_write_service("echo", "type = \"%s\"; model = \"event\";", type);
    daemon_start(&daemon_);
    screen_open();
}

static void stop(void) {
    daemon_stop(&daemon_);
    screen_close();
}

/*
 * The client on a terminal, then its exit code and how the terminal was left. A line first: tmux
 * scrolls by one when all has ended.
 */
static void run_client(const char *name, const char *locale, const char *arguments) {
    screen_run(name,
        "trap : INT; echo; env LC_ALL=%s %s %s; echo exit=$?; stty -a | grep -ow -e '-*icanon' -e "
        "'-*echo' | xargs",
        locale, harness_program("prefork"), arguments);
}

static void enter(const char *name, const char *locale, const char *options) {
    char arguments[256];

    snprintf(arguments, sizeof(arguments), "chat 127.0.0.1 %u %s --name %s", daemon_.port, options,
        name);
    run_client(name, locale, arguments);
}

/* Its prompt may stand there before it is in: until then others come unnoticed. */
static void join(const char *name, const char *locale, const char *options) {
    char words[64];

    enter(name, locale, options);
    snprintf(words, sizeof(words), "msg=\"%s joined the chat\"", name);
    CHECK(harness_until(PATIENCE_MS, daemon_log_count(words) == 1), "%s: %s", words, daemon_log());
}

/* ---- what is asked ---- */

static void where_and_who_is_asked_and_checked(void) {
    char port[8];

    start("chat");
    snprintf(port, sizeof(port), "%u", daemon_.port);
    run_client("ann", "C.UTF-8", "chat");
    screen_until_last_line("ann", "Host [127.0.0.1]:");
    screen_press("ann", "Enter");
    screen_until_last_line("ann", "Port [8004]:");
    screen_type("ann", "eighty");
    screen_press("ann", "Enter");
    screen_until("ann", "\"eighty\" is no port: 1 to 65535");
    screen_until_last_line("ann", "Port [8004]:");
    screen_type("ann", port);
    screen_press("ann", "Enter");
    screen_until_last_line("ann", "Your name [Anonymous]:");
    screen_type("ann", "Ann");
    screen_press("ann", "Enter");
    screen_until("ann", "Welcome to the chat, Ann!");
    screen_until_last_line("ann", PROMPT);
    screen_type("ann", "/quit");
    screen_press("ann", "Enter");
    screen_until("ann", "exit=0\nicanon echo");
    stop();
}

static void three_wrong_answers_are_enough(void) {
    screen_open();
    run_client("ann", "ru_RU.UTF-8", "send");
    screen_until_last_line("ann", "Хост [127.0.0.1]:");
    screen_press("ann", "Enter");
    for (unsigned i = 1; i <= 3; i++) {
        screen_until_last_line("ann", "Порт [50008]:");
        CHECK(expect_count(screen_text("ann"), "Порт") == i, "%s", screen_text("ann"));
        screen_type("ann", "0");
        screen_press("ann", "Enter");
        CHECK(harness_until(PATIENCE_MS, expect_count(screen_text("ann"), "is no port") == i), "%s",
            screen_text("ann"));
    }
    screen_until("ann", "exit=2");
    run_client("end", "C.UTF-8", "echo");
    screen_until_last_line("end", "Host [127.0.0.1]:");
    screen_press("end", "C-d");
    screen_until("end", "exit=1");
    screen_close();
}

/* Nobody listens: said where, and what starts a server. */
static void expect_absent(const char *verb, const char *option, const char *server) {
    struct harness_result r;
    char wanted[128];

    snprintf(wanted, sizeof(wanted),
        "nobody listens at 127.0.0.1:1; \"prefork serve %s\" starts a server\n", server);
    r = harness_run("/bin/sh", "-c", "yes | head -n 2 | exec \"$0\" \"$1\" 127.0.0.1 1 $2",
        harness_program("prefork"), verb, option, NULL);
    CHECK(r.code == 69 && strstr(r.err, wanted) != NULL, "%s %s: exit %d: %s", verb, option, r.code,
        r.err);
}

static void nobody_is_asked_without_a_terminal(void) {
    struct harness_result r;

    expect_absent("chat", "", "chat");
    expect_absent("chat", "--udp", "chat --udp");
    expect_absent("send", "", "message_log");
    expect_absent("send", "--udp", "message_log --udp");
    expect_absent("echo", "", "echo");
    expect_absent("echo", "--udp", "echo --udp");
    r = harness_run("prefork", "echo", "--timeout", "100ms", NULL);
    CHECK(strstr(r.err, "Host") == NULL && strstr(r.err, "the input ended") == NULL, "%s", r.err);
    screen_open();
    run_client("ann", "C.UTF-8", "echo 127.0.0.1 1 --no-input");
    screen_until("ann", "nobody listens at 127.0.0.1:1");
    screen_until("ann", "exit=69");
    screen_close();
}

/* ---- while others speak ---- */

static void line_that_is_typed_survives_what_comes(void) {
    start("chat");
    join("Ann", "C.UTF-8", "");
    screen_until_last_line("Ann", PROMPT);
    join("Боб", "ru_RU.UTF-8", "");
    screen_until("Боб", "Добро пожаловать в чат, Боб!");
    screen_until("Ann", "🔵 Боб joined the chat");
    screen_type("Ann", "hxllo");
    screen_until_last_line("Ann", PROMPT " hxllo");
    screen_type("Боб", "привет, Ann");
    screen_press("Боб", "Enter");
    screen_until("Ann", "] Боб: привет, Ann\n" PROMPT " hxllo");
    /* It can be edited as before: the cursor is where it was. */
    for (unsigned i = 0; i < 3; i++)
        screen_press("Ann", "Left");
    screen_press("Ann", "BSpace");
    screen_type("Боб", "ещё одно");
    screen_press("Боб", "Enter");
    screen_until("Ann", "] Боб: ещё одно\n" PROMPT " hllo");
    screen_type("Ann", "e");
    screen_until_last_line("Ann", PROMPT " hello");
    screen_press("Ann", "Enter");
    screen_until("Боб", "] Ann: hello");
    screen_until_last_line("Ann", PROMPT);
    /* One that takes two lines of the screen, on one that becomes narrower. */
    screen_type("Ann", "long long long long long long long long long long long long");
    screen_type("Боб", "да");
    screen_press("Боб", "Enter");
    screen_until("Ann", "] Боб: да\n" PROMPT " long long");
    screen_resize("Ann", 60, 20);
    screen_type("Боб", "уже");
    screen_press("Боб", "Enter");
    screen_until("Ann", "] Боб: уже\n" PROMPT " long long long long long long l\n"
                        "ong long long long long long\n");
    /* And wider again: what stands above it stays. */
    screen_resize("Ann", 100, 20);
    screen_type("Боб", "шире");
    screen_press("Боб", "Enter");
    screen_until("Ann",
        "] Боб: шире\n" PROMPT " long long long long long long long long long long long long\n");
    CHECK(strstr(screen_text("Ann"), "] Боб: уже\n") != NULL, "%s", screen_text("Ann"));
    screen_press("Ann", "Enter");
    screen_until("Боб", "] Ann: long long long long long long long long long long long long");
    screen_press("Боб", "C-d");
    screen_until("Боб", "(или /quit для выхода):\nexit=0\nicanon echo");
    screen_until("Ann", "🔴 Боб left the chat");
    screen_press("Ann", "C-c");
    screen_until("Ann", "exit=130\nicanon echo");
    CHECK(harness_until(PATIENCE_MS, daemon_number("echo", "connections") == 0), "not left");
    stop();
}

static void letters_are_letters_in_any_locale(void) {
    start("chat");
    join("Ann", "C", "");
    screen_until_last_line("Ann", PROMPT);
    screen_type("Ann", "щука");
    screen_until_last_line("Ann", PROMPT " щука");
    screen_press("Ann", "BSpace");
    screen_until_last_line("Ann", PROMPT " щук");
    screen_type("Ann", "и");
    screen_until_last_line("Ann", PROMPT " щуки");
    screen_press("Ann", "Enter");
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("Ann: щуки") == 1), "%s", daemon_log());
    screen_press("Ann", "C-c");
    screen_until("Ann", "exit=130");
    stop();
}

static void plain_lines_do_without_an_editor(void) {
    start("chat");
    join("Ann", "C.UTF-8", "--plain");
    screen_until_last_line("Ann", PROMPT);
    join("Bob", "C.UTF-8", "--plain");
    screen_until("Ann", "🔵 Bob joined the chat\n" PROMPT);
    screen_type("Bob", "hello");
    screen_press("Bob", "Enter");
    screen_until("Ann", "] Bob: hello\n" PROMPT);
    screen_type("Ann", "end");
    screen_press("Ann", "Enter");
    screen_until("Ann", "exit=0\nicanon echo");
    screen_until("Bob", "🔴 Ann left the chat");
    screen_press("Bob", "C-d");
    screen_until("Bob", PROMPT "\nexit=0\nicanon echo");
    stop();
}

static void commands_are_not_said_where_there_are_none(void) {
    start("chat");
    join("Ann", "C.UTF-8", "");
    screen_until_last_line("Ann", PROMPT);
    join("Raw", "C.UTF-8", "--wire raw");
    screen_until("Ann", "Raw joined the chat");
    screen_type("Raw", "/who");
    screen_press("Raw", "Enter");
    screen_until("Raw", "There is no command here but /quit");
    screen_type("Raw", "//tmp is full");
    screen_press("Raw", "Enter");
    screen_until("Ann", "] Raw: /tmp is full\n");
    CHECK(strstr(screen_text("Ann"), "/who") == NULL, "%s", screen_text("Ann"));
    screen_type("Raw", "end");
    screen_press("Raw", "Enter");
    screen_until("Raw", "exit=0");
    screen_press("Ann", "C-c");
    screen_until("Ann", "exit=130");
    stop();
}

static void earlier_messages_are_marked(void) {
    start("chat");
    join("Ann", "C.UTF-8", "");
    screen_until_last_line("Ann", PROMPT);
    screen_type("Ann", "before you came");
    screen_press("Ann", "Enter");
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("before you came") == 1), "not said");
    join("Боб", "ru_RU.UTF-8", "");
    screen_until("Боб", "— прежние сообщения —\n[");
    screen_until("Боб", "] Ann: before you came\n— до сих пор —\nДобро пожаловать в чат, Боб!");
    screen_type("Ann", "and now");
    screen_press("Ann", "Enter");
    screen_until("Боб", "] Ann: and now\n");
    CHECK(expect_count(screen_text("Боб"), "—") == 4, "%s", screen_text("Боб"));
    screen_press("Боб", "C-c");
    screen_until("Боб", "exit=130");
    screen_press("Ann", "C-c");
    screen_until("Ann", "exit=130");
    stop();
}

static void stopped_client_gives_the_terminal_back_and_goes_on(void) {
    start("chat");
    screen_run("Ann", "env PS1='sh> ' /bin/sh -i"); /* one that lets the terminal be as it is */
    screen_until("Ann", "sh>");
    screen_type("Ann", harness_program("prefork"));
    screen_type("Ann", " chat --name Ann 127.0.0.1 ");
    screen_type("Ann",
        json_string_value(json_array_get(json_object_get(daemon_service("echo"), "listen"), 0)) +
            16);
    screen_press("Ann", "Enter");
    screen_until_last_line("Ann", PROMPT);
    screen_type("Ann", "half");
    screen_until_last_line("Ann", PROMPT " half");
    screen_press("Ann", "C-z");
    screen_until("Ann", "Stopped");
    screen_type("Ann", "stty -a | grep -ow -e '-*icanon' -e '-*echo' | xargs");
    screen_press("Ann", "Enter");
    screen_until("Ann", "\nicanon echo");
    screen_type("Ann", "fg");
    screen_press("Ann", "Enter");
    screen_until_last_line("Ann", PROMPT " half");
    screen_type("Ann", " said");
    screen_press("Ann", "Enter");
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("Ann: half said") == 1), "%s", daemon_log());
    screen_press("Ann", "C-c");
    screen_until("Ann", "interrupted");
    stop();
}

static void messages_are_sent_until_end(void) {
    start("message_log");
    run_client("ann", "C.UTF-8", "send");
    screen_until_last_line("ann", "Host [127.0.0.1]:");
    screen_press("ann", "Enter");
    screen_until_last_line("ann", "Port [50008]:");
    screen_type("ann",
        json_string_value(json_array_get(json_object_get(daemon_service("echo"), "listen"), 0)) +
            16);
    screen_press("ann", "Enter");
    screen_until_last_line("ann", "Login (Enter: none):");
    screen_press("ann", "Enter");
    screen_until_last_line("ann", "Message (or end to leave):");
    screen_type("ann", "the door is open");
    screen_press("ann", "Enter");
    CHECK(harness_until(PATIENCE_MS, daemon_log_count("): the door is open\"") == 1), "%s",
        daemon_log());
    screen_type("ann", "end");
    screen_press("ann", "Enter");
    screen_until("ann", "1 message sent\nexit=0\nicanon echo");
    stop();
}

static void echo_beats_until_it_is_interrupted(void) {
    char arguments[64];

    start("echo");
    snprintf(arguments, sizeof(arguments), "echo 127.0.0.1 %u --interval 250ms", daemon_.port);
    run_client("ann", "C.UTF-8", arguments);
    screen_until("ann", "message 2\n"); /* before it has gone off the screen */
    screen_press("ann", "C-c");
    screen_until("ann", "\nprefork: echo: interrupted\n");
    screen_until("ann", "round trip min ");
    screen_until("ann", "exit=130");
    stop();
}

/* ---- prefork serve ---- */

/* A socket that listens where a type usually does; -1: somebody else's is there. */
static int take_usual_port(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The port that stands on its screen. */
static unsigned shown_port(const char *name) {
    static const char words[] = "слушаю tcp://127.0.0.1:";
    const char *at;

    screen_until(name, words);
    at = strstr(screen_text(name), words);
    return at != NULL ? (unsigned)atoi(at + strlen(words)) : 0;
}

static void server_says_what_goes_on_and_how_to_end_it(void) {
    const int taken = take_usual_port(8004);

    screen_open();
    run_client("srv", "ru_RU.UTF-8", "serve chat");
    screen_until_last_line("srv", "Порт [8004]:");
    screen_press("srv", "Enter");
    screen_until("srv", "chat: порт 8004 занят");
    daemon_.port = (uint16_t)shown_port("srv");
    CHECK(daemon_.port != 8004, "%s", screen_text("srv"));
    screen_until("srv", ", модель event\n");
    screen_until("srv", "chat: Чат-сервер. Ожидание подключений...\n");
    screen_until("srv", "Нажмите Ctrl+C для остановки\n");
    enter("Ann", "C.UTF-8", "");
    screen_until("srv", "chat: Новое подключение от 127.0.0.1:");
    screen_until("srv", "chat: Пользователь Ann присоединился к чату");
    screen_type("Ann", "hello");
    screen_press("Ann", "Enter");
    screen_until("srv", "] Ann: hello\n");
    screen_type("Ann", "/me waves");
    screen_press("Ann", "Enter");
    screen_until("srv", "] Ann: *waves*\n");
    screen_press("Ann", "C-d");
    screen_until("srv", "chat: Пользователь Ann покинул чат\n");
    screen_press("srv", "C-c");
    screen_until("srv", "\n^C\nОстановка сервера...\nСервер остановлен\nexit=0\nicanon echo");
    screen_close();
    close(taken);
}

static void question_for_the_port_can_be_left(void) {
    screen_open();
    run_client("end", "C.UTF-8", "serve chat");
    screen_until_last_line("end", "Port [8004]:");
    screen_press("end", "C-d");
    screen_until("end", "the input ended before \"Port\" was answered\nexit=1");
    run_client("no", "C.UTF-8", "serve chat");
    screen_until_last_line("no", "Port [8004]:");
    screen_press("no", "C-c");
    screen_until("no", "Port [8004]: ^Cexit=130\nicanon echo");
    screen_close();
}

static const struct harness_test tests[] = {
    { "where_and_who_is_asked_and_checked", where_and_who_is_asked_and_checked },
    { "three_wrong_answers_are_enough", three_wrong_answers_are_enough },
    { "nobody_is_asked_without_a_terminal", nobody_is_asked_without_a_terminal },
    { "line_that_is_typed_survives_what_comes", line_that_is_typed_survives_what_comes },
    { "letters_are_letters_in_any_locale", letters_are_letters_in_any_locale },
    { "plain_lines_do_without_an_editor", plain_lines_do_without_an_editor },
    { "commands_are_not_said_where_there_are_none", commands_are_not_said_where_there_are_none },
    { "earlier_messages_are_marked", earlier_messages_are_marked },
    { "stopped_client_gives_the_terminal_back_and_goes_on",
        stopped_client_gives_the_terminal_back_and_goes_on },
    { "messages_are_sent_until_end", messages_are_sent_until_end },
    { "echo_beats_until_it_is_interrupted", echo_beats_until_it_is_interrupted },
    { "server_says_what_goes_on_and_how_to_end_it", server_says_what_goes_on_and_how_to_end_it },
    { "question_for_the_port_can_be_left", question_for_the_port_can_be_left },
    { .name = NULL },
};

const struct harness_suite client_terminal_suite = { "client_terminal", tests };
