/* People in a room: what each of them reads. */
#include "shared/text_utf8.h"
#include "tests/unit/workers/services/chat/chat_fixture.h"
#include "workers/services/chat/chat_event.h"

#define JOINED "\xf0\x9f\x94\xb5 "
#define LEFT   "\xf0\x9f\x94\xb4 "

static void setup(void) {
    set_settings();
    room.lang = SERVICE_LANG_RU;
    open_room(3);
}

TestSuite(chat, .init = setup);

Test(chat, classic_clients_read_the_strings_of_their_server_and_nothing_more) {
    struct peer *alice = joins(&room.worker[0], WIRE_FORM_RAW, "Алиса"),
                *bob = joins(&room.worker[1], WIRE_FORM_RAW, "Боб");

    HEARS(alice, "\n" JOINED "Боб присоединился к чату");
    sends(alice, "Привет всем!");
    sends(bob, "/who");
    HEARS(alice, "\n[HH:MM:SS] Боб: /who");
    HEARS(bob, "\n[HH:MM:SS] Алиса: Привет всем!");
    sends(alice, "/quit");
    cr_expect(alice->is_closed);
    ends(alice);
    HEARS(bob, "\n" LEFT "Алиса покинул чат");
    HEARS(alice, "");
    cr_expect_not_null(strstr(room.said, "Пользователь Алиса присоединился к чату\n"));
    cr_expect_not_null(strstr(room.said, "Алиса: Привет всем!\n"));
    cr_expect_not_null(strstr(room.said, "Пользователь Алиса покинул чат\n"));
}

Test(chat, who_comes_and_goes_in_one_turn_stands_in_one_message) {
    struct peer *nina = joins(&room.worker[0], WIRE_FORM_LINE, "Нина"),
                *raw = joins(&room.worker[0], WIRE_FORM_RAW, "Р"), *a, *b;

    forget(nina);
    a = add_peer(&room.worker[1], WIRE_FORM_RAW);
    b = add_peer(&room.worker[1], WIRE_FORM_RAW);
    chat_service.message(&a->session, "А", strlen("А"));
    chat_service.message(&b->session, "Б", strlen("Б"));
    chat_service.close(&a->session, SESSION_END_CLOSED);
    a->is_open = false;
    turn();
    HEARS(nina, JOINED "А, Б присоединились к чату " LEFT "А покинул чат\n");
    HEARS(raw, "\n" JOINED "А присоединился к чату\n" JOINED "Б присоединился к чату\n" LEFT
               "А покинул чат");
}

Test(chat, commands_of_people_with_lines) {
    struct peer *nina = joins(&room.worker[0], WIRE_FORM_LINE, "Нина"),
                *oleg = joins(&room.worker[2], WIRE_FORM_LINE, "Олег Петров");

    HEARS(oleg, "Добро пожаловать в чат, Олег Петров! Команды: /help\n");
    forget(nina);
    sends(nina, "/who");
    HEARS(nina, "в чате (2): Нина, Олег Петров\n");
    sends(nina, "/me пьёт чай");
    HEARS(oleg, "[HH:MM:SS] Нина: *пьёт чай*\n");
    sends(nina, "/msg \"Олег Петров\" секрет");
    HEARS(nina, JOINED "[HH:MM:SS] → Олег Петров: секрет\n");
    HEARS(oleg, JOINED "[HH:MM:SS] Нина (вам): секрет\n");
    sends(nina, "/msg Никто секрет");
    HEARS(nina, "здесь нет никого по имени Никто; кто есть, скажет /who\n");
    sends(nina, "//так");
    HEARS(oleg, "[HH:MM:SS] Нина: /так\n");
    sends(nina, "/nick олег пeтрoв");
    HEARS(nina, "такое или очень похожее имя уже есть; свободно: олег пeтрoв_2\n");
    sends(nina, "/nick Ника");
    HEARS(nina, JOINED "теперь вы Ника\n");
    HEARS(oleg, JOINED "Нина теперь Ника\n");
    sends(nina, "/history 2");
    HEARS(nina, "— прежние сообщения —\n[HH:MM:SS] Нина: *пьёт чай*\n[HH:MM:SS] Нина: /так\n"
                "— до сих пор —\n");
    sends(nina, "/quiet");
    forget(nina);
    ends(joins(&room.worker[1], WIRE_FORM_RAW, "Х"));
    HEARS(nina, "");
    sends(nina, " end ");
    cr_expect(nina->is_closed);
}

Test(chat, names_that_look_alike_get_a_suffix) {
    struct peer *first = joins(&room.worker[0], WIRE_FORM_RAW, "Алиса"),
                *second = joins(
                    &room.worker[1], WIRE_FORM_LINE, "\u200bAлиca "), /* Latin A, c, a */
                    *nobody = joins(&room.worker[1], WIRE_FORM_RAW, " \t");

    HEARS(second, "Такое имя уже есть. Добро пожаловать в чат, Aлиca_2! Команды: /help\n" JOINED
                  "Аноним присоединился к чату\n");
    HEARS(first, "\n" JOINED "Aлиca_2 присоединился к чату\n" JOINED "Аноним присоединился к чату");
    HEARS(nobody, "");
    ends(first);
    forget(second);
    joins(&room.worker[2], WIRE_FORM_RAW, "Алиса");
    HEARS(second, JOINED "Алиса присоединился к чату\n");
}

Test(chat, nothing_that_is_sent_looks_like_another_s_words) {
    struct peer *eve = joins(&room.worker[0], WIRE_FORM_FRAMED, "Ева"),
                *bob = joins(&room.worker[1], WIRE_FORM_LINE, "Боб");

    forget(bob);
    sends(eve, "да\n[10:00:00] Алиса: нет\r\n" JOINED "Боб покинул чат\n\n \t");
    HEARS(bob, "[HH:MM:SS] Ева: да\n[HH:MM:SS] Ева: [HH:MM:SS] Алиса: нет\n"
               "[HH:MM:SS] Ева: Боб покинул чат\n");
    sends(eve, "\x1b[2Jкрасный\x07\xc2\x9b");
    HEARS(bob, "[HH:MM:SS] Ева: [2Jкрасный\n");
}

Test(chat, who_sends_no_text_three_times_a_minute_is_shown_out) {
    struct peer *eve = joins(&room.worker[0], WIRE_FORM_LINE, "Ева"),
                *bob = joins(&room.worker[1], WIRE_FORM_LINE, "Боб");

    forget(bob);
    for (unsigned i = 0; i < 2; i++)
        sends(eve, "\xff");
    HEARS(bob, "[HH:MM:SS] Ева: \xef\xbf\xbd\n[HH:MM:SS] Ева: \xef\xbf\xbd\n");
    room.now_ms += 70000;
    sends(eve, "\xff");
    cr_expect_not(eve->is_closed);
    sends(eve, "\xff");
    sends_bytes(eve, "a\0b", 3);
    cr_expect(eve->is_closed);
    cr_expect_eq(room.count[CHAT_COUNT_BAD_TEXT], 5);
    cr_expect_not_null(strstr(hears(eve), "вы шлёте не текст"));
}

Test(chat, long_text_is_cut_where_a_character_ends_and_its_sender_is_told) {
    struct peer *eve = joins(&room.worker[0], WIRE_FORM_LINE, "Ева"),
                *bob = joins(&room.worker[1], WIRE_FORM_LINE, "Боб");
    static char text[8000];
    const char *heard;

    for (unsigned i = 0; i < 4000; i++)
        memcpy(text + (size_t)2 * i, "ж", 2);
    forget(bob);
    forget(eve);
    sends_bytes(eve, text + 1, sizeof(text) - 1); /* broken at the beginning */
    heard = hears(bob);
    cr_expect_leq(strlen(heard), strlen("[HH:MM:SS] Ева: \n") + CHAT_TEXT_MAX);
    cr_expect(text_utf8_is_valid(heard, strlen(heard)));
    HEARS(eve, "в сообщении не больше 4096 байт: сказано только начало\n");
}

Test(chat, flood_is_delayed_and_nothing_of_it_is_lost) {
    struct peer *eve = joins(&room.worker[0], WIRE_FORM_RAW, "Ева"),
                *bob = joins(&room.worker[1], WIRE_FORM_LINE, "Боб");
    unsigned lines = 0;

    forget(bob);
    for (unsigned i = 0; i < 49; i++)
        sends(eve, "x");
    cr_expect_eq(eve->paused_ms, 50);
    sends(eve, "x");
    cr_expect_eq(eve->paused_ms, 100);
    for (const char *at = hears(bob); (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    cr_expect_eq(lines, 50);
    room.now_ms += 60000;
    eve->paused_ms = 0;
    sends(eve, "x");
    cr_expect_eq(eve->paused_ms, 0);
}

Test(chat, full_room_takes_nobody_more) {
    struct peer *last = NULL;

    for (unsigned i = 0; i < 21; i++)
        last = joins(&room.worker[i % 3], WIRE_FORM_LINE, "Кто-то");
    HEARS(last, "чат полон, зайдите позже\n");
    cr_expect(last->is_closed);
    cr_expect_eq(room.count[CHAT_COUNT_REFUSED], 1);
}

Test(chat, replay_shows_what_was_said_to_people_and_not_to_classic_clients) {
    struct peer *eve = joins(&room.worker[0], WIRE_FORM_RAW, "Ева");

    room.settings.replay = 2;
    sends(eve, "раз");
    sends(eve, "два");
    sends(eve, "три");
    HEARS(joins(&room.worker[1], WIRE_FORM_RAW, "Боб"), "");
    HEARS(joins(&room.worker[2], WIRE_FORM_LINE, "Нина"),
        "— прежние сообщения —\n[HH:MM:SS] Ева: два\n[HH:MM:SS] Ева: три\n— до сих пор —\n"
        "Добро пожаловать в чат, Нина! Команды: /help\n");
}

Test(chat, what_was_said_long_ago_is_found_behind_much_coming_and_going) {
    struct peer *eve = joins(&room.worker[0], WIRE_FORM_RAW, "Ева"), *nina;

    sends(eve, "раз");
    for (unsigned i = 0; i < 40; i++) {
        nina = joins(&room.worker[1], WIRE_FORM_RAW, "Х");
        ends(nina);
        room.worker[1].peer[0] = NULL;
    }
    sends(eve, "два");
    room.settings.replay = 3;
    HEARS(joins(&room.worker[2], WIRE_FORM_LINE, "Нина"),
        "— прежние сообщения —\n[HH:MM:SS] Ева: раз\n[HH:MM:SS] Ева: два\n— до сих пор —\n"
        "Добро пожаловать в чат, Нина! Команды: /help\n");
}

Test(chat, crowd_is_counted_once_a_second) {
    struct peer *nina;

    room.settings.crowd = 2;
    nina = joins(&room.worker[0], WIRE_FORM_LINE, "Нина");
    joins(&room.worker[0], WIRE_FORM_RAW, "А");
    joins(&room.worker[1], WIRE_FORM_RAW, "Б");
    tick(1000);
    forget(nina);
    ends(joins(&room.worker[1], WIRE_FORM_RAW, "В"));
    joins(&room.worker[1], WIRE_FORM_RAW, "Г");
    HEARS(nina, "");
    tick(1000);
    HEARS(nina, JOINED "присоединились: 2 " LEFT "покинули: 1 (в чате: 4)\n");
    tick(1000);
    HEARS(nina, "");
}

Test(chat, crowd_that_comes_within_a_second_is_counted_as_well) {
    struct peer *nina;

    room.settings.crowd = 2;
    nina = joins(&room.worker[0], WIRE_FORM_LINE, "Нина");
    joins(&room.worker[0], WIRE_FORM_RAW, "А");
    forget(nina);
    joins(&room.worker[0], WIRE_FORM_RAW, "Б");
    joins(&room.worker[0], WIRE_FORM_RAW, "В");
    HEARS(nina, "");
    tick(1000);
    HEARS(nina, JOINED "присоединились: 2 (в чате: 4)\n");
}
