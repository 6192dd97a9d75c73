/* The chat as its members see it: who sits in one room, and what becomes of whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/chats.h"
#include "tests/system/peers.h"
#include "tests/system/suites.h"

/* ---- who sits in the room ---- */

static void hear_each_other(
    struct peer *speaker, const char *text, struct peer **others, const char *const *wanted) {
    peers_say(speaker, text);
    for (size_t i = 0; others[i] != NULL; i++)
        peers_hear(others[i], wanted[i]);
}

static void all_kinds_of_clients_sit_in_one_room(void) {
    struct daemon daemon;

    EACH_MODEL(m) {
        struct peer *raw, *line, *telnet, *framed, *program, *local, *datagrams;

        chats_start(&daemon, m, "");
        raw = peers_come(daemon.port, "Алиса");
        CHECK(harness_until(5000, chats_count("joined") == 1), "not in");
        line = peers_come(daemon.port, "Нина\r\n");
        peers_hear_only(raw, CHATS_JOINED "Нина присоединился к чату");
        peers_hear_only(line, "Добро пожаловать в чат, Нина! Команды: /help\n");
        telnet = peers_come(daemon.port, "\xff\xfd\x01Тим\r");
        peers_say(telnet, "\n");
        peers_hear(telnet, "\xff\xfc\x01");
        peers_hear(telnet, "Тим! Команды: /help\r\n");
        /* Each by himself: two at once stand in one message. */
        peers_hear(line, CHATS_JOINED "Тим присоединился к чату\n");
        framed = peers_new(daemon_connect(daemon.port));
        peers_say_frame(framed, "Фрида");
        peers_hear(framed, "Фрида!");
        peers_hear(line, CHATS_JOINED "Фрида присоединился к чату\n");
        program = peers_new(daemon_connect(daemon.port));
        peers_say_frame(program, "HELLO 1 caps=json lang=ru name=Карл");
        peers_hear(program, "\"t\":\"welcome\"");
        peers_hear(line, CHATS_JOINED "Карл присоединился к чату\n");
        local = peers_new(daemon_connect_unix(CHATS_UNIX));
        peers_say(local, "Лев\n");
        peers_hear(local, "Лев!");
        peers_hear(line, CHATS_JOINED "Лев присоединился к чату\n");
        datagrams = peers_come_udp(daemon_port("echo", "udp"));
        peers_say(datagrams, "Ума");
        peers_hear(line, CHATS_JOINED "Ума присоединился к чату\n");
        hear_each_other(raw, "Привет всем!",
            (struct peer *[]){ line, telnet, framed, program, local, datagrams, NULL },
            (const char *const[]){ "] Алиса: Привет всем!\n", "] Алиса: Привет всем!\r\n",
                "] Алиса: Привет всем!", "\"from\":\"Алиса\",\"text\":\"Привет всем!\"}",
                "] Алиса: Привет всем!\n", "] Алиса: Привет всем!" });
        hear_each_other(datagrams, "Привет, Алиса!",
            (struct peer *[]){ raw, telnet, program, NULL },
            (const char *const[]){
                "] Ума: Привет, Алиса!", "] Ума: Привет, Алиса!\r\n", "\"from\":\"Ума\"" });
        peers_say_frame(program, "{\"t\":\"say\",\"id\":1,\"text\":\"из программы\"}");
        peers_hear(program, "\"t\":\"ok\"");
        peers_hear(datagrams, "] Карл: из программы");
        peers_say(local, "/who\n");
        peers_hear(local, "в чате (7): ");
        peers_say(raw, "/quit");
        peers_hear(line, CHATS_LEFT "Алиса покинул чат\n");
        CHECK(harness_until(5000, peers_is_shown_out(raw)), "it stays");
        peers_end(telnet);
        peers_hear(line, CHATS_LEFT "Тим покинул чат\n");
        peers_say(datagrams, "/quit");
        peers_hear(line, CHATS_LEFT "Ума покинул чат\n");
        CHECK(chats_count("joined") == 7 && chats_count("left") == 3, "counted");
        CHECK(harness_until(
                  5000, daemon_log_count(
                            "event=joined msg=\"Пользователь Алиса присоединился к чату\"") == 1),
            "%s", daemon_log());
        CHECK(harness_until(5000, daemon_log_count("] Алиса: Привет всем!\"") == 1), "%s",
            daemon_log());
        chats_clear(&daemon);
    }
}

/* ---- names ---- */

static bool is_listed(struct peer *peer, const char *words) {
    peers_say(peer, "/who\n");
    peers_hear(peer, "в чате (");
    CHECK(harness_until(5000, peers_has_heard(peer, "\n")), "half a line");
    return strncmp(peer->heard, words, strlen(words)) == 0;
}

/* Whoever is killed at whichever step: who is in the room is who is there, and each is told once.
 */
static void death_at_any_step_leaves_the_room_in_order(void) {
    static const char *const steps[] = { "chat-trying:3", "chat-held:3", "chat-joined:3",
        "chat-leaving:1", "chat-left:1", "chat-introduced:1", "hook:12" };
    struct daemon daemon;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct peer *ann, *bob, *carl;

        setenv("PREFORK_FAILPOINT", steps[i], 1);
        chats_start(&daemon, 0, "flood_rate = \"unlimited\";");
        ann = peers_come(daemon.port, "Ann\n");
        peers_hear(ann, "Ann!");
        bob = peers_come(daemon.port, "Bob\n");
        peers_hear(bob, "Bob!");
        carl = peers_come(daemon.port, "Carl\n");
        if (i < 3)
            CHECK(harness_until(5000, peers_is_shown_out(carl)), "%s: nobody was struck", steps[i]);
        else
            peers_hear(carl, "Carl!");
        if (strncmp(steps[i], "chat-introduced", 15) == 0)
            peers_say(carl, "/nick Dora\n");
        for (unsigned k = 0; k < 12 && strncmp(steps[i], "hook", 4) == 0; k++)
            peers_say(carl, "x\n");
        if (i >= 3 && i < 5)
            peers_end(carl);
        CHECK(harness_until(5000, daemon_log_count("killed by SIGKILL") >= 1), "%s: nobody",
            steps[i]);
        CHECK(harness_until(5000, is_listed(ann, "2): ")), "%s: %s", steps[i], ann->heard);
        carl = peers_come(daemon.port, "Carl\n");
        peers_hear(carl, "Добро пожаловать в чат, Carl!");
        peers_hear(ann, "Carl присоединился к чату\n");
        CHECK(chats_count("joined") >= 3, "%s", steps[i]);
        chats_clear(&daemon);
        (void)bob;
    }
}

static const struct harness_test tests[] = {
    { "all_kinds_of_clients_sit_in_one_room", all_kinds_of_clients_sit_in_one_room },
    { "death_at_any_step_leaves_the_room_in_order", death_at_any_step_leaves_the_room_in_order },
    { .name = NULL },
};

const struct harness_suite chat_suite = { "chat", tests };
