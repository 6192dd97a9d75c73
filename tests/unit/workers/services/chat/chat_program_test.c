/* Programs in a room: events in order, acknowledgements, and coming back without a gap. */
#include <setjmp.h>

#include "shared/bus_seat.h"
#include "tests/unit/workers/services/chat/chat_fixture.h"
#include "tests/unit/workers/services/chat/chat_strike.h"
#include "workers/services/chat/chat_member.h"

#define KEY "0123456789abcdef"

static void setup(void) {
    set_settings();
    room.settings.history = 16;
    open_room(3);
}

TestSuite(chat_program, .init = setup);

/* Lines are easier to read here than frames; the events are the same. */
static struct peer *comes(struct post *post, const char *since, const char *name) {
    struct peer *peer = add_peer(post, WIRE_FORM_LINE);
    char hello[200];

    snprintf(
        hello, sizeof(hello), "HELLO 1 caps=json key=" KEY "%c %s name=%s", name[0], since, name);
    sends(peer, hello);
    return peer;
}

static const char *room_text(void) {
    static char text[2 * BUS_ROOM_SIZE + 1];

    chat_hello_room(text, bus_room(room.bus));
    return text;
}

static const char *since(uint64_t seq) {
    static char text[80];

    snprintf(text, sizeof(text), "since=%s:%llu", room_text(), (unsigned long long)seq);
    return text;
}

/* The event whose line has these words, or "" */
static const char *line_with(const char *text, const char *words) {
    static char line[4096];
    const char *at = strstr(text, words), *begin = at, *end;

    if (at == NULL)
        return "";
    while (begin > text && begin[-1] != '\n')
        begin--;
    end = strchr(at, '\n');
    snprintf(line, sizeof(line), "%.*s", (int)(end - begin), begin);
    return line;
}

Test(chat_program, events_have_numbers_and_an_acknowledgement_its_place_among_them) {
    static const char two[] = "{\"t\":\"say\",\"id\":7,\"text\":\"two\\nlines\"}";
    struct peer *ann = comes(&room.worker[0], "", "Ann"), *bob;
    char wanted[400];

    snprintf(wanted, sizeof(wanted),
        "{\"t\":\"hello\",\"v\":1,\"room\":\"%s\",\"seq\":0}\n"
        "{\"t\":\"welcome\",\"seq\":1,\"name\":\"Ann\",\"room\":\"%s\",\"key\":\"" KEY
        "A\",\"members\":1,\"again\":false}\n",
        room_text(), room_text());
    HEARS(ann, wanted);
    bob = joins(&room.worker[1], WIRE_FORM_LINE, "Bob");
    HEARS(ann, "{\"t\":\"joined\",\"seq\":2,\"name\":\"Bob\"}\n");
    chat_service.message(&bob->session, "one \"1\"", 7);
    chat_service.message(&ann->session, two, strlen(two));
    chat_service.message(&bob->session, "/me three", 9);
    turn();
    HEARS(ann, "{\"t\":\"msg\",\"seq\":3,\"from\":\"Bob\",\"text\":\"one \\\"1\\\"\"}\n"
               "{\"t\":\"ok\",\"seq\":4,\"id\":7}\n"
               "{\"t\":\"me\",\"seq\":5,\"from\":\"Bob\",\"text\":\"three\"}\n");
    cr_expect_not_null(strstr(hears(bob), "Ann: two lines\n"));
    sends(bob, "/nick Rob");
    sends(bob, "/msg Ann psst");
    sends(ann, "{\"t\":\"private\",\"to\":\"Rob\",\"text\":\"what\"}");
    sends(bob, "/quit");
    ends(bob);
    HEARS(ann, "{\"t\":\"nick\",\"seq\":6,\"from\":\"Bob\",\"name\":\"Rob\"}\n"
               "{\"t\":\"private\",\"seq\":7,\"from\":\"Rob\",\"to\":\"Ann\",\"text\":\"psst\"}\n"
               "{\"t\":\"ok\",\"seq\":8}\n{\"t\":\"left\",\"seq\":9,\"name\":\"Rob\"}\n");
}

Test(chat_program, message_that_is_sent_again_is_acknowledged_again_and_said_once) {
    struct peer *ann = comes(&room.worker[0], "", "Ann"), *bob = comes(&room.worker[1], "", "Bob"),
                *again;
    static const char say[] = "{\"t\":\"say\",\"id\":5,\"text\":\"once\"}";

    sends(ann, say);
    forget(ann);
    forget(bob);
    sends(ann, say);
    HEARS(ann, "{\"t\":\"ok\",\"seq\":3,\"id\":5,\"again\":true}\n");
    /* Her worker dies; she comes back in another and does not know what became of it. */
    kill_worker(&room.worker[0]);
    again = comes(&room.worker[2], since(2), "Ann");
    sends(again, say);
    HEARS(bob, "");
    cr_expect_not_null(strstr(hears(again), "{\"t\":\"ok\",\"seq\":3,\"id\":5}\n"));
    /* Another's number 5 is another number. */
    sends(bob, say);
    HEARS(bob, "{\"t\":\"ok\",\"seq\":5,\"id\":5}\n");
}

Test(chat_program, who_comes_back_hears_what_he_missed_once_and_in_order) {
    struct peer *ann = comes(&room.worker[0], "", "Ann"), *bob = comes(&room.worker[1], "", "Bob"),
                *again;
    const char *heard;

    sends(bob, "{\"t\":\"say\",\"text\":\"3\"}");
    forget(ann);
    sends(bob, "{\"t\":\"say\",\"text\":\"4\"}");
    again = comes(&room.worker[2], since(3), "Ann");
    heard = strchr(hears(again), '\n') + 1; /* behind hello */
    cr_expect_str_eq(
        line_with(heard, "\"seq\":4"), "{\"t\":\"msg\",\"seq\":4,\"from\":\"Bob\",\"text\":\"4\"}");
    cr_expect_eq(strncmp(heard, "{\"t\":\"msg\",\"seq\":4", 18), 0, "%s", heard);
    cr_expect_not_null(strstr(heard, "{\"t\":\"welcome\",\"seq\":5,\"name\":\"Ann\""));
    cr_expect_not_null(strstr(heard, "\"again\":true"));
    /* The connection that she had is ended, and nobody hears of it. */
    cr_expect(ann->is_closed);
    cr_expect_not_null(strstr(hears(ann), "{\"t\":\"bye\",\"code\":\"replaced\"}"));
    ends(ann);
    forget(bob);
    sends(again, "{\"t\":\"say\",\"text\":\"6\"}");
    HEARS(bob, "{\"t\":\"msg\",\"seq\":6,\"from\":\"Ann\",\"text\":\"6\"}\n");
}

Test(chat_program, who_comes_back_to_the_same_worker_has_not_left) {
    struct peer *ann = comes(&room.worker[0], "", "Ann"), *bob = comes(&room.worker[1], "", "Bob"),
                *again;

    again = comes(&room.worker[0], since(2), "Ann");
    cr_expect(ann->is_closed);
    ends(ann);
    forget(bob);
    sends(again, "{\"t\":\"say\",\"text\":\"4\"}");
    HEARS(bob, "{\"t\":\"msg\",\"seq\":4,\"from\":\"Ann\",\"text\":\"4\"}\n");
}

Test(chat_program, who_comes_back_twice_is_not_replaced_by_the_first_time) {
    struct peer *ann = comes(&room.worker[0], "", "Ann"), *bob = comes(&room.worker[1], "", "Bob"),
                *again;

    /* The worker is killed before she has read that she is back. */
    comes(&room.worker[2], since(2), "Ann");
    kill_worker(&room.worker[2]);
    ends(ann);
    again = comes(&room.worker[0], since(2), "Ann");
    cr_expect_not(again->is_closed);
    cr_expect_not_null(strstr(hears(again), "{\"t\":\"welcome\",\"seq\":4,\"name\":\"Ann\""));
    sends(bob, "{\"t\":\"say\",\"text\":\"5\"}");
    HEARS(again, "{\"t\":\"msg\",\"seq\":5,\"from\":\"Bob\",\"text\":\"5\"}\n");
}

Test(chat_program, who_joins_hears_nothing_of_before_in_the_same_turn) {
    struct peer *bob = joins(&room.worker[1], WIRE_FORM_RAW, "Bob"),
                *nina = add_peer(&room.worker[1], WIRE_FORM_LINE);

    chat_service.message(&bob->session, "before", 6);
    chat_service.message(&nina->session, "Nina", 4);
    chat_service.message(&bob->session, "after", 5);
    turn();
    HEARS(nina, "Welcome to the chat, Nina! /help shows the commands\n[HH:MM:SS] Bob: after\n");
}

Test(chat_program, what_is_gone_is_one_gap) {
    struct peer *bob = comes(&room.worker[1], "", "Bob"), *again;
    const char *heard;

    for (unsigned i = 0; i < 100; i++)
        sends(bob, "{\"t\":\"say\",\"text\":\"x\"}");
    again = comes(&room.worker[2], since(1), "Ann");
    heard = strchr(hears(again), '\n') + 1;
    cr_expect_eq(strncmp(heard, "{\"t\":\"gap\",\"from\":2,\"to\":", 25), 0, "%s", heard);
    cr_expect_null(strstr(heard + 20, "\"gap\""), "%s", heard);
    cr_expect_not_null(strstr(heard, "\"seq\":101"));
    cr_expect_not_null(strstr(heard, "{\"t\":\"welcome\",\"seq\":102"));
    /* Of another room nothing is known. */
    again = comes(&room.worker[2], "since=00112233445566778899aabbccddeeff:1", "Eve");
    heard = strchr(hears(again), '\n') + 1;
    cr_expect_eq(strncmp(heard, "{\"t\":\"gap\",\"room\":\"", 19), 0, "%s", heard);
    /* Nor of what has not been said. */
    again = comes(&room.worker[2], since(1000), "Pia");
    heard = strchr(hears(again), '\n') + 1;
    cr_expect_eq(strncmp(heard, "{\"t\":\"gap\",\"room\":\"", 19), 0, "%s", heard);
}

Test(chat_program, killed_worker_s_members_are_told_to_have_left_once) {
    struct peer *ann = comes(&room.worker[0], "", "Ann"), *bob = comes(&room.worker[1], "", "Bob"),
                *again;
    const char *heard;

    joins(&room.worker[0], WIRE_FORM_RAW, "Carl");
    forget(bob);
    kill_worker(&room.worker[0]);
    tick(0);
    heard = hears(bob);
    cr_expect_not_null(strstr(heard, "{\"t\":\"left\",\"seq\":4,\"name\":\"Ann\"}\n"), "%s", heard);
    cr_expect_not_null(
        strstr(heard, "{\"t\":\"left\",\"seq\":5,\"name\":\"Carl\"}\n"), "%s", heard);
    tick(1000);
    HEARS(bob, "");
    /* The name is free, and what was hers is hers again. */
    again = comes(&room.worker[2], since(3), "Ann");
    heard = hears(again);
    cr_expect_null(strstr(heard, "\"seq\":4"), "her own end is told her: %s", heard);
    cr_expect_not_null(strstr(heard, "\"name\":\"Carl\""));
    cr_expect_not_null(strstr(heard, "{\"t\":\"welcome\",\"seq\":6,\"name\":\"Ann\""));
    (void)ann;
}

Test(chat_program, name_of_a_killed_one_is_free_at_once) {
    struct peer *nina;

    joins(&room.worker[0], WIRE_FORM_RAW, "Ann");
    kill_worker(&room.worker[0]);
    nina = joins(&room.worker[1], WIRE_FORM_LINE, "Ann");
    HEARS(nina, "Welcome to the chat, Ann! /help shows the commands\n");
}

/* ---- killed between two steps ---- */

static jmp_buf death;

static void dies(void) {
    longjmp(death, 1);
}

/* What a killed one had in hand is nobody's any more: no leak of the program's. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

/* He says this, or with NULL his connection is closed, and his worker ends at that step. */
static void strike_at(const char *step, struct peer *peer, const char *text) {
    strike = (struct strike){ step, dies };
    if (__lsan_disable != NULL)
        __lsan_disable();
    if (setjmp(death) == 0) {
        if (text != NULL)
            chat_service.message(&peer->session, text, strlen(text));
        else
            chat_service.close(&peer->session, SESSION_END_CLOSED);
    }
    if (__lsan_enable != NULL)
        __lsan_enable();
    cr_assert_null(strike.at, "%s was not met", step);
}

/* Carl's worker, in which he is alone, is killed at a step of what he does. */
static void carl_dies(const char *step, struct peer *carl, const char *text) {
    strike_at(step, carl, text);
    kill_worker(&room.worker[0]);
    turn();
    tick(0);
    tick(1000);
}

static const char nick[] = "{\"t\":\"nick\",\"name\":\"Dora\"}";

/* Another life of it. */
static void revive(struct post *post) {
    post->row = bus_claim_row(room.bus);
    room.life[post->row]++;
    post->seat = bus_sit(room.bus, post->row);
    memset(post->peer, 0, sizeof(post->peer));
}

#define CAME "\xf0\x9f\x94\xb5 Carl joined the chat"
#define WENT "\xf0\x9f\x94\xb4 Carl left the chat"

Test(chat_program, whatever_step_he_dies_at_he_comes_and_goes_once) {
    static const struct {
        const char *step, *wanted;
    } cases[] = { { "chat-trying", "" }, { "chat-looked", "" }, { "chat-held", "" },
        { "chat-joined", CAME "\n" WENT "\n" }, { "chat-leaving", WENT "\n" },
        { "chat-left", WENT "\n" } };
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina"), *carl;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        revive(&room.worker[0]);
        carl = add_peer(&room.worker[0], WIRE_FORM_RAW);
        if (i >= 4)
            sends(carl, "Carl");
        forget(nina);
        carl_dies(cases[i].step, carl, i < 4 ? "Carl" : NULL);
        cr_expect_str_eq(hears(nina), cases[i].wanted, "%s", cases[i].step);
        sends(nina, "/who");
        HEARS(nina, "in the chat (1): Nina\n");
    }
}

#define NOW "\xf0\x9f\x94\xb5 Carl is now Dora"

static const struct {
    const char *step, *gone, *back;
} renaming[] = { { "chat-renaming", WENT "\n", "" },
    { "chat-yielded", NOW "\n\xf0\x9f\x94\xb4 Dora left the chat\n", NOW "\n" },
    { "chat-introduced", NOW "\n\xf0\x9f\x94\xb4 Dora left the chat\n", NOW "\n" } };

Test(chat_program, who_dies_while_he_changes_his_name_goes_once) {
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina"), *carl;

    for (size_t i = 0; i < sizeof(renaming) / sizeof(renaming[0]); i++) {
        carl = joins(&room.worker[0], WIRE_FORM_LINE, "Carl");
        forget(nina);
        carl_dies(renaming[i].step, carl, "/nick Dora");
        cr_expect_str_eq(hears(nina), renaming[i].gone, "%s", renaming[i].step);
        sends(nina, "/who");
        HEARS(nina, "in the chat (1): Nina\n");
        cr_expect_eq(room.count[CHAT_COUNT_LEFT], i + 1);
        revive(&room.worker[0]);
    }
}

/* He is told of as who he is then, and has not left. */
Test(chat_program, who_dies_while_he_changes_his_name_may_come_back) {
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina"), *carl;
    bool is_new;

    for (size_t i = 0; i < sizeof(renaming) / sizeof(renaming[0]); i++) {
        carl = comes(&room.worker[0], "", "Carl");
        forget(nina);
        strike_at(renaming[i].step, carl, nick);
        kill_worker(&room.worker[0]);
        is_new = renaming[i].back[0] != '\0';
        carl = comes(&room.worker[2], since(2), "Carl");
        tick(0);
        tick(1000);
        cr_expect_str_eq(hears(nina), renaming[i].back, "%s", renaming[i].step);
        sends(nina, "/who");
        HEARS(nina, is_new ? "in the chat (2): Nina, Dora\n" : "in the chat (2): Nina, Carl\n");
        ends(carl);
        cr_expect_not_null(strstr(hears(nina), is_new ? "Dora left" : "Carl left"));
        cr_expect_eq(room.count[CHAT_COUNT_LEFT], i + 1);
        revive(&room.worker[0]);
    }
}

/* Also if he asks for another name than the one that is leaving. */
Test(chat_program, who_dies_while_he_leaves_has_left_before_he_comes_in_again) {
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina"),
                *carl = comes(&room.worker[0], "", "Carl");

    sends(carl, nick);
    forget(nina);
    strike_at("chat-leaving", carl, NULL);
    kill_worker(&room.worker[0]);
    comes(&room.worker[2], since(2), "Carl");
    tick(1000);
    HEARS(nina, "\xf0\x9f\x94\xb4 Dora left the chat \xf0\x9f\x94\xb5 Carl joined the chat\n");
    cr_expect_eq(room.count[CHAT_COUNT_LEFT], 1);
}

/* His worker has not yet read that he is elsewhere, and there he has left meanwhile. */
Test(chat_program, who_has_come_back_and_left_says_nothing_more_over_the_old_connection) {
    static const char hello[] = "HELLO 1 caps=json key=" KEY "C name=Carl",
                      say[] = "{\"t\":\"say\",\"id\":5,\"text\":\"late\"}";
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina"),
                *carl = comes(&room.worker[0], "", "Carl"), *again;

    again = add_peer(&room.worker[2], WIRE_FORM_LINE);
    forget(nina);
    chat_service.message(&again->session, hello, strlen(hello));
    chat_service.close(&again->session, SESSION_END_CLOSED);
    again->is_open = false;
    chat_service.message(&carl->session, say, strlen(say));
    turn();
    HEARS(nina, WENT "\n");
    cr_expect(carl->is_closed);
}

/* What comes behind it on the old one changes nothing of his. */
Test(chat_program, who_has_come_back_is_not_renamed_by_the_old_connection) {
    static const char hello[] = "HELLO 1 caps=json key=" KEY "C name=Carl";
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina"),
                *carl = comes(&room.worker[0], "", "Carl"), *again;

    again = add_peer(&room.worker[2], WIRE_FORM_LINE);
    forget(nina);
    chat_service.message(&again->session, hello, strlen(hello));
    chat_service.message(&carl->session, nick, strlen(nick));
    turn();
    cr_expect(carl->is_closed);
    ends(carl);
    HEARS(nina, "");
    sends(nina, "/who");
    cr_expect_not_null(strstr(hears(nina), "Carl"));
}

/* Carl comes back over another worker, which is killed before it has told of it. */
Test(chat_program, who_was_told_to_have_left_says_nothing_more_on_the_old_connection) {
    static const char hello[] = "HELLO 1 caps=json key=" KEY "C name=Carl";
    struct peer *nina = joins(&room.worker[1], WIRE_FORM_LINE, "Nina"),
                *carl = comes(&room.worker[0], "", "Carl"),
                *again = add_peer(&room.worker[2], WIRE_FORM_LINE);

    forget(nina);
    strike_at("chat-back", again, hello);
    kill_worker(&room.worker[2]);
    tick(0);
    tick(1000);
    HEARS(nina, WENT "\n");
    sends(carl, "{\"t\":\"say\",\"id\":1,\"text\":\"not here\"}");
    cr_expect(carl->is_closed);
    HEARS(nina, "");
    ends(carl);
    cr_expect_eq(room.count[CHAT_COUNT_LEFT], 1);
}

Test(chat_program, name_that_is_taken_is_refused_with_one_that_is_free) {
    struct peer *ann = comes(&room.worker[0], "", "Ann"), *other;

    other = add_peer(&room.worker[1], WIRE_FORM_LINE);
    sends(other, "HELLO 1 caps=json");
    sends(other, "{\"t\":\"say\",\"id\":1,\"text\":\"x\"}");
    cr_expect_not_null(strstr(hears(other), "\"code\":\"no_name\",\"id\":1"));
    sends(other, "{\"t\":\"join\",\"name\":\"ann\"}");
    cr_expect_not_null(
        strstr(hears(other), "{\"t\":\"err\",\"code\":\"name_taken\",\"hint\":\"ann_2\""));
    sends(other, "{\"t\":\"join\",\"name\":\"ann_2\"}");
    cr_expect_not_null(strstr(hears(other), "\"t\":\"welcome\",\"seq\":2,\"name\":\"ann_2\""));
    sends(other, "{\"t\":\"nick\",\"name\":\"ANN\",\"id\":3}");
    cr_expect_not_null(strstr(hears(other), "\"code\":\"name_taken\",\"id\":3"));
    sends(other, "{\"t\":\"nick\",\"name\":\"ANN_2\"}");
    cr_expect_not_null(strstr(hears(other), "\"t\":\"nick\",\"seq\":3,\"from\":\"ann_2\""));
    (void)ann;
}

Test(chat_program, requests_that_make_no_sense_are_answered) {
    static const struct {
        const char *request, *code;
    } cases[] = {
        { "{", "bad_request" },
        { "{\"t\":1}", "bad_request" },
        { "{\"t\":\"fly\"}", "bad_request" },
        { "{\"t\":\"say\",\"id\":0,\"text\":\"x\"}", "bad_request" },
        { "{\"t\":\"say\",\"id\":9007199254740992,\"text\":\"x\"}", "bad_request" },
        { "{\"t\":\"say\",\"id\":3}", "bad_request" },
        { "{\"t\":\"private\",\"text\":\"x\"}", "bad_request" },
        { "{\"t\":\"private\",\"text\":\"x\",\"to\":\"Nobody\",\"id\":4}", "nobody" },
        { "{\"t\":\"say\",\"id\":3,\"text\":\" \"}", "empty" },
        { "{\"t\":\"nick\",\"name\":\"\\u200b\"}", "no_name" },
    };
    struct peer *ann = comes(&room.worker[0], "", "Ann");
    char code[40], *text = malloc(9000);
    const char *heard;

    forget(ann);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sends(ann, cases[i].request);
        snprintf(code, sizeof(code), "\"code\":\"%s\"", cases[i].code);
        heard = hears(ann);
        cr_expect_not_null(strstr(heard, code), "%s: %s", cases[i].request, heard);
    }
    memset(text, 'x', 9000);
    memcpy(text, "{\"t\":\"say\",\"id\":8,\"text\":\"", 26);
    strcpy(text + 26 + 4097, "\"}");
    sends(ann, text);
    cr_expect_not_null(strstr(hears(ann), "\"code\":\"too_long\",\"id\":8"));
    strcpy(text + 26 + 4096, "\"}");
    sends(ann, text);
    HEARS(ann, "{\"t\":\"ok\",\"seq\":2,\"id\":8}\n");
    sends(ann, "{\"t\":\"ping\"}");
    HEARS(ann, "{\"t\":\"pong\"}\n");
    sends(ann, "{\"t\":\"who\"}");
    HEARS(ann, "{\"t\":\"who\",\"members\":1,\"names\":[\"Ann\"]}\n");
    free(text);
}

/* ---- slow readers ---- */

static void talk(struct peer *peer, unsigned messages, size_t len) {
    char *text = malloc(len);

    memset(text, 'x', len);
    for (unsigned i = 0; i < messages; i++)
        sends_bytes(peer, text, len);
    free(text);
}

static void reads_all(struct peer *peer) {
    peer->is_stuck = false;
    peer->unsent = 0;
    chat_service.writable(&peer->session);
}

Test(chat_program, slow_reader_gets_the_rest_when_he_has_read) {
    struct peer *bob = joins(&room.worker[1], WIRE_FORM_RAW, "Bob"),
                *nina = joins(&room.worker[0], WIRE_FORM_LINE, "Nina");
    unsigned lines = 0;

    room.settings.queue_soft = 8192;
    forget(nina);
    nina->is_stuck = true;
    talk(bob, 13, 1000);
    cr_expect_leq(nina->unsent, 10000);
    /* He has read it, and is not asked yet what he has missed. */
    nina->unsent = 0;
    talk(bob, 1, 1000);
    reads_all(nina);
    for (const char *at = hears(nina); (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    cr_expect_eq(lines, 14);
    talk(bob, 1, 3);
    HEARS(nina, "[HH:MM:SS] Bob: xxx\n");
}

Test(chat_program, what_finds_no_room_is_sent_when_there_is_some) {
    struct peer *bob = joins(&room.worker[1], WIRE_FORM_RAW, "Bob"),
                *nina = joins(&room.worker[0], WIRE_FORM_LINE, "Nina"),
                *ann = joins(&room.worker[0], WIRE_FORM_LINE, "Ann");
    uint64_t before;

    forget(nina);
    forget(ann);
    before = room.count[CHAT_COUNT_DELIVERED];
    nina->has_no_room = true;
    talk(bob, 1, 3);
    HEARS(nina, "");
    HEARS(ann, "[HH:MM:SS] Bob: xxx\n");
    cr_expect_eq(room.count[CHAT_COUNT_DELIVERED] - before, 2, "to Ann, and to Bob his own");
    nina->has_no_room = false;
    talk(bob, 1, 2);
    HEARS(ann, "[HH:MM:SS] Bob: xx\n");
    reads_all(nina);
    HEARS(nina, "[HH:MM:SS] Bob: xxx\n[HH:MM:SS] Bob: xx\n");
}

Test(chat_program, slow_reader_is_told_how_much_he_has_missed) {
    struct peer *bob = joins(&room.worker[1], WIRE_FORM_RAW, "Bob"),
                *nina = joins(&room.worker[0], WIRE_FORM_LINE, "Nina");
    const char *heard, *missed;
    unsigned lines = 0, n;

    room.settings.queue_soft = 8192;
    nina->is_stuck = true;
    talk(bob, 100, 1000);
    forget(nina);
    reads_all(nina);
    heard = hears(nina);
    missed = strstr(heard, "[HH:MM:SS] missed ");
    cr_assert_eq(missed, heard, "%s", heard);
    n = (unsigned)atoi(missed + strlen("[HH:MM:SS] missed "));
    for (const char *at = heard; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    cr_expect_eq(room.count[CHAT_COUNT_MISSED], n);
    cr_expect_gt(lines, 8);
    cr_expect_not(nina->is_closed);
}

Test(chat_program, who_is_too_far_behind_is_cut_with_the_reason) {
    struct peer *bob = joins(&room.worker[1], WIRE_FORM_RAW, "Bob"),
                *nina = joins(&room.worker[0], WIRE_FORM_LINE, "Nina"),
                *raw = joins(&room.worker[0], WIRE_FORM_RAW, "Raw");

    room.settings.queue_soft = 8192;
    room.settings.queue_hard = 20000;
    nina->is_stuck = raw->is_stuck = true;
    forget(bob);
    talk(bob, 16, 1000);
    cr_expect_not(nina->is_closed);
    talk(bob, 10, 1000);
    cr_expect(nina->is_closed);
    cr_expect_not_null(strstr(hears(nina), "you read too slowly: the connection ends\n"));
    HEARS(bob, "\n\xf0\x9f\x94\xb4 Nina left the chat");
    cr_expect_eq(room.count[CHAT_COUNT_CUT], 1);
    /* A classic client is given so little at once that he may lag; he is told what he missed. */
    cr_expect_not(raw->is_closed);
}

/* ---- from one worker to another ---- */

static struct peer *goes_to(struct peer *peer, struct post *post) {
    struct peer *other = add_peer(post, peer->form);
    char packed[4096];
    ssize_t n = chat_service.pack(&peer->session, packed, sizeof(packed));

    cr_assert_gt(n, 0);
    cr_assert_eq(chat_service.unpack(&other->session, packed, (size_t)n), 0);
    peer->is_open = false;
    return other;
}

Test(chat_program, hand_over_loses_and_doubles_nothing) {
    struct peer *bob = joins(&room.worker[1], WIRE_FORM_RAW, "Bob"),
                *ann = comes(&room.worker[0], "", "Ann"), *there;

    sends(bob, "before");
    forget(ann);
    there = goes_to(ann, &room.worker[2]);
    /* Nobody gives it to her while she is under way. */
    sends(bob, "meanwhile");
    HEARS(there, "");
    chat_service.writable(&there->session);
    HEARS(there, "{\"t\":\"msg\",\"seq\":4,\"from\":\"Bob\",\"text\":\"meanwhile\"}\n");
    /* Her old worker is gone, she is not. */
    kill_worker(&room.worker[0]);
    tick(1000);
    forget(bob);
    sends(bob, "after");
    HEARS(there, "{\"t\":\"msg\",\"seq\":5,\"from\":\"Bob\",\"text\":\"after\"}\n");
    ends(there);
    HEARS(bob, "\n\xf0\x9f\x94\xb4 Ann left the chat");
}

Test(chat_program, who_is_on_the_way_for_too_long_is_buried_and_comes_in_again) {
    struct peer *bob = joins(&room.worker[1], WIRE_FORM_RAW, "Bob"),
                *ann = comes(&room.worker[0], "", "Ann"), *there;

    forget(ann);
    forget(bob);
    there = goes_to(ann, &room.worker[2]);
    kill_worker(&room.worker[0]);
    tick(4000);
    HEARS(bob, "");
    tick(2000);
    HEARS(bob, "\n\xf0\x9f\x94\xb4 Ann left the chat");
    chat_service.writable(&there->session);
    turn();
    HEARS(bob, "\n\xf0\x9f\x94\xb5 Ann joined the chat");
    sends(bob, "all");
    cr_expect_not_null(strstr(hears(there), "\"from\":\"Bob\",\"text\":\"all\""));
}

Test(chat_program, who_has_come_back_elsewhere_is_not_let_in_again_by_what_was_on_the_way) {
    struct peer *bob = comes(&room.worker[1], "", "Bob"), *ann = comes(&room.worker[0], "", "Ann"),
                *there, *again;

    there = goes_to(ann, &room.worker[2]);
    again = comes(&room.worker[1], since(2), "Ann");
    forget(bob);
    chat_service.writable(&there->session);
    cr_expect(there->is_closed);
    cr_expect_not_null(strstr(hears(there), "{\"t\":\"bye\",\"code\":\"replaced\"}"));
    ends(there);
    sends(again, "{\"t\":\"say\",\"text\":\"4\"}");
    HEARS(bob, "{\"t\":\"msg\",\"seq\":4,\"from\":\"Ann\",\"text\":\"4\"}\n");
    cr_expect_eq(room.count[CHAT_COUNT_JOINED], 2);
}

Test(chat_program, packed_nonsense_is_not_taken) {
    struct peer *ann = comes(&room.worker[0], "", "Ann"),
                *other = add_peer(&room.worker[1], WIRE_FORM_LINE);
    char packed[4096];
    const ssize_t n = chat_service.pack(&ann->session, packed, sizeof(packed));
    struct chat_member *member = (struct chat_member *)(void *)packed;

    cr_expect_eq(chat_service.pack(&ann->session, packed, 10), -1);
    cr_expect_eq(chat_service.unpack(&other->session, packed, (size_t)n - 1), -1);
    member->guest.name_len = 200;
    cr_expect_eq(chat_service.unpack(&other->session, packed, (size_t)n), -1);
    member->guest.name_len = 3;
    member->guest.name[1] = '\0';
    cr_expect_eq(chat_service.unpack(&other->session, packed, (size_t)n), -1);
    member->guest.name[1] = 'n';
    member->flags = ~0u;
    cr_expect_eq(chat_service.unpack(&other->session, packed, (size_t)n), -1);
    member->flags = CHAT_IS_IN;
    memset(member->key, 'x', sizeof(member->key));
    cr_expect_eq(chat_service.unpack(&other->session, packed, (size_t)n), -1);
}
